//! One proxy's configuration, and how several of them become the one that counts for a pod.

use crate::value::{Map, Value};

use super::Error;
use super::descriptor::MessageType;
use super::table::PROXY_CONFIG;
use super::{MeshConfig, read, write};

/// `istio.mesh.v1alpha1.ProxyConfig`. Copies are cheap.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyConfig {
    pub(super) fields: Map,
}

/// What `PROXY_CONFIG` leaves out if it has the default value.
const STRIPPED: [&str; 10] = [
    "configPath",
    "binaryPath",
    "controlPlaneAuthPolicy",
    "serviceCluster",
    "drainDuration",
    "terminationDrainDuration",
    "discoveryAddress",
    "proxyAdminPort",
    "statNameLength",
    "statusPort",
];

/// Header settings that the lower config keeps if the upper one does not set them.
const KEPT_HEADERS: [&str; 5] = ["forwardedClientCert", "requestId", "attemptCount", "server", "envoyDebugHeaders"];

impl Default for ProxyConfig {
    fn default() -> Self {
        let fields = Map::from_iter([
            ("binaryPath", Value::from("/usr/local/bin/envoy")),
            ("configPath", Value::from("./etc/istio/proxy")),
            ("controlPlaneAuthPolicy", Value::from("MUTUAL_TLS")),
            ("discoveryAddress", Value::from("istiod.istio-system.svc:15012")),
            ("drainDuration", Value::from("45s")),
            ("proxyAdminPort", Value::Int(15000)),
            ("serviceCluster", Value::from("istio-proxy")),
            ("statNameLength", Value::Int(189)),
            ("statusPort", Value::Int(15020)),
            ("terminationDrainDuration", Value::from("5s")),
        ]);
        ProxyConfig { fields }
    }
}

impl ProxyConfig {
    /// A config with nothing set.
    pub fn empty() -> Self {
        ProxyConfig { fields: Map::new() }
    }

