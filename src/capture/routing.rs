//! Policy routing and addresses.

use std::fmt;
use std::net::Ipv6Addr;

use crate::config::{Config, Family, InterceptionMode, Mark, PROXY_SOURCE_V6, RouteTable};

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

/// What is wanted of the kernel's routing.
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
    /// Adds what it does not have yet of another one.
    pub fn add(&mut self, other: &Self) {
        fn add<T: Copy + PartialEq>(to: &mut Vec<T>, from: &[T]) {
            for item in from {
                if !to.contains(item) {
                    to.push(*item);
                }
            }
        }
        add(&mut self.addresses, &other.addresses);
        add(&mut self.rules, &other.rules);
        add(&mut self.routes, &other.routes);
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.rules.is_empty() && self.routes.is_empty()
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

/// As commands of ip(8).
impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for address in &self.addresses {
            writeln!(f, "ip -6 addr add {address}/128 dev lo")?;
        }
        for rule in &self.rules {
            writeln!(f, "ip{} rule add fwmark {} lookup {}", option(rule.family), rule.mark, rule.table)?;
        }
        for route in &self.routes {
            writeln!(f, "ip{} route add local default dev lo table {}", option(route.family), route.table)?;
        }
        Ok(())
    }
}

fn option(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "",
        Family::Ipv6 => " -6",
    }
}
