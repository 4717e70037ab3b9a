//! What is answered to which request.

use std::process::Command;

use crate::{mark, patch, review, small_pod, start};

#[test]
fn a_pod_is_injected_over_http1_and_http2_by_curl() {
    let server = start(&[]);
    let (url, ca) = (format!("https://localhost:{}/inject", server.address.port()), server.folder.0.join("ca.pem"));
    for (version, want) in [("--http1.1", "1.1 200"), ("--http2", "2 200")] {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", version, "--cacert", ca.to_str().unwrap()])
            .args(["--resolve", &format!("localhost:{}:127.0.0.1", server.address.port())])
            .args(["--header", "Content-Type: application/json", "--data-binary", &small_pod()])
            .args(["--write-out", "\n%{http_version} %{http_code}", &url])
            .output()
            .unwrap_or_else(|error| panic!("curl is missing (scripts/test installs it): {error}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let out = String::from_utf8(output.stdout).unwrap();
        let (body, got) = out.rsplit_once('\n').unwrap();
        assert_eq!(got, want);
        assert_eq!(mark(body), "one");
    }
}

#[test]
fn a_connection_takes_many_requests() {
    let server = start(&[]);
    let mut connection = server.client().connect().unwrap();
    for _ in 0..100 {
        let response = connection.post("/inject", &small_pod()).unwrap();
        assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
        assert_eq!(mark(&response.body), "one");
    }
}

#[test]
fn parameters_of_the_path_count() {
    let folder = crate::Folder::new(&crate::Authority::new());
    let server = crate::Server::start(folder, &[]);
    let response = server.client().post("/inject/cluster/c%201/net/n1", &small_pod()).unwrap();
    let patch = patch(&response.body);
    assert!(patch.contains("n1"), "{patch}");
}

#[test]
fn what_is_no_review_gets_a_status_with_the_reason() {
    let server = start(&[]);
    let client = server.client();
    let json = [("Content-Type", "application/json")];
    let large = vec![b' '; (8 << 20) + 1];
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);
    let cases: [Case<'_>; 13] = [
        ("GET", "/inject", &[], b"", 405, "use POST"),
        ("PUT", "/inject/cluster/c", &json, b"{}", 405, "use POST"),
        ("POST", "/healthz", &json, b"{}", 405, "use GET, HEAD"),
        ("POST", "/", &json, b"{}", 404, "POST reviews to /inject"),
        ("POST", "/injection", &json, b"{}", 404, "POST reviews to /inject"),
        ("POST", "/inject", &[], b"{}", 415, "invalid Content-Type \"\", want `application/json`"),
        ("POST", "/inject", &[("Content-Type", "text/yaml")], b"{}", 415, "text/yaml"),
        ("POST", "/inject", &json, b"", 400, "no body found"),
        ("POST", "/inject", &json, b"{\"kind\":", 400, "Could not decode body"),
        ("POST", "/inject", &json, b"{}", 400, "it has to be an AdmissionReview"),
        (
            "POST",
            "/inject",
            &json,
            b"{\"apiVersion\":\"admission.k8s.io/v2\",\"kind\":\"AdmissionReview\"}",
            400,
            "admission.k8s.io/v2",
        ),
        (
            "POST",
            "/inject",
            &json,
            b"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}",
            400,
            "has no request",
        ),
        ("POST", "/inject", &json, &large, 413, "Request entity too large: limit is 8388608"),
    ];
    for (method, path, headers, body, status, text) in cases {
        let response = client.connect().unwrap().send(method, path, headers, body);
        let response = response.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert_eq!(response.status, status, "{method} {path}: {response:?}");
        assert!(response.body.contains(text), "{method} {path}: {response:?}");
    }
    // With parameters it is the same type.
    let typed = [("Content-Type", "Application/JSON; charset=utf-8")];
    let response = client.connect().unwrap().send("POST", "/inject", &typed, small_pod().as_bytes()).unwrap();
    assert_eq!(response.status, 200);
    let metrics = client.get("/metrics").unwrap().body;
    for line in [
        "sidecar_injection_requests_total 11",
        "sidecar_injection_success_total 1",
        "sidecar_injector_responses_total{code=\"413\"} 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}:\n{metrics}");
    }
}

#[test]
fn a_body_without_a_length_is_limited_too() {
    let server = start(&[]);
    let mut connection = server.client().connect().unwrap();
    connection
        .write(
            b"POST /inject HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .unwrap();
    let mut chunk = b"100000\r\n".to_vec();
    chunk.extend(vec![b' '; 1 << 20]);
    chunk.extend(b"\r\n");
    // It may stop reading before all is sent.
    let _ = (0..9).try_for_each(|_| connection.write(&chunk)).and_then(|()| connection.write(b"0\r\n\r\n"));
    assert_eq!(connection.response().unwrap().status, 413);
    assert_eq!(server.client().post("/inject", &small_pod()).unwrap().status, 200);
}

#[test]
fn headers_are_limited() {
    let server = start(&[]);
    let mut connection = server.client().connect().unwrap();
    let long = "x".repeat(70_000);
    let response = connection.send("GET", "/healthz", &[("X-Long", &long)], b"");
    assert!(response.is_err() || response.unwrap().status == 431);
    assert_eq!(server.client().get("/healthz").unwrap().status, 200);
}

#[test]
fn a_refused_pod_is_answered_with_its_reason() {
    let server = start(&["--log-level", "debug"]);
    let pod = review(
        r#"{"metadata":{"name":"web\nforged","annotations":{"status.sidecar.istio.io/port":"secret"}},"spec":{"containers":[{"name":"app"}]}}"#,
    );
    let response = server.client().post("/inject", &pod).unwrap();
    assert_eq!(response.status, 200);
    assert!(response.body.contains("status.sidecar.istio.io/port") && response.body.contains("\"allowed\":false"));
    let line = server.wait_for("decision=refused");
    assert!(line.contains("name=\"web\\nforged\""), "{line}");
    assert!(!line.contains("secret"), "{line}");
}

#[test]
fn monitoring_has_no_admissions_and_needs_no_tls() {
    let server = start(&["--monitoring", "127.0.0.1:0"]);
    let line = server.wait_for("serving health and metrics");
    let address = crate::support::value(&line, "address").to_owned();
    let get = |path: &str| {
        let output = Command::new("curl")
            .args(["--silent", "--write-out", "\n%{http_code}"])
            .arg(format!("http://{address}{path}"))
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert_eq!(get("/healthz"), "ok\n\n200");
    assert!(get("/readyz").ends_with("\n200"));
    assert!(get("/metrics").contains("sidecar_injector_build_info{"));
    assert!(get("/inject").ends_with("\n404"));
}

#[test]
fn a_self_signed_certificate_verifies_with_its_ca() {
    let folder = crate::Folder::new(&crate::Authority::new());
    let server = crate::Server::start(folder, &["--self-signed", "--monitoring", "127.0.0.1:0"]);
    let line = server.wait_for("serving health and metrics");
    let address = crate::support::value(&line, "address").to_owned();
    let ca = Command::new("curl").args(["--silent", &format!("http://{address}/ca.pem")]).output().unwrap().stdout;
    let client = crate::client::Client::new(server.address, &String::from_utf8(ca).unwrap());
    assert_eq!(client.get("/readyz").unwrap().status, 200);
}
