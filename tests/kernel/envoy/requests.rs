//! Single requests, and what Envoy knows of them.

use std::net::SocketAddr;

use super::config::OWN_SERVICE_PORT;
use super::sidecar::{Mesh, request};
use super::{Mode, for_all};
use crate::support::Family;

for_all!(out, inwards, excluded, own_service, validated);

const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];

fn out(mesh: Mesh) {
    for family in FAMILIES {
        let to = SocketAddr::new(family.service(), 80);
        let answer = request(mesh.application(), to, "/before").unwrap();
        assert_eq!(answer, format!("server {} /before", family.pod()));
    }
    mesh.apply(&[]);
    for family in FAMILIES {
        let to = SocketAddr::new(family.service(), 80);
        let answer = request(mesh.application(), to, "/out").unwrap();
        assert_eq!(answer, format!("server {} /out", family.pod()));
        let lines = mesh.wait_for_log("the request in the log", 1, |l| l.to == to);
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((line.side.as_str(), line.at, line.from.ip()), ("outbound", Some(to), family.pod()));
    }
    assert_eq!(mesh.log().len(), 2, "Envoy's own connections were captured: {:?}", mesh.log());
}

fn inwards(mesh: Mesh) {
    for family in FAMILIES {
        let to = SocketAddr::new(family.pod(), 8080);
        let answer = request(mesh.caller(), to, "/before").unwrap();
        assert_eq!(answer, format!("app {} /before", family.world()));
    }
    mesh.apply(&[]);
    for family in FAMILIES {
        let to = SocketAddr::new(family.pod(), 8080);
        let seen = match mesh.mode() {
            Mode::Redirect => family.proxy_source(),
            Mode::Tproxy => family.world(),
        };
        let answer = request(mesh.caller(), to, "/in").unwrap();
        assert_eq!(answer, format!("app {seen} /in"));
        let lines = mesh.wait_for_log("the request in the log", 1, |l| l.to == to);
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((line.side.as_str(), line.at, line.from.ip()), ("inbound", Some(to), family.world()));
        assert_eq!(line.via.map(|a| a.ip()), Some(seen));
    }
    assert_eq!(mesh.log().len(), 2, "{:?}", mesh.log());
}

fn excluded(mesh: Mesh) {
    mesh.apply(&[]);
    for family in FAMILIES {
        let answer = request(mesh.caller(), SocketAddr::new(family.pod(), 15021), "/probe").unwrap();
        assert_eq!(answer, format!("app {} /probe", family.world()));
        let answer = request(mesh.application(), SocketAddr::new(family.service(), 9090), "/out").unwrap();
        assert_eq!(answer, format!("server {} /out", family.pod()));
        // After them in the log, if they were in it.
        let to = SocketAddr::new(family.service(), 80);
        request(mesh.application(), to, "/captured").unwrap();
        mesh.wait_for_log("the captured one in the log", 1, |l| l.to == to);
    }
    assert_eq!(mesh.log().len(), 2, "{:?}", mesh.log());
}

/// Application, outbound listener, inbound listener, application.
fn own_service(mesh: Mesh) {
    for family in FAMILIES {
        let to = SocketAddr::new(family.service(), OWN_SERVICE_PORT);
        assert!(request(mesh.application(), to, "/before").unwrap().starts_with("server "));
    }
    mesh.apply(&[]);
    for family in FAMILIES {
        let service = SocketAddr::new(family.service(), OWN_SERVICE_PORT);
        let pod = SocketAddr::new(family.pod(), 8080);
        let answer = request(mesh.application(), service, "/own").unwrap();
        assert!(answer.starts_with("app ") && answer.ends_with(" /own"), "{answer}");
        let [outbound] = &mesh.wait_for_log("outbound", 1, |l| l.to == service)[..] else { panic!("not once") };
        let [inbound] = &mesh.wait_for_log("inbound", 1, |l| l.to == pod)[..] else { panic!("not once") };
        assert_eq!((outbound.side.as_str(), inbound.side.as_str()), ("outbound", "inbound"));
        assert_eq!((outbound.at, inbound.at), (Some(pod), Some(pod)));
    }
    assert_eq!(mesh.log().len(), 4, "{:?}", mesh.log());
}

/// The validation meets a proxy that runs already.
fn validated(mesh: Mesh) {
    mesh.apply(&[]);
    let output = mesh.program(&["--run-validation", "--skip-rule-apply"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("in use by the running proxy (envoy (process "), "{text}");
}
