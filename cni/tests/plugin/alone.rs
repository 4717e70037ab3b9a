//! The plugin alone: what a runtime sends, in network namespaces of the tests' own.

use std::fs;
use std::path::Path;

use harness::{Namespace, ROOT};
use serde_json::{Value, json};

use super::{Answer, PROGRAM, call, configuration, pod};

/// A pod's network namespace, if this machine can have one.
fn namespace(name: &'static str) -> Option<Namespace> {
    harness::can_run(&["ip", "nft"]).then(|| {
        let namespace = Namespace::new(name);
        namespace.ip("link set lo up\naddress add 10.5.0.2/24 dev lo\n");
        namespace
    })
}

/// Calls the plugin for a pod with this network namespace.
fn call_in(verb: &str, netns: &str, input: &Value) -> Answer {
    let variables = [
        ("CNI_COMMAND", verb),
        ("CNI_CONTAINERID", "3f"),
        ("CNI_NETNS", netns),
        ("CNI_IFNAME", "eth0"),
        ("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=sleep-1"),
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ];
    call(&variables, input.to_string().as_bytes())
}

#[test]
fn add_makes_the_rules_once_and_prints_the_previous_result() {
    let Some(namespace) = namespace("add") else { return };
    let input = configuration(&[], json!({}));
    for log in ["its rules are in place\n", "its rules were already in place\n"] {
        let answer = call_in("ADD", &namespace.path(), &input);
        assert_eq!(answer.code, Some(0), "{}", answer.log);
        assert_eq!(answer.out, format!("{}\n", input["prevResult"]));
        assert!(answer.log.ends_with(log) && answer.log.lines().count() == 1, "{}", answer.log);
    }
    let before = pod::rules(&namespace);
    assert_eq!(call_in("CHECK", &namespace.path(), &input).code, Some(0));
    let gone = call_in("DEL", &namespace.path(), &input);
    assert_eq!((gone.code, gone.out.as_str()), (Some(0), ""));
    assert_eq!(pod::rules(&namespace), before, "the namespace goes anyway");
}

#[test]
fn check_fails_when_the_rules_are_not_as_wanted() {
    let Some(namespace) = namespace("check") else { return };
    let input = configuration(&[], json!({}));
    let (code, text) = call_in("CHECK", &namespace.path(), &input).error();
    assert_eq!(code, 104);
    assert!(text.contains("+ table inet istio-proxy-nat"), "{text}");
    assert_eq!(call_in("ADD", &namespace.path(), &input).code, Some(0));
    namespace.run("nft", &["flush", "chain", "inet", "istio-proxy-nat", "output"], "");
    let (code, text) = call_in("CHECK", &namespace.path(), &input).error();
    assert_eq!(code, 104);
    assert!(text.contains("jump istio-output"), "{text}");
}

