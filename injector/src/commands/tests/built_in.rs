//! The built-in configuration.

use super::*;

fn pod_of(call: &Call) -> Value {
    assert_eq!((call.status, call.errors.as_str()), (Status::Done, ""), "{}", call.out);
    yaml::parse(&call.out).unwrap().at(&["spec", "template", "spec"]).cloned().unwrap()
}

fn container<'p>(pod: &'p Value, list: &str, name: &str) -> Option<&'p Value> {
    pod.list_at(&[list]).iter().find(|c| c.str_at(&["name"]) == Some(name))
}

fn words(container: &Value) -> Vec<&str> {
    container.list_at(&["args"]).iter().filter_map(Value::as_str).collect()
}

/// What follows a word among the arguments.
fn after<'c>(container: &'c Value, word: &str) -> Option<&'c str> {
    let words = words(container);
    words.iter().position(|w| *w == word).and_then(|at| words.get(at + 1).copied())
}

fn bootstrap(sidecar: &Value) -> Value {
    yaml::parse(after(sidecar, "--config-yaml").unwrap()).unwrap()
}

fn names(bootstrap: &Value, list: &str) -> Vec<String> {
    let elements = bootstrap.list_at(&["static_resources", list]).iter();
    elements.map(|e| e.str_at(&["name"]).unwrap().to_owned()).collect()
}

fn annotated(annotations: &str) -> String {
    DEPLOYMENT.replace(
        "      labels: {app: web}\n",
        &format!("      labels: {{app: web}}\n      annotations: {{{annotations}}}\n"),
    )
}

#[test]
fn without_files_the_projects_own_containers_are_injected() {
    let pod = pod_of(&call(&["kube-inject", "-f", "-"], DEPLOYMENT));
    let init = container(&pod, "initContainers", "istio-init").unwrap();
    assert_eq!(init.str_at(&["image"]), Some("istio-iptables:0.1.0"));
    let arguments = "istio-iptables -p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x  -b * -d 15021,15090";
    assert_eq!(words(init).join(" "), arguments);
    let sidecar = container(&pod, "containers", "istio-proxy").unwrap();
    assert_eq!(sidecar.str_at(&["image"]), Some("envoyproxy/envoy:distroless-v1.35.3"));
    assert_eq!(sidecar.at(&["securityContext", "runAsUser"]), Some(&Value::Int(1337)));
    let bootstrap = bootstrap(sidecar);
    assert_eq!(names(&bootstrap, "listeners"), ["outbound", "inbound", "health", "metrics"]);
    assert_eq!(names(&bootstrap, "clusters"), ["outbound", "inbound", "inbound6", "admin"]);
}

#[test]
fn what_is_injected_twice_is_injected_once() {
    for variable in ["false", "true"] {
        let inject = |text: &str| {
            call_with(&["kube-inject", "-f", "-"], text.as_bytes(), &[("ENABLE_NATIVE_SIDECARS", variable)]).out
        };
        let once = inject(DEPLOYMENT);
        assert!(once.contains("istio-proxy"));
        assert_eq!(inject(once.trim_end_matches("---\n")), once);
    }
}

#[test]
fn a_resource_annotation_replaces_one_value_and_no_other() {
    let folder = Folder::new("resources");
    let resources = |annotations: &str, values: &str| {
        let values = folder.file("values.yaml", values);
        let pod = pod_of(&call(&["kube-inject", "-f", "-", "--valuesFile", &values], &annotated(annotations)));
        json::to_string(container(&pod, "containers", "istio-proxy").unwrap().get("resources").unwrap())
    };
    let default = r#"{"limits":{"memory":"256Mi"},"requests":{"cpu":"10m","memory":"64Mi"}}"#;
    assert_eq!(resources("", "{}"), default);
    let cpu = r#"{"limits":{"memory":"256Mi"},"requests":{"cpu":"200m","memory":"64Mi"}}"#;
    assert_eq!(resources("sidecar.istio.io/proxyCPU: 200m", "{}"), cpu);
    let all = "sidecar.istio.io/proxyCPU: 200m, sidecar.istio.io/proxyCPULimit: 500m, \
               sidecar.istio.io/proxyMemory: 1Gi, sidecar.istio.io/proxyMemoryLimit: 2Gi";
    let expected = r#"{"limits":{"cpu":"500m","memory":"2Gi"},"requests":{"cpu":"200m","memory":"1Gi"}}"#;
    let none = "global: {proxy: {resources: null}}";
    assert_eq!(resources(all, "{}"), expected);
    assert_eq!(resources(all, none), expected);
    assert_eq!(resources("", none), "{}");
}

