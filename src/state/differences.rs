//! The differences between the existing rules and the wanted ones, for people to read.

use std::fmt;

use super::SavedTables;
use crate::capture::RoutingItem;
use crate::net::Family;
use crate::netfilter::save::{SavedChain, SavedRule, SavedTable};
use crate::netfilter::{Match, Table, Variant};
use crate::nftables::TableDifference;
use crate::sequence::common;
use crate::text::Printable;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Whether it is missing; else it is there and is not wanted.
    pub missing: bool,
    /// What.
    pub what: DifferingItem,
    /// Whether it is a rule that leads traffic to the proxy, other than the proxy's own to itself.
    pub captures: bool,
}

/// What is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DifferingItem {
    /// A rule or a chain of iptables.
    Iptables {
        /// The variant.
        variant: Variant,
        /// The family.
        family: Family,
        /// The table.
        table: Table,
        /// The arguments: `-A CHAIN ...` or `-N CHAIN`.
        arguments: String,
    },
    /// A rule, a chain, a table or its flags in nf_tables, as nft(8) writes it.
    Nftables(String),
    /// Routing.
    Routing(RoutingItem),
}

impl Difference {
    /// Something of nf_tables.
    pub fn of_nftables(difference: TableDifference) -> Self {
        Self {
            missing: difference.wanted,
            what: DifferingItem::Nftables(difference.text),
            captures: difference.captures,
        }
    }

    /// The family, if it is about iptables.
    pub fn family(&self) -> Option<Family> {
        match self.what {
            DifferingItem::Iptables { family, .. } => Some(family),
            DifferingItem::Nftables(_) | DifferingItem::Routing(_) => None,
        }
    }
}

impl DifferingItem {
    /// A rule of a chain of iptables.
    pub(crate) fn rule(variant: Variant, family: Family, table: Table, chain: &SavedChain, rule: &SavedRule) -> Self {
        Self::Iptables { variant, family, table, arguments: arguments(chain, rule) }
    }
}

/// In the notation of the program that shows it.
impl fmt::Display for DifferingItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iptables { variant, family, table, arguments } => {
                write!(f, "{}-{} -t {table} {}", family.program(), variant.name(), Printable(arguments))
            }
            Self::Nftables(text) => Printable(text).fmt(f),
            Self::Routing(item) => item.fmt(f),
        }
    }
}

/// As `diff` marks it.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.missing { '+' } else { '-' }, self.what)
    }
}

/// All differences in the tables of one variant and family, in the order of tables, chains and rules.
pub(super) fn of_family(
    variant: Variant,
    family: Family,
    before: &SavedTables,
    after: &SavedTables,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let none = SavedTable::default();
    for table in Table::ALL {
        let (old, new) = (before.get(&table).unwrap_or(&none), after.get(&table).unwrap_or(&none));
        let mut line = |missing, arguments, captures| {
            let what = DifferingItem::Iptables { variant, family, table, arguments };
            differences.push(Difference { missing, what, captures });
        };
        for chain in &new.chains {
            let was = old.chain(&chain.name);
            if was.is_none() && chain.is_managed() {
                line(true, format!("-N {}", chain.name), false);
            }
            let none = SavedChain::empty(chain.name.clone());
            rules(was.unwrap_or(&none), chain, &mut line);
        }
        for chain in old.chains.iter().filter(|c| new.chain(&c.name).is_none()) {
            rules(chain, &SavedChain::empty(chain.name.clone()), &mut line);
            line(false, format!("-N {}", chain.name), false);
        }
    }
    differences
}

/// The arguments that show a rule of a chain.
fn arguments(chain: &SavedChain, rule: &SavedRule) -> String {
    format!("-A {} {}", chain.name, rule.text()).trim_end().replace('\n', "\\n")
}

fn captures(rule: &SavedRule) -> bool {
    let by_owner = |m: &Match| matches!(m, Match::OwnerUid(_) | Match::OwnerGid(_));
    rule.jumps_to_managed() && !rule.known().0.iter().any(by_owner)
}

fn rules(before: &SavedChain, after: &SavedChain, line: &mut impl FnMut(bool, String, bool)) {
    let kept = common(&before.rules, &after.rules, SavedRule::eq);
    let (mut old, mut new) = (0, 0);
    for (i, j) in kept.into_iter().chain([(before.rules.len(), after.rules.len())]) {
        for rule in before.rules.get(old..i).unwrap_or_default() {
            line(false, arguments(before, rule), captures(rule));
        }
        for rule in after.rules.get(new..j).unwrap_or_default() {
            line(true, arguments(before, rule), captures(rule));
        }
        (old, new) = (i + 1, j + 1);
    }
}
