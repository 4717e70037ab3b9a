//! Pods that were injected before.

use super::*;

impl Config {
    fn upgrade(&self, pod: &Value) -> Value {
        self.with(pod, |request, setup| upgrade(pod, request, setup)).unwrap().0
    }

    fn uninject(&self, pod: &Value) -> Undone {
        self.with(pod, |request, setup| uninject(pod, request, setup)).unwrap().unwrap()
    }

    /// Another configuration: other names of volumes and labels, no variable of before.
    fn newer(native: bool) -> Self {
        let newer = SIDECAR
            .replace("istio-data", "newer-data")
            .replace("owner:", "newer:")
            .replace("apps:", "newer-apps:")
            .replace("UID\n", "NEWER\n");
        let mut config = Config { native, ..Config::new() };
        let template = Template::parse("inject", &newer, &Functions::new()).unwrap();
        config.templates.insert("sidecar".into(), template);
        config
    }
}

const PROBES: &str = r#"{"metadata":{"annotations":{"prometheus.io/path":"/m","prometheus.io/port":"9090","prometheus.io/scrape":"true"},
    "labels":{"app":"a"},"name":"p"},"spec":{"containers":[{"livenessProbe":{"httpGet":{"port":80,"scheme":"HTTPS"},"timeoutSeconds":3},
    "lifecycle":{"preStop":{"httpGet":{"path":"/p","port":92}}},"name":"app","readinessProbe":{"tcpSocket":{"port":90}},"resources":{},
    "startupProbe":{"grpc":{"port":91,"service":null}}}],"imagePullSecrets":[{"name":"mine"}],"volumes":[{"emptyDir":{},"name":"mine"}]}}"#;

#[test]
fn what_is_injected_can_be_taken_back() {
    for native in [false, true] {
        let config = Config { native, ..Config::new() };
        let group = asks("both").replace(r#""spec":{"#, r#""spec":{"securityContext":{"fsGroup":1337},"#);
        // By name it would be Istio's, but these templates do not set it.
        let label = PROBES.replace(r#""app":"a""#, r#""app":"a","security.istio.io/tlsMode":"istio""#);
        for text in [PROBES, &asks("both"), &asks("sidecar,init"), &group, &label] {
            let pod = tree(text);
            let undone = config.uninject(&config.inject(&pod).unwrap());
            assert!(undone.is_proven, "{text}");
            let spelling: &[Doubt] = if text.contains("prometheus") { &[Doubt::Spelling] } else { &[] };
            assert_eq!(undone.doubts, spelling);
            let mut before = undone.pod;
            before.make_map().remove("status");
            crate::object::hide_empty_maps(&mut before);
            assert_eq!(json::to_string(&before), json::to_string(&pod), "native {native}");
        }
    }
}

#[test]
fn targets_for_prometheus_come_back_without_what_they_replaced() {
    let config = Config::new();
    let targets = PROBES.replace(r#""prometheus.io/port":"9090""#, r#""prometheus.istio.io/scrape-targets":"9090:/m""#);
    let undone = config.uninject(&config.inject(&tree(&targets)).unwrap());
    assert!(
        undone.is_proven && json::to_string(&undone.pod).contains(r#""prometheus.istio.io/scrape-targets":"9090:/m""#)
    );
    assert_eq!(undone.doubts, [Doubt::Targets, Doubt::Spelling]);
}

#[test]
fn the_users_own_sidecar_comes_back_with_what_is_not_known_about_it() {
    let config = Config::new();
    let own = OWN_SIDECAR
        .replace(r#"{"name":"app","resources":{}}]"#, r#"{"name":"app","resources":{}},{"name":"x","resources":{}}]"#);
    let undone = config.uninject(&config.inject(&tree(&own)).unwrap());
    assert!(undone.is_proven);
    assert_eq!(names(&undone.pod, "containers"), ["app", "x", "istio-proxy"]);
    assert_eq!(sidecar(&undone.pod), sidecar(&tree(&own)));
    let name = || "istio-proxy".into();
    assert_eq!(undone.doubts, [Doubt::Image { container: name() }, Doubt::Order { container: name() }]);
    // Alone in its list it has its place.
    let alone = r#"{"spec":{"containers":[{"name":"app","resources":{}}],"initContainers":[{"image":"i","name":"istio-proxy","restartPolicy":"Always","resources":{}}]}}"#;
    let native = Config { native: true, ..Config::new() };
    let undone = native.uninject(&native.inject(&tree(alone)).unwrap());
    assert_eq!(undone.doubts, [Doubt::OwnSidecar { list: "initContainers" }]);
}

#[test]
fn other_containers_of_the_users_own_keep_their_place() {
    let config = Config::new();
    let own = asks("both").replace(
        r#""containers":"#,
        r#""initContainers":[{"image":"i","name":"istio-init","resources":{}},{"name":"x","resources":{}}],"containers":"#,
    );
    let undone = config.uninject(&config.inject(&tree(&own)).unwrap());
    assert_eq!((undone.is_proven, undone.doubts), (true, vec![]));
}

#[test]
fn only_a_port_with_a_name_may_have_been_named() {
    let pod = r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"app","ports":[{"containerPort":81,"name":"other"},{"containerPort":80}],"resources":{},
        "livenessProbe":{"httpGet":{"port":80}},"readinessProbe":{"grpc":{"port":81}}}]}}"#;
    let config = Config::new();
    let undone = config.uninject(&config.inject(&tree(pod)).unwrap());
    assert_eq!((undone.is_proven, undone.doubts), (true, vec![]));
}

#[test]
fn a_port_that_was_named_and_a_probe_that_is_lost_are_reported() {
    let pod = r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"app","ports":[{"containerPort":80,"name":"http"}],"resources":{},
        "livenessProbe":{"httpGet":{"port":"http"}},"readinessProbe":{"httpGet":{"port":"nosuch"}}}]}}"#;
    let config = Config::new();
    let undone = config.uninject(&config.inject(&tree(pod)).unwrap());
    let (container, field) = (|| "app".into(), ToOwned::to_owned);
    assert_eq!(
        undone.doubts,
        [
            Doubt::Handler { container: container(), field: field("readinessProbe") },
            Doubt::PortName { container: container(), field: field("livenessProbe"), port: "http".into() }
        ]
    );
}

