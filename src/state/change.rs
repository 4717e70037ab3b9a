//! A change from one state to another, as steps for the kernel.

use std::fmt::Write;

#[cfg(any(test, feature = "internals"))]
use super::Comparison;
use super::differences::{self, Difference};
use super::{Goal, Snapshot, Tables, routing, undo};
use crate::capture::{Plan, Routing};
use crate::net::Family;
use crate::netfilter::save::{SavedChain, SavedRule, SavedTable};
use crate::netfilter::{Chain, Hook, IstioChain, Ruleset, Table, Variant, restore};
use crate::sequence::common;

/// A change from one state to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    before: Snapshot,
    after: Snapshot,
}

/// Text for the restore program of a kind and family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// The kind.
    pub kind: Variant,
    /// The family.
    pub family: Family,
    /// The text.
    pub text: String,
}

/// A part of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Add these, which are not there.
    AddRouting(Routing),
    /// Run these, at the same time: none depends on another.
    Restore(Vec<Restore>),
    /// Have the kernel call the chains of this table of iptables-nft; or not, where it says so.
    Dormant(Family, Table, bool),
    /// Bring the tables of ours that are not those of iptables to what is wanted.
    Nftables,
    /// Remove these.
    RemoveRouting(Routing),
}

/// What a change means for the tables of ours that are not those of iptables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nftables {
    /// They stay as they are.
    Stay,
    /// They get the rules.
    Filled,
    /// They go.
    Removed,
}

impl Change {
    pub(super) fn new(before: Snapshot, after: Snapshot) -> Self {
        Self { before, after }
    }

    /// How the state that the change begins with differs from the goal that it leads to.
    #[cfg(any(test, feature = "internals"))]
    pub fn comparison(&self) -> Comparison {
        if self.is_empty() {
            Comparison::InPlace
        } else if self.begins_clean() {
            Comparison::Clean
        } else {
            Comparison::Drifted(self.differences())
        }
    }

    /// Whether there is nothing of ours before it.
    pub fn begins_clean(&self) -> bool {
        self.before.is_clean()
    }

    /// The change that undoes this one.
    pub fn inverse(&self) -> Self {
        Self { before: self.after.clone(), after: self.before.clone() }
    }

    /// The change from another state to where this one began: what undoes it after it was only half done.
    /// What others changed meanwhile stays as they have it.
    pub fn back_from(&self, now: Snapshot) -> Self {
        let after = undo::target(&self.before, &self.after, &now);
        Self { before: now, after }
    }

    /// The state that the change begins with.
    pub fn before(&self) -> &Snapshot {
        &self.before
    }

    /// The state that the change leads to.
    pub fn after(&self) -> &Snapshot {
        &self.after
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.before == self.after
    }

    /// What is different afterwards.
    pub fn differences(&self) -> Vec<Difference> {
        differences::all(&self.before, &self.after)
    }

    /// What to do, in an order that never lets traffic past the proxy: routes before the rules that need
    /// them; new rules before old ones of the other kind go; old routes last. With `force`, chains of ours
    /// are filled again even where they need no change.
    ///
    /// Where a kind and family has nothing of ours yet, the text is that of the planner.
    pub fn steps(&self, rules: &Ruleset, force: bool, nftables: Nftables) -> Vec<Step> {
        let (add, remove) = routing::difference(&self.before.routing, &self.after.routing);
        let mut steps = Vec::new();
        steps.extend((!add.is_empty()).then_some(Step::AddRouting(add)));
        steps.extend((nftables == Nftables::Filled).then_some(Step::Nftables));
        steps.extend(restores(&self.before, &self.after, rules, force));
        // Rules begin to work all at once.
        dormant(&self.before, &self.after, &mut |family, table, is| steps.push(Step::Dormant(family, table, is)));
        steps.extend((nftables == Nftables::Removed).then_some(Step::Nftables));
        steps.extend((!remove.is_empty()).then_some(Step::RemoveRouting(remove)));
        steps
    }
}

