//! The two address families.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{PROXY_SOURCE_V4, PROXY_SOURCE_V6};

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    /// Both, IPv4 first: the order in which everything is printed and done.
    pub const BOTH: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// The family of an address. An IPv4-mapped IPv6 address is IPv6.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// The loopback address.
    pub const fn localhost(self) -> IpAddr {
        match self {
            Self::Ipv4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Self::Ipv6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
        }
    }

    /// The address that the proxy's inbound side calls the application from.
    pub const fn proxy_source(self) -> IpAddr {
        match self {
            Self::Ipv4 => IpAddr::V4(PROXY_SOURCE_V4),
            Self::Ipv6 => IpAddr::V6(PROXY_SOURCE_V6),
        }
    }

    /// What the programs of iptables for the family are called.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Ipv4 => "iptables",
            Self::Ipv6 => "ip6tables",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// The families that rules are built for. IPv4 rules always are, as Istio's program does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// IPv4 alone.
    Ipv4,
    /// IPv4 and IPv6.
    Dual,
}

impl Families {
    /// Whether IPv6 rules are built.
    pub const fn ipv6(self) -> bool {
        matches!(self, Self::Dual)
    }

    /// Whether rules of this family are built.
    pub const fn contains(self, family: Family) -> bool {
        matches!((self, family), (_, Family::Ipv4) | (Self::Dual, Family::Ipv6))
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Dual => "IPv4 and IPv6",
        })
    }
}