#[test]
fn a_native_sidecar_is_an_init_container_that_keeps_running() {
    let pod = pod_of(&call(&["kube-inject", "-f", "-", "--kubelet-versions", "v1.33.1"], DEPLOYMENT));
    let order: Vec<_> = pod.list_at(&["initContainers"]).iter().filter_map(|c| c.str_at(&["name"])).collect();
    assert_eq!(order, ["istio-init", "istio-proxy"]);
    let sidecar = container(&pod, "initContainers", "istio-proxy").unwrap();
    assert_eq!(sidecar.str_at(&["restartPolicy"]), Some("Always"));
    assert!(container(&pod, "containers", "istio-proxy").is_none());
    let declined = annotated("sidecar.istio.io/nativeSidecar: \"false\"");
    let pod = pod_of(&call(&["kube-inject", "-f", "-", "--kubelet-versions", "v1.33.1"], &declined));
    assert!(container(&pod, "containers", "istio-proxy").is_some());
}

#[test]
fn annotations_choose_what_is_captured() {
    let text = annotated(
        "traffic.sidecar.istio.io/includeOutboundIPRanges: 10.0.0.0/8, traffic.sidecar.istio.io/excludeInboundPorts: \"80\", \
         traffic.sidecar.istio.io/excludeOutboundPorts: \"443\", sidecar.istio.io/interceptionMode: TPROXY",
    );
    let pod = pod_of(&call(&["kube-inject", "-f", "-"], &text));
    let init = container(&pod, "initContainers", "istio-init").unwrap();
    for (flag, value) in [("-i", "10.0.0.0/8"), ("-d", "80,15021,15090"), ("-o", "443"), ("-m", "TPROXY")] {
        assert_eq!(after(init, flag), Some(value), "{flag}");
    }
    let sidecar = container(&pod, "containers", "istio-proxy").unwrap();
    assert_eq!(sidecar.at(&["securityContext", "runAsUser"]), Some(&Value::Int(0)));
    let bootstrap = bootstrap(sidecar);
    let inbound = &bootstrap.list_at(&["static_resources", "listeners"])[1];
    assert_eq!(inbound.get("transparent"), Some(&Value::Bool(true)));
    let none = annotated("sidecar.istio.io/interceptionMode: NONE");
    let pod = pod_of(&call(&["kube-inject", "-f", "-"], &none));
    assert!(container(&pod, "initContainers", "istio-init").is_none());
}

const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";

/// Injects a pod that has something of everything, and checks that it keeps that, and which container is the default.
fn keeps_its_own(flags: &[&str], mode: &str, containers: &str, annotation: &str, default: &str) {
    let list: Vec<_> = containers.split(',').map(|name| format!("{{name: {name}, env: [{{name: E}}]}}")).collect();
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, labels: {{l: l}}, annotations: {{mine: kept{annotation}, \
         sidecar.istio.io/interceptionMode: {mode}}}}}\nspec: {{containers: [{}], initContainers: [{{name: i}}], \
         volumes: [{{name: v}}], imagePullSecrets: [{{name: s}}]}}\n",
        list.join(", ")
    );
    let pod = yaml::parse(&call(&[&["kube-inject", "-f", "-"], flags].concat(), &text).out).unwrap();
    let case = format!("{flags:?}, {mode}, {containers}{annotation}");
    let annotation = |name: &str| pod.str_at(&["metadata", "annotations", name]).unwrap_or_default();
    assert_eq!((annotation("mine"), annotation(DEFAULT_CONTAINER)), ("kept", default), "{case}");
    assert_eq!(pod.str_at(&["metadata", "labels", "l"]), Some("l"), "{case}");
    let lists = ["containers", "initContainers", "volumes", "imagePullSecrets"];
    let elements = lists.iter().flat_map(|list| pod.list_at(&["spec", list]));
    let names: Vec<_> = elements.filter_map(|element| element.str_at(&["name"])).collect();
    assert!(containers.split(',').chain(["i", "v", "s"]).all(|name| names.contains(&name)), "{case}: {names:?}");
}

