//! Warnings about a pod: settings that do not do what they seem to do. An ordinary pod has none.

use std::fmt;

use crate::annotations::{INTERCEPTION_MODE, NATIVE_SIDECAR, PROXY_CONFIG, REWRITE_PROBES, STATUS_PORT, Verdict};
use crate::config::Config;
use crate::decision::{Decision, Note, Reason, SWITCH, Source};
use crate::go;
use crate::inject::{Finding, findings};
use crate::mesh::{MeshConfig, ProxyConfig};
use crate::object::Workload;
use crate::value::{EcoString, Map, Value};
use crate::yaml;

/// A setting that does not do what it seems to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    /// The switch is neither `true` nor `false`.
    Switch(Note),
    /// The switch is an annotation.
    DeprecatedSwitch,
    /// The switch is both an annotation and a label, with different values: the annotation's and the label's.
    OverruledSwitch(EcoString, EcoString),
    /// The switch is `true`, but the pod is still not injected.
    Declined(Source, Reason),
    /// An injection annotation that nothing is known to read; the one that was probably meant.
    Unknown(EcoString, Option<EcoString>),
    /// An annotation that is deprecated in Istio, and its replacement.
    Deprecated(EcoString, Option<&'static str>),
    /// A label that only works as an annotation.
    Misplaced(EcoString),
    /// An annotation that has to be a boolean; its value, and the effect or the remedy.
    NoBoolean(&'static str, EcoString, &'static str),
    /// A field of the pod's proxy config that does not exist.
    UnknownField(String),
    /// The pod's proxy config changes the agent's port: to the first one, from the second.
    StatusPort(i32, i32),
    /// The pod's proxy config sets REDIRECT, but the mesh uses TPROXY.
    Redirect,
    /// An annotation or a label of a workload that belongs on its pods: which of the two, its name, and its place.
    WrongLevel(&'static str, EcoString, String),
    /// Something in the injected pod.
    Finding(Finding),
}

/// The warnings about a workload, whether or not its pods are injected.
pub fn of_workload(workload: &Workload) -> impl Iterator<Item = Warning> {
    let place =
        |(what, name): (&'static str, &EcoString)| Warning::WrongLevel(what, name.clone(), workload.pod_metadata());
    workload.above_template().map(place)
}

/// The warnings about the switch: for every pod that a decision was made about.
pub fn of_switch<'a>(metadata: &'a Value, decision: &'a Decision) -> impl Iterator<Item = Warning> + 'a {
    let (label, annotation) = (metadata.str_at(&["labels", SWITCH]), metadata.str_at(&["annotations", SWITCH]));
    let invalid = decision.notes.iter().filter(|note| matches!(note, Note::InvalidSwitch { .. }));
    let invalid = invalid.cloned().map(Warning::Switch);
    let deprecated = (decision.reason == Reason::Switch(Source::Annotation)).then_some(Warning::DeprecatedSwitch);
    let overruled = match (annotation, label) {
        (Some(annotation @ ("true" | "false")), Some(label)) if label != annotation => {
            Some(Warning::OverruledSwitch(annotation.into(), label.into()))
        }
        (Some(_) | None, _) => None,
    };
    let source = if label.is_some() { Source::Label } else { Source::Annotation };
    let asks = label.or(annotation) == Some("true");
    let declined = (asks && !decision.inject).then(|| Warning::Declined(source, decision.reason.clone()));
    // If the pod is not injected in any case, nothing else about the switch matters.
    let others = declined.is_none().then_some([deprecated, overruled]);
    invalid.chain(declined).chain(others.into_iter().flatten().flatten())
}

/// The injecting program: each merges a pod's own proxy config into the mesh's by different rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `kube-inject`, for which `mesh` already includes the pod's own proxy config.
    KubeInject,
    /// A webhook, including Istio's: fields that are zero are not merged.
    Webhook,
}

/// The warnings about a pod, from its original and its injected form.
pub fn of_injected<'a>(
    pod: &'a Value,
    injected: &'a Value,
    mesh: &'a MeshConfig,
    by: By,
    config: &'a Config,
) -> impl Iterator<Item = Warning> + 'a {
    let of = |key: &str| pod.at(&["metadata", key]).and_then(Value::as_map);
    let annotations = of("annotations");
    let mentions = &config.injection.mentions;
    let by_name = annotations.into_iter().flat_map(Map::keys).filter_map(|name| match mentions.annotation(name) {
        Verdict::Unknown(nearest) => Some(Warning::Unknown(name.clone(), nearest)),
        Verdict::Deprecated(other) => Some(Warning::Deprecated(name.clone(), other)),
        Verdict::Fine | Verdict::Misplaced => None,
    });
    let labels = of("labels").into_iter().flat_map(Map::keys);
    let labels = labels.filter(|name| mentions.label(name) == Verdict::Misplaced).cloned().map(Warning::Misplaced);
    let status_port = mesh.default_config().status_port();
    let findings = findings(pod, injected, status_port, &config.values).into_iter().map(Warning::Finding);
    by_name
        .chain(labels)
        .chain(annotations.into_iter().flat_map(no_booleans))
        .chain(annotations.into_iter().flat_map(move |annotations| proxy_config(annotations, mesh, by)))
        .chain(findings)
}

