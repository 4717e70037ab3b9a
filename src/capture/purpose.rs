//! For each purpose of a rule its flag, its sentence, and how to recognise it in rules read back from the kernel.
//!
//! Planned rules get their purpose when they are built; only rules that were read back from a kernel are
//! recognised.

use std::collections::HashMap;
use std::fmt;

use super::TO_ITSELF;
use crate::config::PROXY_UID;
use crate::net::Interface;
use crate::netfilter::normal::Specification;
use crate::netfilter::{Chain, Hook, IstioChain, Layer, Match, Negatable, Protocol, Purpose, Rule, Table, Target};

/// The place in which a rule was read.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// The table.
    pub table: Table,
    /// The chain.
    pub chain: Chain,
    /// Its number in the chain, counted from 1.
    pub number: usize,
}

/// Recognises what rules are for that were read back.
#[derive(Debug, Default)]
pub struct Recogniser {
    planned: HashMap<(Table, Chain, Specification), Option<Purpose>>,
}

impl Recogniser {
    /// One that knows these planned rules, besides those that any plan has.
    pub fn of<'r>(rules: impl Iterator<Item = &'r Rule>) -> Self {
        let known = |rule: &Rule| ((rule.table, rule.chain, Specification::from(rule)), rule.purpose);
        Self { planned: rules.map(known).collect() }
    }

    /// Whether the rule is one of the planned ones.
    pub fn is_planned(&self, table: Table, chain: Chain, rule: &Specification) -> bool {
        self.planned.contains_key(&(table, chain, rule.clone()))
    }

    /// What the rule is for; `None` for rules that only lead to other chains, and for foreign ones.
    pub fn purpose(&self, at: At, matches: &[Match], target: Target) -> Option<Purpose> {
        let key = (at.table, at.chain, Specification::new(matches.iter().cloned(), target));
        self.planned.get(&key).copied().flatten().or_else(|| by_shape(at, &key.2))
    }

    /// Distinguishes, among rules that were read, VM interfaces from excluded ones, which are excluded in both
    /// directions.
    pub fn tell_virtual(&self, layer: &mut Layer) {
        let excluded = |rule: &Rule| rule.purpose == Some(Purpose::ExcludedInterface);
        let out = layer.rules.rules().filter(|(_, rule)| excluded(rule)).filter_map(|(scope, rule)| {
            if let [Match::OutInterface(name)] = rule.matches.as_slice() {
                Some((scope, rule.table, name.clone()))
            } else {
                None
            }
        });
        let out: Vec<_> = out.collect();
        for (scope, rule) in layer.rules.rules_mut().filter(|(_, rule)| excluded(rule)) {
            if let [Match::InInterface(name)] = rule.matches.as_slice()
                && !out.contains(&(scope, rule.table, name.clone()))
                && !self.is_planned(rule.table, rule.chain, &Specification::from(&*rule))
            {
                rule.purpose = Some(Purpose::VirtualInterface);
            }
        }
    }
}

/// What a rule of this shape is for, in this place. One that returns what comes in by an interface may also be that of
/// a VM, which [`Recogniser::tell_virtual`] recognises by the rest of the rules.
pub fn by_shape(at: At, rule: &Specification) -> Option<Purpose> {
    let (matches, target) = (rule.matches(), rule.target());
    match at.chain {
        Chain::Builtin(hook) => in_builtin(at.table, hook, matches, target),
        Chain::Istio(IstioChain::Drop) => Some(Purpose::Invalid),
        Chain::Istio(IstioChain::OutputDns) => Some(Purpose::Dns),
        Chain::Istio(_) if at.table == Table::Raw => Some(Purpose::Dns),
        Chain::Istio(IstioChain::Inbound) => in_inbound(at, matches, target),
        Chain::Istio(IstioChain::Output) => in_output(matches, target),
        Chain::Istio(IstioChain::Redirect | IstioChain::InRedirect | IstioChain::Divert | IstioChain::Tproxy) => None,
    }
}

