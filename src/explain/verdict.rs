//! What becomes of a packet, in one sentence.

use std::fmt;

use super::cause::Cause;
use super::chains::RuleAt;
use super::condition::Flight;
use super::packet::{Endpoint, Packet};
use crate::config::{Config, Family, Interface, Port};
use crate::netfilter::ConntrackState;

/// Who listens for captured packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listeners {
    /// The proxy's outbound listener.
    pub outbound: Port,
    /// The proxy's inbound listener.
    pub inbound: Port,
    /// The agent's, for DNS.
    pub dns: Port,
}

impl Listeners {
    /// Those of a configuration.
    pub const fn of(config: &Config) -> Self {
        Self { outbound: config.envoy_port, inbound: config.inbound_port, dns: Port::at_least_one(15053) }
    }

    fn named(self, port: u16) -> Listener {
        match port {
            port if port == self.outbound.number() => Listener::Outbound,
            port if port == self.inbound.number() => Listener::Inbound,
            port if port == self.dns.number() => Listener::Dns,
            _ => Listener::Other,
        }
    }
}

/// Who gets a captured packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listener {
    /// The proxy's outbound listener.
    Outbound,
    /// The proxy's inbound listener.
    Inbound,
    /// The agent, which answers DNS queries.
    Dns,
    /// A port that the configuration does not know.
    Other,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outbound => "the outbound listener",
            Self::Inbound => "the inbound listener",
            Self::Dns => "the DNS agent",
            Self::Other => "a listener that the flags do not name,",
        })
    }
}

/// Where a packet ends up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the pod.
    Pod,
    /// On the wire, by this interface.
    Out(Interface),
    /// Not for this pod: forwarded where the pod forwards, which pods seldom do.
    Forwarded,
}

/// How a packet was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Capture {
    Redirected(RuleAt),
    Assigned(RuleAt, Port),
}

/// How the walk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Arrives { place: Place, captured: Option<Capture> },
    Dropped(Option<RuleAt>),
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrives at a listener that it was not sent to.
    Captured {
        /// Which.
        listener: Listener,
        /// Its port.
        port: u16,
        /// Where the packet was sent to: what the listener learns as its original destination.
        original: Endpoint,
        /// Whether the destination was left as it is, and the packet given to the listener's socket.
        transparent: bool,
        /// The rule that did it.
        by: RuleAt,
    },
    /// A rule gives it to a transparent listener, but it is routed past the pod: the policy rule or the route
    /// for its mark is missing.
    NotRouted {
        /// The listener's port.
        port: u16,
        /// The packet's mark.
        mark: u32,
        /// Where it is sent to.
        to: Endpoint,
        /// The rule.
        by: RuleAt,
    },
    /// It goes where it was sent to.
    LeftAlone {
        /// Where it ends up.
        place: Place,
        /// Where it is sent to.
        to: Endpoint,
        /// The rules that ended its way, one in each table that could have captured it.
        by: Vec<RuleAt>,
        /// The family without any rule, where it is one.
        no_rules: Option<Family>,
    },
    /// It belongs to a connection whose way is decided, and goes that way.
    FollowsConnection {
        /// Where it would end up by itself.
        place: Place,
        /// Where it is sent to.
        to: Endpoint,
        /// What conntrack makes of it.
        state: ConntrackState,
        /// Its mark at the end.
        mark: u32,
    },
    /// It is gone.
    Dropped {
        /// The rule that did it.
        by: Option<RuleAt>,
    },
}

