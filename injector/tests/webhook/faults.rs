//! What changes or goes wrong while the server runs.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::server::{Authority, Folder, Server};
use crate::{mark, mount_configuration, review, small_pod, start};

/// How often something is replaced; `WEBHOOK_RELOADS=1000` for the whole proof.
fn reloads() -> usize {
    std::env::var("WEBHOOK_RELOADS").ok().and_then(|count| count.parse().ok()).unwrap_or(40)
}

#[test]
fn a_new_configuration_is_taken_whole_and_a_broken_one_is_refused() {
    let server = start(&[]);
    let client = server.client();
    mount_configuration(&server.folder, "two");
    server.wait_for("in use input=configuration");
    assert_eq!(mark(&client.post("/inject", &small_pod()).unwrap().body), "two");

    for (config, reason) in [
        ("policy: enabled\ntemplates:\n  sidecar: '{{ .Broken'\n", "template"),
        ("policy: enabled\ntemplates:\n  sidecar: '{{ .NoSuchField }}'\n", "a sample pod cannot be injected"),
        ("policy: [\n", "template"),
    ] {
        server.folder.mount("config", &[("config", config), ("values", "{}")]);
        let line = server.wait_for("rejected, the previous one stays");
        assert!(line.contains(reason), "{line}");
        assert_eq!(mark(&client.post("/inject", &small_pod()).unwrap().body), "two");
        let ready = client.get("/readyz").unwrap();
        assert_eq!(ready.status, 200);
        assert!(ready.body.contains("[!] configuration: a newer one was rejected at"), "{}", ready.body);
    }
    let metrics = client.get("/metrics").unwrap().body;
    assert!(metrics.contains("sidecar_injector_last_reload_successful{input=\"configuration\"} 0\n"), "{metrics}");

    fs::remove_file(server.folder.0.join("config/values")).unwrap();
    server.wait_for("rejected, the previous one stays");
    mount_configuration(&server.folder, "three");
    server.wait_for("in use input=configuration");
    assert_eq!(mark(&client.post("/inject", &small_pod()).unwrap().body), "three");
    assert!(!client.get("/readyz").unwrap().body.contains("[!]"));
}

#[test]
fn a_new_certificate_is_served_and_connections_stay() {
    let authority = Authority::new();
    let server = Server::start(Folder::new(&authority), &[]);
    let client = server.client();
    let mut old = client.connect().unwrap();
    let replace = |certificate: &str, key: &str| {
        server.folder.mount("tls", &[("tls.crt", certificate), ("tls.key", key)]);
    };
    let (certificate, key) = authority.issue();
    replace(&certificate, &key);
    server.wait_for("in use input=certificate");
    let new = client.connect().unwrap().certificate();
    assert_ne!(old.certificate(), new);
    assert_eq!(old.send("GET", "/healthz", &[], b"").unwrap().status, 200);

    let other = authority.issue();
    for (certificate, key, reason) in [
        (&certificate, &other.1, "does not belong to the first certificate"),
        (&other.1, &other.1, "there is no certificate"),
        (&certificate, &certificate, "there is no private key"),
    ] {
        replace(certificate, key);
        let line = server.wait_for("rejected, the previous one stays");
        assert!(line.contains(reason), "{line}");
        assert_eq!(client.connect().unwrap().certificate(), new);
    }
    replace(&other.0, &other.1);
    server.wait_for("in use input=certificate");
    assert_ne!(client.connect().unwrap().certificate(), new);
}

