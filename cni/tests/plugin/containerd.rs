//! Real containerd: sandboxes with the annotations of injected pods, and real connections from and to them.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;

use harness::{Namespace, PROXY, ROOT};
use node::{Node, Sandbox};
use serde_json::{Value, json};

use super::pod::{self, Listener};
use super::{PROGRAM, STATUS};

/// A node with the plugin, if this machine can have one.
fn node(more: Value) -> Option<Node> {
    let programs = [&node::PROGRAMS[..], &["nft", "ip"]].concat();
    harness::can_run(&programs).then(|| {
        let mut object = json!({"type": "istio-cni", "capabilities": {"io.kubernetes.cri.pod-annotations": true}});
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Node::start(&[(Path::new(PROGRAM), object)])
    })
}

/// The annotations of an injected pod, with these further ones.
fn injected<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("sidecar.istio.io/status", STATUS)], more].concat()
}

/// The network namespace of a sandbox.
fn inside(sandbox: &Sandbox) -> Namespace {
    Namespace::at("sandbox", &sandbox.namespace)
}

const DUAL_STACK: (&str, &str) = ("proxy.istio.io/config", "proxyMetadata: {ISTIO_DUAL_STACK: 'true'}");

/// The address at which a connection from outside to this port of the pod reaches the inbound listener.
fn inbound(sandbox: &Sandbox, address: IpAddr, port: u16, transparent: bool) -> SocketAddr {
    let listener = inside(sandbox).enter(ROOT, || Listener::new(15006, address.is_ipv6(), transparent));
    std::thread::scope(|scope| {
        let server = scope.spawn(|| listener.serve_one());
        assert_eq!(pod::greeting((address, port).into()), "proxy");
        server.join().unwrap()
    })
}

/// Fails unless a connection from the application to anywhere arrives at the outbound listener.
fn outbound_is_captured(sandbox: &Sandbox, to: &str) {
    let to: SocketAddr = to.parse().unwrap();
    inside(sandbox).enter(ROOT, || {
        let listener = Listener::new(15001, to.is_ipv6(), false);
        std::thread::scope(|scope| {
            let server = scope.spawn(|| listener.serve_one());
            assert_eq!(pod::greeting(to), "proxy");
            server.join().unwrap()
        })
    });
}

/// A server on the node, at the address of a pod's gateway.
fn server_on_the_node(gateway: IpAddr) -> (SocketAddr, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind((gateway, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || std::io::Write::write_all(&mut listener.accept().unwrap().0, b"outside").unwrap();
    (address, std::thread::spawn(serve))
}

#[test]
fn an_injected_pod_is_captured_both_ways_in_both_families() {
    let Some(node) = node(json!({})) else { return };
    let sandbox = node.run("sleep", &injected(&[DUAL_STACK])).unwrap();
    let [ipv4, ipv6] = sandbox.addresses[..] else { panic!("{sandbox:?}") };
    for address in [ipv4, ipv6] {
        assert_eq!(inbound(&sandbox, address, 8080, false).port(), 15006);
    }
    outbound_is_captured(&sandbox, "203.0.113.7:80");
    outbound_is_captured(&sandbox, "[2001:db8::7]:80");
    // The proxy's own connections reach their destinations.
    let (address, server) = server_on_the_node(node.gateway);
    let seen = inside(&sandbox).enter(PROXY, || pod::greeting(address));
    assert_eq!(seen, "outside");
    server.join().unwrap();
    node.remove(&sandbox).unwrap();
    assert!(!sandbox.namespace.exists(), "the namespace went, and the rules with it");
}

#[test]
fn with_tproxy_the_inbound_listener_sees_the_address_that_was_asked_for() {
    let Some(node) = node(json!({})) else { return };
    let mode = ("sidecar.istio.io/interceptionMode", "TPROXY");
    let sandbox = node.run("sleep", &injected(&[mode, DUAL_STACK])).unwrap();
    for address in sandbox.addresses.clone() {
        assert_eq!(inbound(&sandbox, address, 8080, true), SocketAddr::from((address, 8080)));
    }
    outbound_is_captured(&sandbox, "203.0.113.7:80");
}

#[test]
fn dns_goes_to_the_agent() {
    let Some(node) = node(json!({"defaults": {"redirect_dns": true}})) else { return };
    let sandbox = node.run("sleep", &injected(&[])).unwrap();
    let query = inside(&sandbox).enter(ROOT, || pod::dns_query("203.0.113.53:53".parse().unwrap()));
    assert_eq!(query, "query");
}

#[test]
fn a_pod_without_a_sidecar_is_untouched() {
    let Some(node) = node(json!({})) else { return };
    let gateway = injected(&[("inject.istio.io/templates", "gateway")]);
    for (name, annotations) in [("none", vec![]), ("others", vec![("app", "x")]), ("gateway", gateway)] {
        let sandbox = node.run(name, &annotations).unwrap();
        let rules = pod::rules(&inside(&sandbox));
        assert!(!rules.contains("istio"), "{rules}");
    }
    assert!(node.log().contains("ADD default/none"), "the log tells about it:\n{}", node.log());
}

#[test]
fn a_wrong_annotation_refuses_the_pod_with_what_is_allowed() {
    let Some(node) = node(json!({})) else { return };
    let wrong = ("traffic.sidecar.istio.io/excludeInboundPorts", "http");
    let error = node.run("sleep", &injected(&[wrong])).unwrap_err();
    for part in [
        "pod default/sleep: annotation traffic.sidecar.istio.io/excludeInboundPorts cannot contain \"http\"",
        "a port is",
    ] {
        assert!(error.contains(part), "{part:?} is missing in: {error}");
    }
    // The same pod starts once it is mended.
    node.run("sleep", &injected(&[])).unwrap();
}

#[test]
fn without_the_capability_no_pod_starts_unseen() {
    let Some(node) = node(json!({"capabilities": {}})) else { return };
    let error = node.run("sleep", &injected(&[])).unwrap_err();
    assert!(error.contains("io.kubernetes.cri.pod-annotations"), "{error}");
}

#[test]
fn redirection_is_proved_before_the_pod_starts_if_that_is_asked_for() {
    let Some(node) = node(json!({"validate": true, "log_level": "debug"})) else { return };
    node.run("sleep", &injected(&[])).unwrap();
    assert!(node.log().contains("reached port 15006"), "{}", node.log());
}

#[test]
fn many_pods_at_once_get_their_rules() {
    let Some(node) = node(json!({})) else { return };
    let names: Vec<_> = (0..10).map(|i| format!("sleep-{i}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for answer in node.run_all(&names, &injected(&[])) {
        let sandbox = node.sandbox(&answer.unwrap()).unwrap();
        assert!(pod::rules(&inside(&sandbox)).contains("istio-in-redirect"));
    }
}
