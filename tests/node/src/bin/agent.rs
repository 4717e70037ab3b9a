//! Stands in for Istio's agent in an image of `proxyv2`, as far as its templates count on it: as an init container it becomes
//! `istio-iptables`; as a sidecar it starts Envoy, answers at 15021 whether Envoy is ready, and at 15020 the probes of the
//! application that were rewritten (`ISTIO_KUBE_APP_PROBERS`).

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a stand-in for tests: what it does not expect is an error of the test"
)]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Arc;

use node::probe::get;
use serde_json::{Value, json};

/// Envoy's admin interface.
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 15000);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("istio-iptables") => {
            let mut command = Command::new("/usr/local/bin/istio-iptables");
            panic!("{}", command.args(&arguments[1..]).env("NATIVE_NFTABLES", "true").exec());
        }
        Some("proxy") => sidecar(),
        other => panic!("a command that Istio's templates do not give: {other:?}"),
    }
}

fn sidecar() {
    for file in ["/var/run/secrets/tokens/istio-token", "/etc/istio/pod/labels", "/var/run/secrets/istio/root-cert.pem"]
    {
        assert!(std::fs::metadata(file).is_ok(), "{file} is missing");
    }
    let probes = std::env::var("ISTIO_KUBE_APP_PROBERS").unwrap_or_else(|_| "{}".to_owned());
    let probes: HashMap<String, Value> = serde_json::from_str(&probes).expect("ISTIO_KUBE_APP_PROBERS");
    let own: IpAddr = std::env::var("INSTANCE_IP").expect("INSTANCE_IP").parse().expect("INSTANCE_IP");
    serve(15021, Arc::new(|path: &str| if path == "/healthz/ready" { status(ADMIN, "/ready") } else { 404 }));
    serve(
        15020,
        Arc::new(move |path: &str| {
            let Some(probe) = probes.get(path) else { return 404 };
            let port = probe["httpGet"]["port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port");
            status((own, port).into(), probe["httpGet"]["path"].as_str().unwrap_or("/"))
        }),
    );
    let mut envoy = Command::new("/usr/local/bin/envoy");
    let ended = envoy.args(["--log-level", "warning", "--config-yaml"]).arg(bootstrap().to_string()).status();
    panic!("Envoy ended: {ended:?}");
}

fn status(address: SocketAddr, path: &str) -> u16 {
    get(address, path, &[]).map_or(503, |(status, _)| status)
}

/// Answers each request at this port with the status that a function has for its path.
fn serve(port: u16, answer: Arc<dyn Fn(&str) -> u16 + Send + Sync>) {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("a port of the pod");
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || answer_one(connection, &*answer));
        }
    });
}

fn answer_one(mut connection: TcpStream, answer: &dyn Fn(&str) -> u16) -> Option<()> {
    let mut lines = BufReader::new(connection.try_clone().ok()?).lines();
    let request = lines.next()?.ok()?;
    lines.find(|line| !line.as_ref().is_ok_and(|line| !line.is_empty()));
    let status = answer(request.split(' ').nth(1)?);
    write!(connection, "HTTP/1.1 {status} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()
}

/// Two listeners, which send each connection on to its original destination, and log it.
fn bootstrap() -> Value {
    let kind = |name: &str| format!("type.googleapis.com/envoy.extensions.{name}");
    let address = |address: &str, port: u16| json!({"socket_address": {"address": address, "port_value": port}});
    let listener = |name: &str, port: u16| {
        let format = format!("{name} %DOWNSTREAM_REMOTE_ADDRESS% to %DOWNSTREAM_LOCAL_ADDRESS%\n");
        let log = json!({"name": "log", "typed_config": {
            "@type": kind("access_loggers.file.v3.FileAccessLog"), "path": "/dev/stdout",
            "log_format": {"text_format_source": {"inline_string": format}},
        }});
        let proxy = json!({"name": "envoy.filters.network.tcp_proxy", "typed_config": {
            "@type": kind("filters.network.tcp_proxy.v3.TcpProxy"), "stat_prefix": name, "cluster": name,
            "access_log": [log],
        }});
        let original = json!({"name": "envoy.filters.listener.original_dst", "typed_config": {
            "@type": kind("filters.listener.original_dst.v3.OriginalDst"),
        }});
        json!({
            "name": name, "address": address("0.0.0.0", port), "listener_filters": [original],
            "filter_chains": [{"filters": [proxy]}],
        })
    };
    let cluster = |name: &str| json!({"name": name, "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"});
    let mut inbound = cluster("inbound");
    inbound["upstream_bind_config"] = json!({"source_address": {"address": "127.0.0.6", "port_value": 0}});
    json!({
        "admin": {"address": address("127.0.0.1", ADMIN.port())},
        "static_resources": {
            "listeners": [listener("outbound", 15001), listener("inbound", 15006)],
            "clusters": [cluster("outbound"), inbound],
        },
    })
}
