//! What nf_tables holds (`linux/netfilter/nf_tables.h`).

use std::io;

use netlink_packet_core::{Emitable, NlasIterator};
use netlink_packet_netfilter::{NetfilterHeader, NetfilterProtoFamily};
use netlink_sys::protocols::NETLINK_NETFILTER;

use super::netlink::{Message, Netlink};
use crate::config::Family;
use crate::netfilter::save::SavedChain;
use crate::netfilter::{Hook, Table};

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

/// Removes those of these tables that hold nothing: no rule, and no chain but those that the kernel calls
/// itself. Where anybody changed anything meanwhile, none is removed.
///
/// # Errors
/// What the kernel says.
pub fn remove_empty(tables: &[TableNames]) -> io::Result<()> {
    let builtin = |t: &&TableNames| t.chains.iter().all(|c| Hook::ALL.iter().any(|h| h.name() == c));
    let mut empty: Vec<_> = tables.iter().filter(builtin).collect();
    if empty.is_empty() {
        return Ok(());
    }
    let mut socket = Netlink::open(NETLINK_NETFILTER)?;
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let generation = socket.ask(&Message::new(GET_GENERATION, &header), 0)?;
    let (_, attributes) = generation.first().map(parts).ok_or_else(|| unreadable("no generation was told"))??;
    let generation = value(&attributes, GENERATION)?;
    for (family, attributes) in dump(&mut socket, GET_RULE)? {
        let table = text(&attributes, RULE_TABLE)?;
        empty.retain(|t| t.family != family || t.table != table);
    }
    if empty.is_empty() {
        return Ok(());
    }
    let batch = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, SUBSYSTEM >> 8);
    let mut messages = vec![with_attribute(BATCH_BEGIN, &batch, BATCH_GENERATION, &generation)];
    for table in empty {
        let header = NetfilterHeader::new(table.family, 0, 0);
        messages.push(with_attribute(DELETE_TABLE, &header, TABLE_NAME, format!("{}\0", table.table).as_bytes()));
    }
    messages.push(Message::new(BATCH_END, &batch));
    socket.batch(&messages)
}

/// `NFT_MSG_DELTABLE`.
const DELETE_TABLE: u16 = SUBSYSTEM | 2;
/// `NFT_MSG_GETRULE`.
const GET_RULE: u16 = SUBSYSTEM | 7;
/// `NFTA_RULE_TABLE`.
const RULE_TABLE: u16 = 1;
/// `NFT_MSG_GETGEN`.
const GET_GENERATION: u16 = SUBSYSTEM | 16;
/// `NFTA_GEN_ID`.
const GENERATION: u16 = 1;
/// `NFNL_MSG_BATCH_BEGIN` and `NFNL_MSG_BATCH_END` of `linux/netfilter/nfnetlink.h`.
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
/// `NFNL_BATCH_GENID`: the kernel refuses the batch where the generation is another one by now.
const BATCH_GENERATION: u16 = 1;

/// A message with one attribute: its length with the header of four bytes, its kind, its value.
fn with_attribute(message: u16, header: &NetfilterHeader, kind: u16, value: &[u8]) -> Message {
    let mut body = vec![0; header.buffer_len()];
    header.emit(&mut body);
    let length = u16::try_from(value.len() + 4).unwrap_or(u16::MAX);
    body.extend(length.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    Message::of_bytes(message, body)
}

/// Asks for all there is, and gives the family and the attributes of each.
fn dump(socket: &mut Netlink, kind: u16) -> io::Result<Vec<(NetfilterProtoFamily, Vec<u8>)>> {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    socket.dump(&Message::new(kind, &header))?.iter().map(parts).collect()
}

/// The family and the attributes of an answer.
fn parts(answer: &Message) -> io::Result<(NetfilterProtoFamily, Vec<u8>)> {
    let header = NetfilterHeader::parse(answer.bytes()).map_err(unreadable)?;
    Ok((header.family, answer.bytes().get(header.buffer_len()..).unwrap_or_default().to_vec()))
}

/// An attribute that is text, which ends in a NUL byte.
fn text(attributes: &[u8], kind: u16) -> io::Result<String> {
    let value = value(attributes, kind)?;
    let text = value.split(|b| *b == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn value(attributes: &[u8], kind: u16) -> io::Result<Vec<u8>> {
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.map_err(unreadable)?;
        if attribute.kind() == kind {
            return Ok(attribute.value().to_vec());
        }
    }
    Err(unreadable("an attribute is missing"))
}

fn unreadable(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
