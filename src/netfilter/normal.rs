//! One form for rules that mean the same, however they were written: by the planner, or by one of the
//! releases of iptables-save.

use super::{ConntrackState, Match, Negatable, Rule, Target};
use crate::net::{Interface, Network, PortRange};

/// A rule's conditions and target in normal form. Two rules mean the same to the kernel if these are
/// equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Specification {
    matches: Vec<Match>,
    target: Target,
}

impl Specification {
    /// The normal form of these conditions and this target.
    pub fn new(matches: impl IntoIterator<Item = Match>, target: Target) -> Self {
        // All conditions have to hold: their order means nothing.
        let mut sorted: Vec<Match> = Vec::new();
        for condition in matches.into_iter().filter_map(normal) {
            sorted.insert(sorted.partition_point(|m| *m <= condition), condition);
        }
        Self { matches: sorted, target }
    }

    /// The conditions, sorted.
    pub fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// The target.
    pub fn target(&self) -> Target {
        self.target
    }
}

impl From<&Rule> for Specification {
    fn from(rule: &Rule) -> Self {
        Self::new(rule.matches.iter().cloned(), rule.target)
    }
}

/// The condition as the kernel keeps it; `None` if it holds for every packet, which iptables-save does
/// not write.
fn normal(condition: Match) -> Option<Match> {
    match condition {
        Match::Source(network) => address(network).map(Match::Source),
        Match::Destination(network) => address(network).map(Match::Destination),
        Match::InInterface(name) => interface(name).map(Match::InInterface),
        Match::OutInterface(name) => interface(name).map(Match::OutInterface),
        Match::SourcePort(ports) => range(ports).map(Match::SourcePort),
        Match::DestinationPort(ports) => range(ports).map(Match::DestinationPort),
        Match::OwnerUid(owner) => Some(Match::OwnerUid(owner.map(|o| o.by_number()))),
        Match::OwnerGid(owner) => Some(Match::OwnerGid(owner.map(|o| o.by_number()))),
        Match::ConntrackState(states) => {
            let sorted = ConntrackState::ALL.into_iter().filter(|s| states.contains(s)).collect();
            Some(Match::ConntrackState(sorted))
        }
        same @ (Match::Protocol(_) | Match::DestinationPorts(_) | Match::Mark(_) | Match::ConnectionMark(_)) => {
            Some(same)
        }
    }
}

fn address(network: Negatable<Network>) -> Option<Negatable<Network>> {
    let network = network.map(Network::masked);
    (network.negated() || network.value().length() > 0).then_some(network)
}

fn interface(name: Negatable<Interface>) -> Option<Negatable<Interface>> {
    (name.negated() || !name.value().is_any()).then_some(name)
}

fn range(ports: Negatable<PortRange>) -> Option<Negatable<PortRange>> {
    (ports.negated() || *ports.value() != PortRange::ALL).then_some(ports)
}
