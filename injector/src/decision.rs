//! Whether a pod is injected, and why.

use std::fmt;

use crate::kubernetes::selector::{self, Selector};
use crate::value::{EcoString, Map, Value};

/// The label and the annotation with which a pod requests the sidecar, or declines it.
pub const SWITCH: &str = "sidecar.istio.io/inject";

/// Namespaces that are never injected.
pub const SYSTEM_NAMESPACES: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

/// What happens to pods that neither request the sidecar nor decline it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// They are injected.
    Enabled,
    /// They are not.
    Disabled,
    /// Any other value of `policy`: nothing is injected at all.
    Unknown(EcoString),
}

impl From<&str> for Policy {
    fn from(text: &str) -> Self {
        match text {
            "enabled" => Policy::Enabled,
            "disabled" => Policy::Disabled,
            other => Policy::Unknown(other.into()),
        }
    }
}

/// One of the config's selectors; invalid ones are skipped, with a note.
pub type SelectorResult = Result<Selector, selector::Error>;

/// The parts of the injection config that decide which pods are injected.
#[derive(Clone, Debug)]
pub struct Rules {
    /// `policy`.
    pub policy: Policy,
    /// `neverInjectSelector`.
    pub never: Vec<SelectorResult>,
    /// `alwaysInjectSelector`.
    pub always: Vec<SelectorResult>,
}

impl Rules {
    /// The rules of kube-inject: every pod that does not decline is injected.
    pub const fn inject_by_default() -> Self {
        Rules { policy: Policy::Enabled, never: Vec::new(), always: Vec::new() }
    }
}

/// The place of a pod's switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In a label, which wins over the annotation.
    Label,
    /// In an annotation.
    Annotation,
}

/// Whether a pod is injected, why, and what was ignored in deciding it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Whether it is injected.
    pub inject: bool,
    /// What decided.
    pub reason: Reason,
    /// Notes for the user.
    pub notes: Vec<Note>,
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The pod uses the host's network; traffic capture would affect the whole node.
    HostNetwork,
    /// The pod is in one of Kubernetes' own namespaces.
    SystemNamespace(EcoString),
    /// The pod requests the sidecar, or declines it.
    Switch(Source),
    /// `neverInjectSelector`; the position of the selector.
    NeverSelector(usize),
    /// `alwaysInjectSelector`; the position of the selector.
    AlwaysSelector(usize),
    /// The policy.
    Policy(Policy),
}

impl Reason {
    /// The reason in one stable word, for metrics and audit annotations.
    pub fn key(&self) -> &'static str {
        match self {
            Reason::HostNetwork => "host-network",
            Reason::SystemNamespace(_) => "system-namespace",
            Reason::Switch(Source::Label) => "label",
            Reason::Switch(Source::Annotation) => "annotation",
            Reason::NeverSelector(_) => "never-selector",
            Reason::AlwaysSelector(_) => "always-selector",
            Reason::Policy(Policy::Enabled) => "policy-enabled",
            Reason::Policy(Policy::Disabled) => "policy-disabled",
            Reason::Policy(Policy::Unknown(_)) => "policy-unknown",
        }
    }
}

/// Something in the pod or the config that has no effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A switch that is neither `true` nor `false`.
    InvalidSwitch {
        /// Whether it is a label or an annotation.
        source: Source,
        /// Its value.
        value: EcoString,
    },
    /// A selector of the config that cannot be used.
    InvalidSelector {
        /// `neverInjectSelector` or `alwaysInjectSelector`.
        list: &'static str,
        /// Its position.
        index: usize,
        /// What is wrong with it.
        error: selector::Error,
    },
}

/// Decides about a pod.
pub fn of_pod(pod: &Value, rules: &Rules) -> Decision {
    static NOTHING: Value = Value::Null;
    let host_network = pod.at(&["spec", "hostNetwork"]) == Some(&Value::Bool(true));
    decide(pod.get("metadata").unwrap_or(&NOTHING), host_network, rules)
}

