//! The plugin's own object in the CNI configuration: what the operator of a node decides for all pods.

use std::collections::BTreeMap;
use std::path::PathBuf;

use log::LevelFilter;
use serde_json::Value;

use crate::protocol::{Members, member};

/// A flag of `istio-iptables` with a value, and what a user would change to set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Its long name.
    pub flag: &'static str,
    /// The source of the value.
    pub named: &'static str,
    /// The value.
    pub text: String,
}

/// What makes the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// nftables, in process: no program on the node is needed.
    #[default]
    Nftables,
    /// The node's iptables of the variant nf_tables.
    Nft,
    /// The node's iptables of the variant legacy.
    Legacy,
    /// The node's iptables, of the variant that has rules already.
    Auto,
}

impl Backend {
    const ALL: [(&str, Self); 4] =
        [("nftables", Self::Nftables), ("nft", Self::Nft), ("legacy", Self::Legacy), ("auto", Self::Auto)];

    /// The flag that asks for it.
    pub const fn flag(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Nftables => Some(("native-nftables", "true")),
            Self::Nft => Some(("force-iptables-binary", "nft")),
            Self::Legacy => Some(("force-iptables-binary", "legacy")),
            Self::Auto => None,
        }
    }
}

/// The settings of the plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Namespaces whose pods are not captured.
    pub exclude_namespaces: Vec<String>,
    /// What makes the rules.
    pub backend: Backend,
    /// What a pod without the annotation gets.
    pub defaults: Vec<Flag>,
    /// The least important level that is logged.
    pub level: LevelFilter,
    /// A file that gets a line for each call.
    pub log_file: Option<PathBuf>,
    /// Prove the redirection before the pod starts.
    pub validate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            exclude_namespaces: vec!["kube-system".to_owned()],
            backend: Backend::default(),
            defaults: Vec::new(),
            level: LevelFilter::Info,
            log_file: None,
            validate: false,
        }
    }
}

/// Members that the specification of CNI has, runtimes add, or Istio's plugin knows and this one does not need.
const OF_OTHERS: [&str; 18] = [
    "args",
    "capabilities",
    "cniVersion",
    "cni.dev/attachments",
    "cni.dev/valid-attachments",
    "cni_agent_run_dir",
    "disableCheck",
    "disableGC",
    "dns",
    "enable_ambient_detection_retry",
    "enablement_selectors",
    "ipMasq",
    "ipam",
    "name",
    "pod_namespace",
    "prevResult",
    "runtimeConfig",
    "type",
];

macro_rules! defaults {
    ($($key:literal $flag:literal)*) => {
        /// The keys of `defaults`, with the flag of each and its name in messages.
        const DEFAULTS: &[(&str, &str, &str)] = &[$(($key, $flag, concat!("defaults.", $key))),*];
    };
}

defaults! {
    "drop_invalid" "drop-invalid"
    "dual_stack" "dual-stack"
    "envoy_port" "envoy-port"
    "force_apply" "force-apply"
    "inbound_capture_port" "inbound-capture-port"
    "inbound_tunnel_port" "inbound-tunnel-port"
    "ip_families" "ip-families"
    "iptables_probe_port" "iptables-probe-port"
    "istio_exclude_interfaces" "istio-exclude-interfaces"
    "istio_inbound_interception_mode" "istio-inbound-interception-mode"
    "istio_inbound_ports" "istio-inbound-ports"
    "istio_inbound_tproxy_mark" "istio-inbound-tproxy-mark"
    "istio_inbound_tproxy_route_table" "istio-inbound-tproxy-route-table"
    "istio_local_exclude_ports" "istio-local-exclude-ports"
    "istio_local_outbound_ports_exclude" "istio-local-outbound-ports-exclude"
    "istio_outbound_ports" "istio-outbound-ports"
    "istio_service_cidr" "istio-service-cidr"
    "istio_service_exclude_cidr" "istio-service-exclude-cidr"
    "kube_virt_interfaces" "kube-virt-interfaces"
    "probe_timeout" "probe-timeout"
    "proxy_gid" "proxy-gid"
    "proxy_uid" "proxy-uid"
    "reconcile" "reconcile"
    "redirect_dns" "redirect-dns"
    "strict" "strict"
}