/// The runs of restore programs that lead from one state to another.
fn restores(before: &Snapshot, after: &Snapshot, rules: &Ruleset, force: bool) -> impl Iterator<Item = Step> {
    let mut growing = Vec::new();
    let mut shrinking = Vec::new();
    for kind in Variant::BOTH {
        for family in Family::BOTH {
            let of = |s: &Snapshot| s.tables.get(&(kind, family)).cloned().unwrap_or_default();
            let (before, after) = (of(before), of(after));
            // A rule that is planned may be there without our chains: then it must not be there twice.
            let planned = || rules.of(family).count();
            let fresh = !has_ours(&before) && has_ours(&after) && count(&after) == count(&before) + planned();
            let text = if fresh && !rules.is_empty() {
                restore::script(rules, family)
            } else {
                script(&before, &after, force)
            };
            if !text.is_empty() {
                let steps = if has_ours(&after) { &mut growing } else { &mut shrinking };
                steps.push(Restore { kind, family, text });
            }
        }
    }
    [growing, shrinking].into_iter().filter(|r| !r.is_empty()).map(Step::Restore)
}

/// Tells of the tables that are dormant in one of two states alone, and whether they are in the second.
pub(super) fn dormant(before: &Snapshot, after: &Snapshot, tell: &mut dyn FnMut(Family, Table, bool)) {
    for family in Family::BOTH {
        for table in Table::ALL {
            let is_dormant = |s: &Snapshot| {
                let tables = s.tables.get(&(Variant::Nft, family));
                tables.and_then(|t| t.get(&table)).is_some_and(|t| t.dormant)
            };
            let is = is_dormant(after);
            if is_dormant(before) != is {
                tell(family, table, is);
            }
        }
    }
}

fn has_ours(tables: &Tables) -> bool {
    tables.values().flat_map(|t| &t.chains).any(SavedChain::is_ours)
}

/// How many rules there are.
fn count(tables: &Tables) -> usize {
    tables.values().flat_map(|t| &t.chains).map(|c| c.rules.len()).sum()
}

/// The text that would remove what a plan makes, for a dry run.
pub fn clean_script(plan: &Plan, family: Family) -> String {
    let goal = Goal::Apply { plan, kind: Some(Variant::Nft) };
    let made = super::wanted::snapshot(&Snapshot::default(), goal);
    let clean = super::wanted::snapshot(&made, Goal::Clean { plan });
    let of = |s: &Snapshot| s.tables.get(&(Variant::Nft, family)).cloned().unwrap_or_default();
    script(&of(&made), &of(&clean), false)
}

/// Text for `restore --noflush` that leads from one state to another: one transaction a table.
fn script(before: &Tables, after: &Tables, force: bool) -> String {
    let none = SavedTable::default();
    let mut text = String::new();
    for table in order(before, after) {
        let (old, new) = (before.get(&table).unwrap_or(&none), after.get(&table).unwrap_or(&none));
        let lines = table_script(old, new, force);
        if !lines.is_empty() {
            let _ = write!(text, "* {table}\n{lines}COMMIT\n");
        }
    }
    text
}

/// The order of the tables. Each is changed at once, but one after the other: where inbound capture moves
/// from one table to another, it has to begin in the new one before it ends in the old one.
fn order(before: &Tables, after: &Tables) -> [Table; 4] {
    let captures = |tables: &Tables| {
        let prerouting = tables.get(&Table::Mangle).and_then(|t| t.chain(Hook::Prerouting.name()));
        prerouting.is_some_and(|c| c.rules.iter().any(|r| r.jump().as_deref() == Some(IstioChain::Inbound.name())))
    };
    if captures(before) && !captures(after) {
        [Table::Filter, Table::Nat, Table::Mangle, Table::Raw]
    } else {
        Table::ALL
    }
}

