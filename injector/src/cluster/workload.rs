//! A workload or pod of a cluster, and the cluster's settings that decide whether it is injected.

use super::installation::list_webhooks;
use super::{Cluster, Error, Name, Namespace};
use crate::object::Kind;
use crate::value::Value;

/// A workload or pod as the API server has it.
#[derive(Debug)]
pub struct Found {
    /// The object.
    pub object: Value,
    /// Its Namespace, if there is one, or why it cannot be read.
    pub namespace: Result<Option<Value>, Error>,
    /// All MutatingWebhookConfigurations, or why they cannot be read.
    pub webhooks: Result<Vec<Value>, Error>,
}

impl Found {
    /// Reads an object, its namespace and the webhook configurations. Few users may read the last two, and an answer is
    /// possible without them.
    pub async fn read(cluster: &Cluster, kind: Kind, namespace: &Namespace, name: &Name) -> Result<Self, Error> {
        let (api, resource) = resource(kind);
        let right = format!("get {resource} in the namespace {namespace}");
        let path = format!("{api}/namespaces/{namespace}/{resource}");
        let object =
            cluster.read(&right, kind.name(), &path, &name.to_string()).await?.ok_or_else(|| Error::NoObject {
                kind: kind.name(),
                name: name.clone(),
                namespace: namespace.clone(),
                server: cluster.server().to_owned(),
            })?;
        let right = format!("get the namespace {namespace}");
        let of_namespace = cluster.read(&right, "Namespace", "/api/v1/namespaces", &namespace.to_string()).await;
        Ok(Found { object, namespace: of_namespace, webhooks: list_webhooks(cluster).await })
    }
}

/// The path of the API that a kind is in, and the name of its resource there. Source: Kubernetes' API reference, and
/// OpenShift's for DeploymentConfig.
fn resource(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Pod | Kind::List => ("/api/v1", "pods"),
        Kind::ReplicationController => ("/api/v1", "replicationcontrollers"),
        Kind::Deployment => ("/apis/apps/v1", "deployments"),
        Kind::DaemonSet => ("/apis/apps/v1", "daemonsets"),
        Kind::ReplicaSet => ("/apis/apps/v1", "replicasets"),
        Kind::StatefulSet => ("/apis/apps/v1", "statefulsets"),
        Kind::Job => ("/apis/batch/v1", "jobs"),
        Kind::CronJob => ("/apis/batch/v1", "cronjobs"),
        Kind::DeploymentConfig => ("/apis/apps.openshift.io/v1", "deploymentconfigs"),
    }
}
