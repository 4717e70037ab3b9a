//! Why a review is answered with a refusal.

use crate::inject;
use crate::kubernetes::typed;

/// The `apiVersion`s of reviews that are answered.
pub(super) const VERSIONS: [&str; 2] = ["admission.k8s.io/v1", "admission.k8s.io/v1beta1"];

/// Why a review is answered with a refusal. The messages are for the pod's author, and may quote from the pod.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The body is not JSON.
    #[error("Could not decode body: {0}")]
    Json(serde_json::Error),
    /// The body is something else.
    #[error("Could not decode object: it has to be an AdmissionReview of {}, not {api_version:?} {kind:?}", VERSIONS.join(" or "))]
    NoReview {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
    },
    /// The review has no request.
    #[error("the AdmissionReview has no request")]
    NoRequest,
    /// The request has no object.
    #[error(
        "Could not unmarshal raw object: the request has no `object`; a review of the creation of a pod has the pod there"
    )]
    NoObject,
    /// The object is not a pod.
    #[error("Could not unmarshal raw object: {0}")]
    NoPod(typed::Error),
    /// The injection failed.
    #[error("{0}")]
    Inject(inject::Error),
}

impl Refusal {
    /// The reason in one stable word.
    pub fn key(&self) -> &'static str {
        match self {
            Refusal::Json(_) => "invalid-json",
            Refusal::NoReview { .. } => "not-a-review",
            Refusal::NoRequest => "no-request",
            Refusal::NoObject => "no-object",
            Refusal::NoPod(_) => "invalid-pod",
            Refusal::Inject(error) => error.key(),
        }
    }

    /// The reason for a log: what is wrong and in which place, and nothing from the pod.
    pub fn summary(&self) -> String {
        match self {
            Refusal::Json(_) | Refusal::NoReview { .. } | Refusal::NoRequest | Refusal::NoObject => self.to_string(),
            Refusal::NoPod(error) => format!("the object is no pod: {} has the wrong type or form", error.path()),
            Refusal::Inject(error) => error.summary(),
        }
    }
}
