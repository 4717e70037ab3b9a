//! Which connections prove what the rules are for. If a rule lets a connection go before the one that is to be
//! proved, another has to be found, or the check gives the reason why there is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::{Caller, Check, Expected, Probe, Probing, Role, Subject};
use crate::config::{Config, Dns, InterceptionMode};
use crate::net::{Family, Interface, Network, PROXY_SOURCE_V4, PROXY_SOURCE_V6, Port, PortRange};
use crate::netfilter::{Protocol, Purpose, Rule, Ruleset};

/// The agent's port for DNS queries.
const AGENT: Port = Port::at_least_one(15053);
/// The port of DNS servers.
const DNS: u16 = 53;

/// Which checks prove that the rules do what they are for, for this process; IPv4 first.
pub fn plan(config: &Config, rules: &Ruleset, probe_port: Port, caller: &Caller) -> Vec<Check> {
    let mut checks = Vec::new();
    for family in Family::BOTH.into_iter().filter(|f| config.families.contains(*f)) {
        let planner = Planner { config, rules, caller, family, port: probe_port.number() };
        let mut check = |subject, probe| checks.push(Check { subject, family, probe });
        check(Subject::Inbound, planner.inbound());
        if let Some(port) = planner.ports(Purpose::ExcludedOutboundPort).next().and_then(one_of) {
            check(Subject::ExcludedOutbound(port), planner.excluded_outbound(port));
        }
        match config.mode {
            _ if planner.rules(Purpose::Inbound).next().is_none() => {}
            InterceptionMode::Redirect => check(Subject::FromElsewhere, Err(FROM_ELSEWHERE.to_owned())),
            InterceptionMode::Tproxy => {
                check(Subject::Transparent, planner.transparent());
                if let Some(port) = planner.ports(Purpose::ExcludedInboundPort).next().and_then(one_of) {
                    let expected = Expected::NotCaptured(config.inbound_port);
                    check(Subject::ExcludedInbound(port), planner.by_group(port, expected));
                }
            }
        }
        if rules.rules().any(|(_, r)| matches!(r.purpose, Some(Purpose::OutboundRange | Purpose::OutboundPort))) {
            check(Subject::Outbound, planner.outbound());
        }
        if config.dns.covers(family) {
            check(Subject::DnsUdp, planner.dns(Protocol::Udp));
            check(Subject::DnsTcp, planner.dns(Protocol::Tcp));
        }
    }
    checks
}

impl Probing {
    /// What there is to do for checks, within this time.
    pub fn of(checks: &[Check], config: &Config, caller: &Caller, bound: Duration) -> Self {
        Self {
            probes: checks.iter().filter_map(|c| c.probe.as_ref().ok()).cloned().collect(),
            listener: Role::Proxy.take(config, caller).ok().flatten(),
            transparent: config.mode == InterceptionMode::Tproxy && caller.may_be_transparent,
            left_alone: config.excluded_interfaces.clone(),
            bound,
        }
    }
}

const FROM_ELSEWHERE: &str =
    "these rules only affect connections from other hosts, which cannot be made from inside the pod";

struct Planner<'a> {
    config: &'a Config,
    rules: &'a Ruleset,
    caller: &'a Caller,
    family: Family,
    port: u16,
}

