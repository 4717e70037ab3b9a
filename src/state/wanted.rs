//! What the kernel should have: what it has, with the plan in place of what is managed.

use super::ownership::{self, Ownership};
use super::{Goal, SavedTables};
use crate::net::Family;
use crate::netfilter::save::{SavedChain, SavedRule, SavedTable};
use crate::netfilter::{Chain, Placement, Rule, Table, Variant, restore};

/// The tables of one variant and family once the goal is reached. What is as it should be already is left as it was
/// saved, so that tables in place come out unchanged.
pub(super) fn of_family(before: &SavedTables, goal: Goal<'_>, variant: Variant, family: Family) -> SavedTables {
    let planned: Vec<_> = goal.plan_for(variant).into_iter().flat_map(|plan| plan.rules.of(family)).collect();
    let ours = Ownership::new(goal, family);
    let mut after = SavedTables::default();
    for name in Table::ALL {
        let planned: Vec<_> = planned.iter().copied().filter(|r| r.table == name).collect();
        let saved = before.get(&name).cloned();
        if saved.is_some() || !planned.is_empty() {
            after.insert(name, table(name, &saved.unwrap_or_default(), &planned, &ours));
        }
    }
    after
}

fn table(name: Table, before: &SavedTable, planned: &[&Rule], ours: &Ownership) -> SavedTable {
    let wanted_chains = restore::chains(|| planned.iter().copied());
    let dormant = before.dormant && planned.is_empty();
    let mut after = SavedTable { chains: Vec::new(), drops: before.drops.clone(), dormant };
    for chain in &before.chains {
        let wanted = planned_chain(planned, &chain.name);
        if !chain.is_managed() {
            after.chains.push(wanted_chain(name, before, chain, &wanted, ours));
        } else if wanted_chains.iter().any(|c| c.name() == chain.name) {
            after.chains.push(own_chain(chain, &wanted));
        }
    }
    let in_builtin = planned.iter().map(|r| r.chain).filter(|c| matches!(c, Chain::Builtin(_)));
    for chain in in_builtin.chain(wanted_chains.iter().map(|c| Chain::Istio(*c))) {
        if after.chain(chain.name()).is_none() {
            let wanted = planned_chain(planned, chain.name());
            after.chains.push(own_chain(&SavedChain::empty(chain.name()), &wanted));
        }
    }
    after
}

/// A planned rule in its place.
struct Planned {
    rule: SavedRule,
    goes_first: bool,
}

/// The rules planned for a chain, in the order that they have once all are placed.
fn planned_chain(planned: &[&Rule], chain: &str) -> Vec<Planned> {
    let mut placed: Vec<Planned> = Vec::new();
    for rule in planned.iter().filter(|r| r.chain.name() == chain) {
        let (at, goes_first) = match rule.placement {
            Placement::Append => (placed.len(), false),
            Placement::Insert(number) => (number.saturating_sub(1).min(placed.len()), true),
        };
        placed.insert(at, Planned { rule: SavedRule::planned(rule), goes_first });
    }
    placed
}

/// Whether these are the planned rules, in order.
fn as_planned<'r>(rules: impl Iterator<Item = &'r SavedRule>, planned: &[Planned]) -> bool {
    rules.eq(planned.iter().map(|p| &p.rule))
}

/// A chain that holds only managed rules.
fn own_chain(before: &SavedChain, planned: &[Planned]) -> SavedChain {
    if as_planned(before.rules.iter(), planned) {
        return before.clone();
    }
    SavedChain { name: before.name.clone(), rules: planned.iter().map(|p| p.rule.clone()).collect() }
}

/// A chain that may hold foreign rules, which are kept, in their order. Managed rules keep their places, so
/// that foreign rules that were added after them do not end up before them.
fn wanted_chain(
    table: Table,
    saved: &SavedTable,
    before: &SavedChain,
    planned: &[Planned],
    own: &Ownership,
) -> SavedChain {
    let is_managed: Vec<bool> = before.rules.iter().map(|r| own.holds(table, saved, before, r)).collect();
    let rules = || before.rules.iter().zip(&is_managed);
    if as_planned(rules().filter(|(_, ours)| **ours).map(|(r, _)| r), planned) {
        return before.clone();
    }
    // Managed rules for virtual interfaces come first, and were put there; the place of the rest is that of the
    // first appended jump, or else of the first that is appended.
    let jump = rules().position(|(r, _)| r.jumps_to_managed() && ownership::interface(r).is_none());
    let appended = jump.or_else(|| rules().position(|(r, ours)| *ours && !ownership::of_virtual_interface(before, r)));
    let foreign_before = rules().take(appended.unwrap_or(before.rules.len())).filter(|(_, ours)| !**ours).count();
    let (first, last): (Vec<_>, Vec<_>) = planned.iter().partition(|p| p.goes_first);
    let foreign: Vec<_> = rules().filter(|(_, ours)| !**ours).map(|(r, _)| r.clone()).collect();
    let (above, below) = foreign.split_at(foreign_before.min(foreign.len()));
    let mut after = SavedChain::empty(before.name.clone());
    after.rules.extend(first.into_iter().map(|p| p.rule.clone()));
    after.rules.extend_from_slice(above);
    after.rules.extend(last.into_iter().map(|p| p.rule.clone()));
    after.rules.extend_from_slice(below);
    after
}
