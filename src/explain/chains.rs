//! The chains of one family as the kernel has them, once all rules are in place.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::Family;
use crate::netfilter::{Chain, Hook, Placement, Rule, Ruleset, Table};

/// A rule, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleAt {
    /// Its number in its chain, counted from 1.
    pub number: usize,
    /// The rule.
    pub rule: Rule,
}

/// Where the rule is and what it says: `nat ISTIO_OUTPUT 3 (-m owner --uid-owner 1337 -j RETURN)`.
impl fmt::Display for RuleAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ({})", self.rule.table, self.rule.chain, self.number, self.rule.specification())
    }
}

/// The chains of one family.
#[derive(Clone, Debug, Default)]
pub struct Chains<'a> {
    chains: BTreeMap<(Table, Chain), Vec<&'a Rule>>,
}

impl<'a> Chains<'a> {
    /// Puts each rule in its place, in the order in which they are loaded.
    pub fn of(rules: &'a Ruleset, family: Family) -> Self {
        let mut chains: BTreeMap<_, Vec<&'a Rule>> = BTreeMap::new();
        for rule in rules.of(family) {
            let chain = chains.entry((rule.table, rule.chain)).or_default();
            let at = match rule.placement {
                Placement::Append => chain.len(),
                Placement::Insert(number) => number.saturating_sub(1).min(chain.len()),
            };
            chain.insert(at, rule);
        }
        Self { chains }
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty()
    }

    /// Whether a table has any rule.
    pub fn has(&self, table: Table) -> bool {
        self.chains.keys().any(|(t, _)| *t == table)
    }

    /// The rules of a chain; none where there is no such chain.
    pub fn rules(&self, table: Table, chain: impl Into<Chain>) -> &[&'a Rule] {
        self.chains.get(&(table, chain.into())).map_or(&[], Vec::as_slice)
    }

    /// All chains that have rules: by hook, then by table as the kernel calls them, then what they jump to.
    pub fn all(&self) -> Vec<(Table, Chain)> {
        let builtin = Hook::ALL.into_iter().flat_map(|h| ORDER.map(|t| (t, Chain::Builtin(h))));
        let mut all: Vec<_> = builtin.filter(|key| self.chains.contains_key(key)).collect();
        all.extend(self.chains.keys().filter(|(_, c)| matches!(c, Chain::Istio(_))));
        all
    }
}

/// The tables in the order in which the kernel calls them at a hook (`linux/netfilter_ipv4.h`).
pub const ORDER: [Table; 4] = [Table::Raw, Table::Mangle, Table::Nat, Table::Filter];
