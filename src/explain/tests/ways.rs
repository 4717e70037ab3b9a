//! Packets whose way the kernel's routing decides.

use std::sync::Arc;

use expect_test::expect;

use super::connections::rule;
use super::*;
use crate::net::{Family, Interface, Mark, RouteTable};
use crate::netfilter::{Hook, Match, Negatable, Scope, Table, Target};

/// Routes to 10.200.0.0/16 by eth1, to 10.0.0.0/8 by eth0, and to nowhere else.
#[derive(Debug)]
struct FakeRoutes;

impl Ways for FakeRoutes {
    fn way(&self, question: &Question) -> Option<Way> {
        let out = |name: &str, source: [u8; 4]| {
            let interface = Interface::parse(name).unwrap();
            Some(Way::Out { interface, source: Some(source.into()) })
        };
        match question.to.address.to_string() {
            to if to.starts_with("10.200.") => out("eth1", [10, 67, 0, 2]),
            to if to.starts_with("10.") => out("eth0", [10, 66, 0, 2]),
            _ => Some(Way::Nowhere),
        }
    }
}

fn pod(ways: Option<Arc<dyn Ways>>) -> Pod {
    let interface = |name, address: [u8; 4]| PodInterface {
        name: Interface::parse(name).unwrap(),
        addresses: vec![address.into()],
    };
    let interfaces = vec![interface("eth0", [10, 66, 0, 2]), interface("eth1", [10, 67, 0, 2])];
    Pod { interfaces, name_servers: Vec::new(), ways }
}

/// Follows a packet in a pod that routes the mark 1337 to itself, with a rule that removes this mark.
fn unmarked(pod: &Pod, packet: &str) -> Trace {
    let (family, mark, table) = (Family::Ipv4, Mark::at_least_one(1337), RouteTable::at_least_one(133));
    let routing = Routing {
        addresses: Vec::new(),
        rules: vec![crate::capture::PolicyRule { family, mark, table }],
        routes: vec![crate::capture::LocalRoute { family, table }],
    };
    let mut layer = Layer::default();
    let not_eth1 = Match::OutInterface(Negatable::Not(Interface::parse("eth1").unwrap()));
    layer.rules.push(Scope::Both, rule(Table::Mangle, Hook::Output, Vec::new(), Target::RestoreMark));
    layer.rules.push(Scope::Both, rule(Table::Mangle, Hook::Postrouting, vec![not_eth1], Target::Drop));
    through(&[layer], &planned("", &[]).0, &routing, pod, packet)
}

#[test]
fn a_packet_that_is_routed_again_goes_by_the_interface_of_its_route() {
    let pod = pod(Some(Arc::new(FakeRoutes)));
    let verdict = |packet| unmarked(&pod, packet).verdict.to_string();
    expect!["Not captured: no rule captures it; it goes out via eth1, to 10.200.1.1:80."]
        .assert_eq(&verdict("out udp to=10.200.1.1:80 mark=1337"));
    expect!["Dropped by rule mangle POSTROUTING 1 (! -o eth1 -j DROP)."]
        .assert_eq(&verdict("out udp to=10.1.1.1:80 mark=1337"));
    expect!["Dropped because there is no route to 8.8.8.8:80 without a mark (ip route)."]
        .assert_eq(&verdict("out udp to=8.8.8.8:80 mark=1337"));
    // A socket that is bound to an interface stays with it.
    expect!["Not captured: no rule captures it; it goes out via eth1, to 10.1.1.1:80."]
        .assert_eq(&verdict("out udp to=10.1.1.1:80 mark=5 iface=eth1"));
}

#[test]
fn an_answer_needs_a_route_to_a_peer_that_is_named() {
    let pod = pod(Some(Arc::new(FakeRoutes)));
    let note = |words| unmarked(&pod, words).broken.map_or_else(String::new, |broken| broken.to_string());
    expect!["no connection is established: the answer does not get back: it is dropped because there is no route to 8.8.8.8:40000 without a mark (ip route)."]
        .assert_eq(&note("in tcp from=8.8.8.8 to=10.67.0.2:80"));
    assert_eq!(note("in tcp from=10.200.1.1 to=10.67.0.2:80"), "");
    // No sender was given.
    assert_eq!(note("in tcp to=10.67.0.2:80"), "");
}

#[test]
fn a_way_that_is_not_known_is_not_certain() {
    expect!["Not certain: the interface that leads to 10.200.1.1:80 with mark 0 is unknown. Apart from that: Dropped by rule mangle POSTROUTING 1 (! -o eth1 -j DROP)."]
        .assert_eq(&unmarked(&pod(None), "out udp to=10.200.1.1:80 mark=1337").verdict.to_string());
}

#[test]
fn the_first_interface_and_the_source_are_those_of_the_route() {
    let pod = pod(Some(Arc::new(FakeRoutes)));
    let routing = Routing::default();
    let packet = |words| Packet::resolve(&Request::parse([words]).unwrap(), &pod, &routing).unwrap().to_string();
    expect!["out tcp uid=1000 gid=1000 from=10.67.0.2:40000 to=10.200.1.1:80 iface=eth1"]
        .assert_eq(&packet("out tcp to=10.200.1.1:80"));
    expect!["out tcp uid=1000 gid=1000 from=10.66.0.2:40000 to=10.1.1.1:80 iface=eth0"]
        .assert_eq(&packet("out tcp to=10.1.1.1:80"));
    expect!["out tcp uid=1000 gid=1000 from=10.67.0.2:40000 to=10.1.1.1:80 iface=eth1"]
        .assert_eq(&packet("out tcp to=10.1.1.1:80 iface=eth1"));
}
