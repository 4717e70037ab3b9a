//! Why a pod is injected or not, and where what it gets comes from. Pure: what injection itself decided and did, as a value,
//! and that value as text and as JSON.

use crate::decision::Decision;
use crate::inject::{self, Chosen, Trace};
use crate::review::Passed;
use crate::value::{EcoString, Value};
use crate::warnings::{By, Warning};

mod capture;
mod json;
mod origin;
mod source;
mod text;
mod webhooks;

pub use crate::changes::{Kind, Part, Path};
pub use capture::{Capture, Port};
pub use json::to_json;
pub use origin::{Change, Place, origins};
pub use source::{Read, Source};
pub use text::{field, to_text};
pub use webhooks::{Call, Namespace, Verdict as CallVerdict, Webhooks};

/// What is explained: a workload of a file, or a pod that a user wants to create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The kind.
    pub kind: EcoString,
    /// The namespace, if it is known.
    pub namespace: EcoString,
    /// The name; of a pod that has none yet, its `generateName`.
    pub name: EcoString,
}

/// An explanation.
#[derive(Debug)]
pub struct Explanation {
    /// Of what.
    pub subject: Subject,
    /// Who would inject.
    pub by: By,
    /// Whether a webhook is called at all; nothing if the labels of the namespace are not known.
    pub webhooks: Option<Webhooks>,
    /// What becomes of the pod.
    pub verdict: Verdict,
    /// The templates, if the pod is injected.
    pub templates: Option<Templates>,
    /// What does not do what it seems to do.
    pub warnings: Vec<Warning>,
    /// What the pod gets, loses, and what becomes of it, if it is injected.
    pub injection: Option<Injection>,
}

/// What an injection does to a pod.
#[derive(Debug)]
pub struct Injection {
    /// Whether the pod was injected before, and stays as it is. The changes are then those of the first time.
    pub settled: bool,
    /// All that changed, in the pod's order.
    pub changes: Vec<Change>,
    /// Annotations of the pod about injection that nothing reads in these templates, though other templates may.
    pub unread: Vec<EcoString>,
    /// How traffic is captured; nothing if it is not.
    pub capture: Option<Capture>,
}

impl Injection {
    /// The explanation of an injection that was traced. `port` is a port that the user asks about.
    pub fn of(pod: &Value, injected: &Value, trace: &Trace, setup: &inject::Setup<'_>, port: Option<u16>) -> Self {
        Injection {
            settled: injected == pod,
            changes: origins(trace, setup),
            unread: origin::unread(pod, trace, setup),
            capture: Capture::of(injected, port),
        }
    }
}

/// What becomes of a pod.
#[derive(Debug)]
pub enum Verdict {
    /// It is injected.
    Injected(Decision),
    /// It stays as it is.
    Skipped(Decision),
    /// It stays as it is: the API server calls no webhook for it. The decision is what the injector would have made.
    NotCalled(Decision),
    /// It stays as it is: the review is not about the creation of a pod.
    Passed(Passed),
    /// It cannot be injected: a webhook refuses it, and kube-inject fails.
    Refused {
        /// What was decided before that.
        decision: Option<Decision>,
        /// Why, in one stable word.
        reason: &'static str,
        /// Why.
        message: String,
    },
}

impl Verdict {
    /// The verdict in one stable word.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Injected(_) => "injected",
            Verdict::Skipped(_) | Verdict::Passed(_) => "skipped",
            Verdict::NotCalled(_) => "not-called",
            Verdict::Refused { .. } => "refused",
        }
    }

    /// Why, in one stable word.
    pub fn reason(&self) -> &'static str {
        match self {
            Verdict::Injected(decision) | Verdict::Skipped(decision) => decision.reason.key(),
            Verdict::NotCalled(_) => "no-webhook",
            Verdict::Passed(passed) => passed.key(),
            Verdict::Refused { reason, .. } => reason,
        }
    }

    /// Why, in a sentence.
    pub fn because(&self) -> String {
        match self {
            Verdict::Injected(decision) | Verdict::Skipped(decision) => decision.reason.to_string(),
            Verdict::NotCalled(_) => "no webhook's selectors match".to_owned(),
            Verdict::Passed(passed) => passed.to_string(),
            Verdict::Refused { message, .. } => message.clone(),
        }
    }

    /// The decision, if one was made.
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            Verdict::Injected(decision) | Verdict::Skipped(decision) | Verdict::NotCalled(decision) => Some(decision),
            Verdict::Refused { decision, .. } => decision.as_ref(),
            Verdict::Passed(_) => None,
        }
    }
}

/// Which templates a pod gets, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templates {
    /// Whether the pod's annotation `inject.istio.io/templates` asks for them; otherwise they are the default.
    pub asked: bool,
    /// The templates, in their order: the name, and the alias that it comes from if there is one.
    pub names: Vec<(EcoString, Option<EcoString>)>,
}

impl Templates {
    /// Those of a pod.
    pub fn of(pod: &Value, setup: &inject::Setup<'_>) -> Self {
        let owned = |Chosen { name, alias }: Chosen<'_>| (name.into(), alias.map(EcoString::from));
        Templates {
            asked: pod.at(&["metadata", "annotations", crate::annotations::TEMPLATES]).is_some(),
            names: inject::chosen(pod, setup).into_iter().map(owned).collect(),
        }
    }
}
