//! Writes rules as text for nft(8).

use std::collections::BTreeMap;
use std::fmt;

use super::keywords::{InterfaceWord, Word};
use super::{
    Base, Body, Expression, NftRule, NftVerdict, OwnerKind, TableRules, Tables, base, chain_name, family_name,
    table_name,
};
use crate::net::{Family, Owner, PortRange};
use crate::netfilter::{Negatable, Table};

/// The script, for `nft -f`.
impl fmt::Display for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|table| table.fmt(f))
    }
}

impl fmt::Display for TableRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = table_name(self.table);
        writeln!(f, "add table inet {table}")?;
        writeln!(f, "flush table inet {table}")?;
        for chain in self.chains() {
            write!(f, "add chain inet {table} {}", chain_name(chain))?;
            match base(self.table, chain) {
                Some(base) => writeln!(f, " {base}")?,
                None => writeln!(f)?,
            }
        }
        let mut lengths = BTreeMap::new();
        for rule in &self.rules {
            let length = lengths.entry(rule.chain).or_insert(0);
            self.rule(f, rule, *length)?;
            *length += 1;
        }
        Ok(())
    }
}

impl TableRules {
    /// Writes one rule, whose chain has `length` rules so far.
    fn rule(&self, f: &mut fmt::Formatter<'_>, rule: &NftRule, length: usize) -> fmt::Result {
        let (table, chain) = (table_name(self.table), chain_name(rule.chain));
        match rule.placement.index(length) {
            index if index < length => write!(f, "insert rule inet {table} {chain} index {index}")?,
            _ => write!(f, "add rule inet {table} {chain}")?,
        }
        writeln!(f, "{}", BodyText { table: self.table, body: &rule.body })
    }
}

/// As in the definition of a chain.
impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hook = chain_name(self.hook.into());
        write!(f, "{{ type {} hook {hook} priority {} ; }}", self.kind.name(), self.priority)
    }
}

impl Body {
    /// What the rule does, as nft writes it in a table.
    pub fn text(&self, table: Table) -> String {
        BodyText { table, body: self }.to_string().trim_start().to_owned()
    }
}

/// What a rule of a table does, as text: each part with a space before it.
struct BodyText<'a> {
    table: Table,
    body: &'a Body,
}

impl fmt::Display for BodyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for expression in &self.body.expressions {
            f.write_str(" ")?;
            // Istio's program writes `meta skuid` in this table and `skuid` elsewhere.
            if self.table == Table::Raw && matches!(expression, Expression::Owner(..)) {
                f.write_str("meta ")?;
            }
            expression.fmt(f)?;
        }
        match self.body.verdict {
            Some(verdict) => write!(f, " {verdict}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for NftVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Return => f.write_str("return"),
            Self::Jump(chain) => write!(f, "jump {}", chain_name(*chain)),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InInterface(name) => write!(f, "iifname {}{}", not(name), InterfaceWord(name.value())),
            Self::OutInterface(name) => write!(f, "oifname {}{}", not(name), InterfaceWord(name.value())),
            Self::Family(family) => write!(f, "meta nfproto {}", nfproto(*family)),
            Self::Protocol(protocol) => write!(f, "meta l4proto {protocol}"),
            Self::Address(side, network) => {
                let family = family_name(network.value().family());
                write!(f, "{family} {side}addr {}{}", not(network), network.value())
            }
            Self::Addresses(side, ranges) => {
                let family = ranges.value().first().map_or("ip", |r| family_name(r.family()));
                write!(f, "{family} {side}addr {}", not(ranges))?;
                set(f, ranges.value())
            }
            Self::Port(protocol, side, ports) => {
                write!(f, "{protocol} {side}port {}{}", not(ports), Ports(*ports.value()))
            }
            Self::Ports(protocol, side, ports) => {
                write!(f, "{protocol} {side}port {}", not(ports))?;
                list(f, ports.value().iter().copied().map(Ports))
            }
            Self::Owner(kind, owner) => {
                let name = match kind {
                    OwnerKind::User => "skuid",
                    OwnerKind::Group => "skgid",
                };
                write!(f, "{name} {}", not(owner))?;
                match owner.value() {
                    Owner::Name { name, .. } => Word(name).fmt(f),
                    number @ (Owner::Id(_) | Owner::Range(..)) => number.fmt(f),
                }
            }
            Self::ConntrackState(states) => {
                let names: Vec<_> = states.iter().map(|s| s.name().to_ascii_lowercase()).collect();
                write!(f, "ct state {}", names.join(","))
            }
            Self::Mark(mark) => write!(f, "mark {}{}", not(mark), mark.value()),
            Self::ConnectionMark(mark) => write!(f, "ct mark {mark}"),
            Self::Counter => f.write_str("counter"),
            Self::Redirect(port) => write!(f, "redirect to :{port}"),
            Self::Tproxy(family, port) => write!(f, "tproxy {} to :{port}", family_name(*family)),
            Self::SetMark(mark) => write!(f, "meta mark set {mark}"),
            Self::SaveMark => f.write_str("ct mark set mark"),
            Self::RestoreMark => f.write_str("meta mark set ct mark"),
            Self::ConntrackZone(zone) => write!(f, "ct zone set {zone}"),
        }
    }
}

/// A family's name in `meta nfproto`.
const fn nfproto(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    }
}

/// The operator before a value.
fn not<T>(value: &Negatable<T>) -> &'static str {
    if value.negated() { "!= " } else { "" }
}

/// A set, or what nft makes of a set with one range.
fn set<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    match items {
        [one] => one.fmt(f),
        items => list(f, items.iter()),
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = impl fmt::Display>) -> fmt::Result {
    f.write_str("{ ")?;
    for (number, item) in items.enumerate() {
        if number > 0 {
            f.write_str(", ")?;
        }
        item.fmt(f)?;
    }
    f.write_str(" }")
}

/// Ports as nft writes them: `80` or `8000-8100`.
struct Ports(PortRange);

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.low(), self.0.high()) {
            (low, high) if low == high => low.fmt(f),
            (low, high) => write!(f, "{low}-{high}"),
        }
    }
}
