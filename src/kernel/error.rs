//! What fails at the kernel, or in a program that talks to it, in words.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

use super::process::ProcessError;
use crate::net::Family;
use crate::netfilter::quirks::Version;
use crate::netfilter::save::SaveError;
use crate::nftables::NftError;

/// A failure at the kernel, or of a program that talks to it.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// A child process.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// What a save program printed.
    #[error("{program}: {source}")]
    Save { program: PathBuf, source: SaveError },
    /// A save program that leaves something out.
    #[error(
        "{program} does not print the {family} table {table}, which the kernel has: does it hold rules made by nft(8), or by a later version of iptables? Put nft rules in a separate table, and use the later version of iptables; --native-nftables needs no iptables"
    )]
    SaveLacks { program: PathBuf, family: Family, table: String },
    /// A save program that leaves conditions out.
    #[error(
        "{program} is iptables {release}, which omits the port of a managed rule that a later version made (the first one of ISTIO_INBOUND in the {family} table nat): use iptables {needed} or later here"
    )]
    SaveTooOld {
        program: PathBuf,
        release: Version,
        /// The first version that reads such rules.
        needed: Version,
        family: Family,
    },
    /// A program that reported success.
    #[error(
        "{program} exited with status 0, but the kernel does not have the {family} rules that it was given: is it a wrapper that does something else, or is another program changing managed rules?"
    )]
    NotDone { program: PathBuf, family: Family },
    /// No usable iptables.
    #[error("no usable iptables was found: {0}")]
    NoIptables(String),
    /// Netlink.
    #[error("{what}: the kernel returned: {error}{hint}")]
    Netlink {
        what: String,
        error: io::Error,
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
    /// A network namespace to try rules in.
    #[error("cannot create a network namespace to try the rules in: {reason}")]
    Throwaway { reason: String },
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
        super::shortage(error, "; is /proc mounted, and readable?")
    )]
    Lock { file: &'static str, error: io::Error },
}

/// An error with its cause, unless it contains that itself.
fn with_sources(error: &dyn Error) -> String {
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

/// What usually causes an error of nf_tables.
fn hint(error: &NftError) -> String {
    match error.errno() {
        Some(Errno::EPERM) => format!("; {}", super::not_permitted("CAP_NET_ADMIN")),
        Some(Errno::ENOENT) => {
            "; the kernel may lack a module that this needs (nft_redir, nft_tproxy, nft_ct, nf_nat): load it on the node".to_owned()
        }
        _ if error.is_unsupported() => "; the kernel may lack nf_tables: load the module nf_tables on the node".to_owned(),
        errno => errno.map_or("", |errno| super::shortage(&errno.into(), "")).to_owned(),
    }
}
