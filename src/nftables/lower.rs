//! From rules in the terms of iptables to those of nf_tables.

use std::collections::BTreeMap;

use super::{AddressRange, Body, Expression, NftRule, NftVerdict, OwnerKind, Side, TABLES, TableRules, Tables};
use crate::net::{Family, Network};
use crate::netfilter::{
    Chain, ConntrackState, IstioChain, Match, Negatable, Placement, Protocol, Rule, Ruleset, Scope, Table, Target,
};

/// A list with more ranges than this becomes one rule with a set, so that what a packet costs does not grow
/// with the list.
const MOST_RULES: usize = 16;

impl Tables {
    /// The rules in the terms of nf_tables.
    pub fn of(ruleset: &Ruleset) -> Self {
        let all = with_sets(ruleset);
        let tables = TABLES.into_iter().map(|table| {
            let rules = all.iter().filter(|(of, _)| *of == table).map(|(_, rule)| rule.clone()).collect();
            TableRules { table, rules: without_empty_chains(rules) }
        });
        Self(tables.filter(|t| !t.rules.is_empty()).collect())
    }
}

/// Leaves out jumps to chains without rules: they change nothing, and such a chain is not made.
fn without_empty_chains(mut rules: Vec<NftRule>) -> Vec<NftRule> {
    loop {
        let before = rules.len();
        let chains: Vec<_> = rules.iter().map(|r| r.chain).collect();
        rules.retain(|r| !matches!(r.body.verdict, Some(NftVerdict::Jump(chain)) if !chains.contains(&chain)));
        if rules.len() == before {
            return rules;
        }
    }
}

/// Rules that differ in their range alone.
type Alike = (Table, Chain, Placement, Vec<Match>, Target);

/// All rules, those of a long list of ranges as one rule for each family.
fn with_sets(ruleset: &Ruleset) -> Vec<(Table, NftRule)> {
    let rules: Vec<_> = ruleset.rules().collect();
    let mut lists = ruleset.lists().iter().peekable();
    let mut lowered = Vec::with_capacity(rules.len());
    let mut next = 0;
    while let Some((scope, rule)) = rules.get(next) {
        while lists.peek().is_some_and(|list| list.start < next || list.is_empty()) {
            lists.next();
        }
        match lists.peek().filter(|list| list.start == next).and_then(|list| rules.get((*list).clone())) {
            Some(list) => {
                ranges(list, &mut lowered);
                next += list.len();
            }
            None => {
                lowered.extend(rule_of(*scope, rule).map(|body| located(rule, body)));
                next += 1;
            }
        }
    }
    lowered
}

/// The rules of one list of ranges.
fn ranges(list: &[(Scope, &Rule)], lowered: &mut Vec<(Table, NftRule)>) {
    let mut networks: BTreeMap<Alike, Vec<Network>> = BTreeMap::new();
    for (_, rule) in list {
        if let Some((alike, network)) = apart(rule) {
            networks.entry(alike).or_default().push(network);
        }
    }
    let mut done = Vec::new();
    // Istio's program has a list for each family, and that of IPv4 comes first.
    let (ipv4, ipv6): (Vec<_>, Vec<_>) =
        list.iter().copied().partition(|(_, rule)| rule.family() != Some(Family::Ipv6));
    for (scope, rule) in ipv4.into_iter().chain(ipv6) {
        let long = apart(rule).filter(|(alike, _)| networks.get(alike).is_some_and(|all| all.len() > MOST_RULES));
        match long.map(|(alike, network)| (network.family(), alike)) {
            None => lowered.extend(rule_of(scope, rule).map(|body| located(rule, body))),
            Some(group) if done.contains(&group) => {}
            Some(group) => {
                let of_family = || {
                    let all = networks.get(&group.1).into_iter().flatten();
                    all.copied().filter(|n| n.family() == group.0)
                };
                lowered.extend(rule_of(scope, rule).map(|body| located(rule, in_set(body, of_family()))));
                done.push(group);
            }
        }
    }
}

