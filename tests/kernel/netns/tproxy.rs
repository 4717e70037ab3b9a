//! TPROXY mode.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Protocol, SockRef, Type};

use crate::support::{Case, Client, Family, Relay, Source, Transparent, bound};
use harness::{Backend, ROOT, TPROXY_PROXY, wait_until};

for_all_and_native!(
    listener_sees_both_ends,
    established_connections_are_diverted,
    excluded_ports_are_not_captured,
    only_listed_ports_are_captured,
    over_an_excluded_interface_is_not_captured,
    outbound_is_redirected,
    application_to_itself_is_not_captured,
    proxy_to_the_pods_address_comes_back_through_its_inbound_side,
    proxys_inbound_side_reaches_the_application,
    application_sees_the_client_end_to_end,
    service_address_of_the_pod_itself_end_to_end,
    port_of_a_connection_that_was_reset_is_captured_after_a_change_to_redirect,
    repeated_first_packet_is_captured_after_a_change_to_redirect,
);

const TPROXY: [&str; 2] = ["-m", "TPROXY"];

fn listener_sees_both_ends(kind: Backend, family: Family) {
    let case = Case::populated_for_tproxy(kind, family);
    case.caller().connect(case.pod(8080)).reaches("app");
    case.apply(&TPROXY);
    // The local address of the accepted socket is the one that the client called: no NAT.
    let mut connection = case.caller().connect(case.pod(8080)).reaches("inbound");
    connection.talk();
    assert_eq!(connection.landing().peer, connection.source());
    assert_eq!(connection.landing().peer.ip(), family.world());
    // Also if the application does not listen.
    case.caller().connect(case.pod(8088)).reaches("inbound").talk();
}

fn established_connections_are_diverted(kind: Backend, family: Family) {
    let case = Case::populated_for_tproxy(kind, family);
    // Its last packets are not to be counted: the rules would take them for those of a new connection.
    case.caller().connect(case.pod(8080)).reaches("app").end();
    case.apply(&TPROXY);
    let mut connection = case.caller().connect(case.pod(8080)).reaches("inbound");
    for _ in 0..50 {
        connection.talk();
    }
    // Only the first packet of the connection is assigned to the listener, the later ones find its socket.
    assert_eq!(case.packets("-A ISTIO_TPROXY"), 1);
    assert!(case.packets("-A ISTIO_DIVERT") >= 50, "{}", case.save(&["-c"]));
}

fn excluded_ports_are_not_captured(kind: Backend, family: Family) {
    let mut case = Case::populated_for_tproxy(kind, family);
    for port in [15021, 9005] {
        case.app(port);
        case.caller().connect(case.pod(port)).reaches("app");
    }
    case.apply(&["-m", "TPROXY", "-d", "15021,9000-9010"]);
    case.caller().connect(case.pod(8080)).reaches("inbound");
    for port in [15021, 9005] {
        case.caller().connect(case.pod(port)).reaches("app").talk();
    }
}

fn only_listed_ports_are_captured(kind: Backend, family: Family) {
    let mut case = Case::populated_for_tproxy(kind, family);
    for port in [8081, 8100] {
        case.app(port);
        case.caller().connect(case.pod(port)).reaches("app");
    }
    case.apply(&["-m", "TPROXY", "-b", "8080,8090:8100"]);
    for port in [8080, 8100] {
        case.caller().connect(case.pod(port)).reaches("inbound").talk();
    }
    case.caller().connect(case.pod(8081)).reaches("app").talk();
}

fn over_an_excluded_interface_is_not_captured(kind: Backend, family: Family) {
    let case = Case::populated_for_tproxy(kind, family);
    case.caller().connect(case.pod(8080)).reaches("app");
    case.apply(&["-m", "TPROXY", "-c", "eth0"]);
    case.caller().connect(case.pod(8080)).reaches("app").talk();
    case.application().connect(case.service(80)).reaches("server").talk();
    assert!(case.packets("-A PREROUTING -i eth0 -j RETURN") > 0);
}

fn outbound_is_redirected(kind: Backend, family: Family) {
    let case = Case::populated_for_tproxy(kind, family);
    case.application().connect(case.service(80)).reaches("server");
    case.apply(&TPROXY);
    case.application().connect(case.service(80)).captured_by("outbound").talk();
    case.sidecar().connect(case.service(80)).reaches("server").talk();
}

fn application_to_itself_is_not_captured(kind: Backend, family: Family) {
    let case = Case::populated_for_tproxy(kind, family);
    let call = |to| case.application().connect(to).reaches("app").talk();
    call(case.loopback(8080));
    call(case.pod(8080));
    case.apply(&TPROXY);
    case.caller().connect(case.pod(8080)).reaches("inbound");
    call(case.loopback(8080));
    call(case.pod(8080));
}

fn proxy_to_the_pods_address_comes_back_through_its_inbound_side(kind: Backend, family: Family) {
    let case = Case::populated_for_tproxy(kind, family);
    case.sidecar().connect(case.pod(8080)).reaches("app");
    case.apply(&TPROXY);
    case.sidecar().connect(case.pod(8080)).reaches("inbound").talk();
    // A proxy that runs as its own user is redirected there.
    case.someone(1337, 1337).connect(case.pod(8080)).captured_by("inbound").talk();
}

