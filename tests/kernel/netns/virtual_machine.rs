//! A virtual machine after the pod (KubeVirt): what comes in from it is outbound traffic.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::support::{Case, Client, Family, Server, Transparent};
use harness::{APP, Backend, Namespace, ROOT};

for_all_and_native!(
    machines_connections_are_outbound,
    machines_connections_are_captured_by_range,
    without_the_flag_they_are_inbound,
    clients_connections_are_inbound_as_before,
    tproxy_takes_what_the_pod_would_route,
);

/// A pod that routes for a machine at 10.78.0.2.
struct Machine {
    case: Case,
    machine: Arc<Namespace>,
}

impl Machine {
    fn new(kind: Backend, family: Family) -> Self {
        Self::in_pod(Case::populated(kind, family))
    }

    fn in_pod(case: Case) -> Self {
        let machine = Arc::new(Namespace::new("machine"));
        case.pod.wire("k6t-eth0", &machine, "eth0");
        case.pod.ip("link set k6t-eth0 addrgenmode none up\n\
             addr add 10.78.0.1/24 dev k6t-eth0\n\
             addr add fd00:78::1/64 dev k6t-eth0 nodad\n\
             addr add fe80::1/64 dev k6t-eth0 nodad\n");
        machine.ip("link set lo up\n\
             link set eth0 addrgenmode none up\n\
             addr add 10.78.0.2/24 dev eth0\n\
             addr add fd00:78::2/64 dev eth0 nodad\n\
             addr add fe80::2/64 dev eth0 nodad\n\
             route add default via 10.78.0.1\n\
             route add default via fd00:78::1\n");
        case.world.ip("route add 10.78.0.0/24 via 10.77.0.2\nroute add fd00:78::/64 via fd00:77::2\n");
        case.pod.sysctl("ipv4/ip_forward", "1");
        case.pod.sysctl("ipv6/conf/all/forwarding", "1");
        Self { case, machine }
    }

    fn guest(&self) -> Client<'_> {
        Client::new(&self.machine, APP)
    }

    fn address(&self) -> std::net::IpAddr {
        match self.case.family {
            Family::Ipv4 => [10, 78, 0, 2].into(),
            Family::Ipv6 => [0xfd00, 0x78, 0, 0, 0, 0, 0, 2].into(),
        }
    }
}

fn machines_connections_are_outbound(kind: Backend, family: Family) {
    let vm = Machine::new(kind, family);
    let to = vm.case.service(80);
    let forwarded = vm.guest().connect(to).reaches("server");
    assert_eq!(forwarded.landing().peer, forwarded.source(), "the pod only routes");
    vm.case.apply(&["-k", "k6t-eth0"]);
    let mut connection = vm.guest().connect(to).captured_by("outbound");
    connection.talk();
    assert_eq!(connection.landing().peer, connection.source());
    vm.case.is_captured();
}

fn machines_connections_are_captured_by_range(kind: Backend, family: Family) {
    let vm = Machine::new(kind, family);
    vm.guest().connect(vm.case.service(80)).reaches("server");
    vm.case.apply(&["-k", "k6t-eth0", "-i", "10.96.0.0/16,fd00:96::/32"]);
    vm.guest().connect(vm.case.service(80)).captured_by("outbound").talk();
    vm.guest().connect(vm.case.elsewhere(80)).reaches("server").talk();
}

fn without_the_flag_they_are_inbound(kind: Backend, family: Family) {
    let vm = Machine::new(kind, family);
    vm.guest().connect(vm.case.service(80)).reaches("server");
    vm.case.apply(&[]);
    vm.guest().connect(vm.case.service(80)).captured_by("inbound");
}

fn clients_connections_are_inbound_as_before(kind: Backend, family: Family) {
    let vm = Machine::new(kind, family);
    let to = SocketAddr::new(vm.address(), 8080);
    let _app = Server::tcp(&vm.machine, ROOT, "guest", SocketAddr::new(family.any(), 8080), Transparent::No);
    vm.case.caller().connect(to).reaches("guest");
    vm.case.apply(&["-k", "k6t-eth0"]);
    vm.case.caller().connect(to).captured_by("inbound").talk();
    // The proxy hands it to the machine.
    vm.case.sidecar().connect(to).reaches("guest").talk();
}

/// An address that is not the pod's: the mark and its routes bring each packet to the listener.
fn tproxy_takes_what_the_pod_would_route(kind: Backend, family: Family) {
    let vm = Machine::in_pod(Case::populated_for_tproxy(kind, family));
    let to = SocketAddr::new(vm.address(), 8080);
    let _app = Server::tcp(&vm.machine, ROOT, "guest", SocketAddr::new(family.any(), 8080), Transparent::No);
    vm.case.caller().connect(to).reaches("guest");
    vm.case.apply(&["-m", "TPROXY"]);
    let mut connection = vm.case.caller().connect(to).reaches("inbound");
    for _ in 0..20 {
        connection.talk();
    }
}
