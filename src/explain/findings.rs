//! What lets traffic bypass the proxy, breaks it, or has no effect in a configuration.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use super::chains::{Chains, RuleAt};
use super::cover::{Earlier, overlap};
use super::pod::Pod;
use crate::config::{ADDS_FAMILY, Config, Dns, Fact, InterceptionMode, PROXY_GID, PROXY_UID, Selection};
use crate::net::{Family, Network};
use crate::netfilter::{Chain, Hook, IstioChain, Layer, Match, Negatable, Protocol, Purpose, Rule, Table, Target};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// So it is with these rules; good to know.
    Note,
    /// Perhaps not what was meant.
    Warning,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A rule that no packet gets to.
    NeverMatches {
        /// The rule.
        rule: RuleAt,
        /// The earlier one that takes its packets.
        by: RuleAt,
        /// The flags that it comes from.
        flag: &'static str,
    },
    /// What reading the flags warns of.
    Fact(Fact<RuleAt>),
    /// An excluded range that would not be captured anyway.
    ExclusionWithoutEffect {
        /// The range.
        range: Network,
        /// Its rule, if there is one.
        rule: Option<RuleAt>,
        /// The flag that excludes it.
        flag: &'static str,
    },
    /// A family that the pod has, and of which no range is captured outbound.
    NoRangeOfFamily {
        /// The family.
        family: Family,
        /// An address of the pod.
        address: IpAddr,
        /// A rule that captures in the other family.
        rule: RuleAt,
        /// The flag that lists the ranges.
        flag: &'static str,
    },
    /// A resolver in the pod whose own queries come back to the agent, which asks the resolver.
    DnsLoop {
        /// Its address.
        resolver: IpAddr,
        /// The rule that captures its queries.
        rule: RuleAt,
        /// The flag that captures them.
        flag: &'static str,
    },
    /// A foreign rule that decides, before managed ones, about what those would capture.
    ForeignRuleFirst {
        /// The rule, as its program shows it.
        rule: String,
    },
    /// UDP to captured ports is not captured.
    UdpNotCaptured {
        /// Whether inbound.
        inbound: bool,
        /// The rule that takes TCP alone.
        rule: RuleAt,
        /// The flag that captures the ports.
        flag: &'static str,
    },
}

impl Finding {
    /// How much it matters.
    pub const fn level(&self) -> Level {
        match self {
            Self::UdpNotCaptured { .. } => Level::Note,
            Self::NeverMatches { .. }
            | Self::Fact(_)
            | Self::ExclusionWithoutEffect { .. }
            | Self::NoRangeOfFamily { .. }
            | Self::DnsLoop { .. }
            | Self::ForeignRuleFirst { .. } => Level::Warning,
        }
    }