impl Settings {
    /// Reads the settings and their warnings, or all their errors.
    pub fn read(members: &Members) -> Result<(Self, Vec<String>), Vec<String>> {
        let mut read = Reader { members, wrong: Vec::new() };
        let usual = Self::default();
        let own = read.word("backend", &Backend::ALL);
        let istio = read.value::<bool>("native_nftables", "true or false");
        let implied = istio.map(|native| if native { Backend::Nftables } else { Backend::Auto });
        if let (Some(own), Some(implied)) = (own, implied)
            && own != implied
            && (own == Backend::Nftables || implied == Backend::Nftables)
        {
            read.wrong.push("backend and native_nftables contradict each other: omit native_nftables".to_owned());
        }
        let levels = [read.word("plugin_log_level", &LEVELS), read.word("log_level", &LEVELS)];
        if read.value::<bool>("ambient_enabled", "true or false") == Some(true) {
            let why = "ambient_enabled cannot be true: ambient mode needs Istio's own plugin; this one is for sidecars";
            read.wrong.push(why.to_owned());
        }
        let settings = Self {
            exclude_namespaces: read
                .value("exclude_namespaces", "a list of names of namespaces")
                .unwrap_or(usual.exclude_namespaces),
            backend: own.or(implied).unwrap_or_default(),
            defaults: read.defaults(),
            level: levels.into_iter().flatten().next().unwrap_or(usual.level),
            log_file: read.log_file(),
            validate: read.value("validate", "true or false").unwrap_or(usual.validate),
        };
        let known = ["exclude_namespaces", "backend", "native_nftables", "plugin_log_level", "log_level"];
        let known = known.iter().chain(&["ambient_enabled", "defaults", "log_file", "validate"]).chain(&OF_OTHERS);
        let known: Vec<_> = known.collect();
        let unknown = members.keys().filter(|key| !known.iter().any(|k| *k == key));
        let odd = unknown.map(|key| format!("unknown key {key:?}, which has no effect")).collect();
        let wrong = if read.wrong.is_empty() { settings.mistakes() } else { read.wrong };
        if wrong.is_empty() { Ok((settings, odd)) } else { Err(wrong) }
    }

    /// What is wrong with the values of `defaults`.
    fn mistakes(&self) -> Vec<String> {
        istio_iptables::mistakes(&settings_of(&self.defaults))
    }
}

/// The values as the library takes them.
pub fn settings_of(flags: &[Flag]) -> Vec<istio_iptables::Setting<'_>> {
    flags.iter().map(|Flag { flag, named, text }| istio_iptables::Setting { flag, text, named }).collect()
}

/// Istio's words for them, and those of `istio-iptables`.
const LEVELS: [(&str, LevelFilter); 6] = [
    ("info", LevelFilter::Info),
    ("none", LevelFilter::Off),
    ("fatal", LevelFilter::Error),
    ("error", LevelFilter::Error),
    ("warn", LevelFilter::Warn),
    ("debug", LevelFilter::Debug),
];

struct Reader<'a> {
    members: &'a Members,
    wrong: Vec<String>,
}

impl Reader<'_> {
    /// A value of one type. What is allowed is for the message.
    fn value<T: serde::de::DeserializeOwned>(&mut self, key: &str, allowed: &str) -> Option<T> {
        member(self.members, key).map_err(|why| self.wrong.push(format!("{why}: it must be {allowed}"))).ok().flatten()
    }

    /// One of some words; an empty one is as good as none.
    fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let allowed = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        let text = self.value::<String>(key, &format!("one of {allowed}")).filter(|text| !text.is_empty())?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            self.wrong.push(format!("{key} cannot be {text:?}: it must be one of {allowed}"));
        }
        found
    }

    fn log_file(&mut self) -> Option<PathBuf> {
        let path = PathBuf::from(self.value::<String>("log_file", "the path of a file").filter(|p| !p.is_empty())?);
        if !path.is_absolute() {
            self.wrong.push(format!("log_file cannot be {path:?}: the path must begin with /"));
        }
        Some(path)
    }

    fn defaults(&mut self) -> Vec<Flag> {
        let given: Option<BTreeMap<String, Value>> = self.value("defaults", "an object");
        let mut flags = Vec::new();
        for (key, value) in given.unwrap_or_default() {
            let Some(&(_, flag, named)) = DEFAULTS.iter().find(|(known, ..)| *known == key) else {
                let known = DEFAULTS.iter().map(|(key, ..)| *key).collect::<Vec<_>>().join(", ");
                self.wrong.push(format!("defaults cannot have the key {key:?}: one of {known}"));
                continue;
            };
            let text = match value {
                Value::String(text) => text,
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                Value::Null => continue,
                Value::Array(_) | Value::Object(_) => {
                    let why = "a string, number, true or false; separate the items of a list with commas";
                    self.wrong.push(format!("{named} cannot be {value}: it must be {why}"));
                    continue;
                }
            };
            flags.push(Flag { flag, named, text });
        }
        flags
    }
}