impl Verdict {
    pub(super) fn new(
        decision: Decision,
        by: Vec<RuleAt>,
        no_rules: bool,
        packet: &Packet,
        flight: &Flight,
        listeners: Listeners,
    ) -> Self {
        let original = packet.to;
        match decision {
            Decision::Dropped(by) => Self::Dropped { by },
            Decision::Arrives { captured: Some(Capture::Redirected(by)), .. } => {
                let port = flight.to.port;
                Self::Captured { listener: listeners.named(port), port, original, transparent: false, by }
            }
            Decision::Arrives {
                place: Place::Forwarded | Place::Out(_),
                captured: Some(Capture::Assigned(by, port)),
            } => Self::NotRouted { port: port.number(), mark: flight.mark, to: flight.to, by },
            Decision::Arrives { place: Place::Pod, captured: Some(Capture::Assigned(by, port)) } => {
                let port = port.number();
                Self::Captured { listener: listeners.named(port), port, original, transparent: true, by }
            }
            Decision::Arrives { place, captured: None } => match packet.state {
                state @ (ConntrackState::Established | ConntrackState::Related) => {
                    Self::FollowsConnection { place, to: flight.to, state, mark: flight.mark }
                }
                ConntrackState::New | ConntrackState::Invalid | ConntrackState::Untracked => {
                    let no_rules = no_rules.then(|| packet.family());
                    Self::LeftAlone { place, to: flight.to, by, no_rules }
                }
            },
        }
    }

    /// The verdict in a few words, for tables: `outbound listener 15001`.
    pub fn brief(&self) -> String {
        match self {
            Self::Captured { listener, port, .. } => {
                let name = match listener {
                    Listener::Outbound => "outbound listener",
                    Listener::Inbound => "inbound listener",
                    Listener::Dns => "DNS agent",
                    Listener::Other => "other listener",
                };
                format!("{name} {port}")
            }
            Self::LeftAlone { .. } => "left alone".to_owned(),
            Self::NotRouted { .. } => "not routed".to_owned(),
            Self::FollowsConnection { .. } => "as its connection".to_owned(),
            Self::Dropped { .. } => "dropped".to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod => f.write_str("it arrives in the pod"),
            Self::Out(interface) => write!(f, "it goes out by {interface}"),
            Self::Forwarded => f.write_str("it is not for this pod, which would have to forward it"),
        }
    }
}

/// One sentence.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Captured { listener, port, original, transparent: false, by } => {
                write!(f, "Captured by {listener} {port}, by rule {by}; sent to {original}.")
            }
            Self::Captured { listener, port, original, transparent: true, by } => {
                write!(f, "Captured by {listener} {port}, by rule {by}; its destination {original} stays as it is.")
            }
            Self::NotRouted { port, mark, to, by } => write!(
                f,
                "Lost: rule {by} gives it to the listener {port}, but {to} is not the pod's, and nothing routes packets with mark {mark} to the pod (ip rule, ip route)."
            ),
            Self::LeftAlone { place, to, by, no_rules } => {
                match (by.as_slice(), no_rules) {
                    (_, Some(family)) => write!(f, "Left alone, since there are no {family} rules")?,
                    ([], None) => f.write_str("Left alone: no rule captures it")?,
                    (rules, None) => {
                        for (index, rule) in rules.iter().enumerate() {
                            f.write_str(if index == 0 { "Left alone by rule " } else { " and by rule " })?;
                            write!(f, "{rule}")?;
                            if let Some(cause) = Cause::of(&rule.rule) {
                                write!(f, ", {cause}")?;
                            }
                        }
                    }
                }
                write!(f, "; {place}, to {to}.")
            }
            Self::FollowsConnection { place, to, state, mark } => {
                write!(
                    f,
                    "Goes the way of its connection, which the first packet decided: this one is {}; by itself, {place}, to {to}",
                    state.name()
                )?;
                match mark {
                    0 => f.write_str("."),
                    mark => write!(f, ", with mark {mark}."),
                }
            }
            Self::Dropped { by: Some(by) } => match Cause::of(&by.rule) {
                Some(cause) => write!(f, "Dropped by rule {by}, {cause}."),
                None => write!(f, "Dropped by rule {by}."),
            },
            Self::Dropped { by: None } => f.write_str("Dropped."),
        }
    }
}
