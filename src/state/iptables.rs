//! The tables of a variant of iptables.

use std::borrow::Cow;

use super::script::{count, has_managed, script};
use super::{Action, Difference, Goal, Observed, Restore, SavedTables, Store, differences, rollback, wanted};
use crate::net::Family;
use crate::netfilter::{Ruleset, Table, Variant, restore};

/// The tables of a variant, of IPv4 and of IPv6.
#[derive(Clone, Debug)]
pub struct Iptables<'a> {
    variant: Variant,
    before: [SavedTables; 2],
    after: [SavedTables; 2],
    /// The planned rules, with users and groups by number.
    planned: Cow<'a, Ruleset>,
}

impl<'a> Iptables<'a> {
    pub(super) fn new(variant: Variant, before: [SavedTables; 2], goal: Goal<'a>) -> Self {
        let planned = goal.plan_for(variant).map(|plan| plan.rules.by_number()).unwrap_or_default();
        let after = Family::BOTH.map(|family| wanted::of_family(of(&before, family), goal, variant, family));
        Self { variant, before, after, planned }
    }

    /// The tables of a family as they are to be.
    pub fn wanted(&self, family: Family) -> &SavedTables {
        of(&self.after, family)
    }

    /// Whether there are managed chains of a family, before and after.
    pub fn has_managed(&self, family: Family) -> (bool, bool) {
        (has_managed(of(&self.before, family)), has_managed(of(&self.after, family)))
    }

    /// Whether there are no managed chains.
    pub(super) fn is_clean(&self) -> bool {
        !self.before.iter().any(has_managed)
    }

    /// Whether something of a family is to be changed.
    pub fn changes(&self, family: Family) -> bool {
        of(&self.before, family) != of(&self.after, family)
    }

    fn families(&self) -> impl Iterator<Item = (Family, &SavedTables, &SavedTables)> {
        Family::BOTH.into_iter().map(|f| (f, of(&self.before, f), of(&self.after, f)))
    }

    /// The tables that are dormant either before or after, and whether they are after.
    fn dormant(&self) -> impl Iterator<Item = (Family, Table, bool)> {
        self.families().flat_map(|(family, before, after)| {
            let is = |tables: &SavedTables, table: Table| tables.get(&table).is_some_and(|t| t.dormant);
            let changed = move |table: &Table| is(before, *table) != is(after, *table);
            Table::ALL.into_iter().filter(changed).map(move |table| (family, table, is(after, table)))
        })
    }
}

fn of<T>([ipv4, ipv6]: &[T; 2], family: Family) -> &T {
    match family {
        Family::Ipv4 => ipv4,
        Family::Ipv6 => ipv6,
    }
}

impl Store for Iptables<'_> {
    fn is_in_place(&self) -> bool {
        self.before == self.after
    }

    fn differences(&self) -> Vec<Difference> {
        let rules =
            self.families().flat_map(|(f, before, after)| differences::of_family(self.variant, f, before, after));
        let dormant = self.dormant().map(|(family, table, dormant)| {
            let family = if family == Family::Ipv4 { "ip" } else { "ip6" };
            let text = format!("table {family} {table} {{ flags dormant ; }}");
            Difference { missing: dormant, what: super::DifferingItem::Nftables(text), captures: false }
        });
        rules.chain(dormant).collect()
    }

    /// If a family has nothing managed yet, the text is that of the planner. With `force`, managed chains are filled
    /// again even if they need no change.
    fn actions(&self, force: bool) -> Vec<Action<'_>> {
        let mut actions = Vec::new();
        for (family, before, after) in self.families() {
            let planned = self.planned.of(family).count();
            // A rule that is planned may be there without managed chains: then it must not be there twice.
            let is_fresh = planned > 0 && !has_managed(before) && count(after) == count(before) + planned;
            let text = if is_fresh { restore::script(&self.planned, family) } else { script(before, after, force) };
            if !text.is_empty() {
                let fills = has_managed(after);
                actions.push(Action::Restore(Restore { variant: self.variant, family, text, fills }));
            }
        }
        actions.extend(self.dormant().map(|(family, table, dormant)| Action::Dormant(family, table, dormant)));
        actions
    }

    fn back_from(&self, now: &Observed) -> Self {
        let now = Family::BOTH.map(|f| now.tables.get(&(self.variant, f)).cloned().unwrap_or_default());
        let target = |family| rollback::target(of(&self.before, family), of(&self.after, family), of(&now, family));
        let after = Family::BOTH.map(target);
        Self { variant: self.variant, before: now, after, planned: Cow::default() }
    }
}
