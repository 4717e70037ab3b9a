use std::collections::BTreeMap;
use std::ffi::OsString;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::pod::{self, Decision, Reason, TABLE};
use crate::protocol::{self, Environment, Input, Members, PodName, SUPPORTED, Verb};
use crate::settings::{Backend, Settings};

/// The members of an object.
fn members(object: &Value) -> Members {
    serde_json::from_str(&object.to_string()).unwrap()
}

fn injected() -> Value {
    json!({"initContainers": ["istio-validation"], "containers": ["istio-proxy"], "volumes": null})
}

/// What a runtime sends for a pod with these annotations besides the status.
fn with(annotations: Value) -> Members {
    let mut all = annotations;
    all["sidecar.istio.io/status"] = injected().to_string().into();
    members(&json!({"runtimeConfig": {pod::CAPABILITY: all}}))
}

fn sleep() -> PodName {
    PodName { namespace: "default".to_owned(), name: "sleep-1".to_owned() }
}

fn decide(members: &Members) -> Result<Decision, Failure> {
    pod::decide(Some(&sleep()), members, &Settings::default())
}

/// The flags of a pod, by name.
fn flags_with(annotations: Value, settings: &Settings) -> BTreeMap<&'static str, String> {
    match pod::decide(Some(&sleep()), &with(annotations), settings).unwrap() {
        Decision::Capture(_, flags) => flags.into_iter().map(|f| (f.flag, f.text)).collect(),
        Decision::LeaveAlone(reason) => panic!("not captured: {reason}"),
    }
}

fn flags(annotations: Value) -> BTreeMap<&'static str, String> {
    flags_with(annotations, &Settings::default())
}

fn left_alone(members: &Members) -> Reason {
    match decide(members).unwrap() {
        Decision::LeaveAlone(reason) => reason,
        Decision::Capture(..) => panic!("captured"),
    }
}

fn settings(object: Value) -> Result<(Settings, Vec<String>), Vec<String>> {
    Settings::read(&members(&object))
}

#[test]
fn an_injected_pod_is_captured_with_the_usual_flags() {
    let expected = [
        ("proxy-uid", "1337"),
        ("proxy-gid", "1337"),
        ("cni-mode", "true"),
        ("native-nftables", "true"),
        ("istio-inbound-interception-mode", "REDIRECT"),
        ("istio-service-cidr", "*"),
        ("istio-inbound-ports", "*"),
        ("istio-local-exclude-ports", "15020,15021,15090"),
        ("istio-local-outbound-ports-exclude", "15020"),
    ];
    assert_eq!(flags(json!({})), expected.map(|(flag, text)| (flag, text.to_owned())).into());
}

#[test]
fn each_annotation_sets_its_flag_and_no_other() {
    let usual = flags(json!({}));
    for (annotation, _, flag, default) in TABLE {
        let text = match *flag {
            "istio-inbound-interception-mode" => "TPROXY",
            "istio-service-cidr" | "istio-service-exclude-cidr" => "10.1.0.0/16",
            "istio-exclude-interfaces" | "kube-virt-interfaces" => "eth1",
            _ => "8080",
        };
        let mut changed = flags(json!({*annotation: text}));
        let value = changed.remove(flag).unwrap();
        match *flag {
            "istio-local-exclude-ports" => assert_eq!(value, "8080,15020,15021,15090"),
            _ => assert_eq!(value, text, "{annotation}"),
        }
        let mut rest = usual.clone();
        rest.remove(flag);
        if *flag == "istio-inbound-ports" {
            // Exclusions have no effect on listed ports.
            rest.remove("istio-local-exclude-ports");
        }
        assert_eq!(changed, rest, "{annotation}");
        assert_eq!(usual.contains_key(flag), default.is_some(), "{annotation}");
    }
}

#[test]
fn the_proxys_own_ports_stay_excluded_without_doubles() {
    let excluded = |ports: &str| {
        flags(json!({"traffic.sidecar.istio.io/excludeInboundPorts": ports})).remove("istio-local-exclude-ports")
    };
    assert_eq!(excluded("15021, 80,80").unwrap(), "15021,80,15020,15090");
    assert_eq!(excluded("").unwrap(), "15020,15021,15090");
}

#[test]
fn the_newer_annotation_for_virtual_interfaces_counts_more() {
    let both = json!({"traffic.sidecar.istio.io/kubevirtInterfaces": "a", "istio.io/reroute-virtual-interfaces": "b"});
    assert_eq!(flags(both)["kube-virt-interfaces"], "b");
}

