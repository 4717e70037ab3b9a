//! Foreign chains that the kernel calls on a packet's way.

use netlink_packet_core::DecodeError;

use super::ChainType;
use super::disassemble::disassemble;
use super::instruction::Instruction;
use super::message::Reply;
use super::state::{self, ChainState, Reading};
use super::uapi::{
    self, NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_NETDEV, NFT_CMP_EQ, NFT_META_NFPROTO, NFT_REG_1,
};
use crate::net::Family;
use crate::netfilter::{Hook, Layer, Scope, Table};

/// The hook of the family `inet` at which an interface hands packets over (`NF_INET_INGRESS`).
const INGRESS_OF_INET: u32 = 5;

/// A chain and its place.
pub(crate) struct Called {
    family: u8,
    table: String,
    chain: String,
    at: (Table, Hook),
    pub(crate) layer: Layer,
}

/// The chain as a layer, if packets of a pod come by it.
pub(crate) fn called(number: u8, table: String, chain: ChainState) -> Option<Called> {
    let base = chain.base.as_ref()?;
    let (hook, priority) = match (number, base.hook) {
        (NFPROTO_NETDEV, 0) | (NFPROTO_INET, INGRESS_OF_INET) => (Hook::Prerouting, i32::MIN),
        (NFPROTO_NETDEV, _) => (Hook::Postrouting, i32::MAX),
        (NFPROTO_INET | NFPROTO_IPV4 | NFPROTO_IPV6, _) => base.place()?,
        _ => return None,
    };
    let kind = match base.kind.as_str() {
        kind if kind == ChainType::Nat.name() => Table::Nat,
        kind if kind == ChainType::Route.name() => Table::Mangle,
        _ => Table::Filter,
    };
    let protocol = match number {
        NFPROTO_INET => "inet",
        NFPROTO_NETDEV => "netdev",
        NFPROTO_IPV4 => "ip",
        _ => "ip6",
    };
    let name = Some(format!("{protocol} {table} {}", chain.name));
    let mut layer = Layer { name, priority: Some(priority), native: true, ..Layer::default() };
    if chain.drops() {
        layer.drops.push((scope(number), kind, hook));
    }
    Some(Called { family: number, table, chain: chain.name, at: (kind, hook), layer })
}

/// Adds a rule to the layer of its chain, if there is one.
pub(crate) fn add_rule(reply: &Reply, all: &mut [Called]) -> Result<(), DecodeError> {
    let table = reply.attribute(uapi::NFTA_RULE_TABLE).map(|a| a.text()).transpose()?;
    let mut rule = state::rule(reply, &[])?;
    let here = |c: &&mut Called| c.family == reply.family && Some(c.table.as_str()) == table && c.chain == rule.chain;
    let Some(called) = all.iter_mut().find(here) else { return Ok(()) };
    if let Some(family) = family(reply.family) {
        // In a table of one family, no rule has to name it.
        let value = vec![super::assemble::nfproto(family)];
        let compare = Instruction::Compare { register: NFT_REG_1, operation: NFT_CMP_EQ, value };
        rule.instructions.insert(0, compare);
        rule.instructions.insert(0, Instruction::Meta { key: NFT_META_NFPROTO, into: NFT_REG_1 });
        let read = disassemble(&rule.instructions, &|_| None);
        rule.reading = read.map_or(Reading::Unknown(String::new()), Reading::Rule);
    }
    let (table, hook) = called.at;
    rule.follow(&mut called.layer, (table, hook.into()), scope(reply.family), &|_| None);
    Ok(())
}

fn family(number: u8) -> Option<Family> {
    Family::BOTH.into_iter().find(|f| super::assemble::nfproto(*f) == number)
}

fn scope(number: u8) -> Scope {
    family(number).map_or(Scope::Both, Scope::Only)
}
