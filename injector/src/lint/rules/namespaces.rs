//! Namespaces: whether the webhook is called for their pods, and what their Pod Security level forbids.

use crate::check::REVISION;
use crate::decision::{SWITCH, SYSTEM_NAMESPACES};
use crate::explain::{self, Webhooks};
use crate::lint::input::Object;
use crate::lint::picture::{Member, Picture};
use crate::lint::place::{At, Hit};
use crate::value::Value;

/// The label with which a namespace asks for the sidecar in all its pods, or declines it.
pub(in crate::lint) const INJECTION: &str = "istio-injection";
/// The label with which a namespace asks for ztunnel instead of a sidecar.
const DATAPLANE: &str = "istio.io/dataplane-mode";
/// The Pod Security level that a namespace enforces.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

fn labels(namespace: &Object) -> At<'_> {
    At::object(namespace).down(["metadata", "labels"])
}

pub(in crate::lint) fn label<'p>(namespace: &'p Object, name: &str) -> Option<&'p str> {
    labels(namespace).value.str_at(&[name])
}

/// namespace-injection-value
pub(super) fn injection_value<'p>(namespace: &'p Object, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    match label(namespace, INJECTION) {
        None | Some("enabled" | "disabled") => Vec::new(),
        Some(value) => {
            let message = format!(
                "label {INJECTION}: {value:?} is neither \"enabled\" nor \"disabled\", so no webhook is called"
            );
            vec![labels(namespace).key(INJECTION).hit(message)]
        }
    }
}

/// namespace-annotation
pub(super) fn annotation<'p>(namespace: &'p Object, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let annotations = At::object(namespace).down(["metadata", "annotations"]);
    let names = [INJECTION, REVISION, DATAPLANE, SWITCH];
    let misplaced = names.into_iter().map(|name| annotations.key(name)).zip(names).filter(|(at, _)| at.exists());
    misplaced.map(|(at, name)| at.hit(format!("annotation {name} has no effect: it has to be a label"))).collect()
}

/// namespace-labels-contradict
pub(super) fn contradict<'p>(namespace: &'p Object, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let (injection, revision) = (label(namespace, INJECTION), label(namespace, REVISION));
    let mut hits = Vec::new();
    if let (Some(injection), Some(revision)) = (injection, revision) {
        let message =
            format!("label {REVISION}: {revision:?} has no effect: {INJECTION}: {injection:?} takes precedence");
        hits.push(labels(namespace).key(REVISION).hit(message));
    }
    if label(namespace, DATAPLANE) == Some("ambient") && (injection == Some("enabled") || revision.is_some()) {
        let message = "its labels request both ambient mode and sidecars: its pods get a sidecar and bypass ztunnel";
        hits.push(labels(namespace).key(DATAPLANE).hit(message));
    }
    hits
}

/// Whether one of Istio's webhooks is called for a pod: for the default revision, or one that the namespace or the pod
/// names.
pub(in crate::lint) fn is_called(namespace: &Object, pod: &Value) -> bool {
    let known =
        explain::Namespace { name: namespace.name().into(), known_labels: labels(namespace).value.as_map().cloned() };
    let of_pod = pod.at(&["metadata", "labels"]).and_then(|labels| labels.str_at(&[REVISION]));
    let revisions = [Some(""), label(namespace, REVISION), of_pod];
    revisions.into_iter().flatten().any(|revision| Webhooks::ask(None, revision, &known, pod).is_called())
}

/// namespace-not-injected
pub(super) fn not_injected<'p>(namespace: &'p Object, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let is_silent = label(namespace, INJECTION).is_none() && label(namespace, DATAPLANE).is_none();
    if !is_silent || SYSTEM_NAMESPACES.contains(&namespace.name()) {
        return Vec::new();
    }
    let without =
        |member: &&Member| member.object.namespace == namespace.name() && member.decision.inject && !member.is_called;
    let names: Vec<_> = picture.members.iter().filter(without).map(|member| member.object.full_name()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let message = format!("no label enables injection, so the webhook is not called for {}", names.join(", "));
    vec![At::object(namespace).key("metadata").hit(message)]
}

/// namespace-overrules-pod
pub(super) fn overrules<'p>(member: &'p Member, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let Some(namespace) = picture.namespace(&member.object.namespace) else { return Vec::new() };
    let pod_labels = member.metadata().key("labels");
    let mut hits = Vec::new();
    if label(namespace, INJECTION) == Some("disabled") && member.label(SWITCH) == Some("true") {
        let message = format!("label {SWITCH}: \"true\" has no effect: its Namespace has {INJECTION}: \"disabled\"");
        hits.push(pod_labels.key(SWITCH).hit(message));
    }
    let of_namespace = label(namespace, INJECTION).map(|value| (INJECTION, value));
    let of_namespace = of_namespace.or_else(|| label(namespace, REVISION).map(|value| (REVISION, value)));
    if let (Some(own), Some((name, value))) = (member.label(REVISION), of_namespace)
        && (name != REVISION || own != value)
    {
        let message = format!("label {REVISION}: {own:?} has no effect: its Namespace has {name}: {value:?}");
        hits.push(pod_labels.key(REVISION).hit(message));
    }
    hits
}

/// auto-image
pub(super) fn auto_image<'p>(member: &'p Member, _: &'p Picture<'_>) -> Vec<Hit<'p>> {
    if member.is_meshed() && member.is_called {
        return Vec::new();
    }
    let why = match member.decision.inject {
        true => "no label of the pod or its Namespace enables injection".to_owned(),
        false => member.decision.reason.to_string(),
    };
    let containers = ["containers", "initContainers"].into_iter().flat_map(|list| member.spec().items(list));
    let auto = containers.filter(|container| container.text("image") == "auto");
    auto.map(|at| {
        at.key("image")
            .hit(format!("image \"auto\" is a placeholder for the injector, but the pod is not injected: {why}"))
    })
    .collect()
}

/// The capabilities that a container may add at the levels `baseline` and `restricted`.
const BASELINE: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// net-admin-forbidden
pub(super) fn net_admin<'p>(member: &'p Member, picture: &'p Picture<'_>) -> Vec<Hit<'p>> {
    let level = picture.namespace(&member.object.namespace).and_then(|namespace| label(namespace, ENFORCE));
    let Some(level @ ("baseline" | "restricted")) = level else { return Vec::new() };
    let mut hits = Vec::new();
    for list in ["initContainers", "containers"] {
        let containers = member.injected().map_or(&[][..], |pod| pod.list_at(&["spec", list]));
        for container in containers {
            let name = container.str_at(&["name"]).unwrap_or_default();
            let added = container.list_at(&["securityContext", "capabilities", "add"]).iter().filter_map(Value::as_str);
            let forbidden = added.filter(|capability| match level {
                "baseline" => !BASELINE.contains(capability),
                _ => *capability != "NET_BIND_SERVICE",
            });
            let forbidden = forbidden.collect::<Vec<_>>().join(", ");
            let is_own = member.spec().items(list).any(|own| own.text("name") == name);
            if !forbidden.is_empty() && !is_own {
                let message = format!(
                    "its Namespace enforces the Pod Security level {level:?}, which forbids capabilities that the injected container {name:?} needs: {forbidden}"
                );
                hits.push(member.spec().hit(message));
            }
        }
    }
    hits
}
