//! What becomes of a packet, in one sentence.

use std::fmt;

use super::chains::RuleAt;
use super::condition::Flight;
use super::packet::{Endpoint, Packet};
use crate::capture::Reason;
use crate::config::Config;
use crate::net::{DNS_AGENT, Family, Interface, Port};
use crate::netfilter::ConntrackState;
use crate::netfilter::Purpose;

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
        Self { outbound: config.envoy_port, inbound: config.inbound_port, dns: DNS_AGENT }
    }

    fn named(self, port: u16) -> ListenerRole {
        match port {
            port if port == self.outbound.number() => ListenerRole::Outbound,
            port if port == self.inbound.number() => ListenerRole::Inbound,
            port if port == self.dns.number() => ListenerRole::Dns,
            _ => ListenerRole::Other,
        }
    }
}

/// Who gets a captured packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListenerRole {
    /// The proxy's outbound listener.
    Outbound,
    /// The proxy's inbound listener.
    Inbound,
    /// The agent, which answers DNS queries.
    Dns,
    /// A port that the configuration does not know.
    Other,
}

impl fmt::Display for ListenerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outbound => "the outbound listener",
            Self::Inbound => "the inbound listener",
            Self::Dns => "the DNS agent",
            Self::Other => "a listener that the flags do not name,",
        })
    }
}

/// The final place of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the pod.
    Pod,
    /// On the wire, by this interface.
    Out(Interface),
    /// Not for this pod: forwarded if the pod forwards, which pods seldom do.
    Forwarded,
}

/// How a packet was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Capture {
    pub by: RuleAt,
    /// What the rule was for that led there.
    pub purpose: Option<Purpose>,
    /// The port of the transparent listener; none if the destination was changed.
    pub assigned: Option<Port>,
}

/// How the walk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Arrives { end: Place, captured: Option<Capture> },
    Dropped(Dropper),
}

/// What drops a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dropper {
    /// A rule.
    Rule(RuleAt),
    /// The policy of this chain.
    Policy(String),
    /// Routing, asked again after a rule had changed the mark: there is no route.
    NoRoute {
        /// Its destination.
        to: Endpoint,
        /// Its mark.
        mark: u32,
    },
}

/// What becomes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrives at a listener that it was not sent to.
    Captured {
        /// Which.
        listener: ListenerRole,
        /// Its port.
        port: u16,
        /// The packet's original destination, as the listener sees it.
        original: Endpoint,
        /// Whether the destination was left as it is, and the packet given to the listener's socket.
        transparent: bool,
        /// The rule that did it.
        by: RuleAt,
        /// What the rule was for that led there.
        purpose: Option<Purpose>,
    },
    /// A rule gives it to a transparent listener, but it is routed past the pod: the policy rule or the route
    /// for its mark is missing.
    NotRouted {
        /// The listener's port.
        port: u16,
        /// The packet's mark.
        mark: u32,
        /// Its destination.
        to: Endpoint,
        /// The rule.
        by: RuleAt,
    },
    /// It reaches the destination that it was sent to.
    NotCaptured {
        /// Its final place.
        place: Place,
        /// Its destination.
        to: Endpoint,
        /// The rules that ended its way, one in each table that could have captured it.
        by: Vec<RuleAt>,
        /// The family without any rule, if it is one.
        no_rules: Option<Family>,
    },
    /// It belongs to a connection whose way is decided, and goes that way.
    FollowsConnection {
        /// The place that it would reach by itself.
        place: Place,
        /// Its destination.
        to: Endpoint,
        /// What conntrack makes of it.
        state: ConntrackState,
        /// Its mark at the end.
        mark: u32,
    },
    /// It is gone.
    Dropped {
        /// What did it.
        by: Dropper,
    },
    /// It met something that cannot be followed.
    NotCertain {
        /// What is uncertain, and at which place.
        doubt: String,
        /// What becomes of it, if that lets it by.
        otherwise: Box<Verdict>,
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
            Decision::Arrives { end: place, captured: Some(Capture { by, purpose, assigned }) } => {
                let port = assigned.map_or(flight.to.port, Port::number);
                let transparent = assigned.is_some();
                match place {
                    Place::Forwarded | Place::Out(_) if transparent => {
                        Self::NotRouted { port, mark: flight.mark, to: flight.to, by }
                    }
                    Place::Pod | Place::Forwarded | Place::Out(_) => {
                        Self::Captured { listener: listeners.named(port), port, original, transparent, by, purpose }
                    }
                }
            }
            Decision::Arrives { end: place, captured: None } => match packet.state {
                state @ (ConntrackState::Established | ConntrackState::Related) => {
                    Self::FollowsConnection { place, to: flight.to, state, mark: flight.mark }
                }
                ConntrackState::New | ConntrackState::Invalid | ConntrackState::Untracked => {
                    let no_rules = no_rules.then(|| packet.family());
                    Self::NotCaptured { place, to: flight.to, by, no_rules }
                }
            },
        }
    }

    /// The verdict in a few words, for tables: `outbound listener 15001`.
    pub fn brief(&self) -> String {
        match self {
            Self::Captured { listener, port, .. } => {
                let name = match listener {
                    ListenerRole::Outbound => "outbound listener",
                    ListenerRole::Inbound => "inbound listener",
                    ListenerRole::Dns => "DNS agent",
                    ListenerRole::Other => "other listener",
                };
                format!("{name} {port}")
            }
            Self::NotCaptured { .. } => "not captured".to_owned(),
            Self::NotRouted { .. } => "not routed".to_owned(),
            Self::FollowsConnection { .. } => "follows its connection".to_owned(),
            Self::Dropped { .. } => "dropped".to_owned(),
            Self::NotCertain { .. } => "not certain".to_owned(),
        }
    }
}

