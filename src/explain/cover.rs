//! Which rules take all packets of which other rules. Everything here is sound, not complete: what is reported to
//! be covered is covered, for every packet; what is not reported may be, too.

use std::collections::HashMap;

use super::chains::Chains;
use crate::net::{Interface, Mark, Network, Owner, PortRange};
use crate::netfilter::{Chain, Match, Negatable, Rule, Table, Target};

/// The most rules that are compared with each later one; of more, the last. Rules for ranges do not count.
const MOST_COMPARED: usize = 1_000;

/// The rules of a chain, to find what takes a rule's packets before it does. There may be ten thousand for
/// ranges of addresses: those are looked up, not compared one by one.
pub(super) struct Earlier<'a> {
    chains: &'a Chains<'a>,
    rules: &'a [&'a Rule],
    /// The first rule for each range, without host bits, of those that decide by the range alone.
    ranges: HashMap<Network, usize>,
    /// Whether one of these ranges has this length.
    lengths: [bool; 129],
    others: Vec<usize>,
}

impl<'a> Earlier<'a> {
    pub(super) fn of(chains: &'a Chains<'a>, table: Table, chain: Chain) -> Self {
        let rules = chains.rules(table, chain);
        let mut all = Self { chains, rules, ranges: HashMap::new(), lengths: [false; 129], others: Vec::new() };
        for (index, rule) in rules.iter().enumerate() {
            match (rule.matches.as_slice(), rule.target) {
                ([Match::Destination(Negatable::Is(range))], Target::Return | Target::Accept | Target::Drop) => {
                    if let Some(length) = all.lengths.get_mut(usize::from(range.length())) {
                        *length = true;
                    }
                    all.ranges.entry(range.masked()).or_insert(index);
                }
                _ => all.others.push(index),
            }
        }
        all
    }

    /// The index of the first rule that takes every packet of the rule at `index`.
    pub(super) fn takes(&self, index: usize) -> Option<usize> {
        let later = self.rules.get(index)?;
        let before = self.others.partition_point(|i| *i < index);
        let compared = self.others.get(before.saturating_sub(MOST_COMPARED)..before).unwrap_or_default();
        let takes = |&i: &usize| {
            let Some(earlier) = self.rules.get(i) else { return false };
            // A mark that is changed in between may be another one at the later rule.
            let between = self.rules.get(i..index).unwrap_or_default();
            let steady = !looks_at_marks(earlier) && !looks_at_marks(later)
                || between.iter().all(|r| !r.target.continues() && r.target.jump().is_none());
            steady && takes(self.chains, earlier, &later.matches, 0)
        };
        let by_range = self.holding(later).filter(|i| *i < index).filter(takes).min();
        [by_range, compared.iter().copied().find(takes)].into_iter().flatten().min()
    }

    /// The first rule for each range that holds the destination of a rule.
    fn holding(&self, rule: &Rule) -> impl Iterator<Item = usize> {
        rule.destination().into_iter().flat_map(|range| {
            let there = |l: &u8| self.lengths.get(usize::from(*l)) == Some(&true);
            let wider = (0..=range.length()).filter(there).filter_map(move |l| Network::new(range.address(), l));
            wider.filter_map(|wider| self.ranges.get(&wider.masked()).copied())
        })
    }
}

fn looks_at_marks(rule: &Rule) -> bool {
    rule.matches.iter().any(|m| matches!(m, Match::Mark(_) | Match::ConnectionMark(_)))
}

/// Whether no packet of these conditions gets past the rule.
fn takes(chains: &Chains<'_>, rule: &Rule, conditions: &[Match], depth: usize) -> bool {
    if !covers(&rule.matches, conditions) {
        return false;
    }
    match rule.target {
        Target::Return | Target::Accept | Target::Drop | Target::Redirect(_) | Target::Tproxy { .. } => true,
        Target::Jump(chain) => keeps(chains, rule.table, chain.into(), conditions, depth),
        Target::SetMark(_) | Target::SaveMark | Target::RestoreMark | Target::ConntrackZone(_) => false,
    }
}

/// Whether no packet of these conditions comes back out of the chain.
fn keeps(chains: &Chains<'_>, table: Table, chain: Chain, conditions: &[Match], depth: usize) -> bool {
    for rule in chains.rules(table, chain) {
        if rule.target == Target::Return || depth > 8 || looks_at_marks(rule) {
            return false;
        }
        if takes(chains, rule, conditions, depth + 1) {
            return true;
        }
    }
    false
}

/// Whether every packet that `later` holds for is one that `earlier` holds for.
pub(super) fn covers(earlier: &[Match], later: &[Match]) -> bool {
    earlier.iter().all(|e| later.iter().any(|l| implies(l, e, false)))
}

/// Whether no packet is one that both hold for.
pub(super) fn excludes(one: &[Match], other: &[Match]) -> bool {
    one.iter().any(|a| other.iter().any(|b| implies(a, b, true)))
}

