//! What is wrong with a configuration, and what is only odd.

use std::fmt;

use super::Fact;
use crate::cli::{Given, Ignored, ShapeError, Source};
use crate::text::shortened;

/// What was found while reading a configuration.
#[derive(Debug, Default)]
pub struct Problems {
    /// Each of these makes the call fail with exit status 2.
    pub errors: Vec<UsageError>,
    /// Each of these is logged.
    pub warnings: Vec<Warning>,
}

/// A value as messages show it: quoted, escaped, not too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted(String);

impl Quoted {
    /// Quotes a text.
    pub fn new(text: &str) -> Self {
        Self(format!("{:?}", shortened(text)))
    }

    /// Quotes each of some texts.
    pub fn all(texts: impl IntoIterator<Item = impl ToString>) -> Self {
        let quoted: Vec<_> = texts.into_iter().map(|t| Self::new(&t.to_string()).0).collect();
        Self(match quoted.get(..MOST_QUOTED) {
            Some(first) if quoted.len() > MOST_QUOTED => {
                format!("{} and {} more", first.join(", "), quoted.len() - MOST_QUOTED)
            }
            _ => quoted.join(", "),
        })
    }
}

/// How many of a list's items a message shows.
const MOST_QUOTED: usize = 20;

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A call that cannot be carried out as it is written. Nothing is touched; exit status 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// The shape of the call.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A value that is not allowed.
    #[error("{source_} cannot be {value}: {reason}")]
    Value {
        source_: Source,
        value: Quoted,
        /// What is allowed, and what to do.
        reason: String,
    },
    /// Items of a list that are not allowed.
    #[error("{source_} cannot contain {items}: {reason}")]
    Items {
        source_: Source,
        items: Quoted,
        /// What is allowed, and what to do.
        reason: String,
    },
    /// A user or group that does not exist.
    #[error("{source_} names the {what} {name}, which is not in {file}: add it there, or give its number")]
    NoSuchName {
        source_: String,
        /// `user` or `group`.
        what: &'static str,
        name: Quoted,
        file: &'static str,
    },
    /// The list of name servers cannot be read.
    #[error(
        "/etc/resolv.conf cannot be read ({reason}); --redirect-dns needs it: make it readable, or capture all of port 53 with --capture-all-dns"
    )]
    NameServers { reason: String },
    /// The host's addresses cannot be read.
    #[error(
        "the addresses of the network namespace cannot be read ({reason}); --ip-families=auto needs them: give --ip-families=ipv4 or dual"
    )]
    Addresses { reason: String },
    /// The description of a packet.
    #[error("{0}")]
    Packet(String),
}

impl UsageError {
    /// The value is not allowed.
    pub fn value(given: &Given, reason: String) -> Self {
        Self::Value { source_: given.source, value: Quoted::new(&given.text), reason }
    }
}

/// Something that works, but perhaps not as the user thinks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A part of the call without effect.
    #[error(transparent)]
    Ignored(#[from] Ignored),
    /// A variable that cannot be read as what it should be.
    #[error("environment variable {name} is ignored: it cannot be {value}: {reason}")]
    Variable {
        name: &'static str,
        value: Quoted,
        /// What is allowed.
        reason: String,
    },
    /// A list that holds separators only.
    #[error("{source_} is {value}, which has no items: it counts as empty")]
    EmptyList { source_: Source, value: Quoted },
    /// A value that changes nothing here.
    #[error("{source_} has no effect: {why}")]
    WithoutEffect {
        source_: Source,
        /// Why not, and what to do.
        why: &'static str,
    },
    /// A flag of another command.
    #[error("--{flag} has no effect without the command {command}")]
    OfOtherCommand {
        flag: &'static str,
        /// The command that has it.
        command: &'static str,
    },
    /// A name that is not there, in a dry run.
    #[error("{source_} names the {what} {name}, which is not in {file}: applying these rules would fail")]
    NoSuchName {
        source_: String,
        /// `user` or `group`.
        what: &'static str,
        name: Quoted,
        file: &'static str,
    },
    /// No owner group is captured.
    #[error("{source_} is empty: no group's outbound traffic is captured; * captures all")]
    NoOwnerGroups { source_: Source },
    /// IPv6 ranges to capture, while no IPv6 rules are built.
    #[error(
        "{source_} lists the IPv6 ranges {ranges}, but no IPv6 rules are built, so they are not captured; --ip-families=dual captures them"
    )]
    Ipv6RangesWithoutRules { source_: Source, ranges: Quoted },
    /// What `explain` finds too, in the rules.
    #[error("{0}")]
    Fact(Fact<()>),
    /// No address at all but loopback and link-local ones.
    #[error(
        "this network namespace has only loopback and link-local addresses so far: rules are built for IPv4 only; set --ip-families to decide without looking at addresses"
    )]
    NoAddress,
    /// DNS capture was asked for, and no server is known.
    #[error("/etc/resolv.conf names no server: DNS is not captured; --capture-all-dns captures all of port 53")]
    NoDnsServer,
    /// The proxy's user does not exist, and was asked for.
    #[error("environment variable ENVOY_USER names the user {name}, which is not in /etc/passwd: using uid 1337")]
    NoEnvoyUser { name: Quoted },
    /// All of DNS is to be captured, but DNS is not.
    #[error("{source_} has no effect without --redirect-dns")]
    CaptureAllDnsWithoutEffect { source_: Source },
}