/// Decides about a pod by its metadata and its use of the host's network.
pub fn decide(metadata: &Value, host_network: bool, rules: &Rules) -> Decision {
    let mut notes = Vec::new();
    if host_network {
        return Decision { inject: false, reason: Reason::HostNetwork, notes };
    }
    let namespace = metadata.str_at(&["namespace"]).unwrap_or_default();
    if SYSTEM_NAMESPACES.contains(&namespace) {
        return Decision { inject: false, reason: Reason::SystemNamespace(namespace.into()), notes };
    }
    let decided = switch(metadata, &mut notes).or_else(|| selected(metadata, rules, &mut notes));
    let (inject, reason) = match (&rules.policy, decided) {
        (Policy::Unknown(_), _) => (false, Reason::Policy(rules.policy.clone())),
        (Policy::Enabled | Policy::Disabled, Some(decided)) => decided,
        (Policy::Enabled, None) => (true, Reason::Policy(Policy::Enabled)),
        (Policy::Disabled, None) => (false, Reason::Policy(Policy::Disabled)),
    };
    Decision { inject, reason, notes }
}

/// The pod's own choice.
fn switch(metadata: &Value, notes: &mut Vec<Note>) -> Option<(bool, Reason)> {
    let label = metadata.str_at(&["labels", SWITCH]);
    let (source, value) = match label {
        Some(value) => (Source::Label, value),
        None => (Source::Annotation, metadata.str_at(&["annotations", SWITCH]).unwrap_or_default()),
    };
    match value {
        "true" => Some((true, Reason::Switch(source))),
        "false" => Some((false, Reason::Switch(source))),
        "" => None,
        other => {
            notes.push(Note::InvalidSwitch { source, value: other.into() });
            None
        }
    }
}

