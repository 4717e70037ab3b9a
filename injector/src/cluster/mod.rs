//! The Kubernetes client: which cluster, as whom, what is read there, and what is kept up to date. With feature
//! `cluster` only.
//!
//! What runs as long as the server does is one future per concern: [`watch`] for what counts for an injection. Each
//! takes a `tokio::sync::watch::Receiver<bool>` and ends when that becomes true, or its sender is dropped. None of them
//! fails: what goes wrong is told once through `log`, with the resource as key `resource`, and tried again with back-off.
//!
//! The rights that are needed, and no others:
//!
//! | for | API group | resource | names | verbs | kind |
//! | --- | --- | --- | --- | --- | --- |
//! | configuration | | configmaps | the one or two that are read | get, list, watch | Role |
//! | native sidecars (`auto`) | | nodes | | list, watch | ClusterRole |
//! | OpenShift | | namespaces | | list, watch | ClusterRole |
//! | ProxyConfig resources | networking.istio.io | proxyconfigs | | list, watch | ClusterRole |

mod backoff;
mod client;
mod config_maps;
mod error;
mod follow;
mod kubeconfig;
mod object;
mod pace;
mod proxy;
mod trouble;
mod watch;

pub use client::{Cluster, Options};
pub use config_maps::{ConfigMap, Name, Namespace};
pub use error::Error;
pub use pace::Pace;
pub use watch::{Told, Watches, watch};

/// Waits for the end: until `shutdown` is true, or nobody is left who could make it so.
async fn stopped(mut shutdown: tokio::sync::watch::Receiver<bool>) {
    // An error is the second of the two.
    let _ = shutdown.wait_for(|stop| *stop).await;
}
