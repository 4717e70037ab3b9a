//! Why a command fails, and with which exit status.

use std::io;

use crate::annotations::PROXY_CONFIG;
use crate::object::NotUtf8;
use crate::{config, inject, mesh, object};

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag is missing.
    #[error("{0}")]
    Missing(&'static str),
    /// A file cannot be read.
    #[error("{file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A file is no text.
    #[error("{file}: {source}")]
    NotUtf8 {
        /// The file.
        file: String,
        /// Where.
        source: NotUtf8,
    },
    /// A directory without objects.
    #[error("{file}: there is no .yaml, .yml or .json file in this directory")]
    EmptyDirectory {
        /// The directory.
        file: String,
    },
    /// The configuration.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// Templates of one's own need values of one's own.
    #[error("--valuesFile is missing: {file} has templates, but no values; give a file with values, at least `{{}}`")]
    NoValues {
        /// The file with the templates.
        file: String,
    },
    /// A ConfigMap of a cluster is asked for.
    #[error(
        "--{flag} {name}: ConfigMaps are not read from a cluster; save it with `kubectl get configmap {name} -o yaml`, and give the file to {instead}"
    )]
    Cluster {
        /// The flag.
        flag: &'static str,
        /// The ConfigMap.
        name: String,
        /// The flag for a file.
        instead: &'static str,
    },
    /// An object of the input.
    #[error("{file}: {source}")]
    Object {
        /// The file.
        file: String,
        /// Where and why.
        source: object::Error<PodError>,
    },
    /// A file with a Namespace that is none.
    #[error("{file}: {reason}")]
    Namespace {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// The result cannot be written.
    #[error("{file}: {source}")]
    Write {
        /// The file, or "standard output".
        file: String,
        /// Why.
        source: io::Error,
    },
}

/// Why the pod of a workload cannot be injected.
#[derive(Debug, thiserror::Error)]
pub enum PodError {
    /// The annotation with the pod's proxy config.
    #[error("annotation {PROXY_CONFIG}: {0}")]
    ProxyConfig(mesh::Error),
    /// The injection.
    #[error(transparent)]
    Inject(inject::Error),
}
