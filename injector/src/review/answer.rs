//! An answer: for the API server, for logs and for metrics.

use super::{Passed, Refusal, Subject};
use crate::decision::{Decision, Note};
use crate::value::EcoString;

/// An answer: the review for the API server, and the outcome for people.
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

/// The outcome for a pod.
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

/// Every word with every reason that an outcome can have: for metrics, which export each series before it has counted
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

    /// Problems with the pod's switch or with the config. Invalid selectors are for the operator: they are logged, and
    /// are not warnings.
    pub fn notes(&self) -> &[Note] {
        match self {
            Outcome::Injected { decision, .. } | Outcome::Skipped(decision) => &decision.notes,
            Outcome::Passed(_) | Outcome::Refused(_) => &[],
        }
    }
}

impl Answer {
    /// The fields of its log line, by name. No text is longer than 512 characters, and the only texts from the pod are
    /// its names and an invalid switch. The texts may hold any character: the caller has to escape them.
    pub fn log_fields(&self) -> Vec<(&'static str, String)> {
        let Answer { outcome, subject, .. } = self;
        let (templates, error) = match outcome {
            Outcome::Injected { templates, .. } => (templates.join(","), String::new()),
            Outcome::Skipped(_) | Outcome::Passed(_) => (String::new(), String::new()),
            Outcome::Refused(refusal) => (String::new(), refusal.summary()),
        };
        let notes = match outcome {
            Outcome::Passed(passed) => vec![passed.to_string()],
            Outcome::Injected { .. } | Outcome::Skipped(_) | Outcome::Refused(_) => {
                outcome.notes().iter().map(ToString::to_string).collect()
            }
        };
        let optional = [
            ("namespace", subject.namespace.to_string()),
            ("name", subject.name.to_string()),
            ("uid", subject.uid.to_string()),
            ("dry_run", if subject.dry_run { "true".to_owned() } else { String::new() }),
            ("templates", templates),
            ("error", error),
            ("note", notes.join("; ")),
        ];
        let mut fields = vec![("decision", outcome.word().to_owned()), ("reason", outcome.reason().to_owned())];
        fields.extend(optional.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key, cut(text))));
        fields
    }
}

/// Any caller of the webhook can send long texts, which do not belong in a log.
fn cut(mut text: String) -> String {
    const LONGEST: usize = 512;
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.pop();
        text.push('…');
    }
    text
}