/// In a built-in chain, which may have foreign rules: of exactly the planned shape.
fn in_builtin(table: Table, hook: Hook, matches: &[Match], target: Target) -> Option<Purpose> {
    const TCP: Match = Match::Protocol(Protocol::Tcp);
    let is_lo = |name: &Interface| *name == Interface::loopback();
    match (table, hook, matches, target) {
        (_, _, _, Target::Jump(IstioChain::Drop)) => Some(Purpose::Invalid),
        (_, _, _, Target::Jump(IstioChain::OutputDns)) | (Table::Raw, _, _, Target::Jump(_)) => Some(Purpose::Dns),
        (_, Hook::Prerouting, _, Target::Jump(IstioChain::Redirect)) => Some(Purpose::VirtualInterface),
        (Table::Nat | Table::Mangle, Hook::Prerouting, [Match::InInterface(Negatable::Is(_))], Target::Return)
        | (Table::Nat | Table::Mangle, Hook::Output, [Match::OutInterface(Negatable::Is(_))], Target::Return) => {
            Some(Purpose::ExcludedInterface)
        }
        (Table::Mangle, Hook::Prerouting, [TCP, Match::Mark(Negatable::Is(_))], Target::SaveMark)
        | (Table::Mangle, Hook::Output, [TCP, Match::ConnectionMark(_)], Target::RestoreMark) => Some(Purpose::InHand),
        (
            Table::Mangle,
            Hook::Output,
            [Match::OutInterface(Negatable::Is(lo)), TCP, Match::Mark(Negatable::Is(_))],
            Target::Return,
        ) if is_lo(lo) => Some(Purpose::InHand),
        (
            Table::Mangle,
            Hook::Output,
            [
                Match::Destination(Negatable::Not(to)),
                Match::OutInterface(Negatable::Is(lo)),
                TCP,
                Match::OwnerUid(_) | Match::OwnerGid(_),
            ],
            Target::SetMark(TO_ITSELF),
        ) if to.is_loopback() && is_lo(lo) => Some(Purpose::OwnService),
        _ => None,
    }
}

fn in_inbound(at: At, matches: &[Match], target: Target) -> Option<Purpose> {
    let has = |is: fn(&Match) -> bool| matches.iter().any(is);
    let by_port = has(|m| matches!(m, Match::DestinationPort(Negatable::Is(_))));
    match target {
        // The first rule of the chain is for the tunnel; excluded ports follow.
        Target::Return if by_port && at.table == Table::Nat && at.number == 1 => Some(Purpose::Tunnel),
        Target::Return if by_port => Some(Purpose::ExcludedInboundPort),
        Target::Return if has(|m| matches!(m, Match::Source(_))) => Some(Purpose::ToApplication),
        Target::Return => Some(Purpose::InHand),
        Target::Jump(_) => Some(Purpose::Inbound),
        Target::Accept
        | Target::Drop
        | Target::Redirect(_)
        | Target::Tproxy { .. }
        | Target::SetMark(_)
        | Target::SaveMark
        | Target::RestoreMark
        | Target::ConntrackZone(_) => None,
    }
}

