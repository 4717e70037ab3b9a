//! Tables and chains.

use std::fmt;

/// A table. The order is that in which iptables-restore text has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// `filter`.
    Filter,
    /// `mangle`.
    Mangle,
    /// `nat`.
    Nat,
    /// `raw`.
    Raw,
}

impl Table {
    /// All, in order.
    pub const ALL: [Self; 4] = [Self::Filter, Self::Mangle, Self::Nat, Self::Raw];

    /// The table's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Mangle => "mangle",
            Self::Nat => "nat",
            Self::Raw => "raw",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A point of the packet's way at which the kernel calls a built-in chain (`linux/netfilter.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// Packets that come in, before they are routed.
    Prerouting,
    /// Packets for this host.
    Input,
    /// Packets for other hosts.
    Forward,
    /// Packets that local processes send.
    Output,
    /// Packets that go out, after they were routed.
    Postrouting,
}

impl Hook {
    /// All, in the kernel's order.
    pub const ALL: [Self; 5] = [Self::Prerouting, Self::Input, Self::Forward, Self::Output, Self::Postrouting];

    /// The name of the built-in chain.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "PREROUTING",
            Self::Input => "INPUT",
            Self::Forward => "FORWARD",
            Self::Output => "OUTPUT",
            Self::Postrouting => "POSTROUTING",
        }
    }
}

/// A managed chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IstioChain {
    /// Which inbound connections are captured.
    Inbound,
    /// To the outbound listener.
    Redirect,
    /// To the inbound listener.
    InRedirect,
    /// Which outbound connections are captured.
    Output,
    /// Which DNS queries are captured.
    OutputDns,
    /// Packets of connections that a transparent listener has already.
    Divert,
    /// To the transparent inbound listener.
    Tproxy,
    /// Packets to drop.
    Drop,
}

impl IstioChain {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Inbound,
        Self::Redirect,
        Self::InRedirect,
        Self::Output,
        Self::OutputDns,
        Self::Divert,
        Self::Tproxy,
        Self::Drop,
    ];

    /// What the names of all managed chains begin with, those of other versions too.
    pub const PREFIX: &'static str = "ISTIO_";

    /// The name in iptables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "ISTIO_INBOUND",
            Self::Redirect => "ISTIO_REDIRECT",
            Self::InRedirect => "ISTIO_IN_REDIRECT",
            Self::Output => "ISTIO_OUTPUT",
            Self::OutputDns => "ISTIO_OUTPUT_DNS",
            Self::Divert => "ISTIO_DIVERT",
            Self::Tproxy => "ISTIO_TPROXY",
            Self::Drop => "ISTIO_DROP",
        }
    }

    /// The chain of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

impl fmt::Display for IstioChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chain {
    /// A built-in one, which the kernel calls.
    Builtin(Hook),
    /// A managed one, which rules jump to.
    Istio(IstioChain),
}

impl Chain {
    /// The name in iptables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Builtin(hook) => hook.name(),
            Self::Istio(chain) => chain.name(),
        }
    }

    /// The chain of this name.
    pub fn named(name: &str) -> Option<Self> {
        let hook = Hook::ALL.into_iter().find(|h| h.name() == name).map(Self::Builtin);
        hook.or_else(|| IstioChain::named(name).map(Self::Istio))
    }
}

impl From<Hook> for Chain {
    fn from(hook: Hook) -> Self {
        Self::Builtin(hook)
    }
}

impl From<IstioChain> for Chain {
    fn from(chain: IstioChain) -> Self {
        Self::Istio(chain)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
