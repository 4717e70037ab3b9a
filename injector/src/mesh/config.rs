//! The mesh's configuration.

use crate::value::{EcoString, EcoVec, Map, Value};

use super::descriptor::MessageType;
use super::table::{MESH_CONFIG, MESH_CONFIG_DEFAULT_PROVIDERS};
use super::{Error, ProxyConfig, read, validate, write};

/// `istio.mesh.v1alpha1.MeshConfig`. Copies are cheap.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshConfig {
    /// All fields; `defaultConfig` is the same as `default_config`.
    pub(super) fields: Map,
    default_config: ProxyConfig,
    unknown: EcoVec<EcoString>,
}

impl Default for MeshConfig {
    fn default() -> Self {
        let empty = || Value::Map(Map::new());
        let one = |key: &str, value: Value| Value::Map(Map::from_iter([(key, value)]));
        let everywhere = || Value::from_iter(["*"]);
        let provider = |name: &str, kind: &str, value: Value| {
            Value::Map(Map::from_iter([("name", Value::from(name)), (kind, value)]))
        };
        let default_config = ProxyConfig::default();
        let fields = Map::from_iter([
            ("connectTimeout", Value::from("10s")),
            ("defaultConfig", Value::Map(default_config.fields.clone())),
            ("defaultDestinationRuleExportTo", everywhere()),
            ("defaultProviders", empty()),
            ("defaultServiceExportTo", everywhere()),
            ("defaultVirtualServiceExportTo", everywhere()),
            ("dnsRefreshRate", Value::from("60s")),
            ("enableAutoMtls", Value::Bool(true)),
            ("enablePrometheusMerge", Value::Bool(true)),
            ("enableTracing", Value::Bool(true)),
            (
                "extensionProviders",
                Value::from_iter([
                    provider("prometheus", "prometheus", empty()),
                    provider("stackdriver", "stackdriver", empty()),
                    provider("envoy", "envoyFileAccessLog", one("path", "/dev/stdout".into())),
                ]),
            ),
            ("inboundTrafficPolicy", empty()),
            ("ingressClass", Value::from("istio")),
            ("ingressControllerMode", Value::from("STRICT")),
            ("ingressService", Value::from("istio-ingressgateway")),
            ("localityLbSetting", one("enabled", Value::Bool(true))),
            ("outboundTrafficPolicy", one("mode", "ALLOW_ANY".into())),
            ("protocolDetectionTimeout", Value::from("0s")),
            ("proxyInboundListenPort", Value::Int(15006)),
            ("proxyListenPort", Value::Int(15001)),
            ("rootNamespace", Value::from("istio-system")),
            ("trustDomain", Value::from("cluster.local")),
        ]);
        MeshConfig { fields, default_config, unknown: EcoVec::new() }
    }
}