/// The rules are those that the init program makes from the flags.
#[test]
fn each_annotation_makes_the_rules_of_its_flag() {
    let usual = ["-i", "*", "-b", "*", "-d", "15020,15021,15090", "-o", "15020", "-m", "REDIRECT", "-u", "1337"];
    let metadata = |entry: &str| format!("proxyMetadata: {{{entry}}}");
    let (dns, dual) = (metadata("ISTIO_META_DNS_CAPTURE: 'true'"), metadata("ISTIO_DUAL_STACK: 'true'"));
    let invalid = metadata("INVALID_DROP: 'true'");
    for (annotation, value, flags) in [
        ("app", "x", vec![]),
        ("sidecar.istio.io/interceptionMode", "TPROXY", vec!["-m", "TPROXY"]),
        (
            "traffic.sidecar.istio.io/includeOutboundIPRanges",
            "10.0.0.0/8,172.16.0.0/12",
            vec!["-i", "10.0.0.0/8,172.16.0.0/12"],
        ),
        ("traffic.sidecar.istio.io/excludeOutboundIPRanges", "10.9.0.0/16", vec!["-x", "10.9.0.0/16"]),
        ("traffic.sidecar.istio.io/includeInboundPorts", "80,443", vec!["-b", "80,443", "-d", ""]),
        ("traffic.sidecar.istio.io/excludeInboundPorts", "9090", vec!["-d", "9090,15020,15021,15090"]),
        ("traffic.sidecar.istio.io/includeOutboundPorts", "3306", vec!["-q", "3306"]),
        ("traffic.sidecar.istio.io/excludeOutboundPorts", "5432", vec!["-o", "5432"]),
        ("traffic.sidecar.istio.io/excludeInterfaces", "eth1,net+", vec!["-c", "eth1,net+"]),
        ("traffic.sidecar.istio.io/kubevirtInterfaces", "k6t-net0", vec!["-k", "k6t-net0"]),
        ("istio.io/reroute-virtual-interfaces", "tap0", vec!["-k", "tap0"]),
        ("proxy.istio.io/config", &dns, vec!["--redirect-dns", "--capture-all-dns"]),
        ("proxy.istio.io/config", &dual, vec!["--dual-stack"]),
        ("proxy.istio.io/config", &invalid, vec!["--drop-invalid"]),
    ] {
        let (Some(by_plugin), Some(by_flags)) = (namespace("plugin"), namespace("flags")) else { return };
        let answer = call_in("ADD", &by_plugin.path(), &configuration(&[(annotation, value)], json!({})));
        assert_eq!(answer.code, Some(0), "{annotation}: {}", answer.log);
        let arguments = [&usual[..], &flags, &["--native-nftables"]].concat();
        by_flags.enter(ROOT, || {
            let argv = std::iter::once("istio-iptables").chain(arguments.iter().copied()).map(Into::into).collect();
            istio_iptables::run(argv, &|_| None, &mut std::io::sink());
        });
        let rules = pod::rules(&by_plugin);
        assert_eq!(rules, pod::rules(&by_flags), "{annotation}");
        assert!(rules.contains("istio-proxy-nat"), "{annotation}: {rules}");
    }
}

#[test]
fn the_other_backends_make_rules_too() {
    for (backend, variant) in [("nft", "iptables-nft-save"), ("legacy", "iptables-legacy-save")] {
        let Some(namespace) = namespace("backend").filter(|_| harness::can_run(&[variant])) else { return };
        let answer = call_in("ADD", &namespace.path(), &configuration(&[], json!({"backend": backend})));
        assert_eq!(answer.code, Some(0), "{}", answer.log);
        let saved = namespace.run(variant, &[], "");
        assert!(saved.contains(":ISTIO_INBOUND"), "{backend}: {saved}");
    }
}

