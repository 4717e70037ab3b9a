//! What rules are for.

/// The traffic that a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Via an excluded interface.
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