fn in_output(matches: &[Match], target: Target) -> Option<Purpose> {
    let by_lo = matches.iter().any(|m| matches!(m, Match::OutInterface(_)));
    let by_source = matches.iter().any(|m| matches!(m, Match::Source(_)));
    match (matches, target) {
        (_, Target::Jump(IstioChain::OutputDns)) => Some(Purpose::Dns),
        (_, Target::Jump(IstioChain::InRedirect)) => Some(Purpose::OwnService),
        ([Match::Destination(_)] | [], Target::Jump(IstioChain::Redirect)) => Some(Purpose::OutboundRange),
        (_, Target::Jump(IstioChain::Redirect)) => Some(Purpose::OutboundPort),
        (_, Target::Return) if by_lo && by_source => Some(Purpose::ToApplication),
        (_, Target::Return) if by_lo => Some(Purpose::WithinPod),
        ([Match::OwnerUid(Negatable::Is(_))], Target::Return) => Some(Purpose::ProxyUser),
        ([Match::OwnerGid(Negatable::Is(_))], Target::Return) => Some(Purpose::Group),
        ([Match::OwnerGid(Negatable::Not(_)), ..] | [], Target::Return) => Some(Purpose::OtherGroups),
        ([.., Match::DestinationPort(_)], Target::Return) => Some(Purpose::ExcludedOutboundPort),
        ([Match::Destination(range)], Target::Return) if range.value().is_loopback() => Some(Purpose::Loopback),
        ([Match::Destination(_)], Target::Return) => Some(Purpose::ExcludedRange),
        (_, _) => None,
    }
}

impl Purpose {
    /// Istio's annotation of a pod that sets the flag.
    pub const fn annotation(self) -> Option<&'static str> {
        Some(match self {
            Self::ExcludedInterface => "traffic.sidecar.istio.io/excludeInterfaces",
            Self::VirtualInterface => "istio.io/reroute-virtual-interfaces",
            Self::ExcludedInboundPort => "traffic.sidecar.istio.io/excludeInboundPorts",
            Self::Inbound => "traffic.sidecar.istio.io/includeInboundPorts",
            Self::ExcludedOutboundPort => "traffic.sidecar.istio.io/excludeOutboundPorts",
            Self::OutboundPort => "traffic.sidecar.istio.io/includeOutboundPorts",
            Self::ExcludedRange => "traffic.sidecar.istio.io/excludeOutboundIPRanges",
            Self::OutboundRange => "traffic.sidecar.istio.io/includeOutboundIPRanges",
            Self::Dns => "proxy.istio.io/config (proxyMetadata.ISTIO_META_DNS_CAPTURE)",
            Self::ToApplication | Self::InHand => "sidecar.istio.io/interceptionMode",
            Self::Invalid
            | Self::Tunnel
            | Self::OwnService
            | Self::WithinPod
            | Self::ProxyUser
            | Self::Group
            | Self::OtherGroups
            | Self::Loopback => return None,
        })
    }

    /// The flags or variables that the rule comes from.
    pub const fn flag(self) -> &'static str {
        match self {
            Self::ExcludedInterface => "--istio-exclude-interfaces (-c)",
            Self::VirtualInterface => "--kube-virt-interfaces (-k)",
            Self::Invalid => "--drop-invalid",
            Self::ExcludedInboundPort => "--istio-local-exclude-ports (-d)",
            Self::Tunnel => "--inbound-tunnel-port (-e)",
            Self::Inbound => "--istio-inbound-ports (-b)",
            Self::ExcludedOutboundPort => "--istio-local-outbound-ports-exclude (-o)",
            Self::ProxyUser => PROXY_UID,
            Self::OwnService | Self::WithinPod => "--proxy-uid (-u) or --proxy-gid (-g)",
            Self::Group => "--proxy-gid (-g) or ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE",
            Self::OtherGroups => "ISTIO_OUTBOUND_OWNER_GROUPS",
            Self::Dns => "--redirect-dns",
            Self::Loopback => "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR",
            Self::ExcludedRange => "--istio-service-exclude-cidr (-x)",
            Self::OutboundPort => "--istio-outbound-ports (-q)",
            Self::OutboundRange => "--istio-service-cidr (-i)",
            Self::ToApplication | Self::InHand => "--istio-inbound-interception-mode (-m)",
        }
    }
}

/// The traffic, the flag and the annotation, as the end of a sentence about a rule.
pub(crate) struct Reason(pub(crate) Option<Purpose>);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(purpose) = self.0 else { return Ok(()) };
        write!(f, ", {purpose} ({}", purpose.flag())?;
        match purpose.annotation() {
            Some(annotation) => write!(f, "; in Istio: {annotation})"),
            None => f.write_str(")"),
        }
    }
}

