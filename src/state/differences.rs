//! What differs between two states, for people.

use std::fmt;

use super::{Snapshot, routing};
use crate::net::Family;
use crate::netfilter::Table;
use crate::netfilter::Variant;
use crate::netfilter::save::{SavedChain, SavedRule};
use crate::sequence::common;
use crate::text::Printable;

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A rule or a chain.
    Rule {
        /// Whether it is to come, not to go.
        add: bool,
        /// The kind of iptables.
        kind: Variant,
        /// The family.
        family: Family,
        /// The table.
        table: Table,
        /// The arguments: `-A CHAIN ...` or `-N CHAIN`.
        arguments: String,
    },
    /// Routing, as arguments of ip(8); or a flag of a table, as nft(8) writes it.
    Routing {
        /// Whether it is to come, not to go.
        add: bool,
        /// The command.
        command: String,
    },
}

impl Difference {
    /// The family, where it is about a rule or a chain.
    pub fn family(&self) -> Option<Family> {
        match self {
            Self::Rule { family, .. } => Some(*family),
            Self::Routing { .. } => None,
        }
    }
}

/// As `diff` marks it, in iptables notation.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = |add: &bool| if *add { '+' } else { '-' };
        match self {
            Self::Rule { add, kind, family, table, arguments } => {
                let (program, kind) = (family.program(), kind.name());
                write!(f, "{} {program}-{kind} -t {table} {}", sign(add), Printable(arguments))
            }
            Self::Routing { add, command } => write!(f, "{} {command}", sign(add)),
        }
    }
}

/// All differences, in the order of kinds, families, tables, chains and rules.
pub(super) fn all(before: &Snapshot, after: &Snapshot) -> Vec<Difference> {
    let mut lines = Vec::new();
    for kind in Variant::BOTH {
        for family in Family::BOTH {
            for table in Table::ALL {
                let of = |s: &Snapshot| {
                    s.tables.get(&(kind, family)).and_then(|t| t.get(&table)).cloned().unwrap_or_default()
                };
                let (old, new) = (of(before), of(after));
                let mut line = |add, arguments| lines.push(Difference::Rule { add, kind, family, table, arguments });
                for chain in &new.chains {
                    let was = old.chain(&chain.name);
                    if was.is_none() && chain.is_ours() {
                        line(true, format!("-N {}", chain.name));
                    }
                    let none = SavedChain::empty(chain.name.clone());
                    rules(was.unwrap_or(&none), chain, &mut line);
                }
                for chain in old.chains.iter().filter(|c| new.chain(&c.name).is_none()) {
                    rules(chain, &SavedChain::empty(chain.name.clone()), &mut line);
                    line(false, format!("-N {}", chain.name));
                }
            }
        }
    }
    super::change::dormant(before, after, &mut |family, table, dormant| {
        let family = if family == Family::Ipv4 { "ip" } else { "ip6" };
        lines.push(Difference::Routing {
            add: dormant,
            command: format!("table {family} {table} {{ flags dormant ; }}"),
        });
    });
    let (added, removed) = routing::difference(&before.routing, &after.routing);
    for (add, routing) in [(false, removed), (true, added)] {
        lines.extend(routing.to_string().lines().map(|c| Difference::Routing { add, command: c.to_owned() }));
    }
    lines
}

fn rules(before: &SavedChain, after: &SavedChain, line: &mut impl FnMut(bool, String)) {
    let text = |rule: &SavedRule| format!("-A {} {}", before.name, rule.text()).trim_end().replace('\n', "\\n");
    let kept = common(&before.rules, &after.rules, SavedRule::eq);
    let (mut old, mut new) = (0, 0);
    for (i, j) in kept.into_iter().chain([(before.rules.len(), after.rules.len())]) {
        for rule in before.rules.get(old..i).unwrap_or_default() {
            line(false, text(rule));
        }
        for rule in after.rules.get(new..j).unwrap_or_default() {
            line(true, text(rule));
        }
        (old, new) = (i + 1, j + 1);
    }
}
