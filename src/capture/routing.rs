//! Policy routing and addresses.

use std::fmt;
use std::net::Ipv6Addr;

use crate::config::{Config, InterceptionMode};
use crate::net::{Family, Mark, PROXY_SOURCE_V6, RouteTable};

/// Packets with the mark are routed by the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyRule {
    /// The family.
    pub family: Family,
    /// The mark.
    pub mark: Mark,
    /// The table.
    pub table: RouteTable,
}

/// Everything that is routed by the table is for this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalRoute {
    /// The family.
    pub family: Family,
    /// The table.
    pub table: RouteTable,
}

/// One thing of the kernel's routing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutingItem {
    /// An address on `lo`, for itself (`/128`).
    Address(Ipv6Addr),
    /// A policy rule.
    Rule(PolicyRule),
    /// A route over `lo`.
    Route(LocalRoute),
}

/// What is wanted of the kernel's routing, or what it has: it takes the same policy rule any number of times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// Addresses on `lo`, each for itself (`/128`).
    pub addresses: Vec<Ipv6Addr>,
    /// Policy rules.
    pub rules: Vec<PolicyRule>,
    /// Routes over `lo`.
    pub routes: Vec<LocalRoute>,
}

impl Routing {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.items().next().is_none()
    }

    /// The commands of ip(8) that remove it, a line each.
    pub fn removal(&self) -> String {
        self.items().map(|item| item.removal() + "\n").collect()
    }

    /// All of it, in the order in which it is added.
    pub fn items(&self) -> impl DoubleEndedIterator<Item = RoutingItem> {
        let addresses = self.addresses.iter().copied().map(RoutingItem::Address);
        let rules = self.rules.iter().copied().map(RoutingItem::Rule);
        addresses.chain(rules).chain(self.routes.iter().copied().map(RoutingItem::Route))
    }
}

impl FromIterator<RoutingItem> for Routing {
    fn from_iter<T: IntoIterator<Item = RoutingItem>>(items: T) -> Self {
        let mut routing = Self::default();
        for item in items {
            match item {
                RoutingItem::Address(address) => routing.addresses.push(address),
                RoutingItem::Rule(rule) => routing.rules.push(rule),
                RoutingItem::Route(route) => routing.routes.push(route),
            }
        }
        routing
    }
}

/// What the configuration wants: TPROXY needs packets for other addresses to be delivered here; over IPv6,
/// the proxy's inbound side needs its source address, whose IPv4 counterpart is part of 127.0.0.0/8.
pub(super) fn plan(config: &Config) -> Routing {
    let mut routing = Routing::default();
    if config.families.ipv6() {
        routing.addresses.push(PROXY_SOURCE_V6);
    }
    if config.mode == InterceptionMode::Tproxy && !config.inbound_ports.is_none() {
        let (mark, table) = (config.tproxy_mark, config.tproxy_table);
        for family in Family::BOTH.into_iter().filter(|f| config.families.contains(*f)) {
            routing.rules.push(PolicyRule { family, mark, table });
            routing.routes.push(LocalRoute { family, table });
        }
    }
    routing
}

impl RoutingItem {
    /// The command of ip(8) that does this with it: `add` or `del`.
    fn command(&self, verb: &str) -> String {
        match self {
            Self::Address(address) => format!("ip -6 addr {verb} {address}/128 dev lo"),
            Self::Rule(PolicyRule { family, mark, table }) => {
                format!("ip{} rule {verb} fwmark {mark} lookup {table}", option(*family))
            }
            Self::Route(LocalRoute { family, table }) => {
                format!("ip{} route {verb} local default dev lo table {table}", option(*family))
            }
        }
    }

    /// The command of ip(8) that removes it.
    pub fn removal(&self) -> String {
        self.command("del")
    }
}

/// As the command of ip(8) that adds it.
impl fmt::Display for RoutingItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.command("add"))
    }
}

/// As commands of ip(8), a line each.
impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items().try_for_each(|item| writeln!(f, "{item}"))
    }
}

fn option(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "",
        Family::Ipv6 => " -6",
    }
}
