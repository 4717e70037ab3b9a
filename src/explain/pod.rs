//! What the simulation knows of the pod besides its rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::way::{Question, Way, Ways};
use crate::capture::Routing;
use crate::net::{Family, Interface};

/// An interface of the pod, without `lo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodInterface {
    /// Its name.
    pub name: Interface,
    /// Its addresses, in the kernel's order: the first of a family is the primary one.
    pub addresses: Vec<IpAddr>,
}

/// The pod's network.
#[derive(Clone, Debug)]
pub struct Pod {
    /// The interfaces but `lo`; the first has the default route.
    pub interfaces: Vec<PodInterface>,
    /// The name servers of its resolv.conf, if they were read.
    pub name_servers: Vec<IpAddr>,
    /// Who knows its routes; `None` for a pod that is only imagined.
    pub ways: Option<Arc<dyn Ways>>,
}

impl Default for Pod {
    /// A pod as there are many: `eth0` with an address of each family.
    fn default() -> Self {
        let v4 = IpAddr::V4(Ipv4Addr::new(10, 244, 0, 10));
        let v6 = IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0x244, 0, 0, 0, 0, 0x10));
        Self::with_addresses([v4, v6])
    }
}

/// The name of the interface if none is known.
const ETH0: &str = "eth0";

impl Pod {
    /// A pod with one interface that has these addresses; loopback ones are left out. With no address of a
    /// family, a packet of that family has to name its own.
    pub fn with_addresses(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let addresses: Vec<_> = addresses.into_iter().filter(crate::config::host::is_global).collect();
        let interfaces = Interface::parse(ETH0).map(|name| PodInterface { name, addresses });
        Self { interfaces: interfaces.into_iter().collect(), name_servers: Vec::new(), ways: None }
    }

    /// The pod's first address of a family.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        self.interfaces.iter().flat_map(|i| &i.addresses).copied().find(|a| Family::of(*a) == family)
    }

    /// The interface with the default route.
    pub fn first_interface(&self) -> Interface {
        self.interfaces.first().map_or_else(Interface::loopback, |i| i.name.clone())
    }

    /// The interface that has the address; that with the default route if none has.
    pub fn interface_with(&self, address: IpAddr) -> Interface {
        let found = self.interfaces.iter().find(|i| i.addresses.contains(&address));
        found.map_or_else(|| self.first_interface(), |i| i.name.clone())
    }

    /// Whether the address is one of the pod's own: loopback, of an interface, or put on `lo` for the proxy.
    pub fn owns(&self, address: IpAddr, routing: &Routing) -> bool {
        address.is_loopback()
            || self.interfaces.iter().any(|i| i.addresses.contains(&address))
            || routing.addresses.iter().any(|a| IpAddr::V6(*a) == address)
    }

    /// Whether the kernel takes a packet with this destination and mark for its own: the table `local` comes
    /// first, then the policy rule for the mark, whose table has `local default dev lo`.
    pub fn is_local(&self, to: IpAddr, mark: u32, routing: &Routing) -> bool {
        let policy = |r: &&crate::capture::PolicyRule| r.family == Family::of(to) && r.mark.number() == mark;
        let routed = |rule: &crate::capture::PolicyRule| {
            routing.routes.iter().any(|r| r.family == rule.family && r.table == rule.table)
        };
        self.owns(to, routing) || routing.rules.iter().filter(policy).any(routed)
    }

    /// The way of a packet of the pod. The routes of a pod with a single interface are not needed.
    pub fn way(&self, question: &Question, routing: &Routing) -> Option<Way> {
        if self.is_local(question.to.address, question.mark, routing) {
            return Some(Way::Local);
        }
        let from = question.from.filter(|from| self.owns(from.address, routing));
        match (&self.ways, self.interfaces.as_slice()) {
            (Some(ways), _) => ways.way(&Question { from, ..*question }),
            (None, [only]) => Some(Way::Out { interface: only.name.clone(), source: None }),
            (None, _) => None,
        }
    }

    /// The interface that a packet of the pod leaves by; that with the default route, if nothing better is known.
    pub fn leaves_by(&self, question: &Question, routing: &Routing) -> Interface {
        match self.way(question, routing) {
            Some(Way::Local) => Interface::loopback(),
            Some(Way::Out { interface, .. }) => interface,
            Some(Way::Nowhere) | None => self.first_interface(),
        }
    }

    /// The source address that the kernel gives a packet to this destination; `None` if the pod has none.
    /// To an address of the pod it is that address (`ip_route_output_key_hash_rcu`), but within 127.0.0.0/8,
    /// whose route has 127.0.0.1 as source. If only a mark makes the destination local, the kernel finds
    /// none and refuses; then it is the pod's address, which such a socket has to be bound to.
    pub fn source_for(&self, to: IpAddr) -> Option<IpAddr> {
        match to {
            IpAddr::V4(a) if a.is_loopback() => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            IpAddr::V6(a) if a.is_loopback() => Some(to),
            IpAddr::V4(_) | IpAddr::V6(_) if self.interfaces.iter().any(|i| i.addresses.contains(&to)) => Some(to),
            IpAddr::V4(_) | IpAddr::V6(_) => self.address(Family::of(to)),
        }
    }

    /// The first address of this interface: REDIRECT sends to it what comes in by the interface
    /// (`nf_nat_redirect_ipv4`, `nf_nat_redirect_ipv6`; if there is none, the packet is dropped). It is also the source
    /// of what goes out.
    pub fn primary_address(&self, family: Family, interface: &Interface) -> Option<IpAddr> {
        if *interface == Interface::loopback() {
            return Some(family.localhost());
        }
        let found = self.interfaces.iter().find(|i| i.name == *interface)?;
        found.addresses.iter().copied().find(|a| Family::of(*a) == family)
    }
}
