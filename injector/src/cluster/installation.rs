//! The objects of an installation of the webhook in a cluster.

use std::collections::BTreeSet;

use super::{Cluster, Error};
use crate::check::Installation;
use crate::value::Value;

impl Installation {
    /// Reads what is to be checked. `revision` as for [`Installation::check`].
    pub async fn read(cluster: &Cluster, revision: Option<&str>) -> Result<Self, Error> {
        let mut installation = Installation {
            configurations: list_webhooks(cluster).await?,
            namespaces: cluster.list("list namespaces", "NamespaceList", "/api/v1/namespaces").await?,
            services: Some(Vec::new()),
            endpoints: Some(Vec::new()),
            workloads: Vec::new(),
            runs: true,
        };
        let called: BTreeSet<_> = installation
            .entries(revision)
            .filter_map(|entry| entry.service_name().map(|(namespace, name)| (namespace.to_owned(), name.to_owned())))
            .collect();
        for (namespace, name) in called {
            let of = |resource| format!("/api/v1/namespaces/{namespace}/{resource}");
            let right = |verb, resource| format!("{verb} {resource} in the namespace {namespace}");
            let service = cluster.read(&right("get", "services"), "Service", &of("services"), &name).await?;
            installation.services.get_or_insert_default().extend(service);
            let endpoints = cluster.read(&right("get", "endpoints"), "Endpoints", &of("endpoints"), &name).await?;
            installation.endpoints.get_or_insert_default().extend(endpoints);
            let pods = cluster.list(&right("list", "pods"), "PodList", &of("pods")).await?;
            installation.workloads.extend(pods);
        }
        Ok(installation)
    }
}

/// All MutatingWebhookConfigurations.
pub(super) async fn list_webhooks(cluster: &Cluster) -> Result<Vec<Value>, Error> {
    let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
    cluster.list("list mutatingwebhookconfigurations", "MutatingWebhookConfigurationList", path).await
}
