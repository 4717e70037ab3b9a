//! An answer: for the API server, for logs and for metrics.

use std::fmt::{self, Write};

use super::{Passed, Refusal, Subject};
use crate::decision::{Decision, Note};
use crate::value::EcoString;

/// An answer: the review for the API server, and what became of the pod, for people.
#[derive(Debug)]
pub struct Answer {
    /// The AdmissionReview, as JSON.
    pub body: String,
    /// What happened.
    pub outcome: Outcome,
    /// What it happened to.
    pub subject: Subject,
    /// The warnings in the body. They are for the user, and may quote from the pod.
    pub warnings: Vec<String>,
}

/// What became of a pod.
#[derive(Debug)]
pub enum Outcome {
    /// It is injected.
    Injected {
        /// Why.
        decision: Decision,
        /// The templates that were rendered, in this order.
        templates: Vec<EcoString>,
    },
    /// It stays as it is.
    Skipped(Decision),
    /// It stays as it is: the review is not about the creation of a pod.
    Passed(Passed),
    /// It is refused.
    Refused(Refusal),
}

/// Every word with every reason that an outcome can have: for metrics, which show a series before it has counted
/// anything.
pub const REASONS: [(&str, &str); 25] = [
    ("injected", "always-selector"),
    ("injected", "annotation"),
    ("injected", "label"),
    ("injected", "policy-enabled"),
    ("skipped", "annotation"),
    ("skipped", "host-network"),
    ("skipped", "label"),
    ("skipped", "never-selector"),
    ("skipped", "not-a-pod"),
    ("skipped", "operation"),
    ("skipped", "policy-disabled"),
    ("skipped", "policy-unknown"),
    ("skipped", "system-namespace"),
    ("refused", "invalid-annotation"),
    ("refused", "invalid-container"),
    ("refused", "invalid-json"),
    ("refused", "invalid-pod"),
    ("refused", "invalid-scrape-target"),
    ("refused", "no-object"),
    ("refused", "no-request"),
    ("refused", "not-a-review"),
    ("refused", "template-merge"),
    ("refused", "template-output"),
    ("refused", "template-render"),
    ("refused", "unknown-template"),
];

impl Outcome {
    /// `injected`, `skipped` or `refused`.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Injected { .. } => "injected",
            Outcome::Skipped(_) | Outcome::Passed(_) => "skipped",
            Outcome::Refused(_) => "refused",
        }
    }

    /// Why, in one stable word: one of [`REASONS`].
    pub fn reason(&self) -> &'static str {
        match self {
            Outcome::Injected { decision, .. } | Outcome::Skipped(decision) => decision.reason.key(),
            Outcome::Passed(passed) => passed.key(),
            Outcome::Refused(refusal) => refusal.key(),
        }
    }

    /// What in the pod's switch or in the config has no effect. Invalid selectors are the operator's business: they belong
    /// into the log, and are no warnings.
    pub fn notes(&self) -> &[Note] {
        match self {
            Outcome::Injected { decision, .. } | Outcome::Skipped(decision) => &decision.notes,
            Outcome::Passed(_) | Outcome::Refused(_) => &[],
        }
    }
}

impl Answer {
    /// One line for a log, `key=value` each. No text in it can end the line or steer a terminal, and nothing in it comes
    /// out of the pod but its names and a switch that is invalid.
    pub fn log_line(&self) -> String {
        let Answer { outcome, subject, .. } = self;
        let mut line = format!("decision={} reason={}", outcome.word(), outcome.reason());
        let mut field = |key: &str, value: &str| {
            if !value.is_empty() {
                // Writing to a string cannot fail.
                let _ = write!(line, " {key}={}", Quoted(value));
            }
        };
        field("namespace", &subject.namespace);
        field("name", &subject.name);
        field("uid", &subject.uid);
        field("dry_run", if subject.dry_run { "true" } else { "" });
        match outcome {
            Outcome::Injected { templates, .. } => field("templates", &templates.join(",")),
            Outcome::Skipped(_) => (),
            Outcome::Passed(passed) => field("note", &passed.to_string()),
            Outcome::Refused(refusal) => field("error", &refusal.summary()),
        }
        outcome.notes().iter().for_each(|note| field("note", &note.to_string()));
        line
    }
}

/// A value in a log line: quoted and escaped if it is not plain, and cut if it is long.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 512;
        let text = match self.0.char_indices().nth(LONGEST) {
            Some((end, _)) => &format!("{}...", self.0.get(..end).unwrap_or_default()),
            None => self.0,
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | ',');
        if text.chars().all(is_plain) { f.write_str(text) } else { write!(f, "{text:?}") }
    }
}
