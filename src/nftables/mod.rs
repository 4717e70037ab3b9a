//! The rules in the terms of nf_tables: one form, from which both the script for `nft` (`Tables` as text) and the
//! messages for the kernel are made, and into which what the kernel has is read.
//!
//! One set of tables serves both families: a rule that names no address is for both. The tables, chains
//! and the text are those of Istio's own program in its nftables mode.

use std::fmt;
use std::net::IpAddr;

use crate::net::{Family, Interface, Mark, Network, Owner, Port, PortRange};
use crate::netfilter::{
    Chain, ConntrackState, Hook, IstioChain, Layer, Negatable, Placement, Protocol, Purpose, Rule, Ruleset, Table,
};

mod assemble;
mod batch;
mod change;
mod disassemble;
mod error;
mod fields;
mod foreign;
#[cfg(any(test, feature = "internals"))]
pub mod fuzzing;
mod instruction;
mod keywords;
mod lower;
pub(crate) mod message;
mod normal;
mod raise;
mod ranges;
mod sets;
mod state;
mod text;
pub(crate) mod uapi;

pub use batch::Batch;
pub use change::{TableDifference, differences, differences_from, restore, transaction};
pub use error::NftError;
pub(crate) use foreign::{add_rule, called};
pub(crate) use instruction::Instruction;
pub use state::{NamedTable, State};
pub(crate) use state::{TableState, add_elements, chain, rule, set, table};

pub use raise::raise;
pub use ranges::AddressRange;

/// The rules as they are in force in nf_tables: those that name no address are there for both families, whichever
/// they were planned for.
pub fn in_force(ruleset: &Ruleset) -> Layer {
    let mut layer = Layer { native: true, ..Layer::default() };
    for table in Tables::of(ruleset).0 {
        for chain in table.chains() {
            for wanted in table.in_order(chain) {
                let raised = raise(table.table, chain, &wanted.body).into_iter().flatten();
                raised.for_each(|(scope, rule)| layer.rules.push(scope, Rule { purpose: wanted.purpose, ..rule }));
            }
        }
    }
    layer
}

/// The tables, in the order of the script.
pub const TABLES: [Table; 4] = [Table::Nat, Table::Mangle, Table::Raw, Table::Filter];

/// The name of the table of the family `inet` that corresponds to a table of iptables.
pub const fn table_name(table: Table) -> &'static str {
    match table {
        Table::Filter => "istio-proxy-filter",
        Table::Mangle => "istio-proxy-mangle",
        Table::Nat => "istio-proxy-nat",
        Table::Raw => "istio-proxy-raw",
    }
}

/// The table that [`table_name`] gives this name.
pub fn table_named(name: &str) -> Option<Table> {
    TABLES.into_iter().find(|t| table_name(*t) == name)
}

/// The chains, in the order of the script: those that the kernel calls, then the ISTIO ones.
const CHAINS: [Chain; 13] = [
    Chain::Builtin(Hook::Prerouting),
    Chain::Builtin(Hook::Input),
    Chain::Builtin(Hook::Forward),
    Chain::Builtin(Hook::Output),
    Chain::Builtin(Hook::Postrouting),
    Chain::Istio(IstioChain::Divert),
    Chain::Istio(IstioChain::Tproxy),
    Chain::Istio(IstioChain::Inbound),
    Chain::Istio(IstioChain::Redirect),
    Chain::Istio(IstioChain::InRedirect),
    Chain::Istio(IstioChain::Output),
    Chain::Istio(IstioChain::OutputDns),
    Chain::Istio(IstioChain::Drop),
];

/// The name of a chain.
pub const fn chain_name(chain: Chain) -> &'static str {
    match chain {
        Chain::Builtin(Hook::Prerouting) => "prerouting",
        Chain::Builtin(Hook::Input) => "input",
        Chain::Builtin(Hook::Forward) => "forward",
        Chain::Builtin(Hook::Output) => "output",
        Chain::Builtin(Hook::Postrouting) => "postrouting",
        Chain::Istio(IstioChain::Divert) => "istio-divert",
        Chain::Istio(IstioChain::Tproxy) => "istio-tproxy",
        Chain::Istio(IstioChain::Inbound) => "istio-inbound",
        Chain::Istio(IstioChain::Redirect) => "istio-redirect",
        Chain::Istio(IstioChain::InRedirect) => "istio-in-redirect",
        Chain::Istio(IstioChain::Output) => "istio-output",
        Chain::Istio(IstioChain::OutputDns) => "istio-output-dns",
        Chain::Istio(IstioChain::Drop) => "istio-drop",
    }
}

/// The chain that [`chain_name`] gives this name.
pub fn chain_named(name: &str) -> Option<Chain> {
    CHAINS.into_iter().find(|c| chain_name(*c) == name)
}

/// The type of a chain that the kernel calls (nft(8), "CHAINS").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainType {
    /// `filter`.
    Filter,
    /// `nat`: sees the first packet of a connection.
    Nat,
    /// `route`: the packet is routed anew when its mark changes.
    Route,
}

