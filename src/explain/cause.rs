//! What a rule is for, and which flag it comes from, told from its shape: so it can be said of rules that
//! were read back from the kernel too.

use std::fmt;

use crate::netfilter::{Chain, Hook, IstioChain, Match, Negatable, Rule, Table, Target};

/// The traffic that a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// By an interface that is left alone.
    ExcludedInterface,
    /// From a VM.
    VirtualInterface,
    /// Of no connection.
    Invalid,
    /// To an excluded inbound port.
    ExcludedInboundPort,
    /// To the port of the tunnel.
    Tunnel,
    /// Inbound, to a captured port.
    Inbound,
    /// To an outbound port that is not captured.
    ExcludedOutboundPort,
    /// From the proxy's inbound side to the application.
    ToApplication,
    /// From the proxy to an address of the pod.
    OwnService,
    /// Within the pod.
    WithinPod,
    /// The proxy's own, by its user.
    ProxyUser,
    /// The proxy's own, or of a group that is not captured.
    Group,
    /// Of other groups than those captured.
    OtherGroups,
    /// To the agent.
    Dns,
    /// To loopback addresses.
    Loopback,
    /// To an excluded range.
    ExcludedRange,
    /// To a captured port.
    OutboundPort,
    /// To a captured range.
    OutboundRange,
    /// Already in the proxy's hands, in TPROXY mode.
    InHand,
}

impl Cause {
    /// What the rule with this number in its chain is for; `None` for rules that only lead to others, and for
    /// those of others.
    pub fn of(rule: &Rule, number: usize) -> Option<Self> {
        let matches = rule.matches.as_slice();
        let has = |is: fn(&Match) -> bool| matches.iter().any(is);
        let by_port = has(|m| matches!(m, Match::DestinationPort(Negatable::Is(_))));
        let marked = has(|m| matches!(m, Match::Mark(_) | Match::ConnectionMark(_)));
        match (rule.table, rule.chain, rule.target) {
            (_, Chain::Istio(IstioChain::Drop), _) | (_, _, Target::Jump(IstioChain::Drop)) => Some(Self::Invalid),
            (_, Chain::Istio(IstioChain::OutputDns), _) | (_, _, Target::Jump(IstioChain::OutputDns)) => {
                Some(Self::Dns)
            }
            (Table::Raw, Chain::Istio(_), _) | (Table::Raw, _, Target::Jump(_)) => Some(Self::Dns),
            (_, Chain::Builtin(Hook::Prerouting), Target::Jump(IstioChain::Redirect)) => Some(Self::VirtualInterface),
            (_, Chain::Builtin(_), Target::Return) if marked => Some(Self::InHand),
            (Table::Nat | Table::Mangle, Chain::Builtin(_), Target::Return) => match matches {
                [Match::InInterface(Negatable::Is(_)) | Match::OutInterface(Negatable::Is(_))] => {
                    Some(Self::ExcludedInterface)
                }
                _ => None,
            },
            (Table::Mangle, _, Target::SaveMark | Target::RestoreMark) => Some(Self::InHand),
            (Table::Mangle, Chain::Builtin(Hook::Output), Target::SetMark(_)) => Some(Self::OwnService),
            // The first rule of the chain is for the tunnel; excluded ports follow.
            (Table::Nat, Chain::Istio(IstioChain::Inbound), Target::Return) if by_port && number == 1 => {
                Some(Self::Tunnel)
            }
            (_, Chain::Istio(IstioChain::Inbound), Target::Return) if by_port => Some(Self::ExcludedInboundPort),
            (_, Chain::Istio(IstioChain::Inbound), Target::Return) => {
                Some(if has(|m| matches!(m, Match::Source(_))) { Self::ToApplication } else { Self::InHand })
            }
            (_, Chain::Istio(IstioChain::Inbound), Target::Jump(_)) => Some(Self::Inbound),
            (_, Chain::Istio(IstioChain::Output), target) => Self::of_output(matches, target),
            _ => None,
        }
    }

    fn of_output(matches: &[Match], target: Target) -> Option<Self> {
        let redirects = target == Target::Jump(IstioChain::Redirect);
        let by_lo = matches.iter().any(|m| matches!(m, Match::OutInterface(_)));
        let by_source = matches.iter().any(|m| matches!(m, Match::Source(_)));
        match (matches, target) {
            (_, Target::Jump(IstioChain::InRedirect)) => Some(Self::OwnService),
            ([.., Match::Destination(_)] | [], _) if redirects => Some(Self::OutboundRange),
            (_, _) if redirects => Some(Self::OutboundPort),
            (_, Target::Return) if by_lo => Some(if by_source { Self::ToApplication } else { Self::WithinPod }),
            ([Match::OwnerUid(Negatable::Is(_))], Target::Return) => Some(Self::ProxyUser),
            ([Match::OwnerGid(Negatable::Is(_))], Target::Return) => Some(Self::Group),
            ([Match::OwnerGid(Negatable::Not(_)), ..], Target::Return) => Some(Self::OtherGroups),
            ([.., Match::DestinationPort(_)], Target::Return) => Some(Self::ExcludedOutboundPort),
            ([Match::Destination(range)], Target::Return) if range.value().starts_at_loopback() => Some(Self::Loopback),
            ([Match::Destination(_)], Target::Return) => Some(Self::ExcludedRange),
            (_, _) => None,
        }
    }

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
            Self::ProxyUser => "--proxy-uid (-u)",
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
pub(super) struct Reason(pub(super) Option<Cause>);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(cause) = self.0 else { return Ok(()) };
        write!(f, ", {cause} ({}", cause.flag())?;
        match cause.annotation() {
            Some(annotation) => write!(f, "; in Istio: {annotation})"),
            None => f.write_str(")"),
        }
    }
}

/// The traffic, as the end of a sentence about a rule.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExcludedInterface => "for an interface that is left alone",
            Self::VirtualInterface => "for traffic of a VM",
            Self::Invalid => "for packets of no connection",
            Self::ExcludedInboundPort => "for an inbound port that is not captured",
            Self::Tunnel => "for the port of the tunnel",
            Self::Inbound => "for captured inbound ports",
            Self::ExcludedOutboundPort => "for an outbound port that is not captured",
            Self::ToApplication => "for what the proxy sends to the application",
            Self::OwnService => "for what the proxy sends to the pod's own addresses",
            Self::WithinPod => "for what the applications of the pod send each other",
            Self::ProxyUser => "for the proxy's own traffic",
            Self::Group => "for a group whose traffic is not captured, such as the proxy's",
            Self::OtherGroups => "for groups other than those that are captured",
            Self::Dns => "for DNS queries",
            Self::Loopback => "for loopback addresses",
            Self::ExcludedRange => "for a range that is not captured",
            Self::OutboundPort => "for outbound ports that are captured in every range",
            Self::OutboundRange => "for captured ranges",
            Self::InHand => "for what the proxy has already, and what stays in the pod",
        })
    }
}