fn proxys_inbound_side_reaches_the_application(kind: Backend, family: Family) {
    let case = Case::populated_for_tproxy(kind, family);
    case.sidecar().connect(case.pod(8080)).reaches("app");
    case.apply(&TPROXY);
    let from = SocketAddr::new(family.proxy_source(), 0);
    let mut connection = case.sidecar().from(from).connect(case.pod(8080)).reaches("app");
    connection.talk();
    assert_eq!(connection.landing().peer.ip(), family.proxy_source());
    // From another address it would come back to that side.
    case.sidecar().connect(case.pod(8080)).reaches("inbound");
}

/// The proxy calls the application from the client's own address, with the mark: the application's answers,
/// which would go to the world, come back to the proxy.
fn application_sees_the_client_end_to_end(kind: Backend, family: Family) {
    let mut case = Case::for_tproxy(kind, family);
    case.app(8080);
    let relay = Relay { to: None, source: Source::Client { mark: 1337 } };
    case.relay("inbound", 15006, Transparent::Yes, relay);
    case.caller().connect(case.pod(8080)).passes(&["app"]);
    case.apply(&TPROXY);
    let mut connection = case.caller().connect(case.pod(8080)).passes(&["inbound", "app"]);
    for _ in 0..20 {
        connection.talk();
    }
    let app = connection.hops.last().unwrap();
    assert_eq!((app.peer.ip(), app.local), (family.world(), case.pod(8080)));
}

fn service_address_of_the_pod_itself_end_to_end(kind: Backend, family: Family) {
    let mut case = Case::for_tproxy(kind, family);
    case.app(8080);
    case.server(80);
    let outbound = Relay { to: Some(case.pod(8080)), source: Source::Any };
    case.relay("outbound", 15001, Transparent::No, outbound);
    let inbound = Relay { to: None, source: Source::Address(family.proxy_source()) };
    case.relay("inbound", 15006, Transparent::Yes, inbound);
    case.application().connect(case.service(80)).passes(&["server"]);
    case.apply(&TPROXY);
    case.application().connect(case.service(80)).passes(&["outbound", "inbound", "app"]).talk();
}

/// A transparent listener of the proxy that does not answer by itself.
fn silent(case: &Case) -> TcpListener {
    let at = SocketAddr::new(case.family.any(), 15006);
    case.pod.enter(TPROXY_PROXY, || {
        let socket = bound(Type::STREAM, Protocol::TCP, at, Transparent::Yes).expect("bind");
        // One connection waits to be accepted; first packets of further connections are dropped meanwhile.
        socket.listen(0).expect("listen");
        socket.into()
    })
}

/// A client that always has the same port.
fn with_one_port(case: &Case) -> Client<'_> {
    case.caller().from(SocketAddr::new(case.family.world(), ONE_PORT))
}

const ONE_PORT: u16 = 0x9c9c;

/// The kernel would take the entry of the connection again, which has no NAT.
fn port_of_a_connection_that_was_reset_is_captured_after_a_change_to_redirect(kind: Backend, family: Family) {
    let mut case = Case::for_tproxy(kind, family);
    case.app(8080);
    case.apply(&TPROXY);
    let listener = silent(&case);
    let connection = with_one_port(&case).stream(case.pod(8080)).expect("the listener's queue takes one");
    let (accepted, _) = listener.accept().expect("it is there");
    SockRef::from(&accepted).set_linger(Some(Duration::ZERO)).expect("it resets at its end");
    drop((accepted, listener));
    wait_until("it is reset", || SockRef::from(&connection).take_error().is_ok_and(|error| error.is_some()));
    drop(connection);
    case.proxy("inbound", 15006, Transparent::No);
    case.apply(&[]);
    with_one_port(&case).connect(case.pod(8080)).captured_by("inbound");
}

/// Conntrack has an entry for the first packet, though it has not been answered.
fn repeated_first_packet_is_captured_after_a_change_to_redirect(kind: Backend, family: Family) {
    let mut case = Case::for_tproxy(kind, family);
    case.app(8080);
    case.apply(&TPROXY);
    let listener = silent(&case);
    let _waits = case.caller().stream(case.pod(8080)).expect("the listener's queue takes one");
    let (world, to) = (case.world.clone(), case.pod(8080));
    let from = SocketAddr::new(case.family.world(), ONE_PORT);
    let client = std::thread::spawn(move || Client::new(&world, ROOT).from(from).connect(to));
    let is_sent = || {
        ["tcp", "tcp6"].iter().any(|name| {
            let sockets = fs::read_to_string(format!("/proc/thread-self/net/{name}")).expect("sockets");
            sockets.lines().any(|line| line.contains(&format!(":{ONE_PORT:04X} ")) && line.contains(":1F90 02 "))
        })
    };
    wait_until("the first packet is sent", || case.world.enter(ROOT, is_sent));
    drop(listener);
    case.proxy("inbound", 15006, Transparent::Yes);
    case.apply(&[]);
    // It is repeated before the change, or after it.
    assert_eq!(client.join().expect("it comes about").landing().name, "inbound");
}
