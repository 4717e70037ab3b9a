//! The webhook's server, as the real program, with real connections.
#![cfg(feature = "webhook")]
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod check;
mod client;
mod faults;
mod requests;
mod server;
#[path = "../support/mod.rs"]
mod support;

use server::{Authority, Folder, Server};

const TEMPLATE: &str = "policy: enabled\ntemplates:\n  sidecar: |\n    metadata:\n      labels: {by: \"MARK\", hub: \"{{ .Values.global.hub }}\"}\n";

/// A configuration whose template and values bear the same mark.
fn mount_configuration(folder: &Folder, mark: &str) {
    let config = TEMPLATE.replace("MARK", mark);
    let values = format!(r#"{{"global": {{"hub": "{mark}"}}}}"#);
    folder.mount("config", &[("config", &config), ("values", &values)]);
}

/// A server with a small configuration that bears a mark.
fn start(arguments: &[&str]) -> Server {
    let folder = Folder::new(&Authority::new());
    mount_configuration(&folder, "one");
    Server::start(folder, arguments)
}

fn review(pod: &str) -> String {
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"the-uid","operation":"CREATE","namespace":"default","object":{pod}}}}}"#
    )
}

fn small_pod() -> String {
    review(
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"},"spec":{"containers":[{"name":"app","image":"app"}]}}"#,
    )
}

/// The patch of an answer, as text.
fn patch(body: &str) -> String {
    let answer: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(answer["response"]["uid"], "the-uid", "{body}");
    let patch = answer["response"]["patch"].as_str().unwrap_or_else(|| panic!("no patch: {body}"));
    String::from_utf8(data_encoding::BASE64.decode(patch.as_bytes()).unwrap()).unwrap()
}

/// The one mark that a patch has in template and values.
fn mark(body: &str) -> String {
    let patch = patch(body);
    let label = |name: &str| {
        let start = patch.find(&format!("\"{name}\":\"")).unwrap_or_else(|| panic!("{patch}")) + name.len() + 4;
        patch[start..].split('"').next().unwrap().to_owned()
    };
    let (by, hub) = (label("by"), label("hub"));
    assert_eq!(by, hub, "an answer from two configurations");
    by
}
