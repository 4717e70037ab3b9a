//! Why a command fails, and with which exit status.

use std::io;

use crate::annotations::PROXY_CONFIG;
#[cfg(feature = "cluster")]
use crate::cluster;
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
        /// The position and the reason.
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
    /// A ConfigMap of a cluster cannot be had.
    #[cfg(feature = "cluster")]
    #[error("{source}; {advice}")]
    Cluster {
        /// Why.
        source: cluster::Error,
        /// Which flags to look at, and which to use instead.
        advice: String,
    },
    /// A flag gives no name that there can be in a cluster.
    #[cfg(feature = "cluster")]
    #[error("--{flag}: {name:?} cannot be the name of {what}; allowed are {allowed}")]
    Name {
        /// The flag.
        flag: &'static str,
        /// What should be called that.
        what: &'static str,
        /// The name.
        name: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// No object of a cluster is named.
    #[error(
        "{given:?} names no object that has pods: {reason}; write KIND/NAME, such as deployment/web (kinds: pod, deployment, \
         daemonset, replicaset, statefulset, job, cronjob, replicationcontroller, deploymentconfig)"
    )]
    Target {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing can be sent at all.
    #[cfg(feature = "cluster")]
    #[error("no connection to a cluster can be made: {source}")]
    Runtime {
        /// Why.
        source: io::Error,
    },
    /// A cluster is asked, and there is no client.
    #[cfg(not(feature = "cluster"))]
    #[error("{asks}: this program was built without the feature `cluster`, and reads files only: {instead}")]
    NoClient {
        /// The flag or argument.
        asks: String,
        /// What to do instead.
        instead: String,
    },
    /// A file has no objects.
    #[error("{file}: {reason}")]
    NoObject {
        /// The file.
        file: String,
        /// The place and the reason.
        reason: String,
    },
    /// An installation has problems, which were printed.
    #[cfg(feature = "webhook")]
    #[error("the installation has problems (errors: {errors}, warnings: {warnings})")]
    Findings {
        /// How many hurt.
        errors: usize,
        /// How many can hurt.
        warnings: usize,
    },
    /// No file has objects.
    #[error("{file}: there are no Kubernetes objects in it; an object has a `kind`")]
    NoObjects {
        /// The files.
        file: String,
    },
    /// A rule that does not exist.
    #[error("--ignore {name:?}: there is no rule with this name; `lint --list` prints all names")]
    UnknownRule {
        /// The name.
        name: String,
    },
    /// The webhook does not start.
    #[cfg(feature = "webhook")]
    #[error(transparent)]
    Server(#[from] crate::server::Error),
    /// An object of the input.
    #[error("{file}: {source}")]
    Object {
        /// The file.
        file: String,
        /// The place and the reason.
        source: object::Error<PodError>,
    },
    /// Labels that are none.
    #[error("--namespace-labels: {label:?} is not a label; write KEY=VALUE, and a comma between labels")]
    Labels {
        /// What was given in place of a label.
        label: String,
    },
    /// The configuration does not prove what was uninjected.
    #[error(
        "--verify: injecting the result again does not give the input (workloads: {count}); give the configuration that \
         injected them, with its revision and --kubelet-versions, or leave out --verify"
    )]
    Unproven {
        /// How many workloads.
        count: usize,
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
