//! What can go wrong.

use std::io;

use netlink_packet_core::DecodeError;
use nix::errno::Errno;
use thiserror::Error;

/// Why the kernel's tables could not be read or changed.
#[derive(Debug, Error)]
pub enum NftError {
    /// There is no socket to the kernel's netfilter.
    #[error("cannot open a netlink socket to the kernel's netfilter")]
    Open {
        /// The error that the kernel returned.
        #[source]
        source: io::Error,
    },
    /// The kernel does not take or give messages.
    #[error("cannot {what} the kernel's nf_tables")]
    Transfer {
        /// `write to` or `read from`.
        what: &'static str,
        /// The error that the kernel returned.
        #[source]
        source: io::Error,
    },
    /// The kernel refused a message; nothing of its transaction was done.
    #[error("the kernel refused {what}: {source}{}", explanation(.message))]
    Refused {
        /// What the message was about: a rule, as nft writes it, a chain, a table, a question.
        what: String,
        /// The kernel's own explanation, if it has one.
        message: Option<String>,
        /// The error number.
        #[source]
        source: io::Error,
    },
    /// What the kernel sent cannot be understood.
    #[error("cannot parse the kernel's nf_tables reply about {what}")]
    Decode {
        /// What it was about.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// The kernel neither confirmed nor refused.
    #[error("the kernel's nf_tables did not answer")]
    NoAnswer,
    /// Something that passes did not.
    #[error("giving up on the kernel's nf_tables after many attempts: other programs may be changing it constantly")]
    Busy {
        /// Why not, the last time.
        #[source]
        last: Box<Self>,
    },
    /// A user or group is not known.
    #[error("a rule names {name:?}, which is not a user or group here; give the number")]
    UnknownOwner {
        /// The name.
        name: String,
    },
    /// A message cannot be as long as it would have to be.
    #[error("a rule is too long for a netlink message (64 KiB)")]
    TooLong,
}

fn explanation(message: &Option<String>) -> String {
    message.as_ref().map(|m| format!(" ({m})")).unwrap_or_default()
}

impl NftError {
    pub(crate) fn decode(what: &'static str) -> impl Fn(DecodeError) -> Self {
        move |source| Self::Decode { what, source }
    }

    /// The kernel's error number, if it gave one.
    pub fn errno(&self) -> Option<Errno> {
        let source = match self {
            Self::Open { source } | Self::Transfer { source, .. } | Self::Refused { source, .. } => source,
            Self::Decode { .. } | Self::NoAnswer | Self::Busy { .. } | Self::UnknownOwner { .. } | Self::TooLong => {
                return None;
            }
        };
        source.raw_os_error().map(Errno::from_raw)
    }

    /// Whether the same may succeed when it is begun anew.
    #[cfg(any(test, feature = "internals"))]
    pub fn is_transient(&self) -> bool {
        self.errno().is_some_and(crate::netlink::is_transient)
    }

    /// Whether the kernel has no nf_tables, if this is the error of the first question.
    pub fn is_unsupported(&self) -> bool {
        let unsupported = [Errno::EINVAL, Errno::EOPNOTSUPP, Errno::EPROTONOSUPPORT, Errno::EAFNOSUPPORT];
        self.errno().is_some_and(|errno| unsupported.contains(&errno))
    }
}
