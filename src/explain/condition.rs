//! Whether a rule's conditions hold for a packet at one point of its way.

use std::fmt;
use std::net::IpAddr;

use super::packet::{Endpoint, PacketProtocol, Sender};
use crate::net::{Interface, Owner, Port};
use crate::netfilter::{ConntrackState, Match, Negatable};

/// A packet at one point of its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    pub transport: PacketProtocol,
    pub sender: Option<Sender>,
    /// Whether a process sends it, and which is not known: conditions on its owner hold, perhaps.
    pub of_anyone: bool,
    pub from: Endpoint,
    pub to: Endpoint,
    /// The interface it came in by, at the hooks that have one.
    pub in_interface: Option<Interface>,
    /// The interface it goes out by, at the hooks that have one.
    pub out_interface: Option<Interface>,
    /// Its conntrack state now: before conntrack has seen the packet, INVALID (`conntrack_mt`).
    pub state: ConntrackState,
    pub mark: u32,
    /// The connection's mark; `None` if the packet has no connection, or none yet.
    pub connection_mark: Option<u32>,
    /// The transparent listener that has it.
    pub listener: Option<Port>,
    /// Whether conditions are those of nf_tables itself.
    pub native: bool,
}

impl Flight {
    /// The first condition that does not hold; `None` if all do.
    pub(super) fn misses(&self, conditions: &[Match]) -> Option<Mismatch> {
        conditions.iter().find_map(|condition| {
            let (holds, actual) = self.test(condition);
            (!holds).then(|| Mismatch { condition: condition.clone(), actual })
        })
    }

    fn test(&self, condition: &Match) -> (bool, Actual) {
        let port = |end: Endpoint| self.transport.has_ports().then_some(end.port);
        match condition {
            Match::Source(range) => (range.holds(|r| r.contains(self.from.address)), Actual::Source(self.from.address)),
            Match::Destination(range) => {
                (range.holds(|r| r.contains(self.to.address)), Actual::Destination(self.to.address))
            }
            Match::InInterface(name) => {
                let actual = self.in_interface.clone();
                (name.holds(|n| meant(n, actual.as_ref())), Actual::InInterface(actual))
            }
            Match::OutInterface(name) => {
                let actual = self.out_interface.clone();
                (name.holds(|n| meant(n, actual.as_ref())), Actual::OutInterface(actual))
            }
            Match::Protocol(protocol) => (self.transport.is(*protocol), Actual::PacketProtocol(self.transport)),
            // A packet without ports fails also if the match is negated: iptables wants -p tcp or udp with it.
            Match::SourcePort(range) => {
                let actual = port(self.from);
                (actual.is_some_and(|p| range.holds(|r| r.contains(p))), Actual::SourcePort(actual))
            }
            Match::DestinationPort(range) => {
                let actual = port(self.to);
                (actual.is_some_and(|p| range.holds(|r| r.contains(p))), Actual::DestinationPort(actual))
            }
            Match::DestinationPorts(ranges) => {
                let actual = port(self.to);
                let holds = actual.is_some_and(|p| ranges.holds(|all| all.iter().any(|r| r.contains(p))));
                (holds, Actual::DestinationPort(actual))
            }
            Match::OwnerUid(owner) => {
                let actual = self.sender.map(|s| s.uid);
                (self.owned(owner, actual), Actual::Uid(actual))
            }
            Match::OwnerGid(owner) => {
                let actual = self.sender.map(|s| s.gid);
                (self.owned(owner, actual), Actual::Gid(actual))
            }
            Match::ConntrackState(states) => (states.contains(&self.state), Actual::State(self.state)),
            Match::Mark(mark) => (mark.holds(|m| m.number() == self.mark), Actual::Mark(self.mark)),
            Match::ConnectionMark(mark) => {
                (self.connection_mark == Some(mark.number()), Actual::ConnectionMark(self.connection_mark))
            }
        }
    }
}

impl Flight {
    /// Without a socket, a negated match holds in iptables (`owner_mt`), and none in nf_tables
    /// (`nft_meta_get_eval_skugid`).
    fn owned(&self, owner: &Negatable<Owner>, actual: Option<u32>) -> bool {
        match actual {
            Some(id) => owner.holds(|o| o.contains(id)),
            None if self.of_anyone => true,
            None => owner.negated() && !self.native,
        }
    }
}

fn meant(name: &Interface, actual: Option<&Interface>) -> bool {
    // A packet that came in by none has the empty name, which only `+` means.
    name.matches(actual.map_or("", Interface::as_str))
}

/// The first condition of a rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The condition.
    pub condition: Match,
    /// What the packet has.
    pub actual: Actual,
}

/// The value that a condition reads from a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actual {
    /// It comes from here.
    Source(IpAddr),
    /// It goes there.
    Destination(IpAddr),
    /// It came in by this interface; by none if it was sent here.
    InInterface(Option<Interface>),
    /// It goes out by this interface; by none if that is not known yet.
    OutInterface(Option<Interface>),
    /// Its protocol.
    PacketProtocol(PacketProtocol),
    /// It comes from this port; none if the protocol has no ports.
    SourcePort(Option<u16>),
    /// It goes to this port.
    DestinationPort(Option<u16>),
    /// Its sender's user.
    Uid(Option<u32>),
    /// Its sender's group.
    Gid(Option<u32>),
    /// What conntrack makes of it.
    State(ConntrackState),
    /// Its mark.
    Mark(u32),
    /// Its connection's mark; none if there is no connection.
    ConnectionMark(Option<u32>),
}

impl fmt::Display for Actual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(address) => write!(f, "comes from {address}"),
            Self::Destination(address) => write!(f, "goes to {address}"),
            Self::InInterface(Some(interface)) => write!(f, "came in via {interface}"),
            Self::InInterface(None) => f.write_str("was sent from this pod"),
            Self::OutInterface(Some(interface)) => write!(f, "goes out via {interface}"),
            Self::OutInterface(None) => f.write_str("is not routed yet"),
            Self::PacketProtocol(transport) => write!(f, "is {}", transport.word()),
            Self::SourcePort(Some(port)) => write!(f, "comes from port {port}"),
            Self::DestinationPort(Some(port)) => write!(f, "goes to port {port}"),
            Self::SourcePort(None) | Self::DestinationPort(None) => f.write_str("has no ports"),
            Self::Uid(Some(uid)) => write!(f, "is from user {uid}"),
            Self::Gid(Some(gid)) => write!(f, "is from group {gid}"),
            Self::Uid(None) | Self::Gid(None) => f.write_str("belongs to no process"),
            Self::State(state) => write!(f, "is {}", state.name()),
            Self::Mark(0) => f.write_str("has no mark"),
            Self::Mark(mark) => write!(f, "has mark {mark}"),
            Self::ConnectionMark(Some(0)) => f.write_str("belongs to a connection without a mark"),
            Self::ConnectionMark(Some(mark)) => write!(f, "belongs to a connection with mark {mark}"),
            Self::ConnectionMark(None) => f.write_str("belongs to no connection"),
        }
    }
}

/// `not -o lo: goes out via eth0`.
impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {}: {}", self.condition, self.actual)
    }
}
