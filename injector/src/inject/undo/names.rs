//! What the templates of Istio and of this program set without a note: found by its name, and removed if its value is
//! theirs.

use super::{Doubt, Status, variable};
use crate::inject::env::{NETWORK, NETWORK_LABEL};
use crate::inject::pod::{self, INIT, PROXY, Place, VALIDATION, name};
use crate::object::Owner;
use crate::value::{EcoString, EcoVec, Map, Value};

const DEFAULT_CONTAINER: [&str; 2] =
    ["kubectl.kubernetes.io/default-container", "kubectl.kubernetes.io/default-logs-container"];
const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
const EXCLUDED: &str = "traffic.sidecar.istio.io/excludeInboundPorts";
/// The network that Istio's template adds with Multus.
const MULTUS: &str = "default/istio-cni";

/// The same in a JSON list.
const MULTUS_JSON: &str = r#", {"name": "istio-cni", "namespace": "default"}]"#;

/// What templates of ambient mode's time give a pod.
const TUNNEL: (&str, &str) = ("networking.istio.io/tunnel", "http");

/// This variable makes the sidecar set that label.
const HBONE: &str = "ISTIO_META_ENABLE_HBONE";

/// The group that templates of older versions gave the volumes, for the sidecar's token. One's own is left alone.
const TOKEN_GROUP: i64 = 1337;

/// Volumes of the templates, and what they can be. A volume of the user's own has its source as well.
const SOURCES: [(&str, &[&str]); 9] = [
    ("workload-socket", &["emptyDir", "csi"]),
    ("credential-socket", &["emptyDir"]),
    ("workload-certs", &["emptyDir"]),
    ("istio-envoy", &["emptyDir"]),
    ("istio-data", &["emptyDir"]),
    ("istio-podinfo", &["downwardAPI"]),
    ("istio-token", &["projected"]),
    ("istiod-ca-cert", &["configMap", "projected"]),
    ("istio-ca-crl", &["configMap"]),
];

const MODE: &str = "sidecar.istio.io/interceptionMode";

/// The annotations that configure the CNI plugin, and the values that change nothing.
const TOLD: [(&str, &[&str]); 7] = [
    (MODE, &["REDIRECT"]),
    ("traffic.sidecar.istio.io/includeOutboundIPRanges", &["*"]),
    ("traffic.sidecar.istio.io/excludeOutboundIPRanges", &[""]),
    ("traffic.sidecar.istio.io/includeInboundPorts", &["*"]),
    (EXCLUDED, &["", "15020"]),
    ("traffic.sidecar.istio.io/includeOutboundPorts", &[""]),
    ("traffic.sidecar.istio.io/excludeOutboundPorts", &[""]),
];

/// Removes what the templates set. `injected` is the pod as it was injected.
pub(super) fn remove(pod: &mut Value, injected: &Value, status: &Status, owner: &Owner) {
    let labels = labels_of(pod, injected, owner);
    let annotations = annotations_of(pod, injected, status);
    let metadata = pod.map_entry("metadata");
    for (part, expected) in [("labels", labels), ("annotations", annotations)] {
        let Some(map) = metadata.get_mut(part).and_then(Value::as_map_mut) else { continue };
        map.retain(|name, value| !expected.iter().any(|(n, v)| *n == name && value.as_str() == Some(v)));
        if let Some(networks) = map.str(NETWORKS).filter(|_| has_plugin(injected, status)).and_then(without_multus) {
            if networks.is_empty() {
                map.remove(NETWORKS)
            } else {
                map.insert(NETWORKS, networks)
            };
        }
        if map.is_empty() {
            metadata.remove(part);
        }
    }
    let spec = pod.map_entry("spec");
    keep_own(spec, "volumes", |volume| match status.volumes.contains(name(volume)) {
        true => own_volume(volume),
        false => Some(volume.clone()),
    });
    keep_own(spec, "imagePullSecrets", |secret| {
        (!status.image_pull_secrets.contains(name(secret))).then(|| secret.clone())
    });
    remove_settings(spec);
}

/// What stays, though it may be from the injection.
pub(super) fn doubts(injected: &Value, status: &Status) -> Vec<Doubt> {
    let volumes = injected.list_at(&["spec", "volumes"]).iter();
    let merged = volumes.filter(|v| status.volumes.contains(name(v)) && is_merged(v) && sources(v).is_none());
    let mut doubts: Vec<_> = merged.map(|volume| Doubt::Volume { name: name(volume).into() }).collect();
    let told = TOLD.into_iter().filter(|_| has_plugin(injected, status)).filter(|(annotation, values)| {
        pod::annotation(injected, annotation).is_some_and(|value| !values.contains(&value))
    });
    doubts.extend(told.map(|(annotation, _)| Doubt::Annotation { name: annotation.into() }));
    if injected.at(&["metadata", "labels", NETWORK_LABEL]).is_some() && !variable(injected, NETWORK).is_empty() {
        doubts.push(Doubt::Stays { what: "label topology.istio.io/network" });
    }
    if has_tunnel(injected) {
        doubts.push(Doubt::Removed { what: "label networking.istio.io/tunnel" });
    }
    if injected.at(&["spec", "securityContext", "fsGroup"]).and_then(Value::as_i64) == Some(TOKEN_GROUP) {
        doubts.push(Doubt::Stays { what: "securityContext.fsGroup" });
    }
    doubts
}