#[test]
fn files_that_are_written_in_place_are_taken_too() {
    let server = start(&[]);
    let values = server.folder.0.join("config/values");
    fs::write(server.folder.0.join("config/config"), crate::TEMPLATE.replace("MARK", "three")).unwrap();
    fs::write(values, r#"{"global": {"hub": "three"}}"#).unwrap();
    let client = server.client();
    loop {
        server.wait_for("in use input=configuration");
        let body = client.post("/inject", &small_pod()).unwrap().body;
        // Two files are not written at once: the first may be taken alone.
        if crate::patch(&body).matches("three").count() == 2 {
            return;
        }
    }
}

#[test]
fn no_request_fails_or_is_mixed_while_inputs_are_replaced() {
    let authority = Authority::new();
    let folder = Folder::new(&authority);
    mount_configuration(&folder, "0");
    let server = Server::start(folder, &[]);
    let (client, done, answered) = (server.client(), AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut kept = client.connect().unwrap();
                let mut newest = 0;
                while !done.load(Ordering::Relaxed) {
                    for body in [
                        kept.post("/inject", &small_pod()).unwrap().body,
                        client.post("/inject", &small_pod()).unwrap().body,
                    ] {
                        let mark: usize = mark(&body).parse().unwrap();
                        assert!(mark >= newest, "an older configuration came back");
                        newest = mark;
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for count in 1..=reloads() {
            let (certificate, key) = authority.issue();
            if count % 2 == 0 {
                mount_configuration(&server.folder, &count.to_string());
                server.folder.mount("tls", &[("tls.crt", &certificate), ("tls.key", &key)]);
            } else {
                server.folder.mount("config", &[("config", "templates: {sidecar: '{{'}"), ("values", "{}")]);
                server.folder.mount("tls", &[("tls.crt", &certificate), ("tls.key", "none")]);
            }
            let line = if count % 2 == 0 { "in use" } else { "rejected, the previous one stays" };
            server.wait_for(line);
            server.wait_for(line);
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(answered.load(Ordering::Relaxed) > 0);
}

#[test]
fn sigterm_ends_it_without_a_request_that_fails() {
    for signal in ["TERM", "INT"] {
        let mut server = start(&["--shutdown-delay", "1"]);
        let client = server.client();
        thread::scope(|scope| {
            let (started, ready) = std::sync::mpsc::channel();
            for _ in 0..8 {
                let (client, started) = (&client, started.clone());
                scope.spawn(move || {
                    let mut connection = client.connect().unwrap();
                    loop {
                        let response = connection.post("/inject", &small_pod()).unwrap();
                        assert_eq!(mark(&response.body), "one");
                        let _ = started.send(());
                        // From here on, an API server would have another one to ask.
                        if response.header("connection") == Some("close") {
                            assert!(connection.is_closed());
                            return;
                        }
                    }
                });
            }
            ready.iter().take(8).for_each(drop);
            server.signal(signal);
            let answer = client.get("/readyz").unwrap();
            let _ = answer;
        });
        assert_eq!(server.wait().code(), Some(0), "{signal}");
    }
}

#[test]
fn readiness_ends_with_sigterm_and_a_request_under_way_is_answered() {
    let mut server = start(&["--shutdown-delay", "3600"]);
    let client = server.client();
    let mut under_way = client.connect().unwrap();
    let body = small_pod();
    let head = format!(
        "POST /inject HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    under_way.write(head.as_bytes()).unwrap();
    under_way.write(&body.as_bytes()[..10]).unwrap();
    assert_eq!(client.get("/readyz").unwrap().status, 200);
    server.signal("TERM");
    server.wait_for("no longer ready");
    let ready = client.get("/readyz").unwrap();
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("[-] shutdown"), "{}", ready.body);
    // The second signal ends the wait for clients, but not for answers.
    server.signal("TERM");
    under_way.write(&body.as_bytes()[10..]).unwrap();
    assert_eq!(mark(&under_way.response().unwrap().body), "one");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn slow_and_silent_connections_make_room() {
    let server = start(&["--max-connections", "8"]);
    let client = server.client();
    let mut good = client.connect().unwrap();
    assert_eq!(good.post("/inject", &small_pod()).unwrap().status, 200);
    // Half of them never begin TLS, the other half never ends its headers.
    let mut silent: Vec<_> = (0..50).map(|_| std::net::TcpStream::connect(server.address).unwrap()).collect();
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut connection = client.connect().unwrap();
        connection.write(b"POST /inject HTTP/1.1\r\nHost").unwrap();
        slow.push(connection);
    }
    for _ in 0..20 {
        assert_eq!(good.post("/inject", &small_pod()).unwrap().status, 200);
        assert_eq!(client.post("/inject", &small_pod()).unwrap().status, 200);
    }
    // The first ones were closed.
    assert!(slow[0].is_closed());
    assert_eq!(std::io::Read::read(&mut silent[0], &mut [0]).unwrap_or(0), 0);
    let metrics = client.get("/metrics").unwrap().body;
    assert!(metrics.contains("sidecar_injector_connections_closed_total{reason=\"too many\"}"), "{metrics}");
}

#[test]
fn large_reviews_at_once_do_not_fill_the_memory() {
    let server = start(&[]);
    let client = server.client();
    // Nothing makes a larger tree: 24 bytes of each two.
    let zeros = "0,".repeat((8 << 20) / 2 - 500);
    let large = review(&format!(r#"{{"spec":{{"containers":[{{"name":"app"}}],"x":[{zeros}0]}}}}"#));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert_eq!(client.post("/inject", &large).unwrap().status, 200));
        }
    });
    // What the manifests allow. Each of the six takes up to 216 MiB while it is answered.
    let peak = server.peak_memory();
    assert!(peak < 512, "{peak} MiB");
}

#[test]
fn a_broken_start_is_an_error_that_names_the_file() {
    let folder = Folder::new(&Authority::new());
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_sidecar-injector"))
            .args(["webhook", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let path = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let (missing, certificate, key) = (path("none"), path("tls/tls.crt"), path("tls/tls.key"));
    let (code, error) = run(&["--tls-cert", &missing, "--tls-key", &key]);
    assert_eq!(code, Some(1));
    assert!(error.contains(&missing), "{error}");
    let (code, error) = run(&["--tls-cert", &key, "--tls-key", &certificate]);
    assert_eq!(code, Some(1));
    assert!(error.contains("there is no certificate in it"), "{error}");
    let (code, error) = run(&["--self-signed", "--injectConfigFile", &missing, "--valuesFile", &missing]);
    assert_eq!(code, Some(1));
    assert!(error.contains(&missing), "{error}");
    for arguments in
        [&[][..], &["--tls-cert", &certificate], &["--self-signed", "--tls-cert", &certificate, "--tls-key", &key]]
    {
        assert_eq!(run(arguments).0, Some(64), "{arguments:?}");
    }
}
