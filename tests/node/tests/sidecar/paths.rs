//! The ways in which a pod comes to its sidecar. Each ends with the same traffic.

use std::path::Path;
use std::process::Command;

use harness::{Namespace, ROOT};
use node::stock::{APPLICATION, GREETING, PORT};
use node::{Node, RunningPod, probe};
use serde_json::{Value, json};

use super::webhook::Webhook;
use super::world::{
    IPTABLES, NATIVE, deployment, fetch, import_istio, injected, injected_by_istio, node, object, program,
    wait_for_access, workload,
};

/// A pod without a sidecar, the other end of connections.
fn plain(node: &Node) -> RunningPod<'_> {
    let plain = node.run_pod(&object(&deployment("plain")), &[]).unwrap();
    assert_eq!(plain.wait_until_ready(), Ok(1), "READY 1/1");
    plain
}

/// Runs an injected pod with one application, and waits until it is ready.
fn run<'a>(node: &'a Node, object: &Value) -> RunningPod<'a> {
    let pod = node.run_pod(object, &[]).unwrap();
    assert_eq!(pod.wait_until_ready(), Ok(2), "READY 2/2");
    pod
}

/// Fails unless what goes in and out of the pod passes Envoy, and nothing else does.
fn traffic_passes_envoy(pod: &RunningPod<'_>, plain: &RunningPod<'_>) {
    let (client, server) = (plain.address(), pod.address());
    assert_eq!(fetch(plain, "application", server).unwrap().trim(), GREETING);
    assert_eq!(fetch(pod, "application", client).unwrap().trim(), GREETING);
    // In: the proxy logs the client's connection, and the application sees the address that the proxy connects from.
    let inbound = wait_for_access(pod, &["inbound", &format!("{client}:"), &format!("to {server}:{PORT}")]);
    let seen = pod.log("application");
    assert!(seen.contains("127.0.0.6") && !seen.contains(&client.to_string()), "{seen}");
    let outbound = wait_for_access(pod, &["outbound", &format!("to {client}:{PORT}")]);
    // The node asks the proxy's own page, past the inbound listener.
    assert_eq!(probe::get((server, 15021).into(), "/healthz/ready", &[]).unwrap().0, 200);
    println!("== istio-proxy\n{inbound}\n{outbound}\n== application\n{seen}");
}

/// What a command prints in the network of a pod.
fn inside(pod: &RunningPod<'_>, command: &[&str]) -> String {
    let namespace = Namespace::at("pod", &pod.sandbox.namespace);
    namespace.enter(ROOT, || harness::run(Command::new(command[0]).args(&command[1..]), ""))
}

/// Istio's templates give the program's name as the first of `args:`, or as `command:`.
#[test]
fn kube_inject_and_the_init_container() {
    let node = node(&[]);
    let plain = plain(&node);
    let by_args = injected(IPTABLES, "", &deployment("by-args"));
    let mut by_command = injected(IPTABLES, "", &deployment("by-command"));
    let init = &mut by_command["spec"]["template"]["spec"]["initContainers"][0];
    init["command"] = init["args"].take();
    init["args"] = json!([]);
    for object in [by_args, by_command] {
        let pod = run(&node, &object);
        traffic_passes_envoy(&pod, &plain);
        let rules = inside(&pod, &["iptables", "-nvL", "-t", "nat"]);
        println!("== istio-init\n{}\n== iptables -nvL -t nat\n{rules}", pod.log("istio-init"));
        for chain in ["ISTIO_INBOUND", "ISTIO_IN_REDIRECT", "ISTIO_OUTPUT", "ISTIO_REDIRECT"] {
            assert!(rules.contains(&format!("Chain {chain} ")), "{rules}");
        }
        // One network for all containers of the pod.
        let listening = pod.execute("application", &["/busybox", "netstat", "-ltn"]).unwrap();
        println!("== netstat -ltn\n{listening}");
        for port in [PORT, 15001, 15006, 15021, 15090] {
            assert!(listening.contains(&format!(":{port} ")), "{listening}");
        }
        pod.delete().unwrap();
    }
}