/// With the CNI plugin, an init container checks its rules, unless there are none. Then the
/// mode's annotation is `NONE` and the rest are set as well, which a user who wants no rules would not do.
fn has_plugin(injected: &Value, status: &Status) -> bool {
    let is_told = |(annotation, _): &(&str, _)| *annotation != MODE && pod::annotation(injected, annotation).is_some();
    let has_none = || pod::annotation(injected, MODE) == Some("NONE") && TOLD.iter().any(is_told);
    status.has(Place::InitContainers, VALIDATION) || (!status.has(Place::InitContainers, INIT) && has_none())
}

/// Whether the templates set the label of ambient mode's tunnel, or would have.
fn has_tunnel(injected: &Value) -> bool {
    injected.str_at(&["metadata", "labels", TUNNEL.0]) == Some(TUNNEL.1) && variable(injected, HBONE) == "true"
}

/// Labels with the values that the templates give to a pod with labels of its own.
fn labels_of(pod: &Value, injected: &Value, owner: &Owner) -> Vec<(&'static str, String)> {
    let label = |name: &str| pod.str_at(&["metadata", "labels", name]).filter(|value| !value.is_empty());
    let app = label("app.kubernetes.io/name").or_else(|| label("app")).unwrap_or(&owner.name);
    let version = label("app.kubernetes.io/version").or_else(|| label("version")).unwrap_or("latest");
    let short = app.get(..63).unwrap_or(app).trim_matches(['-', '_', '.']);
    let tunnel = has_tunnel(injected).then(|| (TUNNEL.0, TUNNEL.1.to_owned()));
    let labels = [
        ("security.istio.io/tlsMode", "istio".to_owned()),
        ("service.istio.io/canonical-name", short.to_owned()),
        // The gateway's template does not shorten it.
        ("service.istio.io/canonical-name", app.to_owned()),
        ("service.istio.io/canonical-revision", version.to_owned()),
    ];
    tunnel.into_iter().chain(labels).collect()
}

/// Annotations likewise.
fn annotations_of(pod: &Value, injected: &Value, status: &Status) -> Vec<(&'static str, String)> {
    let templates = pod::annotation(pod, crate::annotations::TEMPLATES).unwrap_or_default();
    let mut expected = vec![
        ("istio.io/rev", status.revision.to_string()),
        ("prometheus.istio.io/secure-port", variable(injected, "ENVOY_SECURE_MERGED_METRICS_PORT").to_owned()),
    ];
    if let Some(first) = pod::containers(pod, Place::Containers).iter().map(name).find(|name| *name != PROXY) {
        expected.extend(DEFAULT_CONTAINER.map(|annotation| (annotation, first.to_owned())));
    }
    if templates.contains("grpc") {
        expected.push((crate::annotations::REWRITE_PROBES, "false".to_owned()));
    }
    if has_plugin(injected, status) {
        let told = TOLD.into_iter().flat_map(|(name, values)| values.iter().map(move |v| (name, (*v).to_owned())));
        expected.extend(told);
    }
    expected
}

fn without_multus(networks: &str) -> Option<EcoString> {
    if let Some(rest) = networks.strip_suffix(MULTUS_JSON) {
        return Some(ecow::eco_format!("{rest}]"));
    }
    let rest = networks.strip_suffix(MULTUS)?;
    Some(rest.trim_end().strip_suffix(',').unwrap_or(rest).trim_end().into())
}

/// Whether a volume has more than one source: a name is one field, a source another.
fn is_merged(volume: &Value) -> bool {
    volume.as_map().is_some_and(|volume| volume.len() > 2)
}

/// What a volume of this name can be in the templates; nothing for a name that is not theirs.
fn sources(volume: &Value) -> Option<&'static [&'static str]> {
    SOURCES.into_iter().find(|(wanted, _)| *wanted == name(volume)).map(|(_, sources)| sources)
}

/// What of an injected volume is the user's: a source that the templates do not have.
fn own_volume(volume: &Value) -> Option<Value> {
    let Some(injected) = sources(volume) else { return is_merged(volume).then(|| volume.clone()) };
    let fields = volume.as_map()?.iter().filter(|(field, _)| !injected.contains(&field.as_str()));
    let own: Map = fields.map(|(field, value)| (field.clone(), value.clone())).collect();
    (own.len() > 1).then(|| Value::Map(own))
}

fn keep_own(spec: &mut Map, list: &str, own: impl Fn(&Value) -> Option<Value>) {
    let Some(old) = spec.get(list).and_then(Value::as_list) else { return };
    let kept: EcoVec<Value> = old.iter().filter_map(own).collect();
    if kept.is_empty() {
        spec.remove(list);
    } else if kept != *old {
        spec.insert(list, kept);
    }
}

/// The pod's own settings: the gateway's low ports.
fn remove_settings(spec: &mut Map) {
    let Some(context) = spec.get_mut("securityContext").and_then(Value::as_map_mut) else { return };
    let before = context.len();
    let is_low_ports = |sysctl: &Value| {
        name(sysctl) == "net.ipv4.ip_unprivileged_port_start" && sysctl.str_at(&["value"]) == Some("0")
    };
    if context.get("sysctls").and_then(Value::as_list).is_some_and(|list| list.iter().all(is_low_ports)) {
        context.remove("sysctls");
    }
    if context.is_empty() && before > 0 {
        spec.remove("securityContext");
    }
}
