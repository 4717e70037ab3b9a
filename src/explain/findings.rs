//! What lets traffic bypass the proxy, breaks it, or has no effect in a configuration.

use std::collections::HashMap;
use std::fmt;

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
pub struct Finding {
    name: &'static str,
    level: Level,
    flag: &'static str,
    rule: Option<RuleAt>,
    text: String,
    is_warned_of: bool,
}

impl Finding {
    fn warning(name: &'static str, flag: &'static str, rule: Option<RuleAt>, text: String) -> Self {
        Self { name, level: Level::Warning, flag, rule, text, is_warned_of: false }
    }

    /// A foreign rule that decides, before managed ones, about what those would capture.
    pub fn foreign_rule_first(rule: &impl fmt::Display) -> Self {
        let text = format!(
            "the foreign rule {rule} comes before managed ones and decides about traffic that they would capture: that traffic bypasses the proxy. Delete the rule, or move it after them"
        );
        Self::warning("foreign-rule-first", "", None, text)
    }

    /// A short name for it, for programs.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How much it matters.
    pub const fn level(&self) -> Level {
        self.level
    }

    /// The flags that cause it; empty if none does.
    pub const fn flag(&self) -> &'static str {
        self.flag
    }

    /// The rule that it is about.
    pub const fn rule(&self) -> Option<&RuleAt> {
        self.rule.as_ref()
    }

    /// Whether reading the flags warns of it.
    pub const fn is_warned_of(&self) -> bool {
        self.is_warned_of
    }
}

impl From<Fact<RuleAt>> for Finding {
    fn from(fact: Fact<RuleAt>) -> Self {
        let text = fact.finding();
        let (name, flag, rule) = match fact {
            Fact::FamilyNotCaptured { flag, .. } => ("family-not-captured", flag, None),
            Fact::FamilyCapturedToo { flag, rule, .. } => ("family-captured-too", flag, Some(rule)),
            Fact::LoopbackReturnedEarly { flag, rule, .. } => ("loopback-returned-early", flag, Some(rule)),
        };
        Self { is_warned_of: true, ..Self::warning(name, flag, rule, text) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// All that is found.
pub fn findings(config: &Config, layer: &Layer, pod: &Pod) -> Vec<Finding> {
    let chains = Family::BOTH.map(|f| (f, Chains::of(layer, f)));
    let mut found = Vec::new();
    let [(v4, ipv4), (v6, ipv6)] = &chains;
    not_captured(config, pod, *v4, [ipv4, ipv6], &mut found);
    not_captured(config, pod, *v6, [ipv6, ipv4], &mut found);
    let mut seen = Vec::new();
    for (_, chains) in &chains {
        shadowed(chains, &mut seen, &mut found);
    }
    for (family, chains) in &chains {
        exclusions(config, *family, chains, &mut found);
    }
    found.extend(chains.iter().find_map(|(_, chains)| dns_loop(config, pod, chains)));
    udp(config, ipv4, &mut found);
    found
}

/// Rules that no packet reaches, with those that take their packets. What holds for both families is reported once.
fn shadowed(chains: &Chains<'_>, seen: &mut Vec<[RuleAt; 2]>, found: &mut Vec<Finding>) {
    for (table, chain) in chains.all() {
        let rules = chains.rules(table, chain);
        let earlier = Earlier::of(chains, table, chain);
        for index in 0..rules.len() {
            let Some(by) = earlier.takes(index) else { continue };
            let (Some(rule), Some(by)) = (chains.at(table, chain, index), chains.at(table, chain, by)) else {
                continue;
            };
            if !seen.iter().any(|[r, b]| alike(r, &rule) && alike(b, &by)) {
                seen.push([rule.clone(), by.clone()]);
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
            Some((owner.clone(), PROXY_UID))
        } else if let Match::OwnerGid(Negatable::Is(owner)) = m {
            Some((owner.clone(), PROXY_GID))
        } else {
            None
        }
    });
    match (owner, by.rule.purpose) {
        (Some((owner, flag)), Some(Purpose::WithinPod)) => {
            Fact::LoopbackReturnedEarly { owners: vec![owner], flag, rule, by }.into()
        }
        _ => {
            let flag = rule.rule.purpose.map_or("the flags", Purpose::flag);
            let text =
                format!("rule {rule} never matches, because rule {by} takes all its packets; it comes from {flag}");
            Finding::warning("never-matches", flag, Some(rule), text)
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
            let text = match &rule {
                Some(rule) => {
                    format!("{flag} excludes {range} (rule {rule}) without effect: no rule would capture it")
                }
                None => format!("{flag} excludes {range} without effect: no {family} rules are requested"),
            };
            found.push(Finding::warning("exclusion-without-effect", flag, rule, text));
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
            found.push(Fact::FamilyCapturedToo { family, address, rule, flag }.into());
            return;
        }
    }
    if chains.is_empty() {
        found.push(Fact::FamilyNotCaptured { family, address, flag }.into());
        return;
    }
    let ranges = config.outbound_ranges.listed();
    let others = !ranges.is_empty() && ranges.iter().all(|r| r.family() != family);
    if others && config.outbound_ports.is_empty() {
        let flag = Purpose::OutboundRange.flag();
        let rule = find(other, Table::Nat, IstioChain::Output, captures_outbound);
        let while_other = rule.as_ref().map(|rule| format!(", while rule {rule} captures the other family"));
        let text = format!(
            "the pod has the {family} address {address}, but {flag} lists no {family} range: outbound {family} traffic bypasses the proxy{}",
            while_other.unwrap_or_default()
        );
        found.push(Finding::warning("family-not-captured", flag, rule, text));
    }
}

/// A resolver in the pod asks other servers, and the agent asks the resolver.
fn dns_loop(config: &Config, pod: &Pod, chains: &Chains<'_>) -> Option<Finding> {
    let (servers, flag) = match &config.dns {
        Dns::Off => return None,
        Dns::All => (&pod.name_servers, "--capture-all-dns"),
        Dns::Servers(servers) => (servers, "--redirect-dns"),
    };
    let resolver = servers.iter().find(|server| server.is_loopback())?;
    // What it asks goes to other hosts: to all that is captured, or to the servers after it in the list.
    let rule = find(chains, Table::Nat, IstioChain::OutputDns, |rule| {
        rule.matches.contains(&Match::Protocol(Protocol::Udp))
            && rule.destination().is_none_or(|server| !server.is_loopback())
    })?;
    let text = format!(
        "the resolver {resolver} runs in the pod, and rule {rule} captures its queries to other servers: they come back to it through the agent, unless it runs as the proxy's user; this comes from {flag}"
    );
    Some(Finding::warning("dns-loop", flag, Some(rule), text))
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
        found.push(udp_not_captured("outbound", rule, purpose.flag()));
    }
    let table = match config.mode {
        InterceptionMode::Redirect => Table::Nat,
        InterceptionMode::Tproxy => Table::Mangle,
    };
    let jump = |rule: &Rule| rule.target == Target::Jump(IstioChain::Inbound);
    if inbound && let Some(rule) = find(chains, table, Hook::Prerouting, jump) {
        found.push(udp_not_captured("inbound", rule, Purpose::Inbound.flag()));
    }
}

fn udp_not_captured(way: &str, rule: RuleAt, flag: &'static str) -> Finding {
    let text = format!(
        "{way} UDP is not captured, including QUIC (HTTP/3) on port 443: rule {rule} matches TCP only, whatever {flag} is"
    );
    Finding { level: Level::Note, ..Finding::warning("udp-not-captured", flag, Some(rule), text) }
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
