//! Connections that do not leave the pod, in REDIRECT mode.

use std::net::SocketAddr;

use crate::support::{Case, Family, Relay, Source, Transparent};
use harness::Backend;

for_all_and_native!(
    application_to_itself_is_not_captured,
    proxy_to_the_pods_address_comes_back_through_its_inbound_side,
    proxys_inbound_side_reaches_the_application,
    tunnel_to_the_pod_itself_is_not_captured,
    service_address_of_the_pod_itself_end_to_end,
    loopback_range_is_captured_if_it_is_included,
);

fn application_to_itself_is_not_captured(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    let call = |to| case.application().connect(to).reaches("app");
    call(case.loopback(8080));
    call(case.pod(8080));
    case.apply(&[]);
    case.is_captured();
    call(case.loopback(8080));
    call(case.pod(8080));
}

fn proxy_to_the_pods_address_comes_back_through_its_inbound_side(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    case.sidecar().connect(case.pod(8080)).reaches("app");
    case.apply(&[]);
    case.sidecar().connect(case.pod(8080)).captured_by("inbound");
    case.someone(1000, 1337).connect(case.pod(8080)).reaches("app");
    // Its own listeners and the application by 127.0.0.1 are not meant.
    case.sidecar().connect(case.loopback(8080)).reaches("app");
}

fn proxys_inbound_side_reaches_the_application(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    case.sidecar().connect(case.pod(8080)).reaches("app");
    case.apply(&[]);
    let from = SocketAddr::new(family.proxy_source(), 0);
    let connection = case.sidecar().from(from).connect(case.pod(8080)).reaches("app");
    assert_eq!(connection.landing().peer.ip(), family.proxy_source());
    // From another address it would come back to that side.
    case.sidecar().connect(case.pod(8080)).captured_by("inbound");
}

fn tunnel_to_the_pod_itself_is_not_captured(kind: Backend, family: Family) {
    let mut case = Case::populated(kind, family);
    case.proxy("tunnel", 15008, Transparent::No);
    case.sidecar().connect(case.pod(15008)).reaches("tunnel");
    case.apply(&[]);
    case.sidecar().connect(case.pod(8080)).captured_by("inbound");
    case.sidecar().connect(case.pod(15008)).reaches("tunnel");
}

/// Application, outbound side, inbound side, application: what "app -> own service" takes in a mesh.
fn service_address_of_the_pod_itself_end_to_end(kind: Backend, family: Family) {
    let mut case = Case::new(kind, family);
    case.app(8080);
    case.server(80);
    // The outbound side picks the pod itself as the service's endpoint.
    let endpoint = Some(case.pod(8080));
    case.relay("outbound", 15001, Transparent::No, Relay { to: endpoint, source: Source::Any });
    let source = Source::Address(family.proxy_source());
    case.relay("inbound", 15006, Transparent::No, Relay { to: None, source });
    case.application().connect(case.service(80)).passes(&["server"]);
    case.apply(&[]);
    let mut connection = case.application().connect(case.service(80)).passes(&["outbound", "inbound", "app"]);
    connection.talk();
    let [outbound, inbound, app] = &connection.hops[..] else { unreachable!("three, see above") };
    assert_eq!(outbound.original, Some(case.service(80)));
    assert_eq!(inbound.original, endpoint);
    assert_eq!((app.peer.ip(), app.local), (family.proxy_source(), case.pod(8080)));
    // A client of the world takes the second half of the way.
    case.caller().connect(case.pod(8080)).passes(&["inbound", "app"]).talk();
}

fn loopback_range_is_captured_if_it_is_included(kind: Backend, family: Family) {
    let case = Case::populated(kind, family);
    let (to, included) = match family {
        Family::Ipv4 => (SocketAddr::from(([127, 1, 2, 3], 8080)), "127.0.0.0/8"),
        // All of IPv6's loopback range is excluded: what the range changes there is that an application's
        // connection over lo to another address, here the pod's, gets as far as the included ranges.
        Family::Ipv6 => (case.pod(8080), "::1/128,fd00:77::2/128"),
    };
    case.application().connect(to).reaches("app");
    case.apply(&["-i", included]);
    case.application().connect(to).captured_by("outbound");
    case.application().connect(case.loopback(8080)).reaches("app");
    // What is of the proxy's group, by another user, now comes back through the inbound side too.
    case.someone(1000, 1337).connect(case.pod(8080)).captured_by("inbound");
}