/// The end of a sentence about what is dropped.
impl fmt::Display for Dropper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(by) => write!(f, "by rule {by}{}", Reason(by.rule.purpose)),
            Self::Policy(chain) => write!(f, "by the policy of {chain}"),
            Self::NoRoute { to, mark: 0 } => write!(f, "because there is no route to {to} without a mark (ip route)"),
            Self::NoRoute { to, mark } => {
                write!(f, "because there is no route to {to} with mark {mark} (ip rule, ip route)")
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod => f.write_str("it arrives in the pod"),
            Self::Out(interface) => write!(f, "it goes out via {interface}"),
            Self::Forwarded => f.write_str("it is not addressed to this pod, which would have to forward it"),
        }
    }
}

/// One sentence.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Captured { listener, port, original, transparent, by, purpose } => {
                write!(f, "Captured by {listener} {port}, because of rule {by}{}; ", Reason(*purpose))?;
                match transparent {
                    false => write!(f, "sent to {original}."),
                    true => write!(f, "its destination {original} stays as it is."),
                }
            }
            Self::NotRouted { port, mark, to, by } => write!(
                f,
                "Lost: rule {by} delivers it to listener {port}, but {to} is not an address of the pod, and no route leads packets with mark {mark} to the pod (ip rule, ip route)."
            ),
            Self::NotCaptured { place, to, by, no_rules } => {
                match (by.as_slice(), no_rules) {
                    (_, Some(family)) => write!(f, "Not captured: there are no {family} rules")?,
                    ([], None) => f.write_str("Not captured: no rule captures it")?,
                    (rules, None) => {
                        for (index, rule) in rules.iter().enumerate() {
                            f.write_str(if index == 0 { "Not captured, because of rule " } else { " and rule " })?;
                            write!(f, "{rule}{}", Reason(rule.rule.purpose))?;
                        }
                    }
                }
                write!(f, "; {place}, to {to}.")
            }
            Self::FollowsConnection { place, to, state, mark } => {
                write!(
                    f,
                    "Follows its connection, for which the first packet decided: this one is {}; on its own, {place}, to {to}",
                    state.name()
                )?;
                match mark {
                    0 => f.write_str("."),
                    mark => write!(f, ", with mark {mark}."),
                }
            }
            Self::Dropped { by } => write!(f, "Dropped {by}."),
            Self::NotCertain { doubt, otherwise } => {
                write!(f, "Not certain: {doubt}. Apart from that: {otherwise}")
            }
        }
    }
}
