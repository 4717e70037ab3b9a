//! Proof, with real connections, that the rules do what the configuration asks for.
//!
//! [`plan()`] decides which connections: their callers, destinations, and expected listeners. `kernel::probe`
//! makes them and returns what it has [`Seen`]. [`judge()`] interprets that. Only the middle one has effects.
//!
//! The main check is that of Istio's `istio-validation` container: the proxy's user calls `127.0.0.6` (`::6`)
//! over loopback, which the rules bring to the inbound listener. A random token proves that it is the same
//! connection, and the original destination that conntrack remembers (`SO_ORIGINAL_DST`) proves that it was
//! redirected on its way.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::net::{Family, Interface, Port};
use crate::netfilter::Protocol;

mod identity;
mod judge;
mod plan;
mod report;

pub use identity::{Caller, Ids, Role};
pub use judge::{CheckResult, Facts, judge};
pub use plan::plan;
pub use report::{problems, table};

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The proxy's connection to an address of the pod comes back through its inbound listener.
    Inbound,
    /// TPROXY brings a connection to the transparent inbound listener, both ends as they are.
    Transparent,
    /// An application's connection to another host comes to the outbound listener.
    Outbound,
    /// An application's DNS query over UDP comes to the agent, and the answer back.
    DnsUdp,
    /// An application's DNS query over TCP comes to the agent.
    DnsTcp,
    /// An excluded outbound port is not captured.
    ExcludedOutbound(u16),
    /// An excluded inbound port is not captured.
    ExcludedInbound(u16),
    /// Connections from other hosts, in REDIRECT mode.
    FromElsewhere,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inbound => f.write_str("to the inbound listener"),
            Self::Transparent => f.write_str("inbound with TPROXY"),
            Self::Outbound => f.write_str("to the outbound listener"),
            Self::DnsUdp => f.write_str("DNS over UDP"),
            Self::DnsTcp => f.write_str("DNS over TCP"),
            Self::ExcludedOutbound(port) => write!(f, "outbound port {port} excluded"),
            Self::ExcludedInbound(port) => write!(f, "inbound port {port} excluded"),
            Self::FromElsewhere => f.write_str("from other hosts"),
        }
    }
}

/// The place at which a connection has to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// At the listener on this port.
    Captured(Port),
    /// Not at the listener on this port, but at its destination.
    NotCaptured(Port),
}

impl Expected {
    /// The port of the listener that is meant.
    pub const fn port(self) -> Port {
        match self {
            Self::Captured(port) | Self::NotCaptured(port) => port,
        }
    }
}

/// A connection to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Who calls; the process as it is if `None`.
    pub caller: Option<Ids>,
    pub protocol: Protocol,
    /// The source: over loopback, from an address that no rule takes for the proxy's own source.
    pub from: Option<IpAddr>,
    /// The destinations: the first that can be reached, and not via an excluded interface.
    pub to: Vec<SocketAddr>,
    /// The place at which it has to arrive.
    pub expected: Expected,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub subject: Subject,
    pub family: Family,
    /// The connection, or why none can prove it.
    pub probe: Result<Probe, String>,
}

/// All that there is to do for the connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probing {
    pub probes: Vec<Probe>,
    /// Who listens: the proxy's user, since rules know the agent's answers by it.
    pub listener: Option<Ids>,
    /// Whether listeners accept connections to any address (`IP_TRANSPARENT`).
    pub transparent: bool,
    /// Interfaces that the rules leave alone.
    pub left_alone: Vec<Interface>,
    /// The bound on all of it.
    pub bound: Duration,
}

/// Who has a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub port: u16,
    /// The user of the listening socket, if it is found.
    pub uid: Option<u32>,
    /// Name and number of the process, if this process may see it.
    pub process: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.process, self.uid) {
            (Some(process), Some(uid)) => write!(f, "{process}, user {uid}"),
            (None, Some(uid)) => write!(f, "a process of user {uid}"),
            (Some(process), None) => f.write_str(process),
            (None, None) => f.write_str("another process"),
        }
    }
}

/// What became of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It could not be tried.
    NotTried(String),
    /// The listener's port is another program's, so that nothing was sent.
    Taken(Holder),
    /// This program's listener has it.
    Captured {
        /// The listener's port.
        port: u16,
        /// The original destination, from the kernel.
        original: Option<SocketAddr>,
        /// Whether its answer came back to the caller.
        answered: bool,
    },
    /// Another program in this network namespace accepted it.
    Accepted(Holder),
    /// A program outside of this network namespace accepted or answered it.
    Outside,
    /// It was refused.
    Refused(String),
    /// The destination is no address of this host.
    NoSuchAddress,
    /// Nothing, for as long as was waited.
    Silence,
}

impl Seen {
    /// Whether it ended at the expected place, as far as can be seen at once.
    pub fn is_as(&self, expected: Expected) -> bool {
        match (self, expected) {
            (Self::NotTried(_) | Self::Taken(_), _) => true,
            (Self::Captured { port, .. }, Expected::Captured(at)) => *port == at.number(),
            (Self::Accepted(holder), Expected::Captured(at)) => holder.port == at.number(),
            (Self::Accepted(holder), Expected::NotCaptured(at)) => holder.port != at.number(),
            (Self::Captured { .. }, Expected::NotCaptured(_)) => false,
            (Self::Refused(_) | Self::Outside, Expected::NotCaptured(_)) => true,
            (Self::Refused(_) | Self::Outside, Expected::Captured(_)) => false,
            (Self::NoSuchAddress | Self::Silence, _) => false,
        }
    }
}

/// What became of a connection, and how long that took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Its destination, if it was sent.
    pub to: Option<SocketAddr>,
    pub seen: Seen,
    /// From the connection's start to its end.
    pub time: Duration,
}

/// What a check has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// It is as it has to be.
    Passed(String),
    /// It is, as far as could be seen.
    Partly(String),
    /// It is not.
    Failed(String),
    /// Nothing.
    NotChecked(String),
}

impl CheckOutcome {
    /// In one or two words, for the table.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Passed(_) => "passed",
            Self::Partly(_) => "passed partly",
            Self::Failed(_) => "failed",
            Self::NotChecked(_) => "not checked",
        }
    }

    /// Further detail.
    pub fn detail(&self) -> &str {
        match self {
            Self::Passed(text) | Self::Partly(text) | Self::Failed(text) | Self::NotChecked(text) => text,
        }
    }

    /// Whether anything was proved.
    pub const fn proves(&self) -> bool {
        matches!(self, Self::Passed(_) | Self::Partly(_))
    }
}

#[cfg(test)]
mod tests;
