//! Findings as text for people: one line each, ordered by file and line.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::rule::{Level, Rule};
use super::rules::RULES;
use super::{Finding, Report, Subject};
use crate::json;
use crate::value::Value;

impl Subject {
    /// The object of a tree.
    pub(super) fn of(object: &Value) -> Self {
        let text = |path: &[&str]| object.str_at(path).unwrap_or_default();
        let name = Some(text(&["metadata", "name"])).filter(|name| !name.is_empty());
        Subject {
            kind: text(&["kind"]).into(),
            namespace: text(&["metadata", "namespace"]).into(),
            name: name.unwrap_or_else(|| text(&["metadata", "generateName"])).into(),
        }
    }

    /// Kind, namespace and name, as far as they are known.
    pub(super) fn full_name(&self) -> String {
        let slash = if self.namespace.is_empty() || self.name.is_empty() { "" } else { "/" };
        let name = format!("{}{slash}{}", self.namespace, self.name);
        [self.kind.as_str(), &name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

impl Report {
    /// The findings and their number. The remedy is shown with the first finding of each rule in a file.
    pub fn to_text(&self, colour: bool) -> String {
        let mut out = String::new();
        let mut advised = BTreeSet::new();
        for finding in &self.findings {
            let advise = advised.insert((finding.file.as_str(), finding.rule.name));
            line(&mut out, finding, advise, colour);
        }
        let [errors, warnings, infos] = Level::ALL.map(|level| self.count(level));
        let _ = writeln!(out, "objects: {}, errors: {errors}, warnings: {warnings}, info: {infos}", self.objects);
        out
    }
}

fn line(out: &mut String, finding: &Finding, advise: bool, colour: bool) {
    let Finding { rule, message, file, position, object, .. } = finding;
    let (start, end) = if colour { (colour_of(rule.level), "\x1b[0m") } else { ("", "") };
    let object = object.full_name();
    let colon = if object.is_empty() { "" } else { ": " };
    let what = format!("{object}{colon}{message}");
    let what = json::visible(&what);
    let _ = write!(out, "{}:{}: {start}{}[{}]{end}: {what}", json::visible(file), position.line, rule.level, rule.name);
    if advise {
        let _ = match what.ends_with('?') {
            true => write!(out, " {}", capital(rule.advice)),
            false => write!(out, "; {}", rule.advice),
        };
    }
    out.push('\n');
}

/// A text with its first letter capitalised.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn colour_of(level: Level) -> &'static str {
    match level {
        Level::Error => "\x1b[1;31m",
        Level::Warning => "\x1b[1;33m",
        Level::Info => "\x1b[1;36m",
    }
}

/// All rules, one per line: name, level, what it finds.
pub fn list() -> String {
    let width = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or_default();
    let line = |rule: &Rule| format!("{:width$}  {:7}  {}\n", rule.name, rule.level, rule.finds);
    RULES.iter().map(line).collect()
}
