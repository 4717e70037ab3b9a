//! `lint`: checks workloads against the requirements of a mesh, before they are deployed. Pure: files in, findings out.
//!
//! ```text
//! files ──input──▶ objects ──picture──▶ workloads, injected as the webhook would ──rules──▶ hits ──ignore──▶ findings
//! ```
//!
//! The warnings and refusals of admission are not derived again: `rules::admission` maps these values to rules.

use std::collections::BTreeMap;

use crate::config::{Config, Source};
use crate::kubernetes::Path;
use crate::review::Circumstances;
use crate::value::EcoString;
use crate::yaml::{self, Position};

mod ignore;
mod input;
mod picture;
mod place;
mod protocol;
mod rule;
mod rules;
mod sarif;
mod text;

#[cfg(test)]
mod tests;

pub use rule::{Level, Rule};
pub use rules::RULES;
pub use text::list;

use input::{Input, steps_to};
use picture::Picture;
use place::Hit;

/// The annotation with the rules that are silenced for an object: their names, separated by commas.
pub const IGNORE: &str = "sidecar-injector.io/lint-ignore";

/// How the values of a mesh with Istio's control plane differ from the built-in ones.
pub const ISTIO_VALUES: &str = "global: {proxy: {agent: true}}\nsidecarInjectorWebhook: {rewriteAppHTTPProbe: true}\n";

/// How to check the objects.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// The namespace of objects that name none.
    pub namespace: &'a str,
    /// Names of rules whose findings are left out.
    pub ignored: &'a [&'a str],
    /// What affects the injection besides the configuration.
    pub circumstances: Circumstances<'a>,
    /// Whether no configuration was given, and Istio's defaults are assumed.
    pub istio_defaults: bool,
}

/// Something that is wrong, or could be better.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// The problem.
    pub message: String,
    /// The file.
    pub file: String,
    /// The position in the file.
    pub position: Position,
    /// The object; its name may be empty.
    pub object: Subject,
    /// The path in the object; empty for the whole object.
    pub path: String,
}

/// The object of a finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its kind; empty if it is unknown.
    pub kind: EcoString,
    /// Its namespace; empty if it names none.
    pub namespace: EcoString,
    /// Its name.
    pub name: EcoString,
}

/// The result of checking files.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// All findings, ordered by file and line.
    pub findings: Vec<Finding>,
    /// How many objects there are.
    pub objects: usize,
}

impl Report {
    /// How many findings of a level there are.
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.rule.level == level).count()
    }
}

/// Checks the objects of all files together.
pub fn lint(sources: &[Source], config: &Config, options: &Options<'_>) -> Report {
    let mut input = Input::of(sources, if options.namespace.is_empty() { "default" } else { options.namespace });
    let picture = Picture::of(&mut input, config, options);
    let mut hits = Vec::new();
    for rule in RULES {
        hits.extend(rule.hits(&picture).into_iter().map(|hit| (rule, hit)));
    }
    hits.retain(|(rule, hit)| {
        !options.ignored.contains(&rule.name) && !ignore::ignores(&picture, hit.object, rule.name)
    });
    let mut findings = broken(&input, options);
    let objects = picture.len() + findings.len();
    findings.extend(located(hits, &input));
    let order: BTreeMap<_, _> = sources.iter().map(|source| source.name.as_str()).zip(0..).collect();
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (order.get(finding.file.as_str()).copied().unwrap_or(0), finding.position);
        (key(a), a.rule.name, &a.message).cmp(&(key(b), b.rule.name, &b.message))
    });
    Report { findings, objects }
}

/// The findings about what cannot be parsed.
fn broken(input: &Input<'_>, options: &Options<'_>) -> Vec<Finding> {
    let Some(rule) = Rule::named(rules::INVALID_OBJECT).filter(|rule| !options.ignored.contains(&rule.name)) else {
        return Vec::new();
    };
    let finding = |broken: &input::Broken| {
        let document = input.documents.get(broken.document)?;
        Some(Finding {
            rule,
            message: broken.message.clone(),
            file: document.file.to_owned(),
            position: in_file(broken.position, document.line),
            object: Subject::of(&broken.object),
            path: String::new(),
        })
    };
    input.broken.iter().filter_map(finding).collect()
}

/// A position in a document as a position in its file. An unknown position becomes the beginning of the document.
fn in_file(position: Option<Position>, first_line: usize) -> Position {
    let position = position.unwrap_or(Position { line: 1, column: 1 });
    Position { line: position.line + first_line - 1, ..position }
}

/// Findings, with the positions of hits. Each document is parsed once more, however many hits are in it.
fn located(hits: Vec<(&'static Rule, Hit<'_>)>, input: &Input<'_>) -> Vec<Finding> {
    let mut by_document: BTreeMap<usize, Vec<(&'static Rule, Hit<'_>)>> = BTreeMap::new();
    for (rule, hit) in hits {
        by_document.entry(hit.object.document).or_default().push((rule, hit));
    }
    let mut findings = Vec::new();
    for (document, hits) in by_document {
        let Some(document) = input.documents.get(document) else { continue };
        let paths = hits.iter().map(|(_, hit)| steps_to(&hit.object.item).chain(hit.path.iter().copied()).collect());
        let paths: Vec<Vec<yaml::Step<'_>>> = paths.collect();
        let places = yaml::places(&document.text, &paths.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for ((rule, hit), place) in hits.iter().zip(places) {
            findings.push(Finding {
                rule,
                message: hit.message.clone(),
                file: document.file.to_owned(),
                position: in_file(place, document.line),
                object: Subject::of(&hit.object.tree),
                path: if hit.path.is_empty() { String::new() } else { Path::of(&hit.path).to_string() },
            });
        }
    }
    findings
}
