//! Connections that leave the pod.

use std::net::SocketAddr;

use crate::support::{Case, Client, Family, Server};
use harness::{Backend, PROXY, Who};

for_all_and_native!(
    lands_on_the_proxy,
    of_the_proxy_is_not_captured,
    by_the_proxys_group_is_not_captured,
    to_an_excluded_port_is_not_captured,
    to_an_excluded_range_is_not_captured,
    only_included_ranges_are_captured,
    included_port_is_captured_whatever_the_range,
    over_an_excluded_interface_is_not_captured,
    of_an_excluded_group_is_not_captured,
    only_included_groups_are_captured,
    udp_is_never_captured,
    of_a_list_of_proxy_users_is_not_captured,
);

fn lands_on_the_proxy(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    case.application().connect(case.service(80)).reaches("server");
    case.apply(&[]);
    let mut connection = case.application().connect(case.service(80)).captured_by("outbound");
    connection.talk();
    // The proxy refuses a port on which nothing listens.
    case.application().connect(case.service(81)).captured_by("outbound");
}

fn of_the_proxy_is_not_captured(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    case.sidecar().connect(case.service(80)).reaches("server");
    case.apply(&[]);
    case.is_captured();
    case.sidecar().connect(case.service(80)).reaches("server");
    case.someone(PROXY.uid, 1000).connect(case.service(80)).reaches("server");
}

fn by_the_proxys_group_is_not_captured(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    case.someone(1000, PROXY.gid).connect(case.service(80)).reaches("server");
    case.apply(&[]);
    case.is_captured();
    case.someone(1000, PROXY.gid).connect(case.service(80)).reaches("server");
}

fn to_an_excluded_port_is_not_captured(kind: Backend, family: Family) {
    let mut case = Case::populated(kind, family);
    for port in [9000, 9001, 9009] {
        case.server(port);
        case.application().connect(case.service(port)).reaches("server");
    }
    case.apply(&["-o", "9000,9008-9010"]);
    case.is_captured();
    case.application().connect(case.service(9000)).reaches("server");
    case.application().connect(case.service(9001)).captured_by("outbound");
    case.application().connect(case.service(9009)).reaches("server");
}

fn to_an_excluded_range_is_not_captured(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    case.application().connect(case.elsewhere(80)).reaches("server");
    case.apply(&["-x", "10.88.0.0/16,fd00:88::/32"]);
    case.is_captured();
    case.application().connect(case.elsewhere(80)).reaches("server");
}

fn only_included_ranges_are_captured(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    case.application().connect(case.service(80)).reaches("server");
    case.apply(&["-i", "10.96.0.0/16,fd00:96::/32"]);
    case.is_captured();
    case.application().connect(case.elsewhere(80)).reaches("server");
}

fn included_port_is_captured_whatever_the_range(kind: Backend, family: Family) {
    let mut case = Case::populated(kind, family);
    for port in [9000, 9001] {
        case.server(port);
        case.application().connect(case.service(port)).reaches("server");
    }
    case.apply(&["-i", "", "-q", "9000"]);
    case.application().connect(case.service(9000)).captured_by("outbound");
    case.application().connect(case.service(9001)).reaches("server");
    case.application().connect(case.service(80)).reaches("server");
}

fn over_an_excluded_interface_is_not_captured(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    // A second network, as some plugins add one.
    case.pod.wire("net1", &case.world, "net1");
    for (namespace, host) in [(&case.pod, 2), (&case.world, 1)] {
        namespace.ip(&format!(
            "link set net1 addrgenmode none up\n\
             addr add 10.79.0.{host}/24 dev net1\n\
             addr add fd00:79::{host}/64 dev net1 nodad\n"
        ));
    }
    let address = |host: u16| match family {
        Family::Ipv4 => format!("10.79.0.{host}").parse().unwrap(),
        Family::Ipv6 => format!("fd00:79::{host}").parse().unwrap(),
    };
    let (server, pod) = (SocketAddr::new(address(1), 80), SocketAddr::new(address(2), 8080));
    case.application().connect(server).reaches("server");
    case.caller().connect(pod).reaches("app");
    case.apply(&["-c", "net1,none0"]);
    case.is_captured();
    case.application().connect(server).reaches("server");
    case.caller().connect(pod).reaches("app");
}

fn of_an_excluded_group_is_not_captured(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    case.someone(1000, 202).connect(case.service(80)).reaches("server");
    case.apply_with(&[], &[("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "202,203")]);
    case.is_captured();
    case.someone(1000, 202).connect(case.service(80)).reaches("server");
    case.someone(1000, 203).connect(case.service(80)).reaches("server");
    case.someone(1000, 204).connect(case.service(80)).captured_by("outbound");
}

fn only_included_groups_are_captured(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    case.someone(1000, 202).connect(case.service(80)).reaches("server");
    case.apply_with(&[], &[("ISTIO_OUTBOUND_OWNER_GROUPS", "202,203")]);
    case.someone(1000, 202).connect(case.service(80)).captured_by("outbound");
    case.someone(1000, 203).connect(case.service(80)).captured_by("outbound");
    case.application().connect(case.service(80)).reaches("server");
}

fn udp_is_never_captured(kind: Backend, family: Family) {
    let mut case = Case::populated(kind, family);
    for (namespace, name) in [(&case.pod.clone(), "proxy"), (&case.world.clone(), "server")] {
        for port in if name == "proxy" { [15001, 15006] } else { [53, 9000] } {
            let at = SocketAddr::new(family.any(), port);
            // The sockets of the world answer from the address that was asked only if they are bound to it.
            let at = if name == "server" { SocketAddr::new(family.service(), port) } else { at };
            case.also(Server::udp(namespace, PROXY, name, at));
        }
    }
    let ask = |port| case.application().ask(case.service(port)).comes_from("server");
    ask(53);
    ask(9000);
    case.apply(&["-o", "9000"]);
    case.is_captured();
    ask(53);
    ask(9000);
}

fn of_a_list_of_proxy_users_is_not_captured(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    let call = |uid| Client::new(&case.pod, Who { uid, gid: 1000 }).connect(case.service(80));
    call(2000).reaches("server");
    case.apply(&["-u", "1337,2000", "-g", "1337"]);
    call(1337).reaches("server");
    call(2000).reaches("server");
    call(1000).captured_by("outbound");
}
