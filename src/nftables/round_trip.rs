//! Every condition and every target there is: written, read, compared, and turned into rules of nf_tables and back.

use crate::net::{Family, Interface, Mark, Network, Owner, Port, PortRange};
use crate::netfilter::normal::Specification;
use crate::netfilter::save::SavedRule;
use crate::netfilter::{
    ConntrackState, Hook, IstioChain, Match, Negatable, Placement, Protocol, Rule, Ruleset, Scope, Table, Target,
};
use Negatable::{Is, Not};

/// Examples of each variant. One that is forgotten does not compile, and one without an example of its own fails.
macro_rules! every {
    ($type:ty { $($variant:pat => [$($example:expr),+];)+ }) => {{
        match None::<$type> {
            $(Some($variant) => {})+
            None => {}
        }
        let mut examples = Vec::new();
        $(for example in [$($example),+] {
            assert!(matches!(example, $variant), "{example:?} is no {}", stringify!($variant));
            examples.push(example);
        })+
        examples
    }};
}

fn network(text: &str) -> Network {
    Network::parse(text).unwrap()
}

fn interface(name: &str) -> Interface {
    Interface::parse(name).unwrap()
}

fn ports(text: &str) -> PortRange {
    PortRange::parse(text).unwrap()
}

fn mark(number: u32) -> Mark {
    Mark::at_least_one(number)
}

fn matches() -> Vec<Match> {
    every!(Match {
        Match::Source(_) => [Match::Source(Is(network("10.0.0.0/8"))), Match::Source(Not(network("fd00::/9")))];
        Match::Destination(_) => [
            Match::Destination(Is(network("10.0.0.0/8"))), Match::Destination(Not(network("::1/128")))
        ];
        Match::InInterface(_) => [Match::InInterface(Is(interface("eth0"))), Match::InInterface(Not(interface("eth+")))];
        Match::OutInterface(_) => [
            Match::OutInterface(Is(interface("eth+"))), Match::OutInterface(Not(interface("eth0")))
        ];
        Match::Protocol(_) => [Match::Protocol(Protocol::Tcp), Match::Protocol(Protocol::Udp)];
        Match::SourcePort(_) => [Match::SourcePort(Is(ports("53"))), Match::SourcePort(Not(ports("80-90")))];
        Match::DestinationPort(_) => [
            Match::DestinationPort(Is(ports("80-90"))), Match::DestinationPort(Not(ports("53")))
        ];
        Match::DestinationPorts(_) => [
            Match::DestinationPorts(Is(vec![ports("53"), ports("80-90")])),
            Match::DestinationPorts(Not(vec![ports("53"), ports("15008")]))
        ];
        Match::OwnerUid(_) => [Match::OwnerUid(Is(Owner::Id(1337))), Match::OwnerUid(Not(Owner::Range(5, 7)))];
        Match::OwnerGid(_) => [Match::OwnerGid(Is(Owner::Range(5, 7))), Match::OwnerGid(Not(Owner::Id(0)))];
        Match::ConntrackState(_) => [
            Match::ConntrackState(vec![ConntrackState::Invalid]), Match::ConntrackState(ConntrackState::ALL.to_vec())
        ];
        Match::Mark(_) => [Match::Mark(Is(mark(1))), Match::Mark(Not(mark(0x539)))];
        Match::ConnectionMark(_) => [Match::ConnectionMark(mark(u32::MAX))];
    })
}