/// The rule without its range, and the range.
fn apart(rule: &Rule) -> Option<(Alike, Network)> {
    let at = rule.matches.iter().position(|m| matches!(m, Match::Destination(Negatable::Is(_))))?;
    let mut matches = rule.matches.clone();
    let Match::Destination(network) = matches.remove(at) else { return None };
    Some(((rule.table, rule.chain, rule.placement, matches, rule.target), *network.value()))
}

/// The same, about all of these ranges.
fn in_set(mut body: Body, networks: impl Iterator<Item = Network>) -> Body {
    let ranges = AddressRange::merged(networks);
    for expression in &mut body.expressions {
        if let Expression::Address(Side::Destination, Negatable::Is(network)) = expression {
            *expression = match ranges.as_slice() {
                // nft would not make a set of one range either.
                [one] if one.network().is_some() => {
                    Expression::Address(Side::Destination, Negatable::Is(one.network().unwrap_or(*network)))
                }
                _ => Expression::Addresses(Side::Destination, Negatable::Is(ranges.clone())),
            };
        }
    }
    body
}

fn located(rule: &Rule, body: Body) -> (Table, NftRule) {
    (rule.table, NftRule { chain: rule.chain, placement: rule.placement, body, purpose: rule.purpose })
}

/// The rule, once; for each of its families if it gives packets to a listener and names no address, since
/// the listener is of one family.
fn rule_of(scope: Scope, rule: &Rule) -> impl Iterator<Item = Body> {
    let tproxy = matches!(rule.target, Target::Tproxy { .. });
    let families: Vec<_> = match rule.family() {
        Some(family) => vec![(family, false)],
        None if tproxy => Family::BOTH.into_iter().filter(|f| scope.contains(*f)).map(|f| (f, true)).collect(),
        None => vec![(Family::Ipv4, false)],
    };
    families.into_iter().map(move |(family, named)| {
        let mut expressions: Vec<_> = named.then_some(Expression::Family(family)).into_iter().collect();
        expressions.extend(conditions(rule));
        let verdict = actions(rule.target, family, &mut expressions);
        Body { expressions, verdict }
    })
}

/// The conditions in the order in which Istio's program writes them.
fn conditions(rule: &Rule) -> Vec<Expression> {
    let said = |m: &&Match| !protocol_is_implied(rule, m) && !is_any_interface(m);
    let mut matches: Vec<_> = rule.matches.iter().filter(said).cloned().collect();
    // Only packets of TCP are worth dropping: that is what the proxy terminates.
    let invalid = Match::ConntrackState(vec![ConntrackState::Invalid]);
    if matches.contains(&invalid) && protocol(rule).is_none() {
        matches.push(Match::Protocol(Protocol::Tcp));
    }
    let protocol = protocol(rule).unwrap_or(Protocol::Tcp);
    let ranked = |place| matches.iter().filter(move |m| rank(rule.table, m) == place);
    (0..=LAST_RANK).flat_map(ranked).map(|m| condition(protocol, m.clone())).collect()
}

fn protocol(rule: &Rule) -> Option<Protocol> {
    rule.matches.iter().find_map(|m| if let Match::Protocol(protocol) = m { Some(*protocol) } else { None })
}

/// Whether `m` is a protocol that Istio's program does not write by itself, since a port implies it: that of
/// UDP always, that of TCP in some rules.
fn protocol_is_implied(rule: &Rule, m: &Match) -> bool {
    let Match::Protocol(protocol) = m else { return false };
    let says = |m: &Match| matches!(m, Match::SourcePort(_) | Match::DestinationPort(_) | Match::DestinationPorts(_));
    rule.matches.iter().any(says)
        && match (protocol, rule.chain) {
            (Protocol::Udp, _) => true,
            (Protocol::Tcp, Chain::Istio(IstioChain::Output)) => {
                !rule.matches.iter().any(|m| matches!(m, Match::OutInterface(_)))
            }
            (Protocol::Tcp, Chain::Istio(IstioChain::OutputDns)) => rule.family().is_some(),
            (Protocol::Tcp, Chain::Istio(_) | Chain::Builtin(_)) => false,
        }
}

