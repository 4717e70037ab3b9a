//! A packet, as a user describes it and as the simulation starts with it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::pod::Pod;
use super::way::{Question, Way};
use super::words::{Request, WordError};
use crate::capture::Routing;
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
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// One without ports; ICMP stands for all of them.
    Icmp,
}

impl Transport {
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

impl From<Protocol> for Transport {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Tcp => Self::Tcp,
            Protocol::Udp => Self::Udp,
        }
    }
}

/// One end of a packet's way. The port is 0 where the protocol has none.
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
    pub transport: Transport,
    /// Who sends it; `None` for what comes in, and for what the kernel sends by itself.
    pub sender: Option<Sender>,
    /// Where it comes from.
    pub from: Endpoint,
    /// Where it is sent to.
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
/// Who sends an inbound packet that does not say so (RFC 5737, RFC 3849: reserved for examples).
const PEER_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
/// The same for IPv6.
const PEER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));

impl Packet {
    /// The address family.
    pub const fn family(&self) -> Family {
        Family::of(self.to.address)
    }

    /// Whether its sender was not given, and stands for anyone outside.
    pub(super) fn is_from_anyone(&self) -> bool {
        [PEER_V4, PEER_V6].contains(&self.from.address)
    }

    /// What the kernel's routing is asked when it is sent.
    pub fn question(&self) -> Question {
        Question {
            to: self.to,
            from: Some(self.from),
            transport: self.transport,
            mark: self.mark,
            uid: self.sender.map(|s| s.uid),
        }
    }

    /// Fills what a request leaves open from what the pod is.
    ///
    /// # Errors
    /// What contradicts itself, or cannot be known.
    pub fn resolve(request: &Request, pod: &Pod, routing: &Routing) -> Result<Self, WordError> {
        let family = request.to.address.or(request.from.address).map_or(Family::Ipv4, Family::of);
        if let (Some(to), Some(from)) = (request.to.address, request.from.address)
            && Family::of(to) != Family::of(from)
        {
            return Err(WordError::TwoFamilies { from, to });
        }
        let own = || pod.address(family).ok_or(WordError::NoPodAddress { family });
        let mark = request.mark.unwrap_or(0);
        let port = |given: Option<u16>, default| given.filter(|_| request.transport.has_ports()).unwrap_or(default);
        let ephemeral = if request.transport.has_ports() { EPHEMERAL } else { 0 };
        let from_port = port(request.from.port, ephemeral);
        let to_port = port(request.to.port, 0);
        let (to, from, interface) = match request.direction {
            Direction::Out => {
                let to = request.to.address.ok_or(WordError::NoDestination)?;
                let question = Question {
                    to: Endpoint { address: to, port: to_port },
                    from: request.from.address.map(|address| Endpoint { address, port: from_port }),
                    transport: request.transport,
                    mark,
                    uid: request.sender().map(|s| s.uid),
                };
                let (interface, source) = match pod.way(&question, routing) {
                    Some(Way::Local) => (Interface::loopback(), None),
                    Some(Way::Out { interface, source }) => (interface, source),
                    Some(Way::Nowhere) | None => (pod.first_interface(), None),
                };
                let from = match (request.from.address, &request.interface) {
                    (Some(from), _) => from,
                    // It does not go the way that the routes lead: its socket is bound to an interface.
                    (None, Some(name)) if *name != interface && interface != Interface::loopback() => {
                        pod.primary_address(family, name).or_else(|| pod.source_for(to)).map_or_else(own, Ok)?
                    }
                    (None, _) => source.or_else(|| pod.source_for(to)).map_or_else(own, Ok)?,
                };
                (to, from, interface)
            }
            Direction::In => {
                let to = request.to.address.map_or_else(own, Ok)?;
                let peer = match family {
                    Family::Ipv4 => PEER_V4,
                    Family::Ipv6 => PEER_V6,
                };
                let from = request.from.address.unwrap_or(if to.is_loopback() { to } else { peer });
                let looped = to.is_loopback() || pod.owns(from, routing);
                (to, from, if looped { Interface::loopback() } else { pod.interface_with(to) })
            }
        };
        Ok(Self {
            direction: request.direction,
            transport: request.transport,
            sender: request.sender(),
            from: Endpoint { address: from, port: from_port },
            to: Endpoint { address: to, port: to_port },
            interface: request.interface.clone().unwrap_or(interface),
            state: request.state.unwrap_or(ConntrackState::New),
            mark,
            connection_mark: request.connection_mark.unwrap_or(0),
        })
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
            // Port 0 has to be said too, of a packet that has ports.
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