fn no_booleans(annotations: &Map) -> impl Iterator<Item = Warning> {
    let value = |name| annotations.str(name).filter(|value| !value.is_empty());
    let native = value(NATIVE_SIDECAR).filter(|value| !matches!(*value, "true" | "false"));
    // Istio's template treats any other text as true, Istio's code as unset.
    let native = native.map(|value| Warning::NoBoolean(NATIVE_SIDECAR, value.into(), "use one of them"));
    let rewrite = value(REWRITE_PROBES).filter(|value| go::parse_bool(value).is_none());
    let rewrite = rewrite.map(|value| Warning::NoBoolean(REWRITE_PROBES, value.into(), "it is ignored"));
    native.into_iter().chain(rewrite)
}

/// The parts of the pod's own proxy config that have no effect, or not the intended one.
fn proxy_config(annotations: &Map, mesh: &MeshConfig, by: By) -> Vec<Warning> {
    let tree = annotations.str(PROXY_CONFIG).and_then(|text| yaml::parse(text).ok());
    let Some(tree) = tree else { return Vec::new() };
    let Ok((own, unknown)) = ProxyConfig::of_tree(&tree) else { return Vec::new() };
    let mut warnings: Vec<_> = unknown.into_iter().map(Warning::UnknownField).collect();
    if by == By::KubeInject {
        return warnings;
    }
    let mesh = mesh.default_config();
    // With the annotation for the port, probes use that port.
    let moves = own.status_port() != 0 && own.status_port() != mesh.status_port();
    if moves && !annotations.contains_key(STATUS_PORT) {
        warnings.push(Warning::StatusPort(own.status_port(), mesh.status_port()));
    }
    let mode = ["interceptionMode", "interception_mode"].into_iter().find_map(|key| tree.str_at(&[key]));
    // REDIRECT is zero.
    if mode == Some("REDIRECT") && mesh.is_tproxy() && !annotations.contains_key(INTERCEPTION_MODE) {
        warnings.push(Warning::Redirect);
    }
    warnings
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Switch(note) => note.fmt(f),
            Warning::DeprecatedSwitch => {
                write!(f, "annotation {SWITCH} is deprecated: use the label of the same name")
            }
            Warning::OverruledSwitch(annotation, label) => {
                write!(
                    f,
                    "annotation {SWITCH}: {annotation:?} has no effect: the label of the same name, {label:?}, takes precedence"
                )
            }
            Warning::Declined(source, reason) => {
                write!(f, "{source} {SWITCH}: \"true\" has no effect: {reason}")
            }
            Warning::Unknown(name, Some(nearest)) => {
                write!(f, "annotation {name} has no effect: nothing reads it; did you mean {nearest}?")
            }
            Warning::Unknown(name, None) => {
                write!(f, "annotation {name} has no effect: neither Istio nor an injection template reads it")
            }
            Warning::Deprecated(name, Some(other)) => write!(f, "annotation {name} is deprecated: use {other}"),
            Warning::Deprecated(name, None) => write!(f, "annotation {name} is deprecated in Istio"),
            Warning::Misplaced(name) => write!(f, "label {name} has no effect: it has to be an annotation"),
            Warning::NoBoolean(name, value, then) => {
                write!(f, "annotation {name}: {value:?} is neither \"true\" nor \"false\"; {then}")
            }
            Warning::UnknownField(field) => {
                write!(f, "annotation {PROXY_CONFIG}: field {field:?} does not exist and is ignored")
            }
            Warning::StatusPort(to, from) => {
                write!(
                    f,
                    "annotation {PROXY_CONFIG}: statusPort {to} moves the agent, but probes and metrics still use port {from}"
                )
            }
            Warning::Redirect => {
                write!(
                    f,
                    "annotation {PROXY_CONFIG}: REDIRECT cannot override the mesh's TPROXY; use {INTERCEPTION_MODE}"
                )
            }
            Warning::WrongLevel(what, name, place) => {
                write!(f, "{what} {name} has no effect: it has to be on the pods, in {place}")
            }
            Warning::Finding(finding) => finding.fmt(f),
        }
    }
}
