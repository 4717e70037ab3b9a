//! The parts of an object that are read from a list or a watch. Everything else is skipped while it is parsed: a node
//! may have 20 KB.

use serde::Deserialize;

use crate::value::Value;

/// All parts of objects that are used in this crate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Object {
    pub(super) metadata: Metadata,
    /// Of a ProxyConfig.
    pub(super) spec: Value,
    /// Of a MutatingWebhookConfiguration.
    pub(super) webhooks: Value,
    /// Of a Secret.
    pub(super) data: Value,
    /// Of a node.
    pub(super) status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
    pub(super) creation_timestamp: Option<String>,
    pub(super) annotations: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) node_info: NodeInfo,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct NodeInfo {
    pub(super) kubelet_version: String,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) metadata: PageMetadata,
    /// Go writes an empty list as null.
    pub(super) items: Option<Vec<Object>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PageMetadata {
    pub(super) resource_version: String,
    /// What to ask for the next page with.
    pub(super) r#continue: String,
}

impl Object {
    /// The name, after the namespace if there is one.
    pub(super) fn key(&self) -> String {
        let Metadata { name, namespace, .. } = &self.metadata;
        if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") }
    }
}