/// The traffic, as the end of a sentence about a rule.
impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExcludedInterface => "for an excluded interface",
            Self::VirtualInterface => "for traffic of a VM",
            Self::Invalid => "for packets that belong to no connection",
            Self::ExcludedInboundPort => "for an excluded inbound port",
            Self::Tunnel => "for the tunnel port",
            Self::Inbound => "for captured inbound ports",
            Self::ExcludedOutboundPort => "for an excluded outbound port",
            Self::ToApplication => "for traffic from the proxy to the application",
            Self::OwnService => "for traffic from the proxy to the pod's own addresses",
            Self::WithinPod => "for traffic between the pod's applications",
            Self::ProxyUser => "for the proxy's own traffic",
            Self::Group => "for an excluded group, such as the proxy's",
            Self::OtherGroups => "for groups other than the captured ones",
            Self::Dns => "for DNS queries",
            Self::Loopback => "for loopback addresses",
            Self::ExcludedRange => "for an excluded range",
            Self::OutboundPort => "for outbound ports captured in every range",
            Self::OutboundRange => "for captured ranges",
            Self::InHand => "for traffic that the proxy already has, or that stays in the pod",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Chains;
    use crate::net::{Family, Network};
    use crate::netfilter::Scope;
    use crate::state::model::{FLAGS, planned};

    /// What a rule is for shows by its shape and place, except if two flags make the same rule; without the plan too.
    #[test]
    fn planned_rules_are_recognised_when_they_are_read_back() {
        for flags in FLAGS {
            let plan = planned(flags);
            let placed = Layer::from(plan.rules.clone());
            for known in [Recogniser::of(plan.rules.rules().map(|(_, rule)| rule)), Recogniser::default()] {
                let (mut layer, mut planned) = (Layer::default(), Vec::new());
                for family in Family::BOTH {
                    let chains = Chains::of(&placed, family);
                    for (table, chain) in chains.all() {
                        for (rule, number) in chains.rules(table, chain).iter().zip(1..) {
                            let purpose = known.purpose(At { table, chain, number }, &rule.matches, rule.target);
                            layer.rules.push(Scope::Only(family), Rule { purpose, ..(*rule).clone() });
                            planned.push(rule.purpose);
                        }
                    }
                }
                known.tell_virtual(&mut layer);
                for ((_, rule), planned) in layer.rules.rules().zip(planned) {
                    assert_eq!(rule.purpose, planned, "{flags}: {} {rule}", rule.table);
                }
            }
        }
    }

    /// The planned rules of the table mangle are about what stays within the pod. Others' may look the same otherwise.
    #[test]
    fn rules_like_ours_for_other_interfaces_and_addresses_are_foreign() {
        let plan = planned("-i * -b * -m TPROXY");
        let output = plan.rules.rules().filter(|(_, rule)| {
            rule.table == Table::Mangle && rule.chain == Chain::Builtin(Hook::Output) && rule.matches.len() > 2
        });
        let mut tried = 0;
        for (_, rule) in output {
            for place in 0..rule.matches.len() {
                let mut matches = rule.matches.clone();
                if let Match::OutInterface(name) = &mut matches[place] {
                    *name = Negatable::Is(Interface::parse("eth0").unwrap());
                } else if let Match::Destination(Negatable::Not(network)) = &mut matches[place] {
                    *network = Network::parse("10.0.0.1/32").unwrap();
                } else {
                    continue;
                }
                let at = At { table: rule.table, chain: rule.chain, number: 1 };
                assert_eq!(by_shape(at, &Specification::new(matches, rule.target)), None, "{rule}");
                tried += 1;
            }
        }
        assert!(tried > 2, "{tried}");
    }
}
