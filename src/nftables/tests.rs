use super::*;
use crate::netfilter::{Match, Rule, Scope, Target};

fn range(text: &str) -> Match {
    Match::Destination(Negatable::Is(Network::parse(text).unwrap()))
}

fn by(name: &str) -> Match {
    Match::InInterface(Negatable::Is(Interface::parse(name).unwrap()))
}

fn rule(chain: impl Into<Chain>, matches: Vec<Match>, target: Target) -> Rule {
    Rule { table: Table::Nat, chain: chain.into(), placement: Placement::Append, matches, target, purpose: None }
}

fn push(ruleset: &mut Ruleset, rule: Rule) {
    let scope = rule.family().map_or(Scope::Both, Scope::Only);
    ruleset.push(scope, rule);
}

/// The rules of a script, without what is the same in all.
fn rules(ruleset: &Ruleset) -> Vec<String> {
    let script = Tables::of(ruleset).to_string();
    let rules = script.lines().filter(|l| l.contains(" rule "));
    rules.map(|l| l.replace(" rule inet istio-proxy-nat", "").replace(" counter", "")).collect()
}

#[test]
fn a_long_list_is_a_set_in_each_family() {
    let mut ruleset = Ruleset::default();
    let output = IstioChain::Output;
    push(&mut ruleset, rule(output, vec![range("127.0.0.1/32")], Target::Return));
    let start = ruleset.len();
    for third in 0..16 {
        push(&mut ruleset, rule(output, vec![range(&format!("10.0.{}.0/24", 2 * third))], Target::Return));
    }
    let mut at_the_limit = ruleset.clone();
    at_the_limit.end_list(start);
    assert_eq!(rules(&at_the_limit).len(), 17, "the loopback range is none of the list");
    push(&mut ruleset, rule(output, vec![range("fd00::/8")], Target::Return));
    push(&mut ruleset, rule(output, vec![range("10.0.0.0/23")], Target::Return));
    ruleset.end_list(start);
    push(&mut ruleset, rule(output, vec![], Target::Drop));
    let rules = rules(&ruleset);
    assert_eq!(rules.len(), 4);
    assert_eq!(rules[0], "add istio-output ip daddr 127.0.0.1/32 return");
    assert!(rules[1].starts_with("add istio-output ip daddr { 10.0.0.0-10.0.2.255, 10.0.4.0/24, "), "{}", rules[1]);
    assert_eq!(rules[2], "add istio-output ip6 daddr fd00::/8 return");
    assert_eq!(rules[3], "add istio-output drop");
}

#[test]
fn a_long_list_has_a_set_for_each_interface() {
    let mut ruleset = Ruleset::default();
    push(&mut ruleset, rule(IstioChain::Redirect, vec![], Target::Redirect(Port::at_least_one(15001))));
    for third in 0..17 {
        let network = format!("10.{third}.0.0/24");
        for name in ["vm0", "vm1"] {
            let placement = Placement::Insert(1);
            let matches = vec![by(name), range(&network)];
            let rule = rule(Hook::Prerouting, matches, Target::Jump(IstioChain::Redirect));
            push(&mut ruleset, Rule { placement, ..rule });
        }
        let rule = rule(IstioChain::Output, vec![range(&network)], Target::Jump(IstioChain::Redirect));
        push(&mut ruleset, rule);
    }
    ruleset.end_list(1);
    let rules = rules(&ruleset);
    assert_eq!(rules.len(), 4);
    assert!(rules[1].starts_with("add prerouting iifname vm0 ip daddr { "));
    assert!(rules[2].starts_with("insert prerouting index 0 iifname vm1 ip daddr { "));
    assert!(rules[3].starts_with("add istio-output ip daddr { "));
}

#[test]
fn a_list_of_a_single_range_needs_no_set() {
    for (count, range_of_all) in [(32, "10.0.0.0/27"), (31, "10.0.0.0-10.0.0.30")] {
        let mut ruleset = Ruleset::default();
        for last in 0..count {
            push(&mut ruleset, rule(IstioChain::Output, vec![range(&format!("10.0.0.{last}/32"))], Target::Return));
        }
        ruleset.end_list(0);
        assert_eq!(rules(&ruleset), [format!("add istio-output ip daddr {range_of_all} return")]);
    }
}

#[test]
fn a_jump_to_a_chain_without_rules_is_left_out() {
    let mut ruleset = Ruleset::default();
    push(&mut ruleset, rule(Hook::Output, vec![], Target::Jump(IstioChain::Output)));
    push(&mut ruleset, rule(IstioChain::Output, vec![], Target::Jump(IstioChain::OutputDns)));
    assert_eq!(Tables::of(&ruleset).to_string(), "");
}

#[test]
fn rules_are_met_in_the_order_that_their_places_give() {
    let mut ruleset = Ruleset::default();
    let numbered = |port, placement| {
        let rule = rule(IstioChain::Inbound, vec![], Target::Redirect(Port::at_least_one(port)));
        Rule { placement, ..rule }
    };
    for (port, placement) in [(1, Placement::Insert(2)), (2, Placement::Insert(1)), (3, Placement::Append)] {
        push(&mut ruleset, numbered(port, placement));
    }
    push(&mut ruleset, numbered(4, Placement::Insert(2)));
    let redirects: Vec<_> = rules(&ruleset);
    assert_eq!(
        redirects,
        [
            "add istio-inbound redirect to :1",
            "insert istio-inbound index 0 redirect to :2",
            "add istio-inbound redirect to :3",
            "insert istio-inbound index 1 redirect to :4"
        ]
    );
    let tables = Tables::of(&ruleset);
    let ordered = tables.get(Table::Nat).unwrap().in_order(IstioChain::Inbound.into());
    let ports: Vec<_> = ordered.iter().map(|rule| rule.body.expressions[1].to_string()).collect();
    assert_eq!(ports, ["redirect to :2", "redirect to :4", "redirect to :1", "redirect to :3"]);
}

#[test]
fn names_are_unique() {
    for chain in CHAINS {
        assert_eq!(chain_named(chain_name(chain)), Some(chain));
    }
    for table in TABLES {
        assert_eq!(table_named(table_name(table)), Some(table));
    }
}
