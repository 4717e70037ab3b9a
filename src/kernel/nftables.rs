//! What nf_tables holds (`linux/netfilter/nf_tables.h`).

use std::io;

use netlink_packet_core::{Emitable, NlasIterator};
use netlink_packet_netfilter::{NetfilterHeader, NetfilterProtoFamily};
use netlink_sys::protocols::NETLINK_NETFILTER;

use super::netlink::{Message, Netlink};
use crate::config::Family;
use crate::netfilter::Table;
use crate::netfilter::save::SavedChain;

/// A table, with the names of its chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableNames {
    /// The family that the table looks at.
    pub family: NetfilterProtoFamily,
    /// The table's name.
    pub table: String,
    /// Its chains' names.
    pub chains: Vec<String>,
}

impl TableNames {
    /// Whether the table is one that iptables works with, for this family.
    pub fn is_iptables(&self, family: Family) -> bool {
        let same = match family {
            Family::Ipv4 => self.family == NetfilterProtoFamily::IPv4,
            Family::Ipv6 => self.family == NetfilterProtoFamily::IPv6,
        };
        same && Table::ALL.iter().any(|t| t.name() == self.table)
    }

    /// Whether there is a chain of ours in it.
    pub fn has_ours(&self) -> bool {
        self.chains.iter().any(|c| SavedChain::empty(c.as_str()).is_ours())
    }
}

/// All tables of the network namespace. Chains are only asked for where there is a table.
///
/// # Errors
/// What the kernel says: it may not have nf_tables, or not show it to this process.
pub fn tables() -> io::Result<Vec<TableNames>> {
    let mut socket = Netlink::open(NETLINK_NETFILTER)?;
    let mut tables = Vec::new();
    for (family, attributes) in dump(&mut socket, GET_TABLE)? {
        let table = text(&attributes, TABLE_NAME)?;
        tables.push(TableNames { family, table, chains: Vec::new() });
    }
    if tables.is_empty() {
        return Ok(tables);
    }
    for (family, attributes) in dump(&mut socket, GET_CHAIN)? {
        let table = text(&attributes, CHAIN_TABLE)?;
        if let Some(of) = tables.iter_mut().find(|t| t.family == family && t.table == table) {
            of.chains.push(text(&attributes, CHAIN_NAME)?);
        }
    }
    Ok(tables)
}

/// `NFNL_SUBSYS_NFTABLES` of `linux/netfilter/nfnetlink.h`, in the high byte of a message's kind.
const SUBSYSTEM: u16 = 10 << 8;
/// `NFT_MSG_GETTABLE`.
const GET_TABLE: u16 = SUBSYSTEM | 1;
/// `NFT_MSG_GETCHAIN`.
const GET_CHAIN: u16 = SUBSYSTEM | 4;
/// `NFTA_TABLE_NAME`.
const TABLE_NAME: u16 = 1;
/// `NFTA_CHAIN_TABLE`.
const CHAIN_TABLE: u16 = 1;
/// `NFTA_CHAIN_NAME`.
const CHAIN_NAME: u16 = 3;

/// Asks for all there is, and gives the family and the attributes of each.
fn dump(socket: &mut Netlink, kind: u16) -> io::Result<Vec<(NetfilterProtoFamily, Vec<u8>)>> {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let answers = socket.dump(&Message::new(kind, &header))?;
    let taken_apart = answers.iter().map(|answer| {
        let header = NetfilterHeader::parse(answer.bytes()).map_err(unreadable)?;
        Ok((header.family, answer.bytes().get(header.buffer_len()..).unwrap_or_default().to_vec()))
    });
    taken_apart.collect()
}

/// An attribute that is text, which ends in a NUL byte.
fn text(attributes: &[u8], kind: u16) -> io::Result<String> {
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.map_err(unreadable)?;
        if attribute.kind() == kind {
            let text = attribute.value().split(|b| *b == 0).next().unwrap_or_default();
            return Ok(String::from_utf8_lossy(text).into_owned());
        }
    }
    Err(unreadable("a name is missing"))
}

fn unreadable(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