/// Whether each packet that the first condition holds for is one that the second holds for; or, with `not`, none is.
fn implies(first: &Match, second: &Match, not: bool) -> bool {
    match (first, second) {
        (Match::Source(a), Match::Source(b)) | (Match::Destination(a), Match::Destination(b)) => {
            negatable(a, b, not, |a, b| b.covers(*a), |a, b| !overlap(*a, *b))
        }
        (Match::InInterface(a), Match::InInterface(b)) | (Match::OutInterface(a), Match::OutInterface(b)) => {
            negatable(a, b, not, interface_within, |a, b| !interface_within(a, b) && !interface_within(b, a))
        }
        (Match::Protocol(a), Match::Protocol(b)) => (a == b) != not,
        (Match::SourcePort(a), Match::SourcePort(b)) => {
            negatable(a, b, not, |a, b| b.covers(*a), |a, b| a.high() < b.low() || b.high() < a.low())
        }
        (
            Match::DestinationPort(_) | Match::DestinationPorts(_),
            Match::DestinationPort(_) | Match::DestinationPorts(_),
        ) => ports(first)
            .zip(ports(second))
            .is_some_and(|(a, b)| negatable(&a, &b, not, |a, b| ports_within(a, b), |a, b| ports_apart(a, b))),
        (Match::OwnerUid(a), Match::OwnerUid(b)) | (Match::OwnerGid(a), Match::OwnerGid(b)) => {
            negatable(a, b, not, owner_within, owners_apart)
        }
        (Match::ConntrackState(a), Match::ConntrackState(b)) => a.iter().all(|s| b.contains(s) != not),
        (Match::Mark(a), Match::Mark(b)) => negatable(a, b, not, Mark::eq, Mark::ne),
        (Match::ConnectionMark(a), Match::ConnectionMark(b)) => (a == b) != not,
        (
            Match::Source(_)
            | Match::Destination(_)
            | Match::InInterface(_)
            | Match::OutInterface(_)
            | Match::Protocol(_)
            | Match::SourcePort(_)
            | Match::DestinationPort(_)
            | Match::DestinationPorts(_)
            | Match::OwnerUid(_)
            | Match::OwnerGid(_)
            | Match::ConntrackState(_)
            | Match::Mark(_)
            | Match::ConnectionMark(_),
            _,
        ) => false,
    }
}

/// Whether `a` is within `b`, given what that means for values (with `not`, within all but `b`), and when two values
/// have nothing in common.
fn negatable<T>(
    a: &Negatable<T>,
    b: &Negatable<T>,
    not: bool,
    within: impl Fn(&T, &T) -> bool,
    apart: impl Fn(&T, &T) -> bool,
) -> bool {
    match (a.negated(), b.negated() != not) {
        (false, false) => within(a.value(), b.value()),
        (false, true) => apart(a.value(), b.value()),
        (true, true) => within(b.value(), a.value()),
        (true, false) => false,
    }
}

/// Whether two ranges have addresses in common; then one holds the other.
pub(super) fn overlap(a: Network, b: Network) -> bool {
    a.covers(b) || b.covers(a)
}

fn interface_within(a: &Interface, b: &Interface) -> bool {
    match (a.as_str().strip_suffix('+'), b.as_str().strip_suffix('+')) {
        (Some(a), Some(b)) => a.starts_with(b),
        (Some(_), None) => false,
        (None, _) => b.matches(a.as_str()),
    }
}

fn ports(condition: &Match) -> Option<Negatable<Vec<PortRange>>> {
    if let Match::DestinationPort(range) = condition {
        Some(range.clone().map(|r| vec![r]))
    } else if let Match::DestinationPorts(ranges) = condition {
        Some(ranges.clone())
    } else {
        None
    }
}

fn ports_within(a: &[PortRange], b: &[PortRange]) -> bool {
    a.iter().all(|a| b.iter().any(|b| b.covers(*a)))
}

fn ports_apart(a: &[PortRange], b: &[PortRange]) -> bool {
    a.iter().all(|a| b.iter().all(|b| a.high() < b.low() || b.high() < a.low()))
}

fn owner_within(a: &Owner, b: &Owner) -> bool {
    match (a.bounds(), b.bounds()) {
        (Some(a), Some(b)) => b.0 <= a.0 && a.1 <= b.1,
        (None, _) | (_, None) => a == b,
    }
}

fn owners_apart(a: &Owner, b: &Owner) -> bool {
    a.bounds().zip(b.bounds()).is_some_and(|(a, b)| a.1 < b.0 || b.1 < a.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netfilter::save::SavedRule;

    /// A condition in the words of iptables.
    fn condition(text: &str) -> Match {
        let [condition] = <[Match; 1]>::try_from(SavedRule::parse(text).known().0).unwrap();
        condition
    }

    #[test]
    fn one_condition_within_another() {
        for (first, second) in [
            ("--uid-owner 1", "--uid-owner 1-3"),
            ("--uid-owner 1", "! --uid-owner 2-3"),
            ("! --uid-owner 1-3", "! --uid-owner 2"),
            ("--uid-owner a", "--uid-owner a"),
            ("-d 10.1.0.0/16", "-d 10.9.9.9/8"),
            ("-d 10.0.0.0/8", "! -d 11.0.0.0/8"),
            ("! -d 10.0.0.0/8", "! -d 10.1.0.0/16"),
            ("-o eth0", "-o eth+"),
            ("-o eth1+", "-o eth+"),
            ("-o eth0", "! -o net+"),
        ] {
            assert!(implies(&condition(first), &condition(second), false), "{first} {second}");
        }
        for (first, second) in [
            ("--uid-owner 1-3", "--uid-owner 1"),
            ("! --uid-owner 1", "--uid-owner 2"),
            ("! --uid-owner 2", "! --uid-owner 1-3"),
            ("--uid-owner a", "! --uid-owner b"),
            ("-d 10.0.0.0/8", "-d 10.1.0.0/16"),
            ("-d 10.1.0.0/16", "! -d 10.0.0.0/8"),
            ("-o eth+", "-o eth0"),
            ("-o eth+", "! -o eth0"),
            ("--uid-owner 1", "-d 10.0.0.0/8"),
        ] {
            assert!(!implies(&condition(first), &condition(second), false), "{first} {second}");
        }
    }

    #[test]
    fn no_condition_holds_for_all() {
        let one = [condition("--uid-owner 1")];
        assert!(covers(&[], &one) && covers(&[], &[]));
        assert!(!covers(&one, &[]));
    }
}
