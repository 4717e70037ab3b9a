//! Chains at the same point of a hook, whose order the kernel does not reveal.

use super::connections::{among, foreign, rule, to_port};
use crate::net::{Mark, Port};
use crate::netfilter::{Hook, Layer, Match, Negatable, Table, Target};

/// nat has one point for all of its chains, whatever their priorities.
fn redirecting(name: &str, port: u16) -> Layer {
    let target = Target::Redirect(Port::at_least_one(port));
    foreign(name, -190, [rule(Table::Nat, Hook::Output, to_port(5353), target)])
}

fn nat() -> Layer {
    redirecting("ip other nat", 9090)
}

fn brief(layers: Vec<Layer>) -> String {
    among("-b *", layers, "out tcp to=8.8.8.8:5353").verdict.brief()
}

fn filter(name: &str, priority: i32, port: u16, target: Target) -> Layer {
    foreign(name, priority, [rule(Table::Filter, Hook::Output, to_port(port), target)])
}

#[test]
fn a_filter_at_the_point_of_nat_may_come_before_it() {
    let filter = |priority, target| filter("inet other filter", priority, 5353, target);
    assert_eq!(brief(vec![nat(), filter(-100, Target::Drop)]), "not certain");
    assert_eq!(brief(vec![nat(), filter(-99, Target::Drop)]), "other listener 9090");
    assert_eq!(brief(vec![nat(), filter(-101, Target::Drop)]), "dropped");
}

#[test]
fn an_order_without_effect_is_certain() {
    // Both of them drop it, or neither does.
    let drops = |port| filter("inet other filter", -100, port, Target::Drop);
    assert_eq!(brief(vec![nat(), drops(8080)]), "other listener 9090");
    assert_eq!(brief(vec![nat(), drops(9090)]), "not certain");
    assert_eq!(brief(vec![nat(), redirecting("ip one nat", 7070)]), "not certain");
}

#[test]
fn of_three_chains_no_order_is_taken_for_granted() {
    let accepts = |name| filter(name, -100, 8080, Target::Accept);
    assert_eq!(brief(vec![nat(), accepts("inet a filter"), accepts("inet b filter")]), "not certain");
}

#[test]
fn a_filter_may_come_after_a_mark_at_its_point() {
    let marked = Match::Mark(Negatable::Is(Mark::at_least_one(5)));
    let marks = rule(Table::Mangle, Hook::Output, to_port(5353), Target::SetMark(Mark::at_least_one(5)));
    let unmarked = Match::Mark(Negatable::Not(Mark::at_least_one(5)));
    let with = |condition: &Match| {
        let conditions = [to_port(5353), vec![condition.clone()]].concat();
        foreign("inet b filter", 0, [rule(Table::Filter, Hook::Output, conditions, Target::Drop)])
    };
    for condition in [&marked, &unmarked] {
        for layers in [
            vec![foreign("inet a marks", 0, [marks.clone()]), with(condition)],
            vec![with(condition), foreign("inet a marks", 0, [marks.clone()])],
        ] {
            assert_eq!(brief(layers), "not certain", "{condition}");
        }
    }
}
