//! Istio's policy: which packets go to the proxy. A pure function from [`Config`] to [`Plan`].
//!
//! The order of the steps is the order of the rules within each table, and both are those of Istio's own
//! program: people, and other programs, compare them. Each rule carries its purpose.

use crate::config::{Config, InterceptionMode};
use crate::net::{Family, Interface, Network, Owner, PortRange};
use crate::netfilter::{
    Chain, Hook, Match, Negatable, Placement, Protocol, Purpose, Rule, Ruleset, Scope, Table, Target,
};

mod dns;
mod inbound;
mod outbound;
mod purpose;
mod routing;
mod tproxy;

pub use purpose::{At, Recogniser};
pub(crate) use purpose::{Reason, by_shape};
pub use routing::{LocalRoute, PolicyRule, Routing, RoutingItem};
use tproxy::TO_ITSELF;

/// All that a configuration wants of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The rules.
    pub rules: Ruleset,
    /// Policy routing and addresses.
    pub routing: Routing,
}

/// What the configuration wants of the kernel.
pub fn plan(config: &Config) -> Plan {
    let mut build = Build { config, rules: Ruleset::default() };
    inbound::interfaces(&mut build);
    inbound::drop_invalid(&mut build);
    inbound::tunnel_port(&mut build);
    outbound::listener(&mut build);
    inbound::listener(&mut build);
    inbound::ports(&mut build);
    outbound::exceptions(&mut build);
    dns::queries(&mut build);
    outbound::ranges(&mut build);
    if config.mode == InterceptionMode::Tproxy {
        tproxy::marks(&mut build);
    }
    Plan { rules: build.rules, routing: routing::plan(config) }
}

/// The rules so far.
struct Build<'a> {
    config: &'a Config,
    rules: Ruleset,
}

/// What differs between the families.
#[derive(Clone, Copy)]
struct FamilyFacts {
    family: Family,
    /// The loopback range.
    loopback: Network,
    /// The source address of the proxy's inbound side when it calls the application.
    proxy_source: Network,
}

/// Who a rule takes for the proxy.
#[derive(Clone, Copy)]
enum Proxy<'a> {
    User(&'a Owner),
    Group(&'a Owner),
}

impl Proxy<'_> {
    fn is(self) -> Match {
        match self {
            Self::User(owner) => Match::OwnerUid(Negatable::Is(owner.clone())),
            Self::Group(owner) => Match::OwnerGid(Negatable::Is(owner.clone())),
        }
    }

    fn is_not(self) -> Match {
        match self {
            Self::User(owner) => Match::OwnerUid(Negatable::Not(owner.clone())),
            Self::Group(owner) => Match::OwnerGid(Negatable::Not(owner.clone())),
        }
    }
}

impl<'a> Build<'a> {
    /// The proxy's users, then its groups.
    fn proxies(&self) -> impl Iterator<Item = Proxy<'a>> + use<'a> {
        let config = self.config;
        config.proxy_uids.iter().map(Proxy::User).chain(config.proxy_gids.iter().map(Proxy::Group))
    }

    /// The families that rules are built for.
    fn families(&self) -> impl Iterator<Item = FamilyFacts> + use<> {
        let (families, loopback) = (self.config.families, self.config.loopback);
        let facts = move |family: Family| {
            let loopback = match family {
                Family::Ipv4 => loopback,
                Family::Ipv6 => Network::host(family.localhost()),
            };
            FamilyFacts { family, loopback, proxy_source: Network::host(family.proxy_source()) }
        };
        Family::BOTH.into_iter().filter(move |f| families.contains(*f)).map(facts)
    }

    /// Appends the same rule for all families.
    fn append(
        &mut self,
        purpose: impl Into<Option<Purpose>>,
        table: Table,
        chain: impl Into<Chain>,
        matches: impl Into<Vec<Match>>,
        target: Target,
    ) {
        self.add(None, Placement::Append, purpose, (table, chain), matches, target);
    }

    /// Adds a rule in a place of its chain: for one family, unless none are built for it, or the same for all.
    fn add(
        &mut self,
        family: Option<Family>,
        placement: Placement,
        purpose: impl Into<Option<Purpose>>,
        (table, chain): (Table, impl Into<Chain>),
        matches: impl Into<Vec<Match>>,
        target: Target,
    ) {
        let families = self.config.families;
        let scope = match family {
            Some(family) if !families.contains(family) => return,
            Some(family) => Scope::Only(family),
            None if families.ipv6() => Scope::Both,
            None => Scope::Only(Family::Ipv4),
        };
        let (chain, matches, purpose) = (chain.into(), matches.into(), purpose.into());
        self.rules.push(scope, Rule { table, chain, placement, matches, target, purpose });
    }

    /// Puts a rule before all others for what comes in by the interface of a VM: to a range, or everything.
    fn virtual_interface(&mut self, name: &Interface, range: Option<Network>, target: Target) {
        let matches: Vec<_> = [by_interface(name)].into_iter().chain(range.map(to)).collect();
        let (family, at) = (range.map(Network::family), (Table::Nat, Hook::Prerouting));
        self.add(family, Placement::Insert(1), Purpose::VirtualInterface, at, matches, target);
    }
}

/// The packet is TCP.
const TCP: Match = Match::Protocol(Protocol::Tcp);
/// The packet is UDP.
const UDP: Match = Match::Protocol(Protocol::Udp);

fn to_port(ports: impl Into<PortRange>) -> Match {
    Match::DestinationPort(Negatable::Is(ports.into()))
}

fn from_port(port: u16) -> Match {
    Match::SourcePort(Negatable::Is(PortRange::single(port)))
}

fn to(network: Network) -> Match {
    Match::Destination(Negatable::Is(network))
}

fn not_to(network: Network) -> Match {
    Match::Destination(Negatable::Not(network))
}

fn from(network: Network) -> Match {
    Match::Source(Negatable::Is(network))
}

fn by_interface(name: &Interface) -> Match {
    Match::InInterface(Negatable::Is(name.clone()))
}

fn out_by_interface(name: &Interface) -> Match {
    Match::OutInterface(Negatable::Is(name.clone()))
}

#[cfg(test)]
mod tests;
