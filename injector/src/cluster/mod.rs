//! The Kubernetes client: which cluster, as whom, and what is read there. With feature `cluster` only.

mod client;
mod config_maps;
mod error;
mod kubeconfig;
mod proxy;

pub use client::{Cluster, Options};
pub use config_maps::{ConfigMap, Name, Namespace};
pub use error::Error;
