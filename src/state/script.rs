//! The text for restore programs that leads from one state of tables to another.

use std::fmt::Write;

use super::{Goal, SavedTables, wanted};
use crate::capture::Plan;
use crate::net::Family;
use crate::netfilter::save::{SavedChain, SavedRule, SavedTable};
use crate::netfilter::{Chain, Hook, IstioChain, Table, Variant};
use crate::sequence::common;

pub(super) fn has_managed(tables: &SavedTables) -> bool {
    tables.values().flat_map(|t| &t.chains).any(SavedChain::is_managed)
}

/// How many rules there are.
pub(super) fn count(tables: &SavedTables) -> usize {
    tables.values().flat_map(|t| &t.chains).map(|c| c.rules.len()).sum()
}

/// The text that would remove what a plan makes, for a dry run.
pub fn clean_script(plan: &Plan, family: Family) -> String {
    let variant = Variant::Nft;
    let apply = Goal::Apply { plan, variant: Some(variant) };
    let made = wanted::of_family(&SavedTables::default(), apply, variant, family);
    let clean = wanted::of_family(&made, Goal::Clean { plan }, variant, family);
    script(&made, &clean, false)
}

/// Text for `restore --noflush` that leads from one state to another: one transaction a table.
pub(super) fn script(before: &SavedTables, after: &SavedTables, force: bool) -> String {
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

/// The order of the tables. Each is changed at once, but one after the other: when inbound capture moves
/// from one table to another, it has to begin in the new one before it ends in the old one.
fn order(before: &SavedTables, after: &SavedTables) -> [Table; 4] {
    let captures = |tables: &SavedTables| {
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
    // What leads to managed chains goes first, so that they can be emptied and deleted.
    let mut edits = Vec::new();
    for old in before.chains.iter().filter(|c| !c.is_managed()) {
        let edit = Edit::new(old, after.chain(&old.name).map(|c| c.rules.as_slice()).unwrap_or_default(), force);
        edit.deletions(&mut text);
        edits.push(edit);
    }
    for old in before.chains.iter().filter(|c| c.is_managed()) {
        let new = after.chain(&old.name);
        if (force || new.is_none_or(|n| n.rules != old.rules)) && !(old.rules.is_empty() && new.is_none()) {
            let _ = writeln!(text, "-F {}", old.name);
        }
    }
    for new in &after.chains {
        let old = before.chain(&new.name);
        let refill = new.is_managed() && (force || old.is_none_or(|o| o.rules != new.rules));
        if refill || (old.is_none() && !new.is_managed()) {
            for rule in &new.rules {
                line(&mut text, format_args!("-A {}", new.name), rule);
            }
        }
    }
    for edit in edits {
        edit.insertions(&mut text);
    }
    for old in before.chains.iter().filter(|c| c.is_managed() && after.chain(&c.name).is_none()) {
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

/// How a chain with foreign rules gets its new rules: those that stay are not touched, because their
/// counters belong to another program.
struct Edit<'a> {
    old: &'a SavedChain,
    new: &'a [SavedRule],
    kept: Vec<(usize, usize)>,
}

impl<'a> Edit<'a> {
    fn new(old: &'a SavedChain, new: &'a [SavedRule], force: bool) -> Self {
        // Jumps to managed chains are put back, never kept, once anything changes: they have no counters that
        // matter, and keeping them could mean moving a foreign rule instead.
        let unchanged = old.rules == new && !force;
        let stays = |a: &SavedRule, b: &SavedRule| a == b && (unchanged || !a.jumps_to_managed());
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
                // No line can hold a line break: such a rule is deleted by number, before the rest, the last one first.
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

/// `-D` removes the first rule that is the same. If that would be one that is kept, all copies go and
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
    kept.retain(|(i, _)| old.get(*i).is_none_or(|rule| !go.contains(&rule)));
}
