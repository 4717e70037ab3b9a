//! The Kubernetes client: which cluster, with which identity, what is read there, and what is kept up to date. With
//! feature `cluster` only.
//!
//! What runs as long as the server does is one future per concern: [`watch`] for what affects injections, [`hold`] for
//! the Lease of the replica that writes, [`keep_ca_bundle`] for the webhook configurations, [`share_certificate`] for a
//! certificate that all replicas serve. Each takes a `tokio::sync::watch::Receiver<bool>` and ends when that becomes
//! true, or its sender is dropped. None of them fails: an error is logged once, with the resource as key `resource`,
//! and the operation is retried with back-off.
//!
//! The permissions that are needed, and no more:
//!
//! | for | API group | resource | names | verbs | kind |
//! | --- | --- | --- | --- | --- | --- |
//! | configuration | | configmaps | the one or two that are read | get, list, watch | Role |
//! | native sidecars (`auto`) | | nodes | | list, watch | ClusterRole |
//! | OpenShift | | namespaces | | list, watch | ClusterRole |
//! | ProxyConfig resources | networking.istio.io | proxyconfigs | | list, watch | ClusterRole |
//! | Lease | coordination.k8s.io | leases | | create | Role |
//! | Lease | coordination.k8s.io | leases | the one of the revision | get, update | Role |
//! | caBundle | admissionregistration.k8s.io | mutatingwebhookconfigurations | | list, watch | ClusterRole |
//! | caBundle | admissionregistration.k8s.io | mutatingwebhookconfigurations | those of the revision, if known | patch | ClusterRole |
//! | shared certificate | | secrets | | create | Role |
//! | shared certificate | | secrets | the one that is shared | get, list, watch, update | Role |
//!
//! Kubernetes cannot restrict `create` to a name, nor `list` and `watch` without a field selector for one.

mod backoff;
mod ca_bundle;
mod client;
mod config_maps;
mod error;
mod follow;
mod installation;
mod kubeconfig;
mod lease;
mod object;
mod pace;
mod progress;
mod proxy;
mod rest;
mod secret;
mod trouble;
mod watch;
mod workload;

pub use ca_bundle::{CaBundle, PatchEvent, PatchFailure, keep_ca_bundle};
pub use client::{Cluster, Options};
pub use config_maps::{ConfigMap, Name, Namespace};
pub use error::Error;
pub use lease::{Candidate, hold};
pub use pace::Pace;
pub use secret::{SharedCertificate, share_certificate};
pub use watch::{Told, Watches, watch};
pub use workload::Found;

/// Waits for the end: until `shutdown` is true, or its sender is dropped.
async fn stopped(shutdown: &mut tokio::sync::watch::Receiver<bool>) {
    // An error is the second of the two.
    let _ = shutdown.wait_for(|stop| *stop).await;
}
