//! A packet, as a user describes it and as the simulation starts with it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::net::{Family, Interface};
use crate::netfilter::{ConntrackState, Protocol};

/// Which way a packet goes, seen from the pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// A process of the pod sends it.
    Out,
    /// It arrives at an interface of the pod.
    In,
}

impl Direction {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
        }
    }
}

/// The transport protocol of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// A protocol without ports; ICMP represents all of them.
    Icmp,
}

impl PacketProtocol {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }

    /// Whether packets have ports.
    pub const fn has_ports(self) -> bool {
        !matches!(self, Self::Icmp)
    }

    /// Whether a rule means it.
    pub const fn is(self, protocol: Protocol) -> bool {
        matches!((self, protocol), (Self::Tcp, Protocol::Tcp) | (Self::Udp, Protocol::Udp))
    }
}

/// One end of a packet's way. The port is 0 if the protocol has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.port) {
            (address, 0) => address.fmt(f),
            (IpAddr::V4(address), port) => write!(f, "{address}:{port}"),
            (IpAddr::V6(address), port) => write!(f, "[{address}]:{port}"),
        }
    }
}

/// The process that sends a packet: user and group of its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// A packet with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Which way it goes.
    pub direction: Direction,
    /// Its protocol.
    pub transport: PacketProtocol,
    /// Who sends it; `None` for what comes in, and for what the kernel sends by itself.
    pub sender: Option<Sender>,
    /// Its source.
    pub from: Endpoint,
    /// Its destination.
    pub to: Endpoint,
    /// The interface that it arrives at, or that it would leave by.
    pub interface: Interface,
    /// What conntrack makes of it.
    pub state: ConntrackState,
    /// Its mark; 0 for none.
    pub mark: u32,
    /// The mark of its connection; 0 for none.
    pub connection_mark: u32,
}

/// The user of a packet that names none: an application.
pub const APPLICATION: u32 = 1000;
/// The source port of a packet that names none, out of the range that the kernel takes them from.
pub const EPHEMERAL: u16 = 40000;
/// The default sender of an inbound packet (RFC 5737, RFC 3849: reserved for examples).
pub(super) const PEER_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
/// The same for IPv6.
pub(super) const PEER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));

impl Packet {
    /// The address family.
    pub const fn family(&self) -> Family {
        Family::of(self.to.address)
    }

    /// Whether its sender was not given, so that it may be anyone outside.
    pub(super) fn is_from_anyone(&self) -> bool {
        [PEER_V4, PEER_V6].contains(&self.from.address)
    }
}

/// As it can be typed.
impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.direction.word(), self.transport.word())?;
        match (self.direction, self.sender) {
            (_, Some(Sender { uid, gid })) => write!(f, " uid={uid} gid={gid}")?,
            (Direction::Out, None) => f.write_str(" uid=none")?,
            (Direction::In, None) => {}
        }
        for (word, end) in [("from", self.from), ("to", self.to)] {
            // Port 0 has to be shown too, for a packet that has ports.
            match self.transport.has_ports() {
                true => write!(f, " {word}={}", SocketAddr::new(end.address, end.port))?,
                false => write!(f, " {word}={}", end.address)?,
            }
        }
        write!(f, " iface={}", self.interface)?;
        if self.state != ConntrackState::New {
            write!(f, " state={}", self.state.name().to_ascii_lowercase())?;
        }
        for (word, mark) in [("mark", self.mark), ("connmark", self.connection_mark)] {
            if mark != 0 {
                write!(f, " {word}={mark}")?;
            }
        }
        Ok(())
    }
}
