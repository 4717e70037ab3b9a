//! The errors of a call, and how they are reported to the runtime: CNI's error object, which it puts into the pod's
//! events.

use std::fmt;

use serde::Serialize;

use crate::protocol::{SUPPORTED, Verb};

/// Why a call fails. Nothing is left in the pod's network namespace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The configuration has a version that is not known.
    #[error("cniVersion {given:?} is not supported; use one of {}", SUPPORTED.join(", "))]
    Version {
        /// The version.
        given: String,
    },
    /// The version does not have the command.
    #[error("{verb} needs cniVersion {since} or later, but the configuration has {given}")]
    TooOld {
        /// The command.
        verb: Verb,
        /// The version that brought it.
        since: &'static str,
        /// The version of the configuration.
        given: String,
    },
    /// Something is wrong with the environment: a variable with what is wrong with it.
    #[error("invalid CNI environment: {}", Listed(.0))]
    Environment(Vec<String>),
    /// Standard input cannot be read, or standard output not written.
    #[error("{what}: {reason}")]
    InputOutput {
        /// Which.
        what: &'static str,
        /// What the system reports.
        reason: String,
    },
    /// Standard input is not what a runtime sends.
    #[error("the network configuration on standard input cannot be read: {0}")]
    Decoding(String),
    /// The plugin's own object in the configuration is wrong.
    #[error("the plugin's configuration is invalid: {}", Listed(.0))]
    Configuration(Vec<String>),
    /// The kernel does not take rules.
    #[error("rules cannot be made on this node: {}", Listed(.0))]
    Unavailable(Vec<String>),
    /// The runtime has not sent the annotations.
    #[error(
        "the runtime passes no annotations of pod {pod}: the plugin's object in the CNI configuration needs \
         \"capabilities\": {{\"io.kubernetes.cri.pod-annotations\": true}}, and the runtime must be containerd 1.5 or later \
         (containerd/containerd#5026) or CRI-O 1.29 or later (cri-o/cri-o#7342)"
    )]
    NoAnnotations {
        /// Namespace and name.
        pod: String,
    },
    /// What the injector has written cannot be understood.
    #[error(
        "pod {pod}: annotation sidecar.istio.io/status cannot be {value}: {reason}. The injector writes it; remove it \
         from the pod template if something else did"
    )]
    Status {
        /// Namespace and name.
        pod: String,
        /// The value, quoted.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Annotations have values that are not allowed.
    #[error("pod {pod}: {}", Listed(.wrong))]
    Annotations {
        /// Namespace and name.
        pod: String,
        /// Each with its value and what is allowed.
        wrong: Vec<String>,
    },
    /// The rules could not be put in place.
    #[error("pod {pod}: its rules could not be put in place: {}", Listed(.why))]
    Rules {
        /// Namespace and name.
        pod: String,
        /// What went wrong.
        why: Vec<String>,
    },
    /// The rules are not those that are wanted.
    #[error("pod {pod}: its rules differ from the wanted ones (- unexpected, + missing): {}", Listed(.differences))]
    Differs {
        /// Namespace and name.
        pod: String,
        /// A line each.
        differences: Vec<String>,
    },
    /// Connections did not end at the expected place.
    #[error("pod {pod}: its traffic is not captured as it should be: {}", Listed(.why))]
    NotValid {
        /// Namespace and name.
        pod: String,
        /// What was seen.
        why: Vec<String>,
    },
}

impl Failure {
    /// The error code: up to 99 those of the CNI specification, this program's own from 100.
    pub const fn code(&self) -> u32 {
        match self {
            Self::Version { .. } | Self::TooOld { .. } => 1,
            Self::Environment(_) => 4,
            Self::InputOutput { .. } => 5,
            Self::Decoding(_) => 6,
            Self::Configuration(_) => 7,
            Self::Unavailable(_) => 50,
            Self::NoAnnotations { .. } => 100,
            Self::Status { .. } => 101,
            Self::Annotations { .. } => 102,
            Self::Rules { .. } => 103,
            Self::Differs { .. } => 104,
            Self::NotValid { .. } => 105,
        }
    }

    /// The error object, in the version that was asked for if it is known.
    pub fn object(&self, version: &str) -> String {
        let error = Error { cni_version: version, code: self.code(), msg: self.to_string(), details: "" };
        serde_json::to_string(&error).unwrap_or_default()
    }
}

/// <https://www.cni.dev/docs/spec/#error>
#[derive(Serialize)]
struct Error<'a> {
    #[serde(rename = "cniVersion")]
    cni_version: &'a str,
    code: u32,
    msg: String,
    // Runtimes print it after the message: there is nothing to add.
    details: &'a str,
}

/// Some reasons in one line.
struct Listed<'a>(&'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, more) = self.0.split_at(self.0.len().min(MOST));
        f.write_str(&first.join("; "))?;
        if more.is_empty() { Ok(()) } else { write!(f, "; and {} more", more.len()) }
    }
}

/// How many reasons a message has: an event of Kubernetes has 1,024 bytes.
const MOST: usize = 8;