fn targets() -> Vec<Target> {
    every!(Target {
        Target::Jump(_) => [Target::Jump(IstioChain::Redirect), Target::Jump(IstioChain::InRedirect)];
        Target::Return => [Target::Return];
        Target::Accept => [Target::Accept];
        Target::Drop => [Target::Drop];
        Target::Redirect(_) => [
            Target::Redirect(Port::at_least_one(1)), Target::Redirect(Port::at_least_one(65535))
        ];
        Target::Tproxy { .. } => [
            Target::Tproxy { port: Port::at_least_one(15006), mark: mark(1337) },
            Target::Tproxy { port: Port::at_least_one(15006), mark: mark(u32::MAX) }
        ];
        Target::SetMark(_) => [Target::SetMark(mark(1)), Target::SetMark(mark(2))];
        Target::SaveMark => [Target::SaveMark];
        Target::RestoreMark => [Target::RestoreMark];
        Target::ConntrackZone(_) => [Target::ConntrackZone(1), Target::ConntrackZone(u16::MAX)];
    })
}

/// A rule for each condition, with what it needs beside it, and one for each target.
fn rules() -> Vec<Rule> {
    let rule = |matches, target| {
        let chain = Hook::Output.into();
        Rule { table: Table::Mangle, chain, placement: Placement::Append, matches, target, purpose: None }
    };
    let conditions = matches().into_iter().map(|m| match &m {
        // Ports are those of a protocol, and nf_tables drops what is invalid of TCP alone.
        Match::SourcePort(_) | Match::DestinationPort(_) | Match::DestinationPorts(_) | Match::ConntrackState(_) => {
            rule(vec![Match::Protocol(Protocol::Tcp), m], Target::Return)
        }
        Match::Source(_)
        | Match::Destination(_)
        | Match::InInterface(_)
        | Match::OutInterface(_)
        | Match::Protocol(_)
        | Match::OwnerUid(_)
        | Match::OwnerGid(_)
        | Match::Mark(_)
        | Match::ConnectionMark(_) => rule(vec![m], Target::Return),
    });
    let lo = || Match::OutInterface(Is(Interface::loopback()));
    conditions.chain(targets().into_iter().map(|target| rule(vec![lo()], target))).collect()
}

#[test]
fn every_variant_is_read_as_it_is_written() {
    for rule in rules() {
        let text = rule.specification().to_string();
        let read = SavedRule::parse(&text);
        assert_eq!(read.meaning(), Some(&Specification::from(&rule)), "{text}");
        assert!(read == SavedRule::planned(&rule), "{text}");
        assert_eq!(read.jump().is_some_and(|name| name.starts_with(IstioChain::PREFIX)), rule.target.jump().is_some());
    }
}

#[test]
fn every_variant_differs_from_all_other_variants() {
    let rules: Vec<_> = rules().iter().map(SavedRule::planned).collect();
    for (number, rule) in rules.iter().enumerate() {
        let same: Vec<_> = (0..rules.len()).filter(|other| rules[*other] == *rule).collect();
        assert_eq!(same, [number], "{}", rule.text());
    }
}

#[test]
fn every_variant_comes_back_from_nf_tables() {
    for rule in rules() {
        let mut ruleset = Ruleset::default();
        ruleset.push(rule.family().map_or(Scope::Both, Scope::Only), rule.clone());
        // A jump to a chain without rules is left out.
        if let Some(chain) = rule.target.jump() {
            let there = Rule { chain: chain.into(), matches: vec![], target: Target::Accept, ..rule.clone() };
            ruleset.push(Scope::Both, there);
        }
        let tables = crate::nftables::Tables::of(&ruleset);
        let bodies = tables.get(rule.table).unwrap().in_order(rule.chain);
        let raised = bodies
            .into_iter()
            .flat_map(|wanted| crate::nftables::raise(rule.table, rule.chain, &wanted.body).expect("iptables has it"));
        let family = rule.family().unwrap_or(Family::Ipv4);
        let raised = raised.filter(|(scope, _)| scope.contains(family)).map(|(_, rule)| Specification::from(&rule));
        assert_eq!(raised.collect::<Vec<_>>(), [Specification::from(&rule)], "{tables}");
        crate::nftables::fuzzing::there_and_back(&tables).unwrap_or_else(|e| panic!("{e:?}\n{tables}"));
    }
}
