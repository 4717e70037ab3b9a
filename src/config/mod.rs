//! What the user wants, in types that cannot be wrong: [`Config`] for the rules, [`Options`] for the call.
//!
//! [`Config::resolve`] reads the `Flags` and, through [`Host`], just those facts of the host that the
//! flags depend on. Problems are collected, not thrown: the user sees all of a call's errors at once.

use std::net::IpAddr;

use crate::net::{Families, Family, Interface, Mark, Network, Owner, Port, PortRange, RouteTable};

mod display;
mod fact;
#[cfg(any(test, feature = "internals"))]
#[allow(clippy::panic, clippy::unwrap_used, reason = "a test with a wrong call falls over")]
pub mod fake;
pub mod host;
mod options;
mod problems;
mod reader;
mod resolve;
mod scalar;
mod selection;

pub use fact::{ADDS_FAMILY, Fact, PROXY_GID, PROXY_UID};
pub use host::Host;
pub use options::{DryRun, Options, OutputFormat};
pub use problems::Problems;
pub(crate) use problems::UsageError;
pub use scalar::parse_bool;
pub use selection::Selection;

/// How inbound connections get to the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterceptionMode {
    /// By changing the destination (nat table).
    Redirect,
    /// As they are, to a transparent listener (mangle table): the proxy sees the client's address.
    Tproxy,
}

/// Which DNS queries go to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dns {
    /// None.
    Off,
    /// All to port 53.
    All,
    /// Those to these servers; at least one.
    Servers(Vec<IpAddr>),
}

impl Dns {
    /// Whether any query is captured.
    pub fn is_on(&self) -> bool {
        !matches!(self, Self::Off)
    }

    /// The servers of one family, if only those to servers are captured.
    pub fn servers(&self, family: Family) -> impl Iterator<Item = IpAddr> {
        let servers = match self {
            Self::Servers(servers) => servers.as_slice(),
            Self::Off | Self::All => &[],
        };
        servers.iter().copied().filter(move |s| Family::of(*s) == family)
    }

    /// Whether queries over this family are captured.
    pub fn covers(&self, family: Family) -> bool {
        matches!(self, Self::All) || self.servers(family).next().is_some()
    }
}

/// All that the rules are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The proxy's outbound listener.
    pub envoy_port: Port,
    /// The proxy's inbound listener.
    pub inbound_port: Port,
    /// The tunnel's listener, never captured.
    pub tunnel_port: Port,
    /// Users whose traffic is the proxy's own; at least one.
    pub proxy_uids: Vec<Owner>,
    /// Groups whose traffic is the proxy's own; at least one.
    pub proxy_gids: Vec<Owner>,
    /// How inbound connections get to the proxy.
    pub mode: InterceptionMode,
    /// The mark of inbound packets with TPROXY.
    pub tproxy_mark: Mark,
    /// The routing table of inbound packets with TPROXY.
    pub tproxy_table: RouteTable,
    /// Inbound ports to capture.
    pub inbound_ports: Selection<PortRange>,
    /// Outbound ranges to capture; the exceptions are apart, in `excluded_ranges`.
    pub outbound_ranges: Selection<Network>,
    /// Outbound ranges not to capture.
    pub excluded_ranges: Vec<Network>,
    /// Outbound ports to capture whatever the range.
    pub outbound_ports: Vec<PortRange>,
    /// Outbound ports not to capture.
    pub excluded_outbound_ports: Vec<PortRange>,
    /// Excluded interfaces.
    pub excluded_interfaces: Vec<Interface>,
    /// Interfaces whose inbound traffic counts as outbound.
    pub virtual_interfaces: Vec<Interface>,
    /// Groups whose outbound traffic is captured.
    pub owner_groups: Selection<Owner>,
    /// The IPv4 loopback range.
    pub loopback: Network,
    /// Which DNS queries go to the agent.
    pub dns: Dns,
    /// Whether packets in conntrack state INVALID are dropped.
    pub drop_invalid: bool,
    /// The families that rules are built for.
    pub families: Families,
}

#[cfg(test)]
mod tests;
