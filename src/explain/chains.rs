//! The chains of one family as the kernel has them, once all rules are in place.

use std::borrow::Cow;
use std::fmt;

use crate::net::Family;
use crate::netfilter::{Chain, Gap, Hook, IstioChain, Layer, Rule, Table, Target};

/// A rule and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleAt {
    /// The table; of a foreign chain of nftables, and if several backends have rules, with what it is in.
    pub table: Cow<'static, str>,
    /// The chain.
    pub chain: Cow<'static, str>,
    /// Its number in its chain, counted from 1.
    pub number: usize,
    /// The rule.
    pub rule: Rule,
}

/// The rule's place and its text: `nat ISTIO_OUTPUT 3 (-m owner --uid-owner 1337 -j RETURN)`.
impl fmt::Display for RuleAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ({})", self.table, self.chain, self.number, self.rule.specification())
    }
}

type Key = (Table, Chain);

/// The chains of one family and layer.
#[derive(Clone, Debug)]
pub struct Chains<'a> {
    layer: &'a Layer,
    chains: Vec<(Key, Vec<&'a Rule>)>,
    /// What cannot be followed, each before the rule with this index of its chain.
    gaps: Vec<(usize, &'a Gap)>,
    family: Family,
}

impl<'a> Chains<'a> {
    /// Puts each rule in its place, in the order in which they are loaded.
    pub fn of(layer: &'a Layer, family: Family) -> Self {
        let mut chains: Vec<(Key, Vec<&'a Rule>)> = Vec::new();
        let mut gaps = Vec::new();
        let mut unplaced = layer.gaps.iter().filter(|gap| gap.scope.contains(family)).peekable();
        for (index, rule) in layer.rules.rules().map(Some).chain([None]).enumerate() {
            while let Some(gap) = unplaced.next_if(|gap| gap.before <= index) {
                let chain = chains.iter().find(|(key, _)| *key == (gap.table, gap.chain));
                gaps.push((chain.map_or(0, |(_, rules)| rules.len()), gap));
            }
            let Some((_, rule)) = rule.filter(|(scope, _)| scope.contains(family)) else { continue };
            let key = (rule.table, rule.chain);
            let place = chains.iter().position(|(k, _)| *k == key).unwrap_or(chains.len());
            if place == chains.len() {
                chains.push((key, Vec::new()));
            }
            let Some((_, chain)) = chains.get_mut(place) else { continue };
            chain.insert(rule.placement.index(chain.len()), rule);
        }
        Self { layer, chains, gaps, family }
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty() && self.gaps.is_empty()
    }

    /// The rules of a chain; none if there is no such chain.
    pub fn rules(&self, table: Table, chain: impl Into<Chain>) -> &[&'a Rule] {
        let key = (table, chain.into());
        self.chains.iter().find(|(k, _)| *k == key).map_or(&[], |(_, rules)| rules)
    }

    /// The number of the rule of a chain with this index.
    pub(super) fn number(&self, table: Table, chain: Chain, index: usize) -> usize {
        index + 1 + self.gaps(table, chain).filter(|(before, _)| *before <= index).count()
    }

    /// The rule of a chain with this index.
    pub fn at(&self, table: Table, chain: Chain, index: usize) -> Option<RuleAt> {
        let rule = *self.rules(table, chain).get(index)?;
        let number = self.number(table, chain, index);
        let (table_name, chain_name) = self.names(table, chain);
        Some(RuleAt { table: table_name, chain: chain_name, number, rule: rule.clone() })
    }

    /// What of a chain cannot be followed, each before the rule with this index.
    pub(super) fn gaps(&self, table: Table, chain: Chain) -> impl Iterator<Item = &(usize, &'a Gap)> {
        self.gaps.iter().filter(move |(_, gap)| (gap.table, gap.chain) == (table, chain))
    }

    /// Table and chain as a reader finds them.
    pub(super) fn names(&self, table: Table, chain: Chain) -> (Cow<'static, str>, Cow<'static, str>) {
        self.layer.place(table, chain)
    }

    /// Whether a rule names an address.
    pub(super) fn names_addresses(&self) -> bool {
        self.chains.iter().flat_map(|(_, rules)| rules).any(|rule| rule.family().is_some())
    }

    /// Whether there is a nat table.
    pub(super) fn has_nat(&self) -> bool {
        self.chains.iter().any(|((table, _), _)| *table == Table::Nat)
            || self.gaps.iter().any(|(_, gap)| gap.table == Table::Nat)
    }

    /// Whether what comes after a table may see another packet than what came before it.
    pub(super) fn alters(&self, table: Table) -> bool {
        let changes = |rule: &&Rule| match rule.target {
            Target::Redirect(_)
            | Target::Tproxy { .. }
            | Target::SetMark(_)
            | Target::SaveMark
            | Target::RestoreMark
            | Target::ConntrackZone(_) => true,
            Target::Jump(_) | Target::Return | Target::Accept | Target::Drop => false,
        };
        self.chains.iter().any(|((t, _), rules)| *t == table && rules.iter().any(changes))
            || self.gaps.iter().any(|(_, gap)| gap.table == table && gap.text.is_some())
    }

    /// Whether it is a foreign chain, in nftables.
    pub(super) fn is_foreign(&self) -> bool {
        self.layer.priority.is_some()
    }

    /// Whether conditions are those of nf_tables itself.
    pub(super) fn is_native(&self) -> bool {
        self.layer.native
    }

    /// Whether packets that reach the end of this chain are dropped.
    pub(super) fn drops(&self, table: Table, hook: Hook) -> bool {
        self.layer.drops.iter().any(|(scope, t, h)| (*t, *h) == (table, hook) && scope.contains(self.family))
    }

    /// The tables that have something for packets at a hook, and when each comes (`linux/netfilter_ipv4.h`): all
    /// nat chains come at the same point, with an order among themselves (`nf_nat_register_fn`).
    pub(super) fn called(&self, hook: Hook) -> impl Iterator<Item = ([i32; 2], Table)> {
        let destination = matches!(hook, Hook::Prerouting | Hook::Output);
        ORDER.into_iter().filter_map(move |table| {
            let there = !self.rules(table, hook).is_empty()
                || self.gaps(table, hook.into()).next().is_some()
                || self.drops(table, hook);
            let usual = match table {
                Table::Raw => -300,
                Table::Mangle => -150,
                Table::Nat if destination => -100,
                Table::Nat => 100,
                Table::Filter => 0,
            };
            let own = self.layer.priority.unwrap_or(usual);
            there.then_some(([if table == Table::Nat { usual } else { own }, own], table))
        })
    }

    /// All chains that have rules: by hook, then by table as the kernel calls them, then what they jump to.
    pub fn all(&self) -> Vec<Key> {
        let builtin = Hook::ALL.into_iter().flat_map(|h| ORDER.map(|t| (t, Chain::Builtin(h))));
        let ours = Table::ALL.into_iter().flat_map(|t| IstioChain::ALL.map(|c| (t, Chain::Istio(c))));
        builtin.chain(ours).filter(|(table, chain)| !self.rules(*table, *chain).is_empty()).collect()
    }
}

/// The tables in the order in which the kernel calls them at a hook (`linux/netfilter_ipv4.h`).
pub const ORDER: [Table; 4] = [Table::Raw, Table::Mangle, Table::Nat, Table::Filter];