#[test]
fn the_webhook_and_the_init_container() {
    let node = node(&[]);
    let plain = plain(&node);
    let webhook = Webhook::start();
    let pod = object(&deployment("app"));
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": pod["spec"]["template"]["metadata"], "spec": pod["spec"]["template"]["spec"]});
    pod["metadata"]["name"] = "app-0".into();
    let pod = run(&node, &webhook.admit(&pod));
    traffic_passes_envoy(&pod, &plain);
    pod.delete().unwrap();
}

#[test]
fn the_cni_plugin_and_a_pod_without_net_admin() {
    let plugin = json!({"type": "istio-cni", "capabilities": {"io.kubernetes.cri.pod-annotations": true}});
    let node = node(&[(Path::new(&program("istio-cni")), plugin)]);
    let plain = plain(&node);
    let object = injected(NATIVE, "pilot: {cni: {enabled: true}}", &deployment("app"));
    assert!(!object.to_string().contains("NET_ADMIN"), "{object}");
    let pod = run(&node, &object);
    println!("== istio-validation\n{}", pod.log("istio-validation"));
    traffic_passes_envoy(&pod, &plain);
    pod.delete().unwrap();
}

#[test]
fn without_rules_the_validation_keeps_the_pod_from_starting() {
    let node = node(&[]);
    let object = injected(NATIVE, "pilot: {cni: {enabled: true}}", &deployment("app"));
    let error = node.run_pod(&object, &[]).unwrap_err();
    println!("{error}");
    assert!(error.contains("init container istio-validation ended with Some(126)"), "{error}");
}

/// With the sidecar among the init containers, one after it has the network, and a job's pod ends.
#[test]
fn a_native_sidecar_is_there_before_init_containers_and_does_not_outlive_a_job() {
    let node = node(&[]);
    let plain = plain(&node);
    let url = format!("http://{}:{PORT}/", plain.address());
    let wget = json!(["/busybox", "wget", "-q", "-O", "-", url]);
    let text = workload(
        "Job",
        "work",
        &json!({
            "metadata": {"annotations": {"sidecar.istio.io/nativeSidecar": "true"}},
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "initContainers": [{"name": "first", "image": APPLICATION, "command": wget}],
                "containers": [{"name": "work", "image": APPLICATION, "command": wget}],
            },
        }),
    );
    let pod = node.run_pod(&injected(NATIVE, "", &text), &[]).unwrap();
    assert_eq!(pod.wait_until_finished(), Ok(vec![0]));
    assert_eq!(pod.log("first").trim(), GREETING);
    assert_eq!(pod.log("work").trim(), GREETING);
    let log = pod.log("istio-proxy");
    println!("== istio-proxy\n{log}");
    assert_eq!(log.matches(" outbound ").count(), 2, "both connections pass the proxy: {log}");
    pod.delete().unwrap();
}

/// The pod as Istio's own templates make it, with its volumes, its variables and the application's probe rewritten.
/// `SIDECAR_ISTIO` is a folder with config.yaml, values.yaml and mesh.yaml of an Istio.
#[test]
fn a_pod_of_istios_own_templates_runs() {
    let Some(configuration) = std::env::var_os("SIDECAR_ISTIO") else {
        println!("NOT RUN: SIDECAR_ISTIO names no configuration of an Istio");
        return;
    };
    let node = node(&[]);
    let plain = plain(&node);
    let object = injected_by_istio(configuration.as_ref(), &deployment("app"));
    let spec = &object["spec"]["template"]["spec"];
    let image = spec["initContainers"][0]["image"].as_str().unwrap();
    import_istio(&node, image);
    let ca = json!({"metadata": {"name": "istio-ca-root-cert"}, "data": {"root-cert.pem": "a certificate"}});
    let pod = node.run_pod(&object, &[ca]).unwrap();
    assert_eq!(pod.wait_until_ready(), Ok(2), "READY 2/2");
    traffic_passes_envoy(&pod, &plain);
    println!("== istio-init\n{}", pod.log("istio-init"));
    let application = spec["containers"].as_array().unwrap().iter().find(|c| c["name"] == "application").unwrap();
    assert_eq!(application["readinessProbe"]["httpGet"]["port"], 15020, "the probe is rewritten");
    let path = application["readinessProbe"]["httpGet"]["path"].as_str().unwrap();
    assert_eq!(probe::get((pod.address(), 15020).into(), path, &[]).unwrap().0, 200);
    pod.delete().unwrap();
}
