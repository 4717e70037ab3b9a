//! Which pods get rules, and from annotations to the flags of `istio-iptables`. Pure.

use std::collections::BTreeMap;

use istio_iptables::parse_bool;
use serde::Deserialize;

use crate::failure::Failure;
use crate::metadata;
use crate::protocol::{Members, PodName, member};
use crate::settings::{Flag, Settings, settings_of};

/// What the runtime hands over a pod's annotations as (containerd/containerd#5026).
pub const CAPABILITY: &str = "io.kubernetes.cri.pod-annotations";

/// The annotations of a pod.
pub type Annotations = BTreeMap<String, String>;

/// Whether a pod gets rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It does, by these flags.
    Capture(PodName, Vec<Flag>),
    /// It is not captured.
    LeaveAlone(Reason),
}

/// Why a pod is not captured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The call is about no pod.
    #[error("CNI_ARGS names no pod (K8S_POD_NAMESPACE and K8S_POD_NAME)")]
    NoPod,
    /// By its namespace.
    #[error("namespace {0} is in exclude_namespaces")]
    Namespace(String),
    /// The injector has not seen it, or has left it alone.
    #[error("it has no annotation sidecar.istio.io/status, so it was not injected")]
    NotInjected,
    /// It makes its own rules.
    #[error("its init container istio-init makes the rules")]
    InitContainer,
    /// There is nothing to lead traffic to.
    #[error("sidecar.istio.io/status names no container istio-proxy")]
    NoProxy,
    /// Its proxy is a gateway, or an agent without Envoy, and has no listener for captured traffic.
    #[error("annotation inject.istio.io/templates names {0}, whose proxy takes no captured traffic")]
    Template(String),
    /// The same, by its proxy's metadata.
    #[error("annotation proxy.istio.io/config sets DISABLE_ENVOY, so there is no Envoy to take captured traffic")]
    NoEnvoy,
    /// Its owner does not want it.
    #[error("annotation sidecar.istio.io/inject is false")]
    Inject,
    /// Its traffic is not to be captured.
    #[error("annotation sidecar.istio.io/interceptionMode is NONE")]
    Mode,
}

/// Decides about a pod.
pub fn decide(pod: Option<&PodName>, members: &Members, settings: &Settings) -> Result<Decision, Failure> {
    let leave = |reason| Ok(Decision::LeaveAlone(reason));
    let Some(pod) = pod else { return leave(Reason::NoPod) };
    if settings.exclude_namespaces.contains(&pod.namespace) {
        return leave(Reason::Namespace(pod.namespace.clone()));
    }
    let annotations = annotations(members)?.ok_or_else(|| Failure::NoAnnotations { pod: pod.to_string() })?;
    let Some(status) = annotations.get("sidecar.istio.io/status") else { return leave(Reason::NotInjected) };
    let status: InjectionStatus = serde_json::from_str(status).map_err(|e| Failure::Status {
        pod: pod.to_string(),
        value: format!("{:?}", istio_iptables::shortened(status)),
        reason: e.to_string(),
    })?;
    let has = |list: &Option<Vec<String>>, name| list.iter().flatten().any(|item| item == name);
    if has(&status.init_containers, "istio-init") {
        return leave(Reason::InitContainer);
    }
    if !has(&status.containers, "istio-proxy") && !has(&status.init_containers, "istio-proxy") {
        return leave(Reason::NoProxy);
    }
    let templates = annotations.get("inject.istio.io/templates").map_or("", String::as_str);
    if let Some(name) = templates.split(',').map(str::trim).find(|name| NOT_CAPTURED.contains(name)) {
        return leave(Reason::Template(name.to_owned()));
    }
    let metadata = annotations.get(PROXY_CONFIG).map_or(Ok(Vec::new()), |text| metadata::read(text));
    let sets = |(name, text): &(String, String)| name == "DISABLE_ENVOY" && parse_bool(text) == Ok(true);
    if metadata.iter().flatten().any(sets) {
        return leave(Reason::NoEnvoy);
    }
    if annotations.get("sidecar.istio.io/inject").is_some_and(|text| parse_bool(text) == Ok(false)) {
        return leave(Reason::Inject);
    }
    if annotations.get(MODE).is_some_and(|mode| mode == "NONE") {
        return leave(Reason::Mode);
    }
    let (flags, mut wrong) = flags(&annotations, metadata, settings);
    wrong.extend(istio_iptables::mistakes(&settings_of(&flags)));
    match wrong.is_empty() {
        true => Ok(Decision::Capture(pod.clone(), flags)),
        false => Err(Failure::Annotations { pod: pod.to_string(), wrong }),
    }
}

