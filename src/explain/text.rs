//! A trace for people.

use std::fmt;

use super::chains::RuleAt;
use super::trace::{RuleOutcome, Step, Then, Trace};
use crate::netfilter::Hook;

/// No wider than this is the column of rules, however long one of them is.
const WIDEST: usize = 78;

/// Aligned, indented by chain, the sentence last.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.packet)?;
        let rule_width = |step: &Step| {
            if let Step::Rule { at, depth, .. } = step { Some(left(at, *depth).chars().count()) } else { None }
        };
        let width = self.steps.iter().filter_map(rule_width).max().unwrap_or(0).min(WIDEST);
        for step in &self.steps {
            let Step::Rule { at, depth, outcome } = step else {
                other(f, step)?;
                continue;
            };
            let left = left(at, *depth);
            let says = match outcome {
                RuleOutcome::Matched(effect) => format!("* {effect}"),
                RuleOutcome::Missed(mismatch) => format!("  {mismatch}"),
            };
            // A rule that is too long for its column has the next line for what it did.
            match left.chars().count() > width {
                true => writeln!(f, "{left}\n{:width$}  {says}", "")?,
                false => writeln!(f, "{left:width$}  {says}")?,
            }
        }
        writeln!(f, "\n{}", self.verdict)?;
        self.broken.iter().try_for_each(|broken| writeln!(f, "Note: {broken}"))
    }
}

/// The left column of a rule's line.
fn left(at: &RuleAt, depth: usize) -> String {
    format!("{:indent$}{:>2} {}", "", at.number, at.rule.specification(), indent = 4 + 3 * depth)
}

fn other(f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
    match step {
        Step::Hook { hook, interface, destination } => {
            let by = match hook {
                Hook::Prerouting | Hook::Input | Hook::Forward => "in via",
                Hook::Output | Hook::Postrouting => "out via",
            };
            writeln!(f, "\n{}, {by} {interface}, to {destination}", hook.name())
        }
        Step::Table { table, skipped: Some(skip) } => writeln!(f, "  {table}: {skip}"),
        Step::Table { table, skipped: None } => writeln!(f, "  {table}"),
        Step::Gap { at, depth, missed } => {
            write!(f, "{:indent$}{at}: ", "", indent = 5 + 3 * depth)?;
            match missed {
                Some(mismatch) => writeln!(f, "{mismatch}"),
                None => f.write_str("cannot be followed\n"),
            }
        }
        Step::End { then, depth, .. } => {
            let then = match then {
                Then::Back => "returns",
                Then::Accept => "its policy accepts",
                Then::Drop => "its policy drops",
            };
            writeln!(f, "{:indent$}end of the chain: {then}", "", indent = 5 + 3 * depth)
        }
        Step::Rerouted { interface, by_mark } => {
            let changed = if *by_mark { "mark" } else { "destination" };
            writeln!(f, "  rerouted because its {changed} changed: out via {interface}")
        }
        Step::Looped => writeln!(f, "\nIt leaves via lo and comes back in."),
        Step::Rule { .. } => Ok(()),
    }
}
