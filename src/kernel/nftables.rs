//! What nf_tables holds (`linux/netfilter/nf_tables.h`).

use std::io;

use netlink_packet_netfilter::nftables::{ChainAttribute, ChainMessage, NfTablesMessage, TableAttribute, TableMessage};
use netlink_packet_netfilter::{NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily};
use netlink_sys::protocols::NETLINK_NETFILTER;

use super::netlink::Netlink;
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
    for (family, message) in dump(&mut socket, NfTablesMessage::GetTable(TableMessage { attributes: Vec::new() }))? {
        let NfTablesMessage::NewTable(table) = message else { continue };
        let name =
            table.attributes.into_iter().find_map(|a| if let TableAttribute::Name(n) = a { Some(n) } else { None });
        tables.extend(name.map(|table| TableNames { family, table, chains: Vec::new() }));
    }
    if tables.is_empty() {
        return Ok(tables);
    }
    for (family, message) in dump(&mut socket, NfTablesMessage::GetChain(ChainMessage { attributes: Vec::new() }))? {
        let NfTablesMessage::NewChain(chain) = message else { continue };
        let (mut table, mut name) = (None, None);
        for attribute in chain.attributes {
            if let ChainAttribute::Table(text) = attribute {
                table = Some(text);
            } else if let ChainAttribute::Name(text) = attribute {
                name = Some(text);
            }
        }
        let of = tables.iter_mut().find(|t| t.family == family && Some(&t.table) == table.as_ref());
        if let Some((of, name)) = of.zip(name) {
            of.chains.push(name);
        }
    }
    Ok(tables)
}

fn dump(socket: &mut Netlink, message: NfTablesMessage) -> io::Result<Vec<(NetfilterProtoFamily, NfTablesMessage)>> {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let answers = socket.dump(&NetfilterMessage::new(header, message))?;
    let messages = answers.into_iter().filter_map(|a| {
        if let NetfilterMessageInner::NfTables(message) = a.inner { Some((a.header.family, message)) } else { None }
    });
    Ok(messages.collect())
}