impl ChainType {
    /// The name in nft and in the kernel.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Nat => "nat",
            Self::Route => "route",
        }
    }
}

/// How the kernel calls a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// Its type.
    pub kind: ChainType,
    /// The point of the packet's way.
    pub hook: Hook,
    /// When, among the chains of the hook: lower ones first.
    pub priority: i32,
}

/// How the kernel calls a chain; `None` for one that rules jump to.
pub const fn base(table: Table, chain: Chain) -> Option<Base> {
    let Chain::Builtin(hook) = chain else { return None };
    let (kind, priority) = match table {
        Table::Nat => (ChainType::Nat, -100),
        Table::Mangle if matches!(hook, Hook::Output) => (ChainType::Route, -150),
        Table::Mangle => (ChainType::Filter, -150),
        Table::Raw => (ChainType::Filter, -300),
        Table::Filter => (ChainType::Filter, 0),
    };
    Some(Base { kind, hook, priority })
}

/// Which end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The source.
    Source,
    /// The destination.
    Destination,
}

/// Which owner of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    /// The user.
    User,
    /// The group.
    Group,
}

/// One condition or action of a rule; they are gone through in order, to the first condition that does not
/// hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expression {
    /// Interface that the packet came in by.
    InInterface(Negatable<Interface>),
    /// Interface that the packet goes out by.
    OutInterface(Negatable<Interface>),
    /// The family, if no address of the rule implies it.
    Family(Family),
    /// The protocol, if the rule names it explicitly or no port implies it.
    Protocol(Protocol),
    /// An address, in a range in CIDR notation.
    Address(Side, Negatable<Network>),
    /// An address, in one of many ranges: ascending, apart from each other, all of one family, at least one.
    Addresses(Side, Negatable<Vec<AddressRange>>),
    /// A port.
    Port(Protocol, Side, Negatable<PortRange>),
    /// A port, one of several.
    Ports(Protocol, Side, Negatable<Vec<PortRange>>),
    /// Owner of the socket.
    Owner(OwnerKind, Negatable<Owner>),
    /// State of connection tracking: one of these.
    ConntrackState(Vec<ConntrackState>),
    /// Mark of the packet.
    Mark(Negatable<Mark>),
    /// Mark of the connection.
    ConnectionMark(Mark),
    /// Count the packet.
    Counter,
    /// Send the connection to this port of this host.
    Redirect(Port),
    /// Give the packet to the transparent listener on this port.
    Tproxy(Family, Port),
    /// Mark the packet.
    SetMark(Mark),
    /// The connection gets the packet's mark.
    SaveMark,
    /// The packet gets the connection's mark.
    RestoreMark,
    /// Track the connection in this conntrack zone.
    ConntrackZone(u16),
}

impl Expression {
    /// Whether it is a condition, or counts: nothing happens to the packet.
    pub const fn is_passive(&self) -> bool {
        !matches!(
            self,
            Self::Redirect(_)
                | Self::Tproxy(..)
                | Self::SetMark(_)
                | Self::SaveMark
                | Self::RestoreMark
                | Self::ConntrackZone(_)
        )
    }
}

/// What a rule ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NftVerdict {
    /// Through this chain and those that called it.
    Accept,
    /// Away with it.
    Drop,
    /// Back to the calling chain.
    Return,
    /// Go on in this chain, and come back.
    Jump(Chain),
}

/// What a rule does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Body {
    /// Conditions and actions, in order.
    pub expressions: Vec<Expression>,
    /// What becomes of the packet; the next rule if there is none.
    pub verdict: Option<NftVerdict>,
}

/// One rule, as the script has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NftRule {
    /// The chain.
    pub chain: Chain,
    /// The place in the chain.
    pub placement: Placement,
    /// What it does.
    pub body: Body,
    /// What it is for.
    pub purpose: Option<Purpose>,
}

/// The rules of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRules {
    /// The table.
    pub table: Table,
    /// In the order of the script.
    pub rules: Vec<NftRule>,
}

impl TableRules {
    /// The chains that have a rule, in the order of the script.
    pub fn chains(&self) -> impl Iterator<Item = Chain> {
        CHAINS.into_iter().filter(|chain| self.rules.iter().any(|r| r.chain == *chain))
    }

    /// The rules of a chain in the order in which packets meet them.
    pub fn in_order(&self, chain: Chain) -> Vec<&NftRule> {
        let mut ordered = Vec::new();
        for rule in self.rules.iter().filter(|r| r.chain == chain) {
            ordered.insert(rule.placement.index(ordered.len()), rule);
        }
        ordered
    }
}

/// All rules: the tables that have any, in the order of [`TABLES`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables(pub Vec<TableRules>);

impl Tables {
    /// The rules of a table.
    pub fn get(&self, table: Table) -> Option<&TableRules> {
        self.0.iter().find(|t| t.table == table)
    }
}

/// A family's name in the protocol `inet`.
const fn family_name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    }
}

/// The address as bits, those of IPv4 in the lower end.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "s",
            Self::Destination => "d",
        })
    }
}

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire_tests;