    /// A short name for it, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NeverMatches { .. } => "never-matches",
            Self::Fact(Fact::LoopbackReturnedEarly { .. }) => "loopback-returned-early",
            Self::Fact(Fact::FamilyCapturedToo { .. }) => "family-captured-too",
            Self::Fact(Fact::FamilyNotCaptured { .. }) | Self::NoRangeOfFamily { .. } => "family-not-captured",
            Self::ExclusionWithoutEffect { .. } => "exclusion-without-effect",
            Self::DnsLoop { .. } => "dns-loop",
            Self::ForeignRuleFirst { .. } => "foreign-rule-first",
            Self::UdpNotCaptured { .. } => "udp-not-captured",
        }
    }

    /// The flags that cause it.
    pub const fn flag(&self) -> &'static str {
        match self {
            Self::NeverMatches { flag, .. }
            | Self::Fact(
                Fact::FamilyNotCaptured { flag, .. }
                | Fact::FamilyCapturedToo { flag, .. }
                | Fact::LoopbackReturnedEarly { flag, .. },
            )
            | Self::ExclusionWithoutEffect { flag, .. }
            | Self::NoRangeOfFamily { flag, .. }
            | Self::DnsLoop { flag, .. }
            | Self::UdpNotCaptured { flag, .. } => flag,
            Self::ForeignRuleFirst { .. } => "",
        }
    }

    /// The rule that it is about.
    pub const fn rule(&self) -> Option<&RuleAt> {
        match self {
            Self::NeverMatches { rule, .. }
            | Self::Fact(Fact::FamilyCapturedToo { rule, .. } | Fact::LoopbackReturnedEarly { rule, .. })
            | Self::NoRangeOfFamily { rule, .. }
            | Self::DnsLoop { rule, .. }
            | Self::UdpNotCaptured { rule, .. } => Some(rule),
            Self::ExclusionWithoutEffect { rule, .. } => rule.as_ref(),
            Self::Fact(Fact::FamilyNotCaptured { .. }) | Self::ForeignRuleFirst { .. } => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverMatches { rule, by, flag } => {
                write!(f, "rule {rule} never matches, because rule {by} takes all its packets; it comes from {flag}")
            }
            Self::Fact(fact) => fact.write_finding(f),
            Self::ExclusionWithoutEffect { range, rule: Some(rule), flag } => {
                write!(f, "{flag} excludes {range} (rule {rule}) without effect: no rule would capture it")
            }
            Self::ExclusionWithoutEffect { range, rule: None, flag } => {
                write!(f, "{flag} excludes {range} without effect: no {} rules are requested", range.family())
            }
            Self::NoRangeOfFamily { family, address, rule, flag } => write!(
                f,
                "the pod has the {family} address {address}, but {flag} lists no {family} range: outbound {family} traffic bypasses the proxy, while rule {rule} captures the other family"
            ),
            Self::DnsLoop { resolver, rule, flag } => write!(
                f,
                "the resolver {resolver} runs in the pod, and rule {rule} captures its queries to other servers: they come back to it through the agent, unless it runs as the proxy's user; this comes from {flag}"
            ),
            Self::ForeignRuleFirst { rule } => write!(
                f,
                "the foreign rule {rule} comes before managed ones and decides about traffic that they would capture: that traffic bypasses the proxy. Delete the rule, or move it after them"
            ),
            Self::UdpNotCaptured { inbound, rule, flag } => {
                let way = if *inbound { "inbound" } else { "outbound" };
                write!(
                    f,
                    "{way} UDP is not captured, including QUIC (HTTP/3) on port 443: rule {rule} matches TCP only, whatever {flag} is"
                )
            }
        }
    }
}

/// All that is found.
pub fn findings(config: &Config, layer: &Layer, pod: &Pod) -> Vec<Finding> {
    let chains = Family::BOTH.map(|f| (f, Chains::of(layer, f)));
    let mut found = Vec::new();
    let [(v4, ipv4), (v6, ipv6)] = &chains;
    not_captured(config, pod, *v4, [ipv4, ipv6], &mut found);
    not_captured(config, pod, *v6, [ipv6, ipv4], &mut found);
    for (_, chains) in &chains {
        shadowed(chains, &mut found);
    }
    for (family, chains) in &chains {
        exclusions(config, *family, chains, &mut found);
    }
    for (_, chains) in &chains {
        loops(config, pod, chains, &mut found);
    }
    udp(config, ipv4, &mut found);
    found
}

/// Rules that no packet reaches. What holds for both families is reported once.
fn shadowed(chains: &Chains<'_>, found: &mut Vec<Finding>) {
    for (table, chain) in chains.all() {
        let rules = chains.rules(table, chain);
        let earlier = Earlier::of(chains, table, chain);
        for index in 0..rules.len() {
            let Some(by) = earlier.takes(index) else { continue };
            let (Some(rule), Some(by)) = (chains.at(table, chain, index), chains.at(table, chain, by)) else {
                continue;
            };
            let known = |f: &Finding| match f {
                Finding::NeverMatches { rule: r, by: b, .. }
                | Finding::Fact(Fact::LoopbackReturnedEarly { rule: r, by: b, .. }) => alike(r, &rule) && alike(b, &by),
                Finding::Fact(Fact::FamilyNotCaptured { .. } | Fact::FamilyCapturedToo { .. })
                | Finding::ExclusionWithoutEffect { .. }
                | Finding::NoRangeOfFamily { .. }
                | Finding::DnsLoop { .. }
                | Finding::ForeignRuleFirst { .. }
                | Finding::UdpNotCaptured { .. } => false,
            };
            if !found.iter().any(known) {
                found.push(never(rule, by));
            }
        }
    }
}

