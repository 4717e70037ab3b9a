//! The vocabulary of netfilter: tables, chains, matches, targets, rules. The purpose of rules is in
//! `capture`; how they get into the kernel in `kernel`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::net::{Family, Interface, Mark, Network, Owner, Port, PortRange};

mod chain;
mod layer;
#[cfg(any(test, feature = "internals"))]
pub mod lines;
pub mod normal;
mod purpose;
pub mod quirks;
pub mod restore;
pub mod save;
mod variant;

pub use chain::{Chain, Hook, IstioChain, Table};
pub use layer::{Gap, Layer};
pub use purpose::Purpose;
pub use variant::{Backend, Variant};

/// What a match compares with, or everything but that (`!`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Negatable<T> {
    /// This.
    Is(T),
    /// Everything but this.
    Not(T),
}

impl<T> Negatable<T> {
    /// This value, or everything but it.
    pub fn new(negated: bool, value: T) -> Self {
        if negated { Self::Not(value) } else { Self::Is(value) }
    }

    /// The value, negated or not.
    pub fn value(&self) -> &T {
        match self {
            Self::Is(value) | Self::Not(value) => value,
        }
    }

    /// Whether it is negated.
    pub fn negated(&self) -> bool {
        matches!(self, Self::Not(_))
    }

    /// The same about another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Negatable<U> {
        match self {
            Self::Is(value) => Negatable::Is(f(value)),
            Self::Not(value) => Negatable::Not(f(value)),
        }
    }

    /// Whether it holds, if `is` shows whether the value does.
    pub fn holds(&self, is: impl FnOnce(&T) -> bool) -> bool {
        is(self.value()) != self.negated()
    }
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// The name in iptables and nft.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A state of connection tracking (iptables-extensions(8), conntrack).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConntrackState {
    /// The packet belongs to no connection that makes sense.
    Invalid,
    /// The packet opens a connection.
    New,
    /// The packet opens a connection that another one announced, or reports an error of one.
    Related,
    /// The packet belongs to a connection that has seen packets both ways.
    Established,
    /// Connection tracking is off for the packet.
    Untracked,
}

impl ConntrackState {
    /// All, in the order in which iptables-save writes them.
    pub const ALL: [Self; 5] = [Self::Invalid, Self::New, Self::Related, Self::Established, Self::Untracked];

    /// The name in iptables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::New => "NEW",
            Self::Related => "RELATED",
            Self::Established => "ESTABLISHED",
            Self::Untracked => "UNTRACKED",
        }
    }
}

/// One condition of a rule. The order of the variants is that of [`normal`] form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Match {
    /// Source address.
    Source(Negatable<Network>),
    /// Destination address.
    Destination(Negatable<Network>),
    /// Interface that the packet came in by.
    InInterface(Negatable<Interface>),
    /// Interface that the packet goes out by.
    OutInterface(Negatable<Interface>),
    /// Protocol.
    Protocol(Protocol),
    /// Source port.
    SourcePort(Negatable<PortRange>),
    /// Destination port.
    DestinationPort(Negatable<PortRange>),
    /// Destination port, out of several (multiport).
    DestinationPorts(Negatable<Vec<PortRange>>),
    /// User that owns the socket.
    OwnerUid(Negatable<Owner>),
    /// Group that owns the socket.
    OwnerGid(Negatable<Owner>),
    /// State of connection tracking.
    ConntrackState(Vec<ConntrackState>),
    /// Mark of the packet.
    Mark(Negatable<Mark>),
    /// Mark of the connection.
    ConnectionMark(Mark),
}

/// What becomes of a packet that all conditions hold for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Go on in this chain, and come back.
    Jump(IstioChain),
    /// Back to the calling chain; in a built-in chain, the policy.
    Return,
    /// Through this table.
    Accept,
    /// Away with it.
    Drop,
    /// To this port of this host.
    Redirect(Port),
    /// To the transparent listener on this port, and mark the packet.
    Tproxy {
        /// The listener's port.
        port: Port,
        /// The mark.
        mark: Mark,
    },
    /// Mark the packet.
    SetMark(Mark),
    /// The connection gets the packet's mark.
    SaveMark,
    /// The packet gets the connection's mark.
    RestoreMark,
    /// Track the connection in this conntrack zone.
    ConntrackZone(u16),
}

impl Target {
    /// The chain that is jumped to.
    pub const fn jump(self) -> Option<IstioChain> {
        if let Self::Jump(chain) = self { Some(chain) } else { None }
    }

    /// Whether the packet continues to the next rule.
    pub const fn continues(self) -> bool {
        matches!(self, Self::SetMark(_) | Self::SaveMark | Self::RestoreMark | Self::ConntrackZone(_))
    }
}

/// The place of a rule in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placement {
    /// At the end.
    Append,
    /// Before the rule with this number, counted from 1.
    Insert(usize),
}

