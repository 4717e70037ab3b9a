//! The addresses. The pod's network is 10.77.0.0/24 and fd00:77::/64; all other addresses are outside the pod.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Which addresses a test speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Ipv4,
    Ipv6,
}

/// How the pod's network is set up. Link-local addresses are given, since the kernel's own are tentative for a
/// while, and a router without any cannot ask for its neighbours.
pub struct PodNetwork;

impl PodNetwork {
    /// Set up in the pod, whose end of the wire is `eth0`.
    pub const POD: &str = "\
        link set lo up\n\
        link set eth0 addrgenmode none up\n\
        addr add 10.77.0.2/24 dev eth0\n\
        addr add fd00:77::2/64 dev eth0 nodad\n\
        addr add fe80::2/64 dev eth0 nodad\n\
        route add default via 10.77.0.1\n\
        route add default via fd00:77::1\n";
    /// Set up in the world: the node, a service, its name server, and a range apart.
    pub const WORLD: &str = "\
        link set lo up\n\
        link set eth0 addrgenmode none up\n\
        addr add 10.77.0.1/24 dev eth0\n\
        addr add fd00:77::1/64 dev eth0 nodad\n\
        addr add fe80::1/64 dev eth0 nodad\n\
        addr add 10.96.0.10/32 dev lo\n\
        addr add fd00:96::10/128 dev lo nodad\n\
        addr add 10.96.0.53/32 dev lo\n\
        addr add fd00:96::53/128 dev lo nodad\n\
        addr add 10.88.0.1/32 dev lo\n\
        addr add fd00:88::1/128 dev lo nodad\n";
}

impl Family {
    fn either(self, v4: [u8; 4], v6: [u16; 8]) -> IpAddr {
        match self {
            Self::Ipv4 => Ipv4Addr::from(v4).into(),
            Self::Ipv6 => Ipv6Addr::from(v6).into(),
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Ipv4 => Self::Ipv6,
            Self::Ipv6 => Self::Ipv4,
        }
    }

    /// The pod.
    pub fn pod(self) -> IpAddr {
        self.either([10, 77, 0, 2], [0xfd00, 0x77, 0, 0, 0, 0, 0, 2])
    }

    /// The node that the pod is wired to, from which clients call.
    pub fn world(self) -> IpAddr {
        self.either([10, 77, 0, 1], [0xfd00, 0x77, 0, 0, 0, 0, 0, 1])
    }

    /// A service that applications call.
    pub fn service(self) -> IpAddr {
        self.either([10, 96, 0, 10], [0xfd00, 0x96, 0, 0, 0, 0, 0, 0x10])
    }

    /// The name server.
    pub fn name_server(self) -> IpAddr {
        self.either([10, 96, 0, 53], [0xfd00, 0x96, 0, 0, 0, 0, 0, 0x53])
    }

    /// A host outside of the service's range.
    pub fn elsewhere(self) -> IpAddr {
        self.either([10, 88, 0, 1], [0xfd00, 0x88, 0, 0, 0, 0, 0, 1])
    }

    /// The host itself.
    pub fn loopback(self) -> IpAddr {
        self.either([127, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 1])
    }

    /// The address from which the proxy's inbound side calls the application.
    pub fn proxy_source(self) -> IpAddr {
        self.either([127, 0, 0, 6], [0, 0, 0, 0, 0, 0, 0, 6])
    }

    /// Any address of the host.
    pub fn any(self) -> IpAddr {
        self.either([0; 4], [0; 8])
    }

    /// The family of an address.
    pub fn of(address: &SocketAddr) -> Self {
        match address {
            SocketAddr::V4(_) => Self::Ipv4,
            SocketAddr::V6(_) => Self::Ipv6,
        }
    }
}

/// As programs are called: `iptables`, `ip6tables`.
impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "ip",
            Self::Ipv6 => "ip6",
        })
    }
}