#[test]
fn proxy_metadata_decides_about_dns_dual_stack_and_invalid_packets() {
    let config = |text: &str| flags(json!({"proxy.istio.io/config": text}));
    let some =
        config("proxyMetadata:\n  ISTIO_META_DNS_CAPTURE: \"true\"\n  ISTIO_DUAL_STACK: 'true'\n  INVALID_DROP: '1'\n");
    assert_eq!(some["redirect-dns"], "true");
    // The node's resolv.conf is not the pod's.
    assert_eq!(some["capture-all-dns"], "true");
    assert_eq!((some["dual-stack"].as_str(), some["drop-invalid"].as_str()), ("true", "1"));
    let none = config("{proxyMetadata: {ISTIO_META_DNS_CAPTURE: 'false', ISTIO_DUAL_STACK: ''}, tracing: {}}");
    assert!(!none.contains_key("capture-all-dns") && !none.contains_key("dual-stack"), "{none:?}");
}

#[test]
fn the_settings_defaults_count_less_than_annotations() {
    let (settings, odd) = settings(json!({
        "defaults": {"istio_service_cidr": "10.0.0.0/8", "proxy_uid": 101, "redirect_dns": true, "envoy_port": null},
        "backend": "legacy",
    }))
    .unwrap();
    assert_eq!(odd, [""; 0]);
    let without = flags_with(json!({}), &settings);
    assert_eq!(without["istio-service-cidr"], "10.0.0.0/8");
    assert_eq!((without["proxy-uid"].as_str(), without["capture-all-dns"].as_str()), ("101", "true"));
    assert_eq!(without["force-iptables-binary"], "legacy");
    assert!(!without.contains_key("envoy-port") && !without.contains_key("native-nftables"));
    let annotation = json!({"traffic.sidecar.istio.io/includeOutboundIPRanges": "*"});
    assert_eq!(flags_with(annotation, &settings)["istio-service-cidr"], "*");
}