impl Placement {
    /// The index of the rule in a chain that has `length` rules before it is placed.
    pub fn index(self, length: usize) -> usize {
        match self {
            Self::Append => length,
            Self::Insert(number) => number.saturating_sub(1).min(length),
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The table.
    pub table: Table,
    /// The chain.
    pub chain: Chain,
    /// The place in the chain.
    pub placement: Placement,
    /// The conditions, in the order in which they are printed.
    pub matches: Vec<Match>,
    /// What becomes of the packet.
    pub target: Target,
    /// Which traffic it is for; `None` if it only leads to other rules, and of foreign ones.
    pub purpose: Option<Purpose>,
}

impl Rule {
    /// The address family that the rule's addresses bind it to; `None` if it names none.
    pub fn family(&self) -> Option<Family> {
        self.matches.iter().find_map(|m| {
            if let Match::Source(network) | Match::Destination(network) = m {
                Some(network.value().family())
            } else {
                None
            }
        })
    }

    /// The range of destinations that it is bound to.
    pub(crate) fn destination(&self) -> Option<Network> {
        self.matches
            .iter()
            .find_map(|m| if let Match::Destination(Negatable::Is(range)) = m { Some(*range) } else { None })
    }

    /// The range of destination ports that it is bound to.
    pub(crate) fn port(&self) -> Option<PortRange> {
        self.matches
            .iter()
            .find_map(|m| if let Match::DestinationPort(Negatable::Is(range)) = m { Some(*range) } else { None })
    }

    /// The interface that it is bound to, either way.
    pub(crate) fn interface(&self) -> Option<&Interface> {
        self.matches.iter().find_map(|m| {
            if let Match::InInterface(Negatable::Is(name)) | Match::OutInterface(Negatable::Is(name)) = m {
                Some(name)
            } else {
                None
            }
        })
    }

    /// The users and groups that its conditions name.
    pub fn owners(&self) -> impl Iterator<Item = &Owner> {
        self.matches.iter().filter_map(|m| {
            if let Match::OwnerUid(owner) | Match::OwnerGid(owner) = m { Some(owner.value()) } else { None }
        })
    }

    /// The same with users and groups by number.
    pub fn by_number(mut self) -> Self {
        for m in &mut self.matches {
            if let Match::OwnerUid(owner) | Match::OwnerGid(owner) = m {
                *owner = owner.clone().map(|o| o.by_number());
            }
        }
        self
    }
}

/// The families that a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One of them.
    Only(Family),
    /// Both, with the same text.
    Both,
}

impl Scope {
    /// Whether the rule is for this family.
    pub fn contains(self, family: Family) -> bool {
        match self {
            Self::Only(one) => one == family,
            Self::Both => true,
        }
    }
}

/// Rules in order. The order counts within a table and family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruleset {
    rules: Vec<(Scope, Rule)>,
    lists: Vec<Range<usize>>,
}

impl Ruleset {
    /// Puts a rule after all existing ones.
    pub fn push(&mut self, scope: Scope, rule: Rule) {
        self.rules.push((scope, rule));
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Notes that the rules from number `start` on, counted from 0, were made from one list of ranges: in
    /// the same chain, they differ in the range alone, so that one rule can look the address up in a set.
    pub fn end_list(&mut self, start: usize) {
        self.lists.push(start..self.rules.len());
    }

    /// The lists of ranges that rules were made from, as numbers of rules.
    pub fn lists(&self) -> &[Range<usize>] {
        &self.lists
    }

    /// All rules, with the families that each is for.
    pub fn rules(&self) -> impl Iterator<Item = (Scope, &Rule)> {
        self.rules.iter().map(|(scope, rule)| (*scope, rule))
    }

    /// All rules, to set their purpose.
    pub(crate) fn rules_mut(&mut self) -> impl Iterator<Item = (Scope, &mut Rule)> {
        self.rules.iter_mut().map(|(scope, rule)| (*scope, rule))
    }

    /// The rules of one family.
    pub fn of(&self, family: Family) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |(scope, _)| scope.contains(family)).map(|(_, rule)| rule)
    }

    /// The rules of one family for this traffic.
    pub(crate) fn purpose(&self, family: Family, purpose: Purpose) -> impl Iterator<Item = &Rule> {
        self.of(family).filter(move |rule| rule.purpose == Some(purpose))
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The same with users and groups by number.
    pub fn by_number(&self) -> Cow<'_, Self> {
        if self.rules.iter().all(|(_, rule)| rule.owners().all(|o| *o == o.by_number())) {
            return Cow::Borrowed(self);
        }
        let rules = self.rules.iter().map(|(scope, rule)| (*scope, rule.clone().by_number())).collect();
        Cow::Owned(Self { rules, lists: self.lists.clone() })
    }
}