/// Whether two rules, perhaps of two families, come from the same value of the same flag.
fn alike(a: &RuleAt, b: &RuleAt) -> bool {
    let rest = |r: &RuleAt| {
        let matches: Vec<_> = r.rule.matches.iter().filter(|m| !matches!(m, Match::Destination(_))).cloned().collect();
        (r.rule.table, r.rule.chain, r.rule.target, matches)
    };
    a.rule == b.rule || a.rule.purpose == Some(Purpose::OwnService) && rest(a) == rest(b)
}

fn never(rule: RuleAt, by: RuleAt) -> Finding {
    let owner = rule.rule.matches.iter().find_map(|m| {
        if let Match::OwnerUid(Negatable::Is(owner)) = m {
            Some((owner, PROXY_UID))
        } else if let Match::OwnerGid(Negatable::Is(owner)) = m {
            Some((owner, PROXY_GID))
        } else {
            None
        }
    });
    match (owner, by.rule.purpose) {
        (Some((owner, flag)), Some(Purpose::WithinPod)) => {
            Finding::Fact(Fact::LoopbackReturnedEarly { owners: vec![owner.clone()], rule, by, flag })
        }
        _ => {
            let flag = rule.rule.purpose.map_or("the flags", Purpose::flag);
            Finding::NeverMatches { rule, by, flag }
        }
    }
}

/// Excluded ranges that nothing would capture: neither a range nor a port in every range.
fn exclusions(config: &Config, family: Family, chains: &Chains<'_>, found: &mut Vec<Finding>) {
    let captured = |range: Network| match &config.outbound_ranges {
        Selection::None => false,
        Selection::AllExcept(_) => true,
        Selection::Only(ranges) => ranges.iter().any(|r| overlap(*r, range)),
    };
    let flag = Purpose::ExcludedRange.flag();
    // Looked up, not searched for: there may be 10,000.
    let mut places = HashMap::new();
    for (index, rule) in chains.rules(Table::Nat, IstioChain::Output).iter().enumerate() {
        if let (Some(Purpose::ExcludedRange), [Match::Destination(range)]) = (rule.purpose, rule.matches.as_slice()) {
            places.entry(*range.value()).or_insert(index);
        }
    }
    for range in config.excluded_ranges.iter().copied().filter(|r| r.family() == family) {
        if !config.families.contains(family) || !captured(range) && config.outbound_ports.is_empty() {
            let index = places.get(&range).copied();
            let rule = index.and_then(|index| chains.at(Table::Nat, IstioChain::Output.into(), index));
            found.push(Finding::ExclusionWithoutEffect { range, rule, flag });
        }
    }
}