    pub(super) fn kind() -> &'static MessageType {
        &PROXY_CONFIG
    }

    /// This config with a YAML text merged into it, as kube-inject does: an explicit zero clears a field.
    /// `proxyMetadata` becomes the union of both.
    pub fn merged_with_text(&self, yaml: &str) -> Result<Self, Error> {
        let what = "proxy config";
        let tree = crate::yaml::parse(yaml).map_err(|source| Error::Yaml { what, source })?;
        self.merged_with_tree(&tree, &mut Vec::new())
    }

    pub(super) fn merged_with_tree(&self, tree: &Value, unknown: &mut Vec<String>) -> Result<Self, Error> {
        let mut merged = self.clone();
        let what = "proxy config";
        read::apply(&mut merged.fields, Self::kind(), tree, unknown).map_err(|source| Error::Field { what, source })?;
        merged.repair(self);
        Ok(merged)
    }

    /// What a YAML text sets, and the paths of the fields in it that do not exist.
    pub fn of_tree(tree: &Value) -> Result<(Self, Vec<String>), Error> {
        let mut unknown = Vec::new();
        Ok((ProxyConfig::empty().merged_with_tree(tree, &mut unknown)?, unknown))
    }

    /// This config with another one merged into it, as the webhook does: what is zero in `upper` changes nothing.
    pub fn merged_with(&self, upper: &ProxyConfig) -> Self {
        let mut merged = self.clone();
        for (key, value) in upper.fields.iter() {
            if let Some(field) = Self::kind().field(key) {
                for rival in Self::kind().rivals(field) {
                    merged.fields.remove(rival.json);
                }
            }
            merged.fields.insert(key.clone(), value.clone());
        }
        merged.repair(self);
        merged
    }

    /// Merges the two fields that merging by replacement would lose.
    fn repair(&mut self, lower: &ProxyConfig) {
        if let Some(old) = lower.map("proxyMetadata") {
            let mut union = old.clone();
            if let Some(new) = self.map("proxyMetadata") {
                new.iter().for_each(|(k, v)| drop(union.insert(k.clone(), v.clone())));
            }
            self.fields.insert("proxyMetadata", union);
        }
        if let (Some(old), Some(new)) = (lower.map("proxyHeaders"), self.map("proxyHeaders")) {
            let mut headers = new.clone();
            for key in KEPT_HEADERS {
                if let (false, Some(value)) = (headers.contains_key(key), old.get(key)) {
                    headers.insert(key, value.clone());
                }
            }
            self.fields.insert("proxyHeaders", headers);
        }
    }

    fn map(&self, key: &str) -> Option<&Map> {
        self.fields.get(key).and_then(Value::as_map)
    }

    /// The fields of a `ProxyConfig` resource's `spec` that Istio uses: concurrency, environment variables, image.
    pub fn of_resource(spec: &Value) -> Result<Self, Error> {
        let pairs = [("concurrency", "concurrency"), ("environmentVariables", "proxyMetadata"), ("image", "image")];
        let tree: Map = pairs.into_iter().filter_map(|(from, to)| Some((to, spec.get(from)?.clone()))).collect();
        ProxyConfig::empty().merged_with_tree(&Value::Map(tree), &mut Vec::new())
    }

    /// What `PROXY_CONFIG` holds: compact JSON without what is the default anyway.
    pub fn to_stripped_json(&self) -> String {
        let default = ProxyConfig::default();
        let mut stripped = self.fields.clone();
        for key in STRIPPED {
            if stripped.get(key).is_some_and(|value| default.fields.get(key) == Some(value)) {
                stripped.remove(key);
            }
        }
        write::to_json(&stripped, Self::kind())
    }

    /// The whole config as compact proto JSON.
    pub fn to_json(&self) -> String {
        write::to_json(&self.fields, Self::kind())
    }

    /// The port at which the agent answers for health and metrics; 0 if it is not set.
    pub fn status_port(&self) -> i32 {
        self.fields.get("statusPort").and_then(Value::as_i64).and_then(|port| i32::try_from(port).ok()).unwrap_or(0)
    }

    /// Whether traffic is captured with TPROXY.
    pub fn is_tproxy(&self) -> bool {
        self.fields.str("interceptionMode") == Some("TPROXY")
    }

    /// `image.imageType`; empty if it is not set.
    pub fn image_type(&self) -> &str {
        self.map("image").and_then(|image| image.str("imageType")).unwrap_or_default()
    }

    /// `holdApplicationUntilProxyStarts`; false if it is not set.
    pub fn holds_application(&self) -> bool {
        self.fields.get("holdApplicationUntilProxyStarts").and_then(Value::as_bool).unwrap_or(false)
    }

    /// `proxyMetadata`.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.map("proxyMetadata")?.str(key)
    }
}

/// What the webhook merges into the mesh's default config, from the lowest level to the highest.
#[derive(Clone, Debug, Default)]
pub struct Levels<'a> {
    /// The `ProxyConfig` resource without a selector in the root namespace.
    pub root: Option<&'a ProxyConfig>,
    /// The one in the pod's namespace, if that is not the root namespace.
    pub namespace: Option<&'a ProxyConfig>,
    /// The pod's annotation `proxy.istio.io/config`. Text that cannot be parsed is ignored here; it is refused
    /// elsewhere.
    pub annotation: Option<&'a str>,
    /// The one in the pod's namespace whose selector matches the pod.
    pub workload: Option<&'a ProxyConfig>,
}

impl Levels<'_> {
    /// The config that counts for a pod in the webhook.
    pub fn effective(&self, mesh: &MeshConfig) -> ProxyConfig {
        let mut config = ProxyConfig::default().merged_with(mesh.default_config());
        for level in [self.root, self.namespace].into_iter().flatten() {
            config = config.merged_with(level);
        }
        let annotation = self.annotation.and_then(|text| ProxyConfig::empty().merged_with_text(text).ok());
        match (annotation, self.workload) {
            (None, None) => config,
            (Some(annotation), None) => config.merged_with(&annotation),
            (None, Some(workload)) => config.merged_with(workload),
            (Some(annotation), Some(workload)) => config.merged_with(&annotation.merged_with(workload)),
        }
    }
}