#[test]
fn a_pod_that_was_not_injected_is_left_alone() {
    let config = Config::new();
    let pod = tree(OWN_SIDECAR);
    assert_eq!(config.with(&pod, |request, setup| uninject(&pod, request, setup)).unwrap(), None);
    assert_eq!(config.upgrade(&pod), config.inject(&pod).unwrap());
}

#[test]
fn without_its_configuration_a_pod_is_taken_back_by_names() {
    let injected = Config::new().inject(&tree(PROBES)).unwrap();
    let undone = Config::newer(false).uninject(&injected);
    assert!(!undone.is_proven);
    let [Doubt::Spelling, Doubt::Configuration { paths }] = undone.doubts.as_slice() else {
        panic!("{:?}", undone.doubts);
    };
    assert!(paths.contains(&"metadata.annotations.newer-apps".to_owned()), "{paths:?}");
    let told = undone.doubts[1].to_string();
    assert!(told.contains(&format!("this one differs in {}", paths[..2].join(", "))), "{told}");
    let text = json::to_string(&undone.pod);
    assert!(
        !text.contains("istio-data")
            && !text.contains("istio-proxy")
            && text.contains(r#""prometheus.io/port":"9090""#)
    );
    // The templates of these tests set labels of their own, which no list has.
    assert!(text.contains(r#""owner":"p""#), "{text}");
}

#[test]
fn an_upgrade_leaves_nothing_of_the_old_injection() {
    for (old, new) in [(false, false), (false, true), (true, false), (true, true)] {
        for text in [PROBES, OWN_SIDECAR, &asks("both")] {
            let newer = Config::newer(new);
            let injected = Config { native: old, ..Config::new() }.inject(&tree(text)).unwrap();
            let mut upgraded = newer.upgrade(&injected);
            // Labels and annotations of unknown names are not noted.
            upgraded.map_entry("metadata").entry("labels").make_map().remove("owner");
            upgraded.map_entry("metadata").entry("annotations").make_map().remove("apps");
            let mut fresh = newer.inject(&tree(text)).unwrap();
            for pod in [&mut upgraded, &mut fresh] {
                // The place of a sidecar of the user's own is not noted.
                let spec = pod.map_entry("spec");
                for list in ["containers", "initContainers"] {
                    if let Some(list) = spec.get_mut(list).and_then(Value::as_list_mut) {
                        list.make_mut().sort_by(|a, b| pod::name(a).cmp(pod::name(b)));
                    }
                }
            }
            assert_eq!(json::to_string(&upgraded), json::to_string(&fresh), "from native {old} to {new}: {text}");
        }
    }
}

#[test]
fn an_upgrade_to_the_same_changes_nothing() {
    let config = Config::new();
    for text in [PROBES, OWN_SIDECAR, &asks("both")] {
        let injected = config.inject(&tree(text)).unwrap();
        assert_eq!(config.upgrade(&injected), injected);
    }
}

#[test]
fn an_upgrade_reports_only_what_may_change_its_result() {
    let injected = Config::new().inject(&tree(PROBES)).unwrap();
    let newer = Config::newer(false);
    let (_, doubts) = newer.with(&injected, |request, setup| upgrade(&injected, request, setup)).unwrap();
    assert_eq!(doubts, [], "neither spelling nor configuration");
}

#[test]
fn labels_that_istios_templates_set_are_known_by_name() {
    let pod = r#"{"metadata":{"annotations":{"istio.io/rev":"canary","k8s.v1.cni.cncf.io/networks":"a, default/istio-cni",
        "kubectl.kubernetes.io/default-container":"app","sidecar.istio.io/interceptionMode":"TPROXY","traffic.sidecar.istio.io/includeInboundPorts":"*",
        "sidecar.istio.io/status":"{\"initContainers\":[\"istio-validation\"],\"containers\":[\"istio-proxy\"],\"volumes\":[\"v\",\"w\"],\"imagePullSecrets\":[\"s\"],\"revision\":\"canary\"}"},
        "labels":{"app":"web","security.istio.io/tlsMode":"istio","service.istio.io/canonical-name":"web","service.istio.io/canonical-revision":"mine",
        "topology.istio.io/network":"n1"}},
        "spec":{"containers":[{"name":"app"},{"env":[{"name":"ISTIO_META_NETWORK","value":"n1"}],"name":"istio-proxy"}],"imagePullSecrets":[{"name":"s"}],
        "initContainers":[{"name":"istio-validation"}],"securityContext":{"fsGroup":1337},"volumes":[{"emptyDir":{},"name":"v"},{"configMap":{},"emptyDir":{},"name":"w"}]}}"#;
    let Undone { pod, is_proven, doubts, .. } = Config::new().uninject(&tree(pod));
    assert!(!is_proven);
    assert_eq!(
        json::to_string(&pod),
        r#"{"metadata":{"annotations":{"k8s.v1.cni.cncf.io/networks":"a","sidecar.istio.io/interceptionMode":"TPROXY"},"labels":{"app":"web","service.istio.io/canonical-revision":"mine","topology.istio.io/network":"n1"}},"spec":{"containers":[{"name":"app"}],"securityContext":{"fsGroup":1337},"volumes":[{"configMap":{},"emptyDir":{},"name":"w"}]}}"#
    );
    let [
        Doubt::Volume { name },
        Doubt::Annotation { name: annotation },
        Doubt::Stays { what: "label topology.istio.io/network" },
        Doubt::Stays { what: "securityContext.fsGroup" },
        Doubt::Configuration { .. },
    ] = doubts.as_slice()
    else {
        panic!("{doubts:?}");
    };
    assert_eq!((name.as_str(), annotation.as_str()), ("w", "sidecar.istio.io/interceptionMode"));
}