fn not_captured(
    config: &Config,
    pod: &Pod,
    family: Family,
    [chains, other]: [&Chains<'_>; 2],
    found: &mut Vec<Finding>,
) {
    let Some(address) = pod.address(family) else { return };
    let flag = ADDS_FAMILY;
    if chains.is_native() && !config.families.contains(family) && !chains.names_addresses() {
        let outbound = find(chains, Table::Nat, IstioChain::Output, captures_outbound);
        let inbound = || find(chains, Table::Nat, IstioChain::Inbound, |r| r.purpose == Some(Purpose::Inbound));
        if let Some(rule) = outbound.or_else(inbound) {
            found.push(Finding::Fact(Fact::FamilyCapturedToo { family, address, rule, flag }));
            return;
        }
    }
    if chains.is_empty() {
        found.push(Finding::Fact(Fact::FamilyNotCaptured { family, address, flag }));
        return;
    }
    let ranges = config.outbound_ranges.listed();
    let others = !ranges.is_empty() && ranges.iter().all(|r| r.family() != family);
    if others && config.outbound_ports.is_empty() {
        let flag = Purpose::OutboundRange.flag();
        found.push(match find(other, Table::Nat, IstioChain::Output, captures_outbound) {
            Some(rule) => Finding::NoRangeOfFamily { family, address, rule, flag },
            None => Finding::Fact(Fact::FamilyNotCaptured { family, address, flag }),
        });
    }
}

/// A resolver in the pod asks other servers, and the agent asks the resolver.
fn loops(config: &Config, pod: &Pod, chains: &Chains<'_>, found: &mut Vec<Finding>) {
    let servers = match &config.dns {
        Dns::Off => return,
        Dns::All => &pod.name_servers,
        Dns::Servers(servers) => servers,
    };
    let Some(resolver) = servers.iter().copied().find(IpAddr::is_loopback) else { return };
    let flag = match &config.dns {
        Dns::All => "--capture-all-dns",
        Dns::Servers(_) | Dns::Off => "--redirect-dns",
    };
    // What it asks goes to other hosts: to all that is captured, or to the servers after it in the list.
    let upstream = find(chains, Table::Nat, IstioChain::OutputDns, |rule| {
        rule.matches.contains(&Match::Protocol(Protocol::Udp))
            && rule.destination().is_none_or(|server| !server.starts_at_loopback())
    });
    let said = found.iter().any(|f| matches!(f, Finding::DnsLoop { .. }));
    if let (Some(rule), false) = (upstream, said) {
        found.push(Finding::DnsLoop { resolver, rule, flag });
    }
}

fn udp(config: &Config, chains: &Chains<'_>, found: &mut Vec<Finding>) {
    const HTTPS: u16 = 443;
    let outbound = !config.outbound_ranges.is_none() || config.outbound_ports.iter().any(|r| r.contains(HTTPS));
    let inbound = match &config.inbound_ports {
        Selection::None => false,
        Selection::AllExcept(ports) => !ports.iter().any(|r| r.contains(HTTPS)),
        Selection::Only(ports) => ports.iter().any(|r| r.contains(HTTPS)),
    };
    if outbound && let Some(rule) = find(chains, Table::Nat, IstioChain::Redirect, |_| true) {
        let ranges = !config.outbound_ranges.is_none();
        let purpose = if ranges { Purpose::OutboundRange } else { Purpose::OutboundPort };
        found.push(Finding::UdpNotCaptured { inbound: false, rule, flag: purpose.flag() });
    }
    let table = match config.mode {
        InterceptionMode::Redirect => Table::Nat,
        InterceptionMode::Tproxy => Table::Mangle,
    };
    let jump = |rule: &Rule| rule.target == Target::Jump(IstioChain::Inbound);
    if inbound && let Some(rule) = find(chains, table, Hook::Prerouting, jump) {
        found.push(Finding::UdpNotCaptured { inbound: true, rule, flag: Purpose::Inbound.flag() });
    }
}

/// Whether the rule is for outbound traffic that is captured.
fn captures_outbound(rule: &Rule) -> bool {
    matches!(rule.purpose, Some(Purpose::OutboundRange | Purpose::OutboundPort))
}

/// The first rule of a chain that is as wanted.
fn find(chains: &Chains<'_>, table: Table, chain: impl Into<Chain>, wanted: impl Fn(&Rule) -> bool) -> Option<RuleAt> {
    let chain = chain.into();
    let index = chains.rules(table, chain).iter().position(|r| wanted(r))?;
    chains.at(table, chain, index)
}

#[cfg(test)]
mod tests;
