//! What a packet met on its way.

use std::borrow::Cow;
use std::fmt;

use super::broken::Broken;
use super::chains::RuleAt;
use super::condition::Mismatch;
use super::packet::{Endpoint, Packet};
use super::verdict::Verdict;
use crate::net::{Interface, Mark, Port};
use crate::netfilter::{ConntrackState, Hook, IstioChain};

/// The whole way of one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The packet as it started.
    pub packet: Packet,
    /// What it met, in order.
    pub steps: Vec<Step>,
    /// Its destination at the end.
    pub destination: Endpoint,
    /// Its mark at the end.
    pub mark: u32,
    /// What became of it.
    pub verdict: Verdict,
    /// Why no connection comes about, if it arrives in vain.
    pub broken: Option<Broken>,
}

/// One thing met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A hook of netfilter.
    Hook {
        /// The hook.
        hook: Hook,
        /// The interface: that it goes out by, or that it came in by.
        interface: Interface,
        /// The packet's destination at this point.
        destination: Endpoint,
    },
    /// A table with rules for this hook, or a foreign chain.
    Table {
        /// The table; of a foreign chain, with its name.
        table: Cow<'static, str>,
        /// Why its rules are not asked, if they are not.
        skipped: Option<Skip>,
    },
    /// A rule.
    Rule {
        /// The rule.
        at: RuleAt,
        /// How many jumps led here.
        depth: usize,
        /// What it did.
        outcome: RuleOutcome,
    },
    /// A rule that cannot be followed.
    Gap {
        /// The rule and its place.
        at: String,
        /// How many jumps led here.
        depth: usize,
        /// The condition for which it certainly does nothing.
        missed: Option<Mismatch>,
    },
    /// The end of a chain without a decision.
    End {
        /// The table.
        table: Cow<'static, str>,
        /// The chain.
        chain: Cow<'static, str>,
        /// What comes then.
        then: Then,
        /// How many jumps led here.
        depth: usize,
    },
    /// The packet is routed again, since its mark or destination was changed.
    Rerouted {
        /// The interface that it goes out by now.
        interface: Interface,
        /// Whether it was the mark.
        by_mark: bool,
    },
    /// The packet left by `lo`, and comes in by it.
    Looped,
}

/// What comes at the end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The chain that led here.
    Back,
    /// The chain's policy, which accepts.
    Accept,
    /// The chain's policy, which drops.
    Drop,
}

/// Why the nat table is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Only the first packet of a connection is looked at.
    NotFirst(ConntrackState),
    /// The packet is of no connection.
    NoConnection(ConntrackState),
    /// OUTPUT decided for this connection.
    Decided,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFirst(state) => write!(
                f,
                "not consulted: the packet is {}, and nat only sees the first packet of a connection",
                state.name()
            ),
            Self::NoConnection(state) => {
                write!(f, "not consulted: a packet that is {} has no connection", state.name())
            }
            Self::Decided => f.write_str("not consulted: OUTPUT has already decided for this connection"),
        }
    }
}

/// What a rule did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleOutcome {
    /// It matched.
    Matched(Effect),
    /// A condition does not hold.
    Missed(Mismatch),
}

impl RuleOutcome {
    /// Whether the rule matched.
    pub const fn matched(&self) -> bool {
        matches!(self, Self::Matched(_))
    }
}

/// What a rule that matched does with the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It continues in this chain.
    Jumped(IstioChain),
    /// It goes back to the calling chain.
    Returned,
    /// It leaves the built-in chain, whose policy accepts.
    LeftToPolicy,
    /// It leaves the built-in chain, whose policy drops.
    DroppedByPolicy,
    /// It is through with this table.
    Accepted,
    /// It is gone.
    Dropped,
    /// It is sent to another destination.
    Redirected(Endpoint),
    /// There is no address to send it to, so it is gone.
    NoAddress,
    /// It is given to the socket of a transparent listener.
    Assigned {
        /// The listener's port.
        port: Port,
        /// The packet's mark from now on.
        mark: Mark,
    },
    /// It is marked.
    Marked(Mark),
    /// Its connection has this mark.
    ConnectionMarked(u32),
    /// It has its connection's mark.
    MarkRestored(u32),
    /// Its connection is tracked in this zone.
    Zone(u16),
    /// Nothing, since its connection is tracked already, or since it has none.
    Nothing,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jumped(chain) => write!(f, "goes on in {chain}"),
            Self::Returned => f.write_str("returns"),
            Self::LeftToPolicy => f.write_str("returns: the chain's policy accepts"),
            Self::DroppedByPolicy => f.write_str("returns: the chain's policy drops"),
            Self::Accepted => f.write_str("accepted"),
            Self::Dropped => f.write_str("dropped"),
            Self::Redirected(to) => write!(f, "destination becomes {to}"),
            Self::NoAddress => f.write_str("dropped: the interface has no address to redirect to"),
            Self::Assigned { port, mark } => write!(f, "delivered to listener {port}, mark becomes {mark}"),
            Self::Marked(mark) => write!(f, "mark becomes {mark}"),
            Self::ConnectionMarked(mark) => write!(f, "the connection's mark becomes {mark}"),
            Self::MarkRestored(mark) => write!(f, "mark becomes {mark}, the connection's"),
            Self::Zone(zone) => write!(f, "tracked in zone {zone}"),
            Self::Nothing => f.write_str("without effect here"),
        }
    }
}