#[test]
fn of_the_pods_settings_only_the_gateways_low_ports_are_taken_away() {
    const LOW: &str = r#"{"name":"net.ipv4.ip_unprivileged_port_start","value":"0"}"#;
    let undone = |context: &str| {
        let pod = format!(
            r#"{{"metadata":{{"annotations":{{"sidecar.istio.io/status":"{{\"containers\":[\"istio-proxy\"]}}"}}}},
                "spec":{{"containers":[{{"name":"app"}},{{"name":"istio-proxy"}}],"securityContext":{context}}}}}"#
        );
        let Undone { pod, .. } = Config::new().uninject(&tree(&pod));
        pod.at(&["spec", "securityContext"]).map(json::to_string).unwrap_or_default()
    };
    assert_eq!(undone(&format!(r#"{{"sysctls":[{LOW}]}}"#)), "");
    assert_eq!(undone(&format!(r#"{{"fsGroup":1,"sysctls":[{LOW}]}}"#)), r#"{"fsGroup":1}"#);
    for own in [
        "{}".to_owned(),
        LOW.replace(r#""0""#, r#""80""#),
        LOW.replace("unprivileged_port_start", "forward"),
        format!(r#"{LOW},{{"name":"net.core.somaxconn","value":"9"}}"#),
    ] {
        let own = if own == "{}" { own } else { format!(r#"{{"sysctls":[{own}]}}"#) };
        assert_eq!(undone(&own), own);
    }
}

#[test]
fn what_is_the_users_own_stays_his() {
    let injected = |metadata: &str, status: &str, spec: &str| {
        let status = format!(r#""sidecar.istio.io/status":"{}""#, status.replace('"', r#"\""#));
        let text = format!(
            r#"{{"metadata":{{"annotations":{{{status}}}}},"spec":{{"containers":[{{"name":"app"}},{{"name":"istio-proxy"}}]{spec}}}}}"#
        );
        tree(&text.replace(r#""annotations":{"#, &format!(r#"{metadata}"annotations":{{"#)))
    };
    let undone = |pod: &Value| {
        let Undone { pod, doubts, .. } = Config::new().uninject(pod);
        (json::to_string(&pod), doubts.len() - 1)
    };
    let sidecar = r#"{"containers":["istio-proxy"],"volumes":["istio-token","workload-socket","istio-data"]}"#;
    let volumes = r#","volumes":[{"hostPath":{"path":"/x"},"name":"istio-token","projected":{}},{"name":"workload-socket","persistentVolumeClaim":{}},{"emptyDir":{},"name":"istio-data"}]"#;
    let pod = injected(r#""labels":{"networking.istio.io/tunnel":"http"},"#, sidecar, volumes);
    assert_eq!(
        undone(&pod),
        (
            r#"{"metadata":{"labels":{"networking.istio.io/tunnel":"http"}},"spec":{"containers":[{"name":"app"}],"volumes":[{"hostPath":{"path":"/x"},"name":"istio-token"},{"name":"workload-socket","persistentVolumeClaim":{}}]}}"#.to_owned(),
            0
        )
    );
    // Injection never writes an empty note, and a port that was not merged is not restored.
    let (port, scrape, path) = ("prometheus.io/port", "prometheus.io/scrape", "prometheus.io/path");
    for own in [
        vec![("proxy.istio.io/overrides", "{}"), (port, "15020"), (scrape, "false")],
        vec![(port, "15020"), (path, "/stats/prometheus")],
        vec![(port, "15020"), (scrape, "true")],
    ] {
        let mut pod = injected("", sidecar, "");
        own.iter().for_each(|(name, value)| {
            pod.map_entry("metadata").entry("annotations").make_map().insert(*name, *value);
        });
        let (text, doubts) = undone(&pod);
        assert!(
            own.iter().all(|(name, value)| text.contains(&format!(r#""{name}":"{value}""#))) && doubts == 0,
            "{text}"
        );
    }
}

#[test]
fn annotations_for_the_cni_plugin_are_found_without_a_container_of_its_own() {
    let pod = r#"{"metadata":{"annotations":{"sidecar.istio.io/interceptionMode":"NONE","traffic.sidecar.istio.io/includeInboundPorts":"*",
        "sidecar.istio.io/status":"{\"containers\":[\"istio-proxy\"]}"}},"spec":{"containers":[{"name":"app"},{"name":"istio-proxy"}]}}"#;
    let Undone { pod, doubts, .. } = Config::new().uninject(&tree(pod));
    assert!(!json::to_string(&pod).contains("includeInboundPorts"), "{}", json::to_string(&pod));
    assert_eq!(doubts.first(), Some(&Doubt::Annotation { name: "sidecar.istio.io/interceptionMode".into() }));
}

#[test]
fn an_upgrade_reports_that_the_list_of_the_users_own_sidecar_matters() {
    let own = OWN_SIDECAR.replace(r#""containers":"#, r#""initContainers":[{"name":"first"}],"containers":"#);
    for (newer_native, told) in [(false, true), (true, false)] {
        let injected = Config { native: true, ..Config::new() }.inject(&tree(&own)).unwrap();
        let newer = Config::newer(newer_native);
        let (_, doubts) = newer.with(&injected, |request, setup| upgrade(&injected, request, setup)).unwrap();
        let is_told = doubts.iter().any(|doubt| matches!(doubt, Doubt::OwnSidecar { .. }));
        assert_eq!(is_told, told, "native {newer_native}: {doubts:?}");
    }
}

#[test]
fn what_a_value_of_the_users_own_equals_is_named() {
    let config = Config::new();
    let own = asks("sidecar").replace(r#"{"metadata":{"#, r#"{"metadata":{"labels":{"owner":"p"},"#);
    let Undone { removed, is_proven, .. } = config.uninject(&config.inject(&tree(&own)).unwrap());
    assert!(is_proven && removed.contains(&"metadata.labels.owner".to_owned()), "{removed:?}");
}

/// Labels, annotations and doubts of a pod with these, after its injection was taken back by names.
fn undone_by_names(labels: &str, annotations: &str, status: &str, env: &str) -> (String, String, Vec<Doubt>) {
    let status = status.replace('"', r#"\""#);
    let pod = format!(
        r#"{{"metadata":{{"labels":{{{labels}}},"annotations":{{{annotations}"sidecar.istio.io/status":"{status}"}}}},
            "spec":{{"containers":[{{"name":"app"}},{{"name":"istio-proxy","env":[{env}]}}]}}}}"#
    );
    let Undone { pod, mut doubts, .. } = Config::new().uninject(&tree(&pod));
    doubts.retain(|doubt| !matches!(doubt, Doubt::Configuration { .. }));
    let text = |part| pod.at(&["metadata", part]).map(json::to_string).unwrap_or_default();
    (text("labels"), text("annotations"), doubts)
}

#[test]
fn annotations_are_the_users_where_nothing_shows_the_cni_plugin() {
    let sidecar = r#"{"containers":["istio-proxy"]}"#;
    let with_init = r#"{"containers":["istio-proxy"],"initContainers":["istio-init"]}"#;
    let none = r#""sidecar.istio.io/interceptionMode":"NONE""#;
    let all = r#""traffic.sidecar.istio.io/includeInboundPorts":"*""#;
    for (own, status) in [
        (none.to_owned(), sidecar),
        (all.to_owned(), sidecar),
        (format!("{none},{all}"), with_init),
        (none.replace("NONE", "REDIRECT") + "," + all, sidecar),
    ] {
        let (_, annotations, doubts) = undone_by_names("", &format!("{own},"), status, "");
        assert_eq!((annotations, doubts), (format!("{{{own}}}"), vec![]), "{status}");
    }
}

#[test]
fn labels_are_the_injections_where_a_variable_of_the_sidecar_shows_it() {
    let sidecar = r#"{"containers":["istio-proxy"]}"#;
    let (tunnel, network) = (r#""networking.istio.io/tunnel":"http""#, r#""topology.istio.io/network":"n""#);
    let variable = |name: &str, value: &str| format!(r#"{{"name":"{name}","value":"{value}"}}"#);
    let hbone = variable("ISTIO_META_ENABLE_HBONE", "true");
    let (labels, _, doubts) = undone_by_names(tunnel, "", sidecar, &hbone);
    assert_eq!((labels.as_str(), doubts), ("", vec![Doubt::Removed { what: "label networking.istio.io/tunnel" }]));
    for (own, env) in [
        (tunnel.to_owned(), variable("ISTIO_META_ENABLE_HBONE", "false")),
        (tunnel.replace("http", "mine"), hbone),
        (network.to_owned(), String::new()),
    ] {
        let (labels, _, doubts) = undone_by_names(&own, "", sidecar, &env);
        assert_eq!((labels, doubts), (format!("{{{own}}}"), vec![]), "{env}");
    }
    let (labels, _, doubts) = undone_by_names(network, "", sidecar, &variable("ISTIO_META_NETWORK", "n"));
    assert_eq!(
        (labels, doubts),
        (format!("{{{network}}}"), vec![Doubt::Stays { what: "label topology.istio.io/network" }])
    );
}
