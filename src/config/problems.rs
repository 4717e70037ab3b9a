//! What is wrong with a configuration, and what is only odd.

use std::fmt;

use super::Fact;
use crate::cli::{Ignored, ShapeError, Source};
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
    pub fn all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let quoted: Vec<_> = texts.into_iter().map(|t| Self::new(t).0).collect();
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
        /// The source of the value.
        source_: Source,
        /// The value.
        value: Quoted,
        /// What is allowed, and what to do.
        reason: String,
    },
    /// Items of a list that are not allowed.
    #[error("{source_} cannot contain {items}: {reason}")]
    Items {
        /// The source of the list.
        source_: Source,
        /// The items.
        items: Quoted,
        /// What is allowed, and what to do.
        reason: String,
    },
    /// A user or group that does not exist.
    #[error("{source_} names the {what} {name}, which is not in {file}: add it there, or give its number")]
    NoSuchName {
        /// The source of the name.
        source_: String,
        /// `user` or `group`.
        what: &'static str,
        /// The name.
        name: Quoted,
        /// The file that was read.
        file: &'static str,
    },
    /// A file that is needed and cannot be read.
    #[error("{file} cannot be read ({reason}); {needed_for} needs it: {instead}")]
    File {
        /// The file.
        file: &'static str,
        /// The error that the system returned.
        reason: String,
        /// The flag that needs it.
        needed_for: &'static str,
        /// What can be done.
        instead: &'static str,
    },
    /// The host's addresses cannot be read.
    #[error(
        "the addresses of the network namespace cannot be read ({reason}); --ip-families=auto needs them: give --ip-families=ipv4 or dual"
    )]
    Addresses {
        /// The error that the system returned.
        reason: String,
    },
    /// The description of a packet.
    #[error("{0}")]
    Packet(String),
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
        /// The variable.
        name: &'static str,
        /// Its value.
        value: Quoted,
        /// What is allowed.
        reason: String,
    },
    /// A list that holds separators only.
    #[error("{source_} is {value}, which has no items: it counts as empty")]
    EmptyList {
        /// The source of the list.
        source_: Source,
        /// Its text.
        value: Quoted,
    },
    /// Excluded inbound ports, while not all are captured.
    #[error(
        "{source_} has no effect: inbound ports can only be excluded when all others are captured (--istio-inbound-ports '*')"
    )]
    InboundExclusionsWithoutEffect {
        /// The source of the exclusions.
        source_: Source,
    },
    /// A flag of another command.
    #[error("--{flag} has no effect without the command {command}")]
    OfOtherCommand {
        /// The flag.
        flag: &'static str,
        /// The command that has it.
        command: &'static str,
    },
    /// A name that is not there, in a dry run.
    #[error("{source_} names the {what} {name}, which is not in {file}: applying these rules would fail")]
    NoSuchName {
        /// The source of the name.
        source_: String,
        /// `user` or `group`.
        what: &'static str,
        /// The name.
        name: Quoted,
        /// The file that was read.
        file: &'static str,
    },
    /// No owner group is captured.
    #[error("{source_} is empty: no group's outbound traffic is captured; * captures all")]
    NoOwnerGroups {
        /// The source of the list.
        source_: Source,
    },
    /// IPv6 ranges to capture, while no IPv6 rules are built.
    #[error(
        "{source_} lists the IPv6 ranges {ranges}, but no IPv6 rules are built, so they are not captured; --ip-families=dual captures them"
    )]
    Ipv6RangesWithoutRules {
        /// The source of the ranges.
        source_: Source,
        /// The ranges.
        ranges: Quoted,
    },
    /// What `explain` finds too, in the rules.
    #[error("{0}")]
    Fact(Fact<()>),
    /// IPv6 was asked for, and there is none.
    #[error("{source_} has no effect: {why}; rules are built for IPv4 only")]
    DualStackWithoutIpv6 {
        /// Its source.
        source_: Source,
        /// Why not, and what to do.
        why: &'static str,
    },
    /// No address at all but loopback and link-local ones.
    #[error(
        "this network namespace has only loopback and link-local addresses so far: rules are built for IPv4 only; set --ip-families to decide without looking at addresses"
    )]
    NoAddress,
    /// DNS capture was asked for, and no server is known.
    #[error("/etc/resolv.conf names no server: DNS is not captured; --capture-all-dns captures all of port 53")]
    NoDnsServer,
    /// The proxy's user does not exist, and was asked for.
    #[error("environment variable ENVOY_USER names the user {name}, which is not in {file}: using uid 1337")]
    NoEnvoyUser {
        /// The user.
        name: Quoted,
        /// The file that was read.
        file: &'static str,
    },
    /// All of DNS is to be captured, but DNS is not.
    #[error("{source_} has no effect without --redirect-dns")]
    CaptureAllDnsWithoutEffect {
        /// Its source.
        source_: Source,
    },
}
