//! Istio's policy: which packets go to the proxy. A pure function from [`Config`] to [`Plan`].
//!
//! The order of the steps is the order of the rules within each table, and both are those of Istio's own
//! program: people, and other programs, compare them. Each rule carries its purpose.

use crate::config::{Config, InterceptionMode};
use crate::net::{Family, Interface, Network, Owner, PROXY_SOURCE_V4, PROXY_SOURCE_V6, PortRange};
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
        let facts = move |family| match family {
            Family::Ipv4 => FamilyFacts { family, loopback, proxy_source: Network::host(PROXY_SOURCE_V4) },
            Family::Ipv6 => FamilyFacts {
                family,
                loopback: Network::host(std::net::Ipv6Addr::LOCALHOST),
                proxy_source: Network::host(PROXY_SOURCE_V6),
            },
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
        self.place(purpose, Placement::Append, (table, chain), matches, target);
    }

    /// Puts the same rule for all families in a place of its chain.
    fn place(
        &mut self,
        purpose: impl Into<Option<Purpose>>,
        placement: Placement,
        (table, chain): (Table, impl Into<Chain>),
        matches: impl Into<Vec<Match>>,
        target: Target,
    ) {
        let scope = if self.config.families.ipv6() { Scope::Both } else { Scope::Only(Family::Ipv4) };
        let rule =
            Rule { table, chain: chain.into(), placement, matches: matches.into(), target, purpose: purpose.into() };
        self.rules.push(scope, rule);
    }

    /// Appends a rule for one family.
    fn append_for(
        &mut self,
        purpose: impl Into<Option<Purpose>>,
        family: Family,
        table: Table,
        chain: impl Into<Chain>,
        matches: impl Into<Vec<Match>>,
        target: Target,
    ) {
        self.place_for(purpose, family, Placement::Append, (table, chain), matches, target);
    }

    /// Puts a rule for one family in a place of its chain; no rule if none are built for the family.
    fn place_for(
        &mut self,
        purpose: impl Into<Option<Purpose>>,
        family: Family,
        placement: Placement,
        (table, chain): (Table, impl Into<Chain>),
        matches: impl Into<Vec<Match>>,
        target: Target,
    ) {
        if self.config.families.contains(family) {
            let (chain, matches, purpose) = (chain.into(), matches.into(), purpose.into());
            let rule = Rule { table, chain, placement, matches, target, purpose };
            self.rules.push(Scope::Only(family), rule);
        }
    }

    /// Puts a rule before all others for what comes in by the interface of a VM: to a range, or everything.
    fn virtual_interface(&mut self, name: &Interface, range: Option<Network>, target: Target) {
        let first = Placement::Insert(1);
        let at = (Table::Nat, Hook::Prerouting);
        let by_name = by_interface(name);
        match range {
            Some(range) => {
                let matches = [by_name, to(range)];
                self.place_for(Purpose::VirtualInterface, range.family(), first, at, matches, target);
            }
            None => self.place(Purpose::VirtualInterface, first, at, [by_name], target),
        }
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
