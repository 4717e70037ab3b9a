//! A pod, as far as it can be run here. A field that is not here is refused by name, so that no test passes because the
//! field was overlooked.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// A pod (<https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Pod {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    pub metadata: Metadata,
    pub spec: Spec,
    #[serde(default, rename = "status")]
    _status: IgnoredAny,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Metadata {
    pub name: String,
    #[serde(default = "default_namespace")]
    pub namespace: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default, rename = "creationTimestamp")]
    _creation_timestamp: IgnoredAny,
}

fn default_namespace() -> String {
    "default".to_owned()
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Spec {
    #[serde(default)]
    pub init_containers: Vec<Container>,
    pub containers: Vec<Container>,
    #[serde(default)]
    pub volumes: Vec<Volume>,
    /// After a container has ended, none is started again here: tests are short.
    #[serde(default, rename = "restartPolicy")]
    _restart_policy: IgnoredAny,
    pub termination_grace_period_seconds: Option<i64>,
    #[serde(default = "default_service_account")]
    pub service_account_name: String,
    #[serde(default)]
    pub security_context: PodSecurityContext,
    #[serde(default, rename = "imagePullSecrets")]
    _image_pull_secrets: IgnoredAny,
}

fn default_service_account() -> String {
    "default".to_owned()
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PodSecurityContext {
    pub run_as_user: Option<i64>,
    pub run_as_group: Option<i64>,
    pub run_as_non_root: Option<bool>,
    pub fs_group: Option<i64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Container {
    pub name: String,
    pub image: String,
    #[serde(default)]
    pub command: Vec<String>,
    #[serde(default)]
    pub args: Vec<String>,
    #[serde(default)]
    pub working_dir: String,
    #[serde(default)]
    pub env: Vec<Variable>,
    #[serde(default)]
    pub ports: Vec<Port>,
    #[serde(default)]
    pub resources: Resources,
    #[serde(default)]
    pub volume_mounts: Vec<VolumeMount>,
    pub startup_probe: Option<Probe>,
    pub readiness_probe: Option<Probe>,
    /// Nothing is restarted here, so it is never called.
    #[serde(default, rename = "livenessProbe")]
    _liveness_probe: IgnoredAny,
    #[serde(default)]
    pub lifecycle: Lifecycle,
    #[serde(default)]
    pub security_context: SecurityContext,
    /// `Always` makes an init container a sidecar
    /// (<https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/>).
    pub restart_policy: Option<String>,
    /// All images are on the node.
    #[serde(default, rename = "imagePullPolicy")]
    _image_pull_policy: IgnoredAny,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Port {
    pub name: Option<String>,
    pub container_port: u16,
    #[serde(default, rename = "protocol")]
    _protocol: IgnoredAny,
}

/// The limits and requests, which only `resourceFieldRef` looks at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Resources {
    #[serde(default)]
    pub limits: BTreeMap<String, Value>,
    #[serde(default)]
    pub requests: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Variable {
    pub name: String,
    pub value: Option<String>,
    pub value_from: Option<Source>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum Source {
    FieldRef(FieldRef),
    ResourceFieldRef(ResourceFieldRef),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FieldRef {
    #[serde(default, rename = "apiVersion")]
    _api_version: IgnoredAny,
    pub field_path: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ResourceFieldRef {
    pub container_name: Option<String>,
    pub resource: String,
    pub divisor: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct VolumeMount {
    pub name: String,
    pub mount_path: String,
    #[serde(default)]
    pub read_only: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Lifecycle {
    pub post_start: Option<Handler>,
    pub pre_stop: Option<Handler>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Handler {
    pub exec: Option<Exec>,
    pub http_get: Option<HttpGet>,
    pub tcp_socket: Option<TcpSocket>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    pub command: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct HttpGet {
    #[serde(default)]
    pub path: String,
    pub port: PortName,
    pub scheme: Option<String>,
    #[serde(default)]
    pub http_headers: Vec<Header>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TcpSocket {
    pub port: PortName,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum PortName {
    Number(u16),
    Name(String),
}

/// A probe. Whatever its period and thresholds, it is asked until it succeeds or [`harness::PATIENCE`] is over.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Probe {
    pub exec: Option<Exec>,
    pub http_get: Option<HttpGet>,
    pub tcp_socket: Option<TcpSocket>,
    #[serde(default, rename = "initialDelaySeconds")]
    _initial_delay_seconds: IgnoredAny,
    #[serde(default, rename = "periodSeconds")]
    _period_seconds: IgnoredAny,
    #[serde(default, rename = "timeoutSeconds")]
    _timeout_seconds: IgnoredAny,
    #[serde(default, rename = "successThreshold")]
    _success_threshold: IgnoredAny,
    #[serde(default, rename = "failureThreshold")]
    _failure_threshold: IgnoredAny,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecurityContext {
    pub run_as_user: Option<i64>,
    pub run_as_group: Option<i64>,
    pub run_as_non_root: Option<bool>,
    #[serde(default)]
    pub capabilities: Capabilities,
    pub allow_privilege_escalation: Option<bool>,
    #[serde(default)]
    pub privileged: bool,
    #[serde(default)]
    pub read_only_root_filesystem: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub drop: Vec<String>,
}

/// A volume. Without a source it is an empty folder, as for the API server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Volume {
    pub name: String,
    #[serde(default, rename = "emptyDir")]
    _empty_dir: IgnoredAny,
    #[serde(rename = "downwardAPI")]
    pub downward_api: Option<Downward>,
    pub config_map: Option<ConfigMap>,
    pub projected: Option<Projected>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Downward {
    pub items: Vec<DownwardItem>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DownwardItem {
    pub path: String,
    pub field_ref: FieldRef,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConfigMap {
    pub name: String,
    #[serde(default)]
    pub optional: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Projected {
    pub sources: Vec<Projection>,
    #[serde(default, rename = "defaultMode")]
    _default_mode: IgnoredAny,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum Projection {
    ServiceAccountToken(Token),
    ConfigMap(ConfigMap),
    #[serde(rename = "downwardAPI")]
    DownwardApi(Downward),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Token {
    pub path: String,
    #[serde(default, rename = "audience")]
    _audience: IgnoredAny,
    #[serde(default, rename = "expirationSeconds")]
    _expiration_seconds: IgnoredAny,
}

impl Pod {
    /// The pod of an object: a pod itself, or what a workload makes of its template.
    ///
    /// # Errors
    /// What it has that is not supported here.
    pub fn of(object: &Value) -> Result<Self, String> {
        let mut pod = object.clone();
        if object["kind"] != "Pod" {
            pod = object
                .pointer("/spec/template")
                .cloned()
                .ok_or_else(|| format!("{}: no pod template", object["kind"]))?;
            pod["apiVersion"] = "v1".into();
            pod["kind"] = "Pod".into();
            pod["metadata"]["name"] = format!("{}-0", object["metadata"]["name"].as_str().unwrap_or_default()).into();
        }
        serde_json::from_value(pod).map_err(|error| format!("this cannot be run here: {error}"))
    }
}

impl Container {
    /// Whether it is a sidecar: an init container that keeps running next to the containers.
    pub fn is_sidecar(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }

    /// The number of a port.
    ///
    /// # Errors
    /// A name that no port of the container has.
    pub fn port(&self, name: &PortName) -> Result<u16, String> {
        match name {
            PortName::Number(number) => Ok(*number),
            PortName::Name(name) => {
                let found = self.ports.iter().find(|port| port.name.as_ref() == Some(name));
                found.map(|port| port.container_port).ok_or_else(|| format!("no port of {} is named {name}", self.name))
            }
        }
    }
}