/// The lines of one table.
fn table_script(before: &SavedTable, after: &SavedTable, force: bool) -> String {
    let mut text = String::new();
    let is_new = |c: &&SavedChain| {
        Chain::named(&c.name).is_none_or(|c| matches!(c, Chain::Istio(_))) && before.chain(&c.name).is_none()
    };
    for chain in after.chains.iter().filter(is_new) {
        let _ = writeln!(text, "-N {}", chain.name);
    }
    // What leads to our chains goes first, so that they can be emptied and deleted.
    let shared: Vec<_> = before.chains.iter().filter(|c| !c.is_ours()).collect();
    let mut edits = Vec::new();
    for old in shared {
        let edit = Edit::new(old, after.chain(&old.name).map(|c| c.rules.as_slice()).unwrap_or_default(), force);
        edit.deletions(&mut text);
        edits.push(edit);
    }
    for old in before.chains.iter().filter(|c| c.is_ours()) {
        let new = after.chain(&old.name);
        if (force || new.is_none_or(|n| n.rules != old.rules)) && !(old.rules.is_empty() && new.is_none()) {
            let _ = writeln!(text, "-F {}", old.name);
        }
    }
    for new in &after.chains {
        let old = before.chain(&new.name);
        let refill = new.is_ours() && (force || old.is_none_or(|o| o.rules != new.rules));
        if refill || (old.is_none() && !new.is_ours()) {
            for rule in &new.rules {
                line(&mut text, format_args!("-A {}", new.name), rule);
            }
        }
    }
    for edit in edits {
        edit.insertions(&mut text);
    }
    for old in before.chains.iter().filter(|c| c.is_ours() && after.chain(&c.name).is_none()) {
        let _ = writeln!(text, "-X {}", old.name);
    }
    text
}

fn line(text: &mut String, command: std::fmt::Arguments<'_>, rule: &SavedRule) {
    let _ = write!(text, "{command}");
    if !rule.text().is_empty() {
        // A line break in a comment would end the line.
        for part in rule.text().split('\n') {
            text.push(' ');
            text.push_str(part);
        }
    }
    text.push('\n');
}

/// How a chain with rules of others gets its new rules: those that stay are not touched, since their
/// counters are somebody's.
struct Edit<'a> {
    old: &'a SavedChain,
    new: &'a [SavedRule],
    kept: Vec<(usize, usize)>,
}

impl<'a> Edit<'a> {
    fn new(old: &'a SavedChain, new: &'a [SavedRule], force: bool) -> Self {
        // Jumps to our chains are put back, never kept, once anything changes: they have no counters that
        // matter, and keeping them could mean to move somebody else's rule instead.
        let unchanged = old.rules == new && !force;
        let stays = |a: &SavedRule, b: &SavedRule| a == b && (unchanged || !a.jumps_to_ours());
        let mut kept = common(&old.rules, new, stays);
        keep_all_copies_or_none(&old.rules, &mut kept);
        Self { old, new, kept }
    }

    fn deletions(&self, text: &mut String) {
        let start = text.len();
        let mut kept = self.kept.iter().map(|(i, _)| *i).peekable();
        for (i, rule) in self.old.rules.iter().enumerate() {
            if kept.next_if_eq(&i).is_some() {
                continue;
            }
            if rule.text().contains('\n') {
                // No line can hold a line break: such a rule goes by its number, before others, and the last one first.
                text.insert_str(start, &format!("-D {} {}\n", self.old.name, i + 1));
            } else {
                line(text, format_args!("-D {}", self.old.name), rule);
            }
        }
    }

    fn insertions(&self, text: &mut String) {
        let last_kept = self.kept.last().map(|(_, j)| *j);
        let mut kept = self.kept.iter().map(|(_, j)| *j).peekable();
        for (j, rule) in self.new.iter().enumerate() {
            if kept.next_if_eq(&j).is_some() {
                continue;
            }
            if last_kept.is_some_and(|last| j < last) {
                line(text, format_args!("-I {} {}", self.old.name, j + 1), rule);
            } else {
                line(text, format_args!("-A {}", self.old.name), rule);
            }
        }
    }
}

/// `-D` removes the first rule that is the same. Where that would be one that is kept, all copies go and
/// come again.
fn keep_all_copies_or_none(old: &[SavedRule], kept: &mut Vec<(usize, usize)>) {
    let mut stay = kept.iter().map(|(i, _)| *i).peekable();
    let mut staying: Vec<&SavedRule> = Vec::new();
    let mut go: Vec<&SavedRule> = Vec::new();
    for (i, rule) in old.iter().enumerate() {
        if stay.next_if_eq(&i).is_some() {
            staying.push(rule);
        } else if staying.iter().any(|r| **r == *rule) {
            go.push(rule);
        }
    }
    drop(stay);
    kept.retain(|(i, _)| old.get(*i).is_none_or(|rule| !go.iter().any(|g| *g == rule)));
}