/// The annotations, if the runtime hands them over.
fn annotations(members: &Members) -> Result<Option<Annotations>, Failure> {
    let in_runtime = |why: String| Failure::Decoding(format!("runtimeConfig: {why}"));
    let Some(runtime) = member::<Members>(members, "runtimeConfig").map_err(Failure::Decoding)? else {
        return Ok(None);
    };
    match runtime.contains_key(CAPABILITY) {
        true => Ok(Some(member(&runtime, CAPABILITY).map_err(in_runtime)?.unwrap_or_default())),
        false => Ok(None),
    }
}

/// The flags of a pod without annotations about traffic.
pub fn usual_flags(settings: &Settings) -> Vec<Flag> {
    flags(&Annotations::new(), Ok(Vec::new()), settings).0
}

/// What the injector reports to have added.
#[derive(Deserialize)]
struct InjectionStatus {
    #[serde(rename = "initContainers")]
    init_containers: Option<Vec<String>>,
    containers: Option<Vec<String>>,
}

const MODE: &str = "sidecar.istio.io/interceptionMode";

const PROXY_CONFIG: &str = "proxy.istio.io/config";

/// Istio's templates whose `istio-proxy` is no sidecar: it runs as `proxy router`, or with `DISABLE_ENVOY`. Istio's
/// plugin reads that from the container (`cni/pkg/plugin/plugin.go`), which is in no annotation.
const NOT_CAPTURED: [&str; 2] = ["gateway", "grpc-agent"];

/// The entries of a proxy's metadata, or what is wrong with the annotation.
type Metadata = Result<Vec<(String, String)>, String>;

macro_rules! table {
    ($($annotation:literal $flag:literal $default:expr;)*) => {
        /// The annotations that have a flag: each with its name in messages, its flag, and what a pod without it gets
        /// unless the settings differ.
        pub const TABLE: &[(&str, &str, &str, Option<&str>)] =
            &[$(($annotation, concat!("annotation ", $annotation), $flag, $default)),*];
    };
}

table! {
    "sidecar.istio.io/interceptionMode" "istio-inbound-interception-mode" Some("REDIRECT");
    "traffic.sidecar.istio.io/includeOutboundIPRanges" "istio-service-cidr" Some("*");
    "traffic.sidecar.istio.io/excludeOutboundIPRanges" "istio-service-exclude-cidr" None;
    "traffic.sidecar.istio.io/includeInboundPorts" "istio-inbound-ports" Some("*");
    "traffic.sidecar.istio.io/excludeInboundPorts" "istio-local-exclude-ports" Some("15020");
    "traffic.sidecar.istio.io/includeOutboundPorts" "istio-outbound-ports" None;
    "traffic.sidecar.istio.io/excludeOutboundPorts" "istio-local-outbound-ports-exclude" Some("15020");
    "traffic.sidecar.istio.io/excludeInterfaces" "istio-exclude-interfaces" None;
    "traffic.sidecar.istio.io/kubevirtInterfaces" "kube-virt-interfaces" None;
    // Its successor counts more.
    "istio.io/reroute-virtual-interfaces" "kube-virt-interfaces" None;
}

