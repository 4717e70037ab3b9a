//! Moving from one kind of iptables to the other in TPROXY mode.

use super::Snapshot;
use crate::net::Family;
use crate::netfilter::save::{SavedChain, SavedRule};
use crate::netfilter::{Hook, Table, Target, Variant};

/// The states to go through, one after the other, before the last one; none where a change does not move
/// TPROXY from one kind to the other.
///
/// While both kinds capture, the second sees the mark that the first has given to a packet from outside,
/// and saves it for the connection, as it should only do for the proxy's own packets over `lo`. Answers
/// then get the mark too, are routed to `lo` and are lost. So on the way, marks are saved on `lo` only.
pub(super) fn stops(before: &Snapshot, after: &Snapshot) -> Vec<Snapshot> {
    let moves = |kind: &Variant| {
        let other = kind.other();
        saves_marks(before, *kind) && saves_marks(after, other)
    };
    let Some(old) = Variant::BOTH.into_iter().find(moves) else { return Vec::new() };
    let new = old.other();
    let mut state = Snapshot { tables: before.tables.clone(), routing: before.routing.clone() };
    on_lo_only(&mut state, old);
    on_lo_only(&mut state, new);
    let careful = state.clone();
    take(&mut state, after, new);
    on_lo_only(&mut state, new);
    let both = state.clone();
    take(&mut state, after, old);
    vec![careful, both, state]
}

/// Takes over the tables of a kind.
fn take(state: &mut Snapshot, from: &Snapshot, kind: Variant) {
    for family in Family::BOTH {
        match from.tables.get(&(kind, family)) {
            Some(tables) => state.tables.insert((kind, family), tables.clone()),
            None => state.tables.remove(&(kind, family)),
        };
    }
}

fn saves_mark(rule: &SavedRule) -> bool {
    rule.meaning().is_some_and(|m| m.target() == Target::SaveMark)
}

fn saves_marks(state: &Snapshot, kind: Variant) -> bool {
    let of_kind = state.tables.iter().filter(|((k, _), _)| *k == kind);
    let mangle = of_kind.filter_map(|(_, tables)| tables.get(&Table::Mangle)?.chain(Hook::Prerouting.name()));
    mangle.flat_map(|c| &c.rules).any(saves_mark)
}

/// The rule that stands for this one on the way, where that is another.
fn careful(rule: &SavedRule) -> Option<SavedRule> {
    let goes = saves_mark(rule) && !rule.text().starts_with("-i lo ");
    goes.then(|| SavedRule::parse(&format!("-i lo {}", rule.text())))
}

/// A chain that may be on the way between two, with the rules of the ends in place of those that stand for them.
pub(super) fn at_its_ends(now: &SavedChain, before: &SavedChain, after: &SavedChain) -> SavedChain {
    let end_of = |rule: &SavedRule| {
        let stands_for = |end: &&SavedRule| careful(end).is_some_and(|careful| careful.same(rule));
        let on_the_way = !before.rules.iter().any(|r| r.same(rule));
        before.rules.iter().chain(&after.rules).find(stands_for).filter(|_| on_the_way)
    };
    let rules = now.rules.iter().map(|rule| end_of(rule).unwrap_or(rule).clone()).collect();
    SavedChain { name: now.name.clone(), rules }
}

fn on_lo_only(state: &mut Snapshot, kind: Variant) {
    for family in Family::BOTH {
        let tables = state.tables.get_mut(&(kind, family));
        let mangle = tables.and_then(|t| t.get_mut(&Table::Mangle)).into_iter().flat_map(|t| &mut t.chains);
        let prerouting = mangle.filter(|c| c.name == Hook::Prerouting.name());
        for rule in prerouting.flat_map(|c| &mut c.rules) {
            *rule = careful(rule).unwrap_or_else(|| rule.clone());
        }
    }
}
