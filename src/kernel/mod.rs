//! Effects: everything that looks into the kernel or changes it.

use std::path::PathBuf;

pub mod capabilities;
pub mod detect;
pub mod iptables;
mod legacy;
pub mod lock;
pub mod netlink;
pub mod netns;
pub mod nftables;
pub mod probe;
pub mod process;
pub mod routes;
pub mod sockets;
mod trouble;

pub use process::ProcessError;

/// A failure at the kernel, or of a program that talks to it.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// A child process.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// What a save program printed.
    #[error("{program}: {source}")]
    Save {
        /// The program.
        program: PathBuf,
        /// What is wrong with it.
        source: crate::netfilter::save::SaveError,
    },
    /// No usable iptables.
    #[error("no usable iptables was found: {0}")]
    NoIptables(String),
    /// Netlink.
    #[error("{what}: the kernel says: {error}{hint}")]
    Netlink {
        /// What was tried.
        what: String,
        /// The kernel's answer.
        error: std::io::Error,
        /// What usually causes it.
        hint: String,
    },
    /// The network namespace.
    #[error(
        "--network-namespace cannot be {path:?}: it is not a network namespace that can be entered ({reason}); give the path of one, such as /proc/PID/ns/net or /run/netns/NAME"
    )]
    Namespace {
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The lock of the namespace.
    #[error(
        "the lock of this network namespace could not be taken within {seconds} s ({reason}): another istio-iptables, or a child of one that was killed, is at work here; look for it with `ps`"
    )]
    Lock {
        /// How long was waited.
        seconds: u64,
        /// What the system says.
        reason: String,
    },
}
