//! Reviews that do not concern the injector: the webhook's rules match too much.

use std::fmt;

use crate::value::{EcoString, Value};

/// A review of something other than the creation of a pod. It is allowed unchanged: refusing it would block operations
/// that do not concern the injector, such as the deletion of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// The object is not a pod.
    NotAPod {
        /// Its `kind`.
        kind: EcoString,
    },
    /// The pod already exists, and Kubernetes does not allow adding containers to it.
    Operation(EcoString),
}

impl Passed {
    /// Checks what a request is about. Istio does not.
    pub(crate) fn of(request: &Value) -> Option<Self> {
        let text = |path: &[&str]| request.str_at(path).unwrap_or_default();
        // A client such as `istioctl kube-inject` names no operation.
        match text(&["operation"]) {
            "" | "CREATE" => (),
            other => return Some(Passed::Operation(other.into())),
        }
        let (version, kind) = (text(&["object", "apiVersion"]), text(&["object", "kind"]));
        if !kind.is_empty() {
            let is_pod = kind == "Pod" && matches!(version, "" | "v1");
            return (!is_pod).then(|| Passed::NotAPod { kind: kind.into() });
        }
        // `istioctl kube-inject` sends pods that have no `kind`, and its requests are of a kind of their own.
        let (group, kind) = (text(&["kind", "group"]), text(&["kind", "kind"]));
        let is_pod = (group.is_empty() && matches!(kind, "" | "Pod")) || group == "admission.k8s.io";
        (!is_pod).then(|| Passed::NotAPod { kind: kind.into() })
    }

    /// The reason in one stable word.
    pub fn key(&self) -> &'static str {
        match self {
            Passed::NotAPod { .. } => "not-a-pod",
            Passed::Operation(_) => "operation",
        }
    }
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Passed::NotAPod { kind } => {
                write!(f, "only pods are injected, not kind {kind:?}; limit the webhook's rules to pods")
            }
            Passed::Operation(operation) => {
                write!(f, "a pod is only injected on CREATE, not on {operation:?}; limit the webhook's rules to CREATE")
            }
        }
    }
}