impl<'a> Planner<'a> {
    /// The rules for this traffic.
    fn rules(&self, purpose: Purpose) -> impl Iterator<Item = &'a Rule> {
        self.rules.purpose(self.family, purpose)
    }

    /// The ports that these rules name.
    fn ports(&self, purpose: Purpose) -> impl Iterator<Item = PortRange> {
        self.rules(purpose).filter_map(Rule::port)
    }

    /// The ranges that these rules name.
    fn ranges(&self, purpose: Purpose) -> impl Iterator<Item = Network> {
        self.rules(purpose).filter_map(Rule::destination)
    }

    /// An address of the pod that only the proxy has.
    fn pod(&self) -> IpAddr {
        match self.family {
            Family::Ipv4 => PROXY_SOURCE_V4.into(),
            Family::Ipv6 => PROXY_SOURCE_V6.into(),
        }
    }

    fn loopback(&self) -> IpAddr {
        match self.family {
            Family::Ipv4 => Ipv4Addr::LOCALHOST.into(),
            Family::Ipv6 => Ipv6Addr::LOCALHOST.into(),
        }
    }

    /// A connection over loopback to the pod's address. It is bound to the loopback address, since the kernel
    /// would call `::6` from `::6`, which the rules take for the proxy's inbound side.
    fn over_lo(&self, role: Role, protocol: Protocol, port: u16, expected: Expected) -> Result<Probe, String> {
        let lo = Interface::loopback();
        let excluded = Purpose::ExcludedInterface;
        if self.rules(excluded).filter_map(Rule::interface).any(|i| i.matches(lo.as_str())) {
            return Err(format!("the interface lo is excluded: {}", excluded.flag()));
        }
        Ok(Probe {
            caller: role.take(self.config, self.caller)?,
            protocol,
            from: Some(self.loopback()),
            to: vec![SocketAddr::new(self.pod(), port)],
            expected,
        })
    }

    fn not_excluded(&self, port: u16) -> Result<(), String> {
        let excluded = Purpose::ExcludedOutboundPort;
        match self.ports(excluded).find(|r| r.contains(port)) {
            Some(range) => Err(format!("port {port} is not captured: {} has {range}", excluded.flag())),
            None => Ok(()),
        }
    }

    fn pod_is_not_loopback(&self) -> Result<(), String> {
        let pod = self.pod();
        if let Some(range) = self.ranges(Purpose::Loopback).find(|r| r.contains(pod)) {
            return Err(format!("{pod} is in the loopback range {range}: {}", Purpose::Loopback.flag()));
        }
        Ok(())
    }

    fn inbound(&self) -> Result<Probe, String> {
        self.not_excluded(self.port)?;
        self.pod_is_not_loopback()?;
        let tunnel = self.ports(Purpose::Tunnel).any(|r| r.contains(self.port));
        if tunnel || self.port == DNS && self.rules(Purpose::Dns).next().is_some() {
            return Err(format!("the rules do not capture port {}: give another --iptables-probe-port", self.port));
        }
        self.over_lo(Role::Proxy, Protocol::Tcp, self.port, Expected::Captured(self.config.inbound_port))
    }

    /// Excluded ports come before all else, so that even the proxy's connection to the pod is let go.
    fn excluded_outbound(&self, port: u16) -> Result<Probe, String> {
        self.pod_is_not_loopback()?;
        if self.config.mode == InterceptionMode::Tproxy && self.is_captured_inbound(port) {
            return Err("within the pod, TPROXY captures it anyway, as an inbound port".to_owned());
        }
        self.over_lo(Role::Proxy, Protocol::Tcp, port, Expected::NotCaptured(self.config.inbound_port))
    }

    /// What the proxy's group sends over loopback is marked in mangle and let go in nat, and so meets the
    /// inbound rules as a connection from elsewhere does.
    fn by_group(&self, port: u16, expected: Expected) -> Result<Probe, String> {
        if !self.caller.may_be_transparent {
            return Err("a transparent listener needs CAP_NET_ADMIN".to_owned());
        }
        self.pod_is_not_loopback()?;
        if self.config.captures_loopback() {
            return Err("nat redirects it first, because a loopback range is captured".to_owned());
        }
        self.over_lo(Role::ProxyGroup, Protocol::Tcp, port, expected)
    }

    fn transparent(&self) -> Result<Probe, String> {
        let listed = self.ports(Purpose::Inbound).filter_map(one_of);
        let port = [self.port].into_iter().chain(listed).find(|p| self.is_captured_inbound(*p));
        let port = port.ok_or_else(|| format!("inbound port {} is excluded", self.port))?;
        self.by_group(port, Expected::Captured(self.config.inbound_port))
    }

    fn is_captured_inbound(&self, port: u16) -> bool {
        let hits = |rule: &Rule| rule.port().is_none_or(|r| r.contains(port));
        !self.rules(Purpose::ExcludedInboundPort).any(hits) && self.rules(Purpose::Inbound).any(hits)
    }

    /// To an address that no host has, if one is captured, else to one of the captured ranges.
    fn outbound(&self) -> Result<Probe, String> {
        let captures = |range: Option<Network>, address| range.is_none_or(|r| r.contains(address));
        let all = self.rules(Purpose::OutboundRange).any(|r| r.destination().is_none());
        let port = self.ports(Purpose::OutboundPort).next().filter(|_| !all).and_then(one_of).unwrap_or(self.port);
        self.not_excluded(port)?;
        let by_port = self.ports(Purpose::OutboundPort).any(|r| r.contains(port));
        let by_range = |a| self.rules(Purpose::OutboundRange).any(|rule| captures(rule.destination(), a));
        let excluded = |a| self.ranges(Purpose::ExcludedRange).any(|r| r.contains(a));
        let captured = |a: &IpAddr| !excluded(*a) && !a.is_loopback() && (by_port || by_range(*a));
        let candidates = nobodys(self.family).into_iter().chain(self.ranges(Purpose::OutboundRange).map(inside));
        let to: Vec<_> = candidates.filter(captured).map(|a| SocketAddr::new(a, port)).take(8).collect();
        if to.is_empty() {
            return Err("no captured address is known".to_owned());
        }
        Ok(Probe {
            caller: Role::Application.take(self.config, self.caller)?,
            protocol: Protocol::Tcp,
            from: None,
            to,
            expected: Expected::Captured(self.config.envoy_port),
        })
    }

    fn dns(&self, protocol: Protocol) -> Result<Probe, String> {
        self.not_excluded(DNS)?;
        // The agent's answers are known by its user.
        Role::Proxy.take(self.config, self.caller)?;
        let expected = Expected::Captured(AGENT);
        if self.config.dns == Dns::All {
            return self.over_lo(Role::Application, protocol, DNS, expected);
        }
        Ok(Probe {
            caller: Role::Application.take(self.config, self.caller)?,
            protocol,
            from: None,
            to: self.config.dns.servers(self.family).map(|s| SocketAddr::new(s, DNS)).collect(),
            expected,
        })
    }
}

/// A port of the range that can be called.
fn one_of(range: PortRange) -> Option<u16> {
    [range.low(), range.high()].into_iter().find(|p| *p != 0)
}

/// Addresses for documentation, which no host has (RFC 5737, RFC 3849): a probe that is not captured goes nowhere.
fn nobodys(family: Family) -> Vec<IpAddr> {
    match family {
        Family::Ipv4 => [[192, 0, 2, 1], [198, 51, 100, 1], [203, 0, 113, 1]].map(IpAddr::from).to_vec(),
        Family::Ipv6 => vec![IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])],
    }
}

/// An address of the range, other than its first, which is the network's own.
fn inside(range: Network) -> IpAddr {
    let first = range.masked().address();
    let next = match first {
        IpAddr::V4(a) => u32::from(a).checked_add(1).map(|n| IpAddr::from(Ipv4Addr::from(n))),
        IpAddr::V6(a) => u128::from(a).checked_add(1).map(|n| IpAddr::from(Ipv6Addr::from(n))),
    };
    next.filter(|a| range.contains(*a)).unwrap_or(first)
}
