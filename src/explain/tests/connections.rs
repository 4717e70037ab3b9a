//! Packets that arrive in vain, since what follows them does not get through.

use expect_test::expect;

use super::*;
use crate::net::{Mark, PortRange};
use crate::netfilter::{
    Chain, ConntrackState, Hook, Match, Negatable, Placement, Protocol, Rule, Scope, Table, Target,
};

pub(super) fn rule(table: Table, hook: Hook, matches: Vec<Match>, target: Target) -> Rule {
    Rule { table, chain: Chain::Builtin(hook), placement: Placement::Append, matches, target, purpose: None }
}

pub(super) fn foreign(name: &str, priority: i32, rules: impl IntoIterator<Item = Rule>) -> Layer {
    let name = Some(name.to_owned());
    let mut layer = Layer { name, priority: Some(priority), native: true, ..Layer::default() };
    rules.into_iter().for_each(|rule| layer.rules.push(Scope::Both, rule));
    layer
}

pub(super) fn to_port(port: u16) -> Vec<Match> {
    let port = PortRange::single(port);
    vec![Match::Protocol(Protocol::Tcp), Match::DestinationPort(Negatable::Is(port))]
}

/// Follows a packet through the rules of these flags and these foreign chains.
pub(super) fn among(flags: &str, foreign: Vec<Layer>, packet: &str) -> Trace {
    let (config, plan, pod) = planned(flags, &[]);
    let layers: Vec<Layer> = [plan.rules.into()].into_iter().chain(foreign).collect();
    through(&layers, &config, &plan.routing, &pod, packet)
}

fn note(trace: &Trace) -> String {
    trace.broken.as_ref().map_or_else(String::new, ToString::to_string)
}

#[test]
fn an_answer_that_gets_the_mark_of_tproxy_stays_in_the_pod() {
    let marks = |mark| {
        let target = Target::SetMark(Mark::at_least_one(mark));
        vec![foreign("inet other first", -300, [rule(Table::Mangle, Hook::Prerouting, to_port(8443), target)])]
    };
    let trace = among("-m TPROXY -b * -d 22", marks(1337), "in tcp from=203.0.113.7 to=:8443");
    assert_eq!(trace.verdict.brief(), "not captured");
    expect!["no connection is established: the answer does not get back: with mark 1337, it is routed to the pod itself (ip rule, ip route). Rule inet other first 1 (-p tcp --dport 8443 -j MARK --set-mark 1337) marks the first packet. Rule mangle PREROUTING 2 (-p tcp -m mark --mark 1337 -j CONNMARK --save-mark) marks the connection. Rule mangle OUTPUT 4 (-p tcp -m connmark --mark 1337 -j CONNMARK --restore-mark) marks the answer. Change the mark in the first of these rules, or set another one with --istio-inbound-tproxy-mark."].assert_eq(&note(&trace));
    assert!(trace.to_string().ends_with(&format!("\nNote: {}\n", note(&trace))), "{trace}");
    // Any other mark has no meaning here, and the packet is captured; its answer goes out.
    let trace = among("-m TPROXY -b * -d 22", marks(77), "in tcp from=203.0.113.7 to=:8443");
    assert_eq!((trace.verdict.brief().as_str(), note(&trace)), ("inbound listener 15006", String::new()));
}

#[test]
fn a_filter_that_lets_only_the_first_packet_by_is_named() {
    let accept = [to_port(53), vec![Match::ConntrackState(vec![ConntrackState::New])]].concat();
    let chain = || {
        foreign(
            "inet other filter",
            0,
            [
                rule(Table::Filter, Hook::Output, accept.clone(), Target::Accept),
                rule(Table::Filter, Hook::Output, to_port(53), Target::Drop),
            ],
        )
    };
    let trace = among("-b *", vec![chain()], "out tcp to=8.8.8.8:53");
    assert_eq!(trace.verdict.brief(), "not captured");
    expect!["no connection is established: the next packet, which is ESTABLISHED, does not get through: it is dropped by rule inet other filter 2 (-p tcp --dport 53 -j DROP)."].assert_eq(&note(&trace));
    // One that nat redirects has another port when it gets there, as its next packet has.
    let trace = among("-i * -b *", vec![chain()], "out tcp to=8.8.8.8:53");
    assert_eq!((trace.verdict.brief().as_str(), note(&trace)), ("outbound listener 15001", String::new()));
}

#[test]
fn a_next_packet_that_meets_what_cannot_be_followed_is_noted() {
    let accept = [to_port(53), vec![Match::ConntrackState(vec![ConntrackState::New])]].concat();
    let mut chain = foreign("inet other filter", 0, [rule(Table::Filter, Hook::Output, accept, Target::Accept)]);
    let unknown = Some("tcp dport { 53, 54 } drop".to_owned());
    chain.gap(Scope::Both, (Table::Filter, Hook::Output.into()), vec![Match::Protocol(Protocol::Tcp)], unknown);
    let trace = among("-b *", vec![chain], "out tcp to=8.8.8.8:53");
    assert_eq!(trace.verdict.brief(), "not captured");
    expect!["a connection may not be established: the next packet may not get through, because rule inet other filter 2 (tcp dport { 53, 54 } drop) cannot be followed."].assert_eq(&note(&trace));
}

#[test]
fn an_answer_that_a_policy_drops_does_not_get_back() {
    let mut layer = foreign("inet other out", 0, []);
    layer.drops.push((Scope::Both, Table::Filter, Hook::Output));
    let trace = among("-b *", vec![layer], "in tcp to=:8080");
    assert_eq!(trace.verdict.brief(), "inbound listener 15006");
    expect![
        "no connection is established: the answer does not get back: it is dropped by the policy of inet other out."
    ]
    .assert_eq(&note(&trace));
}

#[test]
fn an_answer_of_unknown_owner_makes_the_note_uncertain() {
    let owned = Match::OwnerUid(Negatable::Not(crate::net::Owner::Id(1337)));
    let drop = rule(Table::Filter, Hook::Output, vec![owned], Target::Drop);
    let trace = among("-b *", vec![foreign("inet other out", 0, [drop])], "in tcp to=:8080");
    let note = note(&trace);
    assert!(
        note.starts_with("a connection may not be established (it is unknown whether rule inet other out 1 "),
        "{note}"
    );
}