/// The choice of the config's selectors.
fn selected(metadata: &Value, rules: &Rules, notes: &mut Vec<Note>) -> Option<(bool, Reason)> {
    static NO_LABELS: Map = Map::new();
    let labels = metadata.get("labels").and_then(Value::as_map).unwrap_or(&NO_LABELS);
    let mut first = |list: &'static str, selectors: &[SelectorResult]| {
        selectors.iter().enumerate().find_map(|(index, selector)| match selector {
            // An empty selector would match everything; in Istio, it matches nothing.
            Ok(selector) => (!selector.is_empty() && selector.matches(labels)).then_some(index),
            Err(error) => {
                notes.push(Note::InvalidSelector { list, index, error: error.clone() });
                None
            }
        })
    };
    if let Some(index) = first("neverInjectSelector", &rules.never) {
        return Some((false, Reason::NeverSelector(index)));
    }
    first("alwaysInjectSelector", &rules.always).map(|index| (true, Reason::AlwaysSelector(index)))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Label => "label",
            Source::Annotation => "annotation",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::HostNetwork => f.write_str("the pod uses the host's network"),
            Reason::SystemNamespace(name) => write!(f, "namespace {name} is never injected"),
            Reason::Switch(source) => write!(f, "the pod's {source} {SWITCH}"),
            Reason::NeverSelector(index) => write!(f, "the pod's labels match neverInjectSelector[{index}]"),
            Reason::AlwaysSelector(index) => write!(f, "the pod's labels match alwaysInjectSelector[{index}]"),
            Reason::Policy(Policy::Enabled) => f.write_str("the policy is enabled"),
            Reason::Policy(Policy::Disabled) => {
                write!(f, "the policy is disabled; set the pod's label {SWITCH} to \"true\" to inject it")
            }
            Reason::Policy(Policy::Unknown(policy)) => {
                write!(f, "policy {policy:?} in the injection config is neither enabled nor disabled")
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::InvalidSwitch { source, value } => {
                write!(f, "{source} {SWITCH}: {value:?} is neither \"true\" nor \"false\"; it is ignored")
            }
            Note::InvalidSelector { list, index, error } => {
                write!(f, "{list}[{index}] of the injection config is invalid and skipped: {error}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(policy: &str, never: &[&str], always: &[&str]) -> Rules {
        let parse = |texts: &[&str]| {
            texts.iter().map(|t| Selector::parse(&crate::json::parse(t.as_bytes()).unwrap())).collect()
        };
        Rules { policy: policy.into(), never: parse(never), always: parse(always) }
    }

    fn metadata(text: &str) -> Value {
        crate::json::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_pod_decides_first_then_selectors_then_the_policy() {
        const FOO: &str = r#"{"matchLabels":{"foo":"bar"}}"#;
        const EXISTS: &str = r#"{"matchExpressions":[{"key":"foo","operator":"Exists"}]}"#;
        const EMPTY: &str = "{}";
        let annotation = |value| format!(r#"{{"annotations":{{"{SWITCH}":"{value}"}}}}"#);
        let label = |value| format!(r#"{{"labels":{{"{SWITCH}":"{value}"}}}}"#);
        let foo = r#"{"labels":{"foo":"bar"}}"#.to_owned();
        let foo_and = |value| format!(r#"{{"labels":{{"foo":"bar"}},"annotations":{{"{SWITCH}":"{value}"}}}}"#);
        let policy = |p: &str| Reason::Policy(p.into());
        let cases = [
            ("{}".to_owned(), rules("enabled", &[], &[]), true, policy("enabled")),
            ("{}".to_owned(), rules("disabled", &[], &[]), false, policy("disabled")),
            (annotation("true"), rules("disabled", &[], &[]), true, Reason::Switch(Source::Annotation)),
            (annotation("false"), rules("enabled", &[], &[]), false, Reason::Switch(Source::Annotation)),
            (annotation(""), rules("enabled", &[], &[]), true, policy("enabled")),
            (annotation("yes"), rules("enabled", &[], &[]), true, policy("enabled")),
            (annotation("TRUE"), rules("disabled", &[], &[]), false, policy("disabled")),
            (label("true"), rules("disabled", &[], &[]), true, Reason::Switch(Source::Label)),
            (
                format!(r#"{{"labels":{{"{SWITCH}":"false"}},"annotations":{{"{SWITCH}":"true"}}}}"#),
                rules("enabled", &[], &[]),
                false,
                Reason::Switch(Source::Label),
            ),
            (
                format!(r#"{{"labels":{{"{SWITCH}":""}},"annotations":{{"{SWITCH}":"false"}}}}"#),
                rules("enabled", &[], &[]),
                true,
                policy("enabled"),
            ),
            (annotation("true"), rules("", &[], &[]), false, policy("")),
            ("{}".to_owned(), rules("on", &[], &[]), false, policy("on")),
            (foo.clone(), rules("enabled", &[FOO], &[]), false, Reason::NeverSelector(0)),
            (foo.clone(), rules("disabled", &[], &[FOO]), true, Reason::AlwaysSelector(0)),
            (foo.clone(), rules("enabled", &[EMPTY, EXISTS], &[FOO]), false, Reason::NeverSelector(1)),
            (foo.clone(), rules("disabled", &[EMPTY], &[EMPTY]), false, policy("disabled")),
            (foo_and("true"), rules("disabled", &[FOO], &[]), true, Reason::Switch(Source::Annotation)),
            (foo_and("false"), rules("enabled", &[], &[FOO]), false, Reason::Switch(Source::Annotation)),
            (foo_and("x"), rules("disabled", &[], &[FOO]), true, Reason::AlwaysSelector(0)),
            (r#"{"namespace":"kube-system"}"#.to_owned(), rules("enabled", &[], &[]), false, {
                Reason::SystemNamespace("kube-system".into())
            }),
        ];
        for (i, (text, rules, inject, reason)) in cases.into_iter().enumerate() {
            let decision = decide(&metadata(&text), false, &rules);
            assert_eq!((decision.inject, decision.reason), (inject, reason), "case {i}: {text}");
        }
    }

    #[test]
    fn a_pod_on_the_host_network_is_not_injected_even_if_it_asks() {
        let asks = metadata(&format!(r#"{{"labels":{{"{SWITCH}":"true"}}}}"#));
        let decision = decide(&asks, true, &Rules::inject_by_default());
        assert_eq!((decision.inject, decision.reason), (false, Reason::HostNetwork));
    }

    #[test]
    fn what_has_no_effect_is_noted() {
        let pod = metadata(&format!(r#"{{"labels":{{"{SWITCH}":"yes","foo":"bar"}}}}"#));
        let invalid = r#"{"matchExpressions":[{"key":"foo","operator":"Like"}]}"#;
        let decision = decide(&pod, false, &rules("enabled", &[invalid], &[]));
        let notes: Vec<_> = decision.notes.iter().map(ToString::to_string).collect();
        assert!(decision.inject);
        assert_eq!(notes[0], format!("label {SWITCH}: \"yes\" is neither \"true\" nor \"false\"; it is ignored"));
        assert!(notes[1].starts_with("neverInjectSelector[0] of the injection config is invalid and skipped: "));
        assert_eq!(notes.len(), 2);
    }
}