#[test]
fn a_namespace_that_is_none_is_an_error_and_the_nodes_own_is_never_touched() {
    if !harness::can_run(&["ip"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let input = configuration(&[], json!({}));
    for path in [
        fifo.as_path(),
        &file,
        folder.path(),
        Path::new("/nowhere"),
        Path::new("/proc/self/ns/mnt"),
        Path::new("/proc/self/ns/net"),
    ] {
        let (code, text) = call_in("ADD", path.to_str().unwrap(), &input).error();
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("namespace"), "{path:?}: {text}");
    }
    assert_eq!(call_in("DEL", "/nowhere", &input).code, Some(0));
    assert_eq!(call_in("DEL", "", &input).code, Some(0));
}

#[test]
fn a_rejected_pod_has_no_managed_rules() {
    let Some(namespace) = namespace("refused") else { return };
    let before = pod::rules(&namespace);
    let wrong =
        [("traffic.sidecar.istio.io/includeOutboundPorts", "1,2,x"), ("sidecar.istio.io/interceptionMode", "tproxy")];
    let (code, text) = call_in("ADD", &namespace.path(), &configuration(&wrong, json!({}))).error();
    assert_eq!(code, 102, "{text}");
    assert_eq!(pod::rules(&namespace), before);
    let huge = "1,".repeat(128 * 1024) + "x";
    let input = configuration(&[("traffic.sidecar.istio.io/excludeInboundPorts", &huge)], json!({}));
    let (code, text) = call_in("ADD", &namespace.path(), &input).error();
    assert_eq!(code, 102);
    assert!(text.len() < 1024, "{text}");
    assert_eq!(pod::rules(&namespace), before);
}

#[test]
fn calls_that_are_about_no_pod() {
    for sent in ["", r#"{"cniVersion":"1.1.0"}"#] {
        let version = call(&[("CNI_COMMAND", "VERSION")], sent.as_bytes());
        let told: Value = serde_json::from_str(&version.out).unwrap();
        assert_eq!((version.code, &told["cniVersion"]), (Some(0), &json!("1.1.0")), "{sent:?}");
        assert_eq!(told["supportedVersions"].as_array().unwrap().len(), 7);
    }
    let gc = call(&[("CNI_COMMAND", "GC")], br#"{"cniVersion":"1.1.0","name":"x","cni.dev/valid-attachments":[]}"#);
    assert_eq!((gc.code, gc.out.as_str()), (Some(0), ""));
    if harness::can_run(&["ip"]) {
        let status = call(&[("CNI_COMMAND", "STATUS")], br#"{"cniVersion":"1.1.0","name":"x"}"#);
        assert_eq!((status.code, status.out.as_str()), (Some(0), ""), "{}", status.log);
        let wrong = call(&[("CNI_COMMAND", "STATUS")], br#"{"cniVersion":"1.1.0","backend":"x"}"#);
        assert_eq!(wrong.error().0, 7);
    }
    assert_eq!(call(&[("CNI_COMMAND", "ADD")], b"{}").error().0, 4);
    assert_eq!(call(&[("CNI_COMMAND", "DEL")], b"{").code, Some(0));
}

#[test]
fn the_log_file_gets_a_line_for_each_call() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let input = json!({"cniVersion": "1.0.0", "log_file": log, "log_level": "error"});
    let answer = call_in("ADD", "/nowhere", &input);
    assert_eq!((answer.code, answer.log.as_str()), (Some(1), answer.log.as_str()));
    let without_pod = [("CNI_COMMAND", "ADD"), ("CNI_CONTAINERID", "3f"), ("CNI_NETNS", "/x"), ("CNI_IFNAME", "eth0")];
    assert_eq!(call(&without_pod, input.to_string().as_bytes()).log, "", "only errors go to standard error");
    let lines = fs::read_to_string(&log).unwrap();
    let ends: Vec<_> = lines.lines().map(|line| line.split('\t').skip(1).collect::<Vec<_>>()).collect();
    assert_eq!(ends.len(), 2, "{lines}");
    assert!(ends[0][0] == "error" && ends[0][1].starts_with("ADD default/sleep-1 (3f): "), "{lines}");
    assert_eq!(ends[1], ["info", "ADD (3f): not captured: CNI_ARGS names no pod (K8S_POD_NAMESPACE and K8S_POD_NAME)"]);
    // It is rotated before it gets large, once.
    fs::write(&log, vec![b'x'; 5 << 20]).unwrap();
    call(&without_pod, input.to_string().as_bytes());
    assert!(fs::metadata(&log).unwrap().len() < 1024);
    assert_eq!(fs::metadata(folder.path().join("log.1")).unwrap().len(), 5 << 20);
    // A log that cannot be written stops no pod.
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    assert_eq!(call(&without_pod, input.to_string().as_bytes()).code, Some(0));
}

#[test]
fn a_reader_that_is_gone_is_an_error() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = std::process::Command::new(PROGRAM)
        .env_clear()
        .env("CNI_COMMAND", "VERSION")
        .stdin(std::process::Stdio::piped())
        .stdout(full)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"{}").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
