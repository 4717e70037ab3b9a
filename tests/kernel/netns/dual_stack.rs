//! Both families in one pod.

use std::io::ErrorKind;
use std::net::SocketAddr;

use crate::support::{Case, Family, Server, Transparent};
use harness::{APP, Backend, PROXY, ROOT};

for_all!(ipv6_alone_is_left_alone);
for_all_and_native!(both_families_are_captured, proxys_ipv6_source);
mod without_ipv6 {
    use super::ipv6_is_captured_without_rules_of_its_own;

    for_native!(ipv6_is_captured_without_rules_of_its_own);
}

/// The case's family is the one that is looked at first; the other has the same listeners.
fn case(kind: Backend, family: Family) -> Case {
    let mut case = Case::populated(kind, family);
    let any = family.other().any();
    for (port, name) in [(15001, "outbound"), (15006, "inbound")] {
        case.also(Server::tcp(&case.pod, PROXY, name, SocketAddr::new(any, port), Transparent::No));
    }
    case.also(Server::tcp(&case.pod, APP, "app", SocketAddr::new(any, 8080), Transparent::No));
    case.also(Server::tcp(&case.world, ROOT, "server", SocketAddr::new(any, 80), Transparent::No));
    case
}

fn both_families_are_captured(kind: Backend, family: Family) {
    let case = case(kind, family);
    let families = [family, family.other()];
    let addresses = |f: Family| (SocketAddr::new(f.service(), 80), SocketAddr::new(f.pod(), 8080));
    for (service, pod) in families.map(addresses) {
        case.application().connect(service).reaches("server");
        case.caller().connect(pod).reaches("app");
    }
    case.apply(&["--dual-stack"]);
    for (service, pod) in families.map(addresses) {
        case.application().connect(service).captured_by("outbound");
        case.caller().connect(pod).captured_by("inbound");
    }
}

/// The first address of the pod is IPv4: without `--dual-stack` there are rules for that alone.
fn ipv6_alone_is_left_alone(kind: Backend, family: Family) {
    let case = case(kind, family);
    case.apply(&["--ip-families", "ipv4"]);
    let landing = |f: Family| case.application().connect(SocketAddr::new(f.service(), 80)).landing().name.clone();
    assert_eq!(landing(Family::Ipv4), "outbound");
    assert_eq!(landing(Family::Ipv6), "server");
}

/// Without iptables one table serves both families, and a rule that names no address is for both: the
/// program warns of it.
fn ipv6_is_captured_without_rules_of_its_own(kind: Backend, family: Family) {
    let case = case(kind, family);
    case.apply(&["--ip-families", "ipv4"]);
    for family in [Family::Ipv4, Family::Ipv6] {
        case.application().connect(SocketAddr::new(family.service(), 80)).captured_by("outbound");
    }
}

/// `::6` is no host's address until it is added to `lo`.
fn proxys_ipv6_source(kind: Backend, family: Family) {
    let case = case(kind, family);
    let to = SocketAddr::new(Family::Ipv6.pod(), 8080);
    let from = SocketAddr::new(Family::Ipv6.proxy_source(), 0);
    let before = case.sidecar().from(from).try_connect(to);
    assert_eq!(before.err().map(|e| e.kind()), Some(ErrorKind::AddrNotAvailable));
    case.apply(&["--dual-stack"]);
    let mut connection = case.sidecar().from(from).connect(to).reaches("app");
    connection.talk();
    assert_eq!(connection.landing().peer.ip(), Family::Ipv6.proxy_source());
    case.sidecar().connect(to).captured_by("inbound");
}