/// The ports of the proxy itself that a kubelet or Prometheus reaches: they are never captured.
const OWN_PORTS: [&str; 3] = ["15020", "15021", "15090"];

/// Variables in the proxy's metadata that are flags.
const METADATA: [(&str, &str, &str); 3] = [
    (
        "ISTIO_META_DNS_CAPTURE",
        "redirect-dns",
        "annotation proxy.istio.io/config, proxyMetadata.ISTIO_META_DNS_CAPTURE",
    ),
    ("ISTIO_DUAL_STACK", "dual-stack", "annotation proxy.istio.io/config, proxyMetadata.ISTIO_DUAL_STACK"),
    ("INVALID_DROP", "drop-invalid", "annotation proxy.istio.io/config, proxyMetadata.INVALID_DROP"),
];

const BUILT_IN: &str = "the plugin";

/// The flags of a pod, and what is wrong with its annotations that the flags do not show.
fn flags(annotations: &Annotations, metadata: Metadata, settings: &Settings) -> (Vec<Flag>, Vec<String>) {
    let built_in = |flag, text: &str| Flag { flag, named: BUILT_IN, text: text.to_owned() };
    let mut all = Chosen::default();
    // Istio's proxy has this user and group whatever it captures, and nothing of the node decides about a pod.
    let fixed = [("proxy-uid", "1337"), ("proxy-gid", "1337"), ("cni-mode", "true")];
    fixed.into_iter().chain(settings.backend.flag()).for_each(|(flag, text)| all.put(built_in(flag, text)));
    TABLE.iter().for_each(|(_, _, flag, default)| default.iter().for_each(|text| all.put(built_in(flag, text))));
    settings.defaults.iter().cloned().for_each(|flag| all.put(flag));
    for &(annotation, named, flag, _) in TABLE {
        if let Some(text) = annotations.get(annotation) {
            all.put(Flag { flag, named, text: text.clone() });
        }
    }
    let mut wrong = Vec::new();
    match metadata {
        Err(why) => {
            wrong.push(format!("annotation {PROXY_CONFIG} cannot be read: {why}; it must be a proxy config in YAML"));
        }
        Ok(entries) => {
            for (name, text) in entries.into_iter().filter(|(_, text)| !text.is_empty()) {
                if let Some(&(_, flag, named)) = METADATA.iter().find(|(known, ..)| *known == name) {
                    all.put(Flag { flag, named, text });
                }
            }
        }
    }
    // The node's resolv.conf is not the pod's.
    if all.text("redirect-dns").is_some_and(|text| parse_bool(text) != Ok(false)) {
        all.put(built_in("capture-all-dns", "true"));
    }
    all.keep_own_ports();
    (all.0, wrong)
}

/// Flags, each once.
#[derive(Default)]
struct Chosen(Vec<Flag>);

impl Chosen {
    /// Puts one in the place of the one there was.
    fn put(&mut self, flag: Flag) {
        match self.0.iter_mut().find(|f| f.flag == flag.flag) {
            Some(place) => *place = flag,
            None => self.0.push(flag),
        }
    }

    fn text(&self, flag: &str) -> Option<&str> {
        self.0.iter().find(|f| f.flag == flag).map(|f| f.text.as_str())
    }

    /// Adds the proxy's ports to those that are not captured, which only matter if all remaining ports are.
    fn keep_own_ports(&mut self) {
        if self.text("istio-inbound-ports").is_none_or(|ports| ports.trim() != "*") {
            self.0.retain(|f| f.flag != "istio-local-exclude-ports" || f.named != BUILT_IN);
            return;
        }
        if let Some(excluded) = self.0.iter_mut().find(|f| f.flag == "istio-local-exclude-ports") {
            let mut ports: Vec<&str> = Vec::new();
            for port in excluded.text.split(',').map(str::trim).chain(OWN_PORTS).filter(|port| !port.is_empty()) {
                if !ports.contains(&port) {
                    ports.push(port);
                }
            }
            excluded.text = ports.join(",");
        }
    }
}
