//! `check`, with a server that really answers.

use std::process::Command;

use crate::server::{Authority, Folder, Server};

/// Exit status and standard output for a webhook configuration that calls the server.
fn check(server: &Server, ca: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let bundle = data_encoding::BASE64.encode(ca.as_bytes());
    let port = server.address.port();
    let configuration = format!(
        "kind: MutatingWebhookConfiguration\nmetadata: {{name: injector, labels: {{istio.io/rev: default}}}}\nwebhooks:\n\
         - name: namespace.sidecar-injector.istio.io\n  clientConfig: {{caBundle: {bundle}, url: 'https://localhost:{port}/inject'}}\n  \
         admissionReviewVersions: [v1]\n  sideEffects: None\n  failurePolicy: Fail\n  \
         rules: [{{operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}}]\n  \
         namespaceSelector: {{matchLabels: {{istio-injection: enabled}}}}\n"
    );
    let file = server.folder.0.join("configuration.yaml");
    std::fs::write(&file, configuration).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sidecar-injector"))
        .args(["check", "-f", file.to_str().unwrap()])
        .args(arguments)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_certificate_that_is_served_is_checked_as_an_api_server_does() {
    let authority = Authority::new();
    let server = Server::start(Folder::new(&authority), &[]);
    let address = server.address.to_string();
    let (code, out) = check(&server, &authority.pem, &["--address", &address]);
    assert_eq!((code, out.as_str()), (Some(0), "webhooks checked: 1, errors: 0, warnings: 0\n"));

    let (code, out) = check(&server, &Authority::new().pem, &["--address", &address]);
    assert_eq!(code, Some(1));
    assert!(out.contains(&format!("error: injector: namespace.sidecar-injector.istio.io: {address} serves a certificate that API servers refuse")), "{out}");

    let (code, out) = check(&server, "no CA", &["--address", &address]);
    assert_eq!(code, Some(1));
    assert!(out.contains("caBundle is not a CA"), "{out}");
}

#[test]
fn who_cannot_be_reached_is_a_warning() {
    let authority = Authority::new();
    let mut server = Server::start(Folder::new(&authority), &[]);
    server.signal("TERM");
    server.wait();
    let address = server.address.to_string();
    let (code, out) = check(&server, &authority.pem, &["--address", &address]);
    assert_eq!(code, Some(0));
    assert!(out.contains("cannot be reached from here"), "{out}");
    assert_eq!(check(&server, &authority.pem, &["--address", &address, "--strict"]).0, Some(1));
    assert_eq!(check(&server, &authority.pem, &[]).1, "webhooks checked: 1, errors: 0, warnings: 0\n");
}