/// A null in what the template prints would remove a list or a map of the pod.
#[test]
fn nothing_of_the_pod_is_lost() {
    let folder = Folder::new("kept");
    let cni = ["false", "true"]
        .map(|cni| folder.file(&format!("{cni}.yaml"), format!("pilot: {{cni: {{enabled: {cni}}}}}\n")));
    let own_default = format!(", {DEFAULT_CONTAINER}: c");
    for (values, version) in cni.iter().flat_map(|values| [(values, "v1.28.0"), (values, "v1.33.1")]) {
        let flags = ["--valuesFile", values, "--kubelet-versions", version];
        for mode in ["REDIRECT", "TPROXY", "NONE"] {
            for (containers, default) in [("a", "a"), ("a,b", "a"), ("istio-proxy,b,c", "b"), ("istio-proxy", "")] {
                keeps_its_own(&flags, mode, containers, "", default);
                keeps_its_own(&flags, mode, containers, &own_default, "c");
            }
        }
    }
}

#[test]
fn given_values_are_merged_into_the_built_in_ones() {
    let folder = Folder::new("overlay");
    let text = "global:\n  imagePullSecrets: [key]\n  imagePullPolicy: Always\n  proxy: {image: own/envoy:1, ipv6: false, logLevel: info, lifecycle: {preStop: {exec: {command: [sleep, \"5\"]}}}}\n  proxy_init: {image: own/init:1, nativeNftables: true}\n";
    let values = folder.file("values.yaml", text);
    let pod = pod_of(&call(&["kube-inject", "-f", "-", "--valuesFile", &values], DEPLOYMENT));
    let init = container(&pod, "initContainers", "istio-init").unwrap();
    assert_eq!(init.str_at(&["image"]), Some("own/init:1"));
    assert!(words(init).contains(&"--native-nftables"));
    assert_eq!(init.list_at(&["securityContext", "capabilities", "add"]).len(), 1);
    let sidecar = container(&pod, "containers", "istio-proxy").unwrap();
    assert_eq!((sidecar.str_at(&["image"]), after(sidecar, "--log-level")), (Some("own/envoy:1"), Some("info")));
    assert_eq!(sidecar.list_at(&["lifecycle", "preStop", "exec", "command"]).len(), 2);
    assert_eq!(names(&bootstrap(sidecar), "clusters"), ["outbound", "inbound", "admin"]);
    assert_eq!(pod.list_at(&["imagePullSecrets"]).len(), 1);
    let wrong = folder.file("wrong.yaml", "global:\n  proxy:\n    image: 7\n");
    let wrong = call(&["kube-inject", "-f", "-", "--valuesFile", &wrong], DEPLOYMENT);
    assert!(wrong.errors.contains("wrong.yaml: line 3, column 12: "), "{}", wrong.errors);
}

#[test]
fn with_the_cni_plugin_the_init_container_only_proves_the_rules() {
    let folder = Folder::new("cni");
    let values =
        folder.file("values.yaml", "pilot: {cni: {enabled: true}}\nglobal: {proxy: {excludeIPRanges: 10.9.0.0/16}}\n");
    let inject = |text: &str| call(&["kube-inject", "-f", "-", "--valuesFile", &values], text);
    let first = inject(&annotated("traffic.sidecar.istio.io/excludeInboundPorts: \"9090\""));
    let pod = pod_of(&first);
    assert!(container(&pod, "initContainers", "istio-init").is_none());
    let validation = container(&pod, "initContainers", "istio-validation").unwrap();
    assert!(words(validation).ends_with(&["--run-validation", "--skip-rule-apply"]));
    assert_eq!(validation.at(&["securityContext", "runAsUser"]), Some(&Value::Int(1337)));
    assert!(validation.list_at(&["securityContext", "capabilities", "add"]).is_empty());
    // The plugin gets from annotations what the init container would get as arguments.
    let document = yaml::parse(&first.out).unwrap();
    let annotation = |name: &str| document.str_at(&["spec", "template", "metadata", "annotations", name]);
    for (flag, name) in [
        ("-m", "sidecar.istio.io/interceptionMode"),
        ("-i", "traffic.sidecar.istio.io/includeOutboundIPRanges"),
        ("-x", "traffic.sidecar.istio.io/excludeOutboundIPRanges"),
        ("-b", "traffic.sidecar.istio.io/includeInboundPorts"),
        ("-d", "traffic.sidecar.istio.io/excludeInboundPorts"),
    ] {
        assert_eq!(annotation(name), after(validation, flag), "{flag}");
    }
    assert_eq!(annotation("traffic.sidecar.istio.io/excludeOutboundIPRanges"), Some("10.9.0.0/16"));
    assert_eq!(annotation("traffic.sidecar.istio.io/excludeOutboundPorts"), Some(""));
    assert_eq!(inject(&first.out).out, first.out, "injecting again changes nothing");
}