impl MeshConfig {
    pub(super) fn kind() -> &'static MessageType {
        &MESH_CONFIG
    }

    /// Istio's defaults with a YAML text merged into them, validated.
    pub fn parse(yaml: &str) -> Result<Self, Error> {
        let what = "mesh config";
        let tree = crate::yaml::parse(yaml).map_err(|source| Error::Yaml { what, source })?;
        let mut mesh = MeshConfig::default();
        mesh.apply(&tree)?;
        let problems = validate::mesh(&mesh);
        if problems.is_empty() { Ok(mesh) } else { Err(Error::Invalid(problems)) }
    }

    pub(super) fn apply(&mut self, tree: &Value) -> Result<(), Error> {
        let what = "mesh config";
        let lower = self.fields.clone();
        let mut unknown = Vec::new();
        read::apply(&mut self.fields, Self::kind(), tree, &mut unknown)
            .map_err(|source| Error::Field { what, source })?;
        // These two are merged by their lowerCamelCase name only, as Istio does.
        if let Some(text) = tree.get("defaultConfig").filter(|v| !v.is_null()) {
            self.default_config = self.default_config.merged_with_tree(text, &mut Vec::new())?;
        }
        self.fields.insert("defaultConfig", self.default_config.fields.clone());
        let mut providers = lower.get("defaultProviders").and_then(Value::as_map).cloned().unwrap_or_default();
        if let Some(given) = tree.get("defaultProviders") {
            read::apply(&mut providers, &MESH_CONFIG_DEFAULT_PROVIDERS, given, &mut Vec::new())
                .map_err(|source| Error::Field { what, source })?;
        }
        self.fields.insert("defaultProviders", providers);
        self.merge_extension_providers(&lower);
        self.sort_trust_domain_aliases(&lower);
        self.unknown = unknown.into_iter().map(EcoString::from).collect();
        Ok(())
    }

    /// Providers are merged by name: one with a known name replaces that provider, a new one is appended.
    fn merge_extension_providers(&mut self, lower: &Map) {
        let list =
            |fields: &Map| fields.get("extensionProviders").and_then(Value::as_list).cloned().unwrap_or_default();
        let (mut merged, given) = (list(lower), list(&self.fields));
        let name = |provider: &Value| EcoString::from(provider.str_at(&["name"]).unwrap_or_default());
        for provider in &given {
            let place = merged.iter().position(|old| name(old) == name(provider));
            match place.and_then(|i| merged.make_mut().get_mut(i)) {
                Some(old) => *old = provider.clone(),
                None => merged.push(provider.clone()),
            }
        }
        self.fields.insert("extensionProviders", merged);
    }

    fn sort_trust_domain_aliases(&mut self, lower: &Map) {
        let all = [lower, &self.fields];
        let mut aliases: Vec<_> = all
            .into_iter()
            .filter_map(|fields| fields.get("trustDomainAliases").and_then(Value::as_list))
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        aliases.sort_unstable();
        aliases.dedup();
        if !aliases.is_empty() {
            let aliases: Value = aliases.into_iter().collect();
            self.fields.insert("trustDomainAliases", aliases);
        }
    }

    /// The proxy config that pods start from.
    pub fn default_config(&self) -> &ProxyConfig {
        &self.default_config
    }

    /// This mesh with another default proxy config: what kube-inject makes of a pod's annotation.
    pub fn with_default_config(&self, config: ProxyConfig) -> Self {
        let mut fields = self.fields.clone();
        fields.insert("defaultConfig", config.fields.clone());
        MeshConfig { fields, default_config: config, unknown: self.unknown.clone() }
    }

    /// Paths of the fields in the text that this version does not know and has ignored.
    pub fn unknown_fields(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(EcoString::as_str)
    }

    /// The whole config as compact proto JSON.
    pub fn to_json(&self) -> String {
        write::to_json(&self.fields, Self::kind())
    }

    /// Whether inbound traffic goes to localhost.
    pub fn is_inbound_localhost(&self) -> bool {
        self.fields.get("inboundTrafficPolicy").and_then(|p| p.str_at(&["mode"])) == Some("LOCALHOST")
    }

    /// Whether metrics are merged if no annotation decides; true if it is not set.
    pub fn merges_prometheus(&self) -> bool {
        self.fields.get("enablePrometheusMerge").and_then(Value::as_bool).unwrap_or(true)
    }

    /// The namespace whose `ProxyConfig` resources apply to the whole mesh.
    pub fn root_namespace(&self) -> &str {
        self.fields.str("rootNamespace").unwrap_or_default()
    }
}

/// Whether some OpenTelemetry provider of a mesh config asks for attributes by OpenTelemetry's semantic conventions.
pub(super) fn has_semantic_convention_provider(fields: &Map) -> bool {
    let providers = fields.get("extensionProviders").and_then(Value::as_list).map_or(&[][..], |l| l.as_slice());
    let wanted = Some("OTEL_SEMANTIC_CONVENTIONS");
    providers.iter().any(|p| p.str_at(&["opentelemetry", "serviceAttributeEnrichment"]) == wanted)
}