/// Whether `m` holds for all interfaces (`+`): nft has no way to write that.
fn is_any_interface(m: &Match) -> bool {
    matches!(m, Match::InInterface(Negatable::Is(name)) | Match::OutInterface(Negatable::Is(name)) if name.is_any())
}

/// The highest [`rank`].
const LAST_RANK: u8 = 7;

/// The place of a condition in the order of conditions.
fn rank(table: Table, m: &Match) -> u8 {
    match m {
        Match::InInterface(_) | Match::OutInterface(_) => 0,
        Match::Protocol(_) => 1,
        Match::Source(_) | Match::Destination(_) if table == Table::Raw => 5,
        Match::Source(_) | Match::Destination(_) => 2,
        Match::ConntrackState(_) => 3,
        Match::SourcePort(_) | Match::DestinationPort(_) | Match::DestinationPorts(_) => 4,
        Match::OwnerUid(_) | Match::OwnerGid(_) => 6,
        Match::Mark(_) | Match::ConnectionMark(_) => LAST_RANK,
    }
}

fn condition(protocol: Protocol, m: Match) -> Expression {
    match m {
        Match::Source(network) => Expression::Address(Side::Source, network),
        Match::Destination(network) => Expression::Address(Side::Destination, network),
        Match::InInterface(interface) => Expression::InInterface(interface),
        Match::OutInterface(interface) => Expression::OutInterface(interface),
        Match::Protocol(protocol) => Expression::Protocol(protocol),
        Match::SourcePort(ports) => Expression::Port(protocol, Side::Source, ports),
        Match::DestinationPort(ports) => Expression::Port(protocol, Side::Destination, ports),
        Match::DestinationPorts(ports) => Expression::Ports(protocol, Side::Destination, ports),
        Match::OwnerUid(owner) => Expression::Owner(OwnerKind::User, owner),
        Match::OwnerGid(owner) => Expression::Owner(OwnerKind::Group, owner),
        Match::ConntrackState(states) => Expression::ConntrackState(states),
        Match::Mark(mark) => Expression::Mark(mark),
        Match::ConnectionMark(mark) => Expression::ConnectionMark(mark),
    }
}

/// Adds what is done with the packet; the verdict.
fn actions(target: Target, family: Family, to: &mut Vec<Expression>) -> Option<NftVerdict> {
    let (actions, verdict) = match target {
        Target::Jump(chain) => (vec![Expression::Counter], Some(NftVerdict::Jump(chain.into()))),
        Target::Return => (vec![Expression::Counter], Some(NftVerdict::Return)),
        Target::Accept => (vec![Expression::Counter], Some(NftVerdict::Accept)),
        Target::Drop => (vec![Expression::Counter], Some(NftVerdict::Drop)),
        Target::Redirect(port) => (vec![Expression::Counter, Expression::Redirect(port)], None),
        // Unlike in iptables, the packet continues to the next rule after `tproxy`.
        Target::Tproxy { port, mark } => (
            vec![Expression::Tproxy(family, port), Expression::SetMark(mark), Expression::Counter],
            Some(NftVerdict::Accept),
        ),
        Target::SetMark(mark) => (vec![Expression::Counter, Expression::SetMark(mark)], None),
        Target::SaveMark => (vec![Expression::Counter, Expression::SaveMark], None),
        Target::RestoreMark => (vec![Expression::Counter, Expression::RestoreMark], None),
        Target::ConntrackZone(zone) => (vec![Expression::Counter, Expression::ConntrackZone(zone)], None),
    };
    to.extend(actions);
    verdict
}
