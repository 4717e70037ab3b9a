//! Effects: everything that looks into the kernel or changes it.

use std::path::PathBuf;

pub mod capabilities;
pub(crate) mod conntrack;
pub mod detect;
mod diagnosis;
pub mod iptables;
mod legacy;
pub mod lock;
mod netlink;
pub mod netns;
pub mod nftables;
pub mod probe;
pub mod process;
pub mod routes;
pub mod sockets;
pub mod watch;

use crate::netfilter::quirks::Version;
use crate::nftables::NftError;
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
    /// A save program that leaves something out.
    #[error(
        "{program} does not print the {family} table {table}, which the kernel has: does it hold rules made by nft(8), or by a later version of iptables? Put nft rules in a separate table, and use the later version of iptables; --native-nftables needs no iptables"
    )]
    SaveLacks {
        /// The program.
        program: PathBuf,
        /// The family.
        family: crate::net::Family,
        /// The table.
        table: String,
    },
    /// A save program that leaves conditions out.
    #[error(
        "{program} is iptables {release}, which omits the port of a managed rule that a later version made (the first one of ISTIO_INBOUND in the {family} table nat): use iptables {needed} or later here"
    )]
    SaveTooOld {
        /// The program.
        program: PathBuf,
        /// Its version.
        release: Version,
        /// The first version that reads such rules.
        needed: Version,
        /// The family.
        family: crate::net::Family,
    },
    /// A program that reported success.
    #[error(
        "{program} exited with status 0, but the kernel does not have the {family} rules that it was given: is it a wrapper that does something else, or is another program changing managed rules?"
    )]
    NotDone {
        /// The program.
        program: PathBuf,
        /// The family.
        family: crate::net::Family,
    },
    /// No usable iptables.
    #[error("no usable iptables was found: {0}")]
    NoIptables(String),
    /// Netlink.
    #[error("{what}: the kernel returned: {error}{hint}")]
    Netlink {
        /// What was tried.
        what: String,
        /// The kernel's answer.
        error: std::io::Error,
        /// What usually causes it.
        hint: String,
    },
    /// Routing that is not as the kernel confirmed it.
    #[error("`{command}`: {reason}")]
    Routing {
        /// What was tried, as a command of ip(8).
        command: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// nf_tables.
    #[error("nf_tables: {}{}", with_sources(.0), hint(.0))]
    Nftables(#[from] NftError),
    /// The network namespace.
    /// A network namespace to try rules in.
    #[error("cannot create a network namespace to try the rules in: {reason}")]
    Throwaway {
        /// Why not.
        reason: String,
    },
    /// The lock of the namespace.
    #[error(
        "cannot lock this network namespace within {seconds} s: another istio-iptables, or a child of one that was killed, is running here; look for it with `ps`"
    )]
    Locked {
        /// How long was waited.
        seconds: u64,
    },
    /// The file that the lock is on.
    #[error(
        "cannot lock this network namespace: {file}: {error}{}",
        shortage(error, "; is /proc mounted, and readable?")
    )]
    Lock {
        /// The file.
        file: &'static str,
        /// The error that the system returned.
        error: std::io::Error,
    },
}

/// An error with its cause, unless it contains that itself.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let behind = error.to_string();
        if !text.contains(&behind) {
            text = format!("{text}: {behind}");
        }
        source = error.source();
    }
    text
}

/// Why the kernel permits no change, or what it needs.
fn not_permitted(needs: &str) -> String {
    let capabilities = capabilities::Capabilities::effective();
    let owned = capabilities.net_admin().then(nftables::NftablesClient::open);
    match owned.and_then(Result::ok).and_then(|mut nft| nft.owned_table().ok()).flatten() {
        Some(table) => format!(
            "another process owns the table {table} (flag `owner`): the kernel lets no other process change it until that process exits or gives it up"
        ),
        None => format!(
            "it needs {needs} in the user namespace that owns this network namespace ({})",
            capabilities.describe()
        ),
    }
}

/// What to do if the system is short of something; or else.
fn shortage(error: &std::io::Error, or_else: &'static str) -> &'static str {
    match error.raw_os_error() {
        Some(nix::libc::EMFILE | nix::libc::ENFILE) => {
            " (too many files are open: raise the limit, as with `ulimit -n 64`)"
        }
        _ => or_else,
    }
}

/// What usually causes an error of nf_tables.
fn hint(error: &NftError) -> String {
    match error.errno() {
        Some(nix::errno::Errno::EPERM) => format!("; {}", not_permitted("CAP_NET_ADMIN")),
        Some(nix::errno::Errno::ENOENT) => {
            "; the kernel may lack a module that this needs (nft_redir, nft_tproxy, nft_ct, nf_nat): load it on the node".to_owned()
        }
        _ if error.is_unsupported() => "; the kernel may lack nf_tables: load the module nf_tables on the node".to_owned(),
        errno => errno.map_or("", |errno| shortage(&errno.into(), "")).to_owned(),
    }
}