#[test]
fn probes_and_prometheus_annotations_stay_as_they_are() {
    let text = annotated("prometheus.io/port: \"8080\"").replace(
        "        image: web:1\n",
        "        image: web:1\n        readinessProbe: {httpGet: {path: /ready, port: 8080}}\n",
    );
    let call = call(&["kube-inject", "-f", "-"], &text);
    let application = container(&pod_of(&call), "containers", "app").cloned().unwrap();
    assert_eq!(application.str_at(&["readinessProbe", "httpGet", "path"]), Some("/ready"));
    assert!(call.out.contains("prometheus.io/port: \"8080\""));
}

#[test]
fn an_annotation_does_not_send_probes_or_prometheus_to_an_agent_that_is_not_there() {
    let folder = Folder::new("agent");
    let asking = "sidecar.istio.io/rewriteAppHTTPProbers: \"true\", prometheus.istio.io/merge-metrics: \"true\", \
                  prometheus.io/port: \"8080\"";
    let text = annotated(asking).replace(
        "        image: web:1\n",
        "        image: web:1\n        readinessProbe: {httpGet: {path: /ready, port: 8080}}\n",
    );
    let inject = |agent: bool| {
        let values = folder.file("values.yaml", format!("global: {{proxy: {{agent: {agent}}}}}\n"));
        let call = call(&["kube-inject", "-f", "-", "--valuesFile", &values], &text);
        let document = yaml::parse(&call.out).unwrap();
        let template = document.at(&["spec", "template"]).unwrap();
        let scraped = template.str_at(&["metadata", "annotations", "prometheus.io/port"]).unwrap().to_owned();
        let application = container(template.get("spec").unwrap(), "containers", "app").unwrap();
        let asked = application.at(&["readinessProbe", "httpGet", "port"]).cloned();
        (asked, scraped, call.errors)
    };
    let (asked, scraped, warnings) = inject(false);
    assert_eq!((asked, scraped.as_str()), (Some(Value::Int(8080)), "8080"));
    for (annotation, kept) in [
        ("sidecar.istio.io/rewriteAppHTTPProbers", "probes"),
        ("prometheus.istio.io/merge-metrics", "Prometheus annotations"),
    ] {
        let warning = format!(
            "annotation {annotation} has no effect: the sidecar has no agent (values: global.proxy.agent); {kept} stay as they are\n"
        );
        assert!(warnings.contains(&warning), "{warnings}");
    }
    let (asked, scraped, warnings) = inject(true);
    assert_eq!((asked, scraped.as_str(), warnings.as_str()), (Some(Value::Int(15020)), "15020", ""));
}

#[test]
fn the_printed_configuration_can_be_read_again() {
    let folder = Folder::new("printed");
    let printed = call(&["kube-inject", "--print-config"], "").out;
    let parts: Vec<_> = printed.split("---\n").collect();
    let [config, values, mesh] = parts[..] else { panic!("{} parts", parts.len()) };
    let [config, values, mesh] =
        [("config", config), ("values", values), ("mesh", mesh)].map(|(name, text)| folder.file(name, text));
    let files = ["--injectConfigFile", &config, "--valuesFile", &values, "--meshConfigFile", &mesh];
    let with_files = call(&[&["kube-inject", "-f", "-"][..], &files].concat(), DEPLOYMENT);
    assert_eq!(with_files.out, call(&["kube-inject", "-f", "-"], DEPLOYMENT).out);
}

#[test]
fn every_kind_is_injected_and_what_comes_out_is_of_the_same_kind() {
    for kind in crate::object::Kind::ALL {
        let template = "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c}]}}";
        let spec = match kind {
            crate::object::Kind::Pod => "containers: [{name: c}]".to_owned(),
            crate::object::Kind::CronJob => format!("schedule: x, jobTemplate: {{spec: {{{template}}}}}"),
            crate::object::Kind::List => continue,
            crate::object::Kind::ReplicationController
            | crate::object::Kind::Deployment
            | crate::object::Kind::DaemonSet
            | crate::object::Kind::ReplicaSet
            | crate::object::Kind::StatefulSet
            | crate::object::Kind::Job
            | crate::object::Kind::DeploymentConfig => template.to_owned(),
        };
        let text = format!("apiVersion: v1\nkind: {}\nmetadata: {{name: x}}\nspec: {{{spec}}}\n", kind.name());
        let call = call(&["kube-inject", "-f", "-"], &text);
        let object = yaml::parse(&call.out).unwrap();
        assert_eq!(object.str_at(&["kind"]), Some(kind.name()));
        assert!(call.out.contains("name: istio-proxy"), "{}: {}", kind.name(), call.out);
    }
}