#[test]
fn pods_that_need_no_rules_are_not_captured_with_the_reason() {
    let no_pod = pod::decide(None, &with(json!({})), &Settings::default());
    assert_eq!(no_pod, Ok(Decision::LeaveAlone(Reason::NoPod)));
    let system = PodName { namespace: "kube-system".to_owned(), name: "a".to_owned() };
    // Before the annotations are looked at: a runtime need not send them for it.
    let excluded = pod::decide(Some(&system), &members(&json!({})), &Settings::default());
    assert_eq!(excluded, Ok(Decision::LeaveAlone(Reason::Namespace("kube-system".to_owned()))));
    for none in [json!(null), json!({}), json!({"app": "x"})] {
        let sent = members(&json!({"runtimeConfig": {pod::CAPABILITY: none}}));
        assert_eq!(left_alone(&sent), Reason::NotInjected);
    }
    let status =
        |status: &str| members(&json!({"runtimeConfig": {pod::CAPABILITY: {"sidecar.istio.io/status": status}}}));
    let own = r#"{"initContainers":["istio-init"],"containers":["istio-proxy"]}"#;
    assert_eq!(left_alone(&status(own)), Reason::InitContainer);
    for without in ["{}", r#"{"containers":["app"],"initContainers":[]}"#, r#"{"containers":null}"#] {
        assert_eq!(left_alone(&status(without)), Reason::NoProxy);
    }
    let native = status(r#"{"initContainers":["istio-validation","istio-proxy"],"containers":null}"#);
    assert!(matches!(decide(&native), Ok(Decision::Capture(..))));
    for no in ["false", "False", "0"] {
        assert_eq!(left_alone(&with(json!({"sidecar.istio.io/inject": no}))), Reason::Inject);
    }
    assert!(matches!(decide(&with(json!({"sidecar.istio.io/inject": "no"}))), Ok(Decision::Capture(..))));
    assert_eq!(left_alone(&with(json!({"sidecar.istio.io/interceptionMode": "NONE"}))), Reason::Mode);
}

/// Their proxy is called istio-proxy too, but nothing in it listens for captured traffic.
#[test]
fn gateways_and_agents_without_envoy_are_not_captured() {
    for (templates, name) in
        [("gateway", "gateway"), ("grpc-agent", "grpc-agent"), ("sidecar, grpc-agent ,mine", "grpc-agent")]
    {
        let sent = with(json!({"inject.istio.io/templates": templates}));
        assert_eq!(left_alone(&sent), Reason::Template(name.to_owned()));
    }
    for templates in ["sidecar", "mine", "sidecar,mine", "", "Gateway", "gateway-of-mine"] {
        let sent = with(json!({"inject.istio.io/templates": templates}));
        assert!(matches!(decide(&sent), Ok(Decision::Capture(..))), "{templates:?}");
    }
    let disabled =
        |text: &str| with(json!({"proxy.istio.io/config": format!("proxyMetadata: {{DISABLE_ENVOY: {text}}}")}));
    for yes in ["\"true\"", "true", "1", "T"] {
        assert_eq!(left_alone(&disabled(yes)), Reason::NoEnvoy);
    }
    for no in ["\"false\"", "yes", "\"\""] {
        assert!(matches!(decide(&disabled(no)), Ok(Decision::Capture(..))), "{no}");
    }
}

#[test]
fn a_runtime_without_the_capability_refuses_every_pod_that_might_need_rules() {
    for sent in [json!({}), json!({"runtimeConfig": null}), json!({"runtimeConfig": {"portMappings": []}})] {
        let failure = decide(&members(&sent)).unwrap_err();
        assert_eq!(failure.code(), 100);
        let text = failure.to_string();
        assert!(
            text.contains(pod::CAPABILITY) && text.contains("containerd 1.5") && text.contains("CRI-O 1.29"),
            "{text}"
        );
    }
}

#[test]
fn a_status_of_any_shape_is_an_error_of_its_own_code() {
    let long = format!("[{}", "x".repeat(300_000));
    for status in ["", "[]x", "1", "\"a\"", "{\"containers\":3}", "{\"containers\":[{}]}", "{", "\u{1b}[2J", &long] {
        let sent = members(&json!({"runtimeConfig": {pod::CAPABILITY: {"sidecar.istio.io/status": status}}}));
        let failure = decide(&sent).unwrap_err();
        assert_eq!(failure.code(), 101, "{status}");
        let text = failure.to_string();
        assert!(text.len() < 600 && !text.contains('\u{1b}') && text.contains("default/sleep-1"), "{text}");
    }
}

#[test]
fn wrong_annotations_are_all_named_with_value_and_remedy() {
    let failure = decide(&with(json!({
        "traffic.sidecar.istio.io/includeInboundPorts": "http",
        "traffic.sidecar.istio.io/excludeOutboundIPRanges": "10.0.0.0/8,*",
        "traffic.sidecar.istio.io/excludeInterfaces": "eth0\n-A",
        "sidecar.istio.io/interceptionMode": "--dry-run",
        "traffic.sidecar.istio.io/includeOutboundPorts": "99999",
        "proxy.istio.io/config": "proxyMetadata: [",
    })))
    .unwrap_err();
    assert_eq!(failure.code(), 102);
    let text = failure.to_string();
    for part in [
        "pod default/sleep-1: ",
        "annotation traffic.sidecar.istio.io/includeInboundPorts cannot contain \"http\"",
        "annotation traffic.sidecar.istio.io/excludeOutboundIPRanges cannot contain \"*\"",
        "annotation traffic.sidecar.istio.io/excludeInterfaces cannot contain \"eth0\\n-A\"",
        "annotation sidecar.istio.io/interceptionMode cannot be \"--dry-run\"",
        "annotation traffic.sidecar.istio.io/includeOutboundPorts cannot contain \"99999\"",
        "annotation proxy.istio.io/config cannot be read: ",
    ] {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn settings_are_read_and_unknown_keys_are_reported() {
    let all = json!({
        "cniVersion": "1.1.0", "name": "k8s", "type": "istio-cni", "capabilities": {}, "ipam": {}, "cni_agent_run_dir": "/x",
        "exclude_namespaces": ["a"], "backend": "auto", "native_nftables": false, "plugin_log_level": "debug",
        "log_level": "error", "log_file": "/var/log/x", "validate": true, "ambient_enabled": false, "zz": {},
    });
    let (read, odd) = settings(all).unwrap();
    assert_eq!(
        (read.exclude_namespaces.as_slice(), read.backend, read.validate),
        (["a".to_owned()].as_slice(), Backend::Auto, true)
    );
    assert_eq!((read.level, read.log_file), (log::LevelFilter::Debug, Some("/var/log/x".into())));
    assert_eq!(odd, ["unknown key \"zz\", which has no effect"]);
    assert_eq!(settings(json!({})).unwrap().0, Settings::default());
    assert_eq!(settings(json!({"native_nftables": false})).unwrap().0.backend, Backend::Auto);
}

#[test]
fn wrong_settings_are_all_named() {
    for (wrong, part) in [
        (json!({"exclude_namespaces": "a"}), "exclude_namespaces: invalid type: string"),
        (json!({"exclude_namespaces": [1]}), "exclude_namespaces"),
        (
            json!({"backend": "iptables"}),
            "backend cannot be \"iptables\": it must be one of nftables, nft, legacy, auto",
        ),
        (json!({"backend": "nft", "native_nftables": true}), "contradict"),
        (json!({"ambient_enabled": true}), "ambient_enabled cannot be true"),
        (json!({"validate": "yes"}), "validate: "),
        (json!({"log_file": "x"}), "log_file cannot be \"x\""),
        (json!({"log_level": "loud"}), "log_level cannot be"),
        (json!({"defaults": []}), "defaults: "),
        (json!({"defaults": {"redirect-dns": true}}), "defaults cannot have the key \"redirect-dns\""),
        (json!({"defaults": {"network_namespace": "/proc/1/ns/net"}}), "defaults cannot have the key"),
        (json!({"defaults": {"redirect_dns": []}}), "defaults.redirect_dns cannot be []"),
        (json!({"defaults": {"redirect_dns": "maybe"}}), "defaults.redirect_dns cannot be \"maybe\""),
        // Names of users are those of the node.
        (json!({"defaults": {"proxy_uid": "root"}}), "defaults.proxy_uid names the user \"root\""),
    ] {
        let found = settings(wrong.clone()).unwrap_err();
        assert!(found.iter().any(|why| why.contains(part)), "{wrong}: {found:?}");
    }
    assert_eq!(settings(json!({"validate": 1, "backend": 2, "defaults": {"x": 1}})).unwrap_err().len(), 3);
}

fn environment(variables: &[(&str, &str)]) -> Result<Environment, Failure> {
    Environment::read(&|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v)))
}

const ADD: [(&str, &str); 5] = [
    ("CNI_COMMAND", "ADD"),
    ("CNI_CONTAINERID", "3f"),
    ("CNI_NETNS", "/run/netns/x"),
    ("CNI_IFNAME", "eth0"),
    ("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=sleep-1;K8S_POD_UID=a=b"),
];

#[test]
fn the_environment_is_read() {
    let add = environment(&ADD).unwrap();
    assert_eq!((add.verb, add.pod), (Verb::Add, Some(sleep())));
    let del = environment(&[("CNI_COMMAND", "DEL"), ("CNI_NETNS", "")]).unwrap();
    assert_eq!((del.verb, del.netns, del.pod), (Verb::Del, None, None));
    assert_eq!(environment(&[("CNI_COMMAND", "GC")]).unwrap().verb, Verb::Gc);
}

#[test]
fn all_errors_of_the_environment_are_reported() {
    let Err(Failure::Environment(wrong)) = environment(&[("CNI_COMMAND", "ADD"), ("CNI_ARGS", "a")]) else { panic!() };
    assert_eq!(wrong.len(), 4, "{wrong:?}");
    for (name, value) in [
        ("CNI_COMMAND", "add"),
        ("CNI_CONTAINERID", "../x"),
        ("CNI_IFNAME", "an-interface-too-long"),
        ("CNI_IFNAME", "a/b"),
        ("CNI_ARGS", "K8S_POD_NAME"),
        ("CNI_ARGS", "=x"),
    ] {
        let variables = ADD.map(|(n, v)| if n == name { (n, value) } else { (n, v) });
        let Err(Failure::Environment(wrong)) = environment(&variables) else { panic!("{name}={value}") };
        assert!(wrong.iter().all(|why| why.contains(name)), "{wrong:?}");
    }
}

fn input(text: &str) -> Result<Input, Failure> {
    Input::read(&mut text.as_bytes())
}

#[test]
fn each_command_needs_a_version_that_has_it() {
    for (version, check, status) in [("0.1.0", false, false), ("0.4.0", true, false), ("1.1.0", true, true)] {
        let input = input(&format!("{{\"cniVersion\":{version:?}}}")).unwrap();
        assert_eq!(input.supports(Verb::Add), Ok(()));
        assert_eq!(input.supports(Verb::Check).is_ok(), check, "{version}");
        assert_eq!(input.supports(Verb::Status).is_ok(), status, "{version}");
    }
    assert_eq!(input("{}").unwrap().version, "0.1.0");
    let failure = input(r#"{"cniVersion":"2.0.0"}"#).unwrap().supports(Verb::Add).unwrap_err();
    assert_eq!(failure.code(), 1);
    let versions: Value = serde_json::from_str(&protocol::versions("0.3.1")).unwrap();
    assert_eq!(versions, json!({"cniVersion": "0.3.1", "supportedVersions": SUPPORTED}));
}

#[test]
fn the_previous_result_is_printed_to_the_byte() {
    let previous = r#"{ "cniVersion":"0.4.0","x": 1.00e2, "ips":[{"address":"10.88.0.2/24","é":"\u00e9"}],"dns":{} }"#;
    let sent = input(&format!("{{\"cniVersion\":\"0.4.0\",\"prevResult\":{previous}}}")).unwrap();
    assert_eq!(sent.result().unwrap(), previous);
    for none in [r#"{"cniVersion":"1.0.0"}"#, r#"{"cniVersion":"1.0.0","prevResult":null}"#] {
        assert_eq!(input(none).unwrap().result().unwrap(), r#"{"cniVersion":"1.0.0"}"#);
    }
    let other = input(r#"{"cniVersion":"0.4.0","prevResult":{"cniVersion":"9.0.0"}}"#).unwrap();
    assert_eq!(other.result().unwrap_err().code(), 1);
    for wrong in [r#"{"prevResult":"x"}"#, r#"{"prevResult":{"cniVersion":1}}"#] {
        assert_eq!(input(wrong).unwrap().result().unwrap_err().code(), 6);
    }
}

#[test]
fn input_that_is_no_object_is_an_error() {
    for text in ["", "x", "[]", "{\"cniVersion\":1}", "{", "null", "{\"a\":1}}", "\u{feff}{}"] {
        assert_eq!(input(text).map(|_| ()).unwrap_err().code(), 6, "{text}");
    }
    let endless = Input::read(&mut std::io::repeat(b' ')).map(|_| ()).unwrap_err();
    assert!(endless.to_string().contains("more than 8388608 bytes"), "{endless}");
    let deep = format!("{{\"runtimeConfig\":{}", "[".repeat(100_000));
    assert_eq!(input(&deep).map(|_| ()).unwrap_err().code(), 6);
}

#[test]
fn errors_are_objects_of_the_specification() {
    let object: Value = serde_json::from_str(&Failure::Version { given: "\"\n".to_owned() }.object("1.0.0")).unwrap();
    assert_eq!((&object["cniVersion"], &object["code"]), (&json!("1.0.0"), &json!(1)));
    assert!(object["msg"].is_string() && object["details"].is_string());
}

proptest! {
    #[test]
    fn no_annotation_gets_outside_its_value(
        at in 0..TABLE.len(),
        text in prop_oneof!["\\PC*", "[-a-z0-9,*:/ \n\"';{}\\\\]{0,40}", "(0x)?[0-9]{1,12}(,[0-9]{1,6}){0,3}"],
    ) {
        let (annotation, _, flag, _) = TABLE[at];
        match decide(&with(json!({annotation: text}))) {
            // Whatever it is, it is the value of its one flag.
            Ok(Decision::Capture(_, flags)) => {
                prop_assert!(flags.iter().all(|f| f.flag == flag || f.named == "the plugin"));
            }
            Ok(Decision::LeaveAlone(reason)) => prop_assert_eq!(reason, Reason::Mode),
            Err(failure) => {
                prop_assert_eq!(failure.code(), 102);
                prop_assert!(failure.to_string().contains(annotation));
            }
        }
    }

    #[test]
    fn no_input_panics(text in "\\PC*", status in "\\PC*", config in "\\PC*") {
        let _ = input(&text).map(|i| i.result());
        let _ = decide(&with(json!({"proxy.istio.io/config": config})));
        let sent = members(&json!({"runtimeConfig": {pod::CAPABILITY: {"sidecar.istio.io/status": status}}}));
        let _ = decide(&sent);
    }
}
