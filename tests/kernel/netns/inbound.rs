//! Connections into the pod, in REDIRECT mode.

use crate::support::{Case, Family, Transparent};
use harness::Backend;

for_all_and_native!(
    lands_on_the_proxy,
    to_an_excluded_port_is_not_captured,
    only_listed_ports_are_captured,
    nothing_is_captured_without_ports,
    tunnel_is_not_captured,
);

fn lands_on_the_proxy(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    case.caller().connect(case.pod(8080)).reaches("app");
    case.apply(&[]);
    let mut connection = case.caller().connect(case.pod(8080)).captured_by("inbound");
    connection.talk();
    assert_eq!(connection.landing().peer, connection.source(), "the proxy sees the client's address");
}

fn to_an_excluded_port_is_not_captured(kind: Backend, family: Family) {
    let mut case = Case::populated(kind, family);
    for port in [15020, 15021, 15090, 9005] {
        case.app(port);
        case.caller().connect(case.pod(port)).reaches("app");
    }
    case.apply(&["-d", "15090,15021,15020,9000-9010"]);
    case.is_captured();
    for port in [15020, 15021, 15090, 9005] {
        case.caller().connect(case.pod(port)).reaches("app");
    }
}

fn only_listed_ports_are_captured(kind: Backend, family: Family) {
    let mut case = Case::populated(kind, family);
    for port in [8081, 8090, 8100, 8101] {
        case.app(port);
        case.caller().connect(case.pod(port)).reaches("app");
    }
    case.apply(&["-b", "8080,8090:8100"]);
    case.is_captured();
    for port in [8090, 8100] {
        case.caller().connect(case.pod(port)).captured_by("inbound");
    }
    for port in [8081, 8101] {
        case.caller().connect(case.pod(port)).reaches("app");
    }
}

fn nothing_is_captured_without_ports(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    case.caller().connect(case.pod(8080)).reaches("app");
    case.apply(&["-b", ""]);
    case.application().connect(case.service(80)).captured_by("outbound");
    case.caller().connect(case.pod(8080)).reaches("app");
}

fn tunnel_is_not_captured(kind: Backend, family: Family) {
    let mut case = Case::populated(kind, family);
    case.proxy("tunnel", 15008, Transparent::No);
    case.caller().connect(case.pod(15008)).reaches("tunnel");
    case.apply(&[]);
    case.is_captured();
    case.caller().connect(case.pod(15008)).reaches("tunnel");
}
