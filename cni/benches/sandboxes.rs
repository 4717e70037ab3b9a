//! What the plugin costs a node: `cargo bench -p istio-cni --bench sandboxes -- [PLUGIN]`, as root.
//!
//! One `ADD` in network namespaces of their own, against a plugin that only starts; sandboxes of a real containerd, one
//! after another and all at once, with and without the plugin in turn. PLUGIN is the binary to measure, usually the
//! release build.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it measures, or falls over"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use node::Node;
use serde_json::json;

/// How many pods there are in each row.
const PODS: usize = 100;

const STATUS: &str = r#"{"initContainers":["istio-validation"],"containers":["istio-proxy"]}"#;

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let plugin = given.map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_istio-cni")), PathBuf::from);
    println!("{:<46} {:>10} {:>10}", "", "median", "99th");
    alone(&plugin);
    in_containerd(&plugin);
}

fn row(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize].as_secs_f64() * 1e3;
    println!("{name:<46} {:>7.2} ms {:>7.2} ms", at(0.5), at(0.99));
}

fn ip(arguments: &[&str]) {
    assert!(Command::new("ip").args(arguments).status().expect("ip").success(), "ip {arguments:?}");
}

/// The plugin by itself.
fn alone(plugin: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input");
    let annotations = json!({"io.kubernetes.cri.pod-annotations": {"sidecar.istio.io/status": STATUS}});
    let object = json!({"cniVersion": "1.0.0", "name": "pod", "type": "istio-cni", "runtimeConfig": annotations});
    std::fs::write(&input, object.to_string()).unwrap();
    let names: Vec<_> = (0..PODS).map(|i| format!("bench-{}-{i}", std::process::id())).collect();
    let (mut add, mut nothing) = (Vec::new(), Vec::new());
    for name in &names {
        ip(&["netns", "add", name]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        ip(&["-n", name, "address", "add", "10.5.0.2/24", "dev", "lo"]);
    }
    for name in &names {
        for (verb, times) in [("VERSION", &mut nothing), ("ADD", &mut add)] {
            let mut command = Command::new(plugin);
            command
                .env_clear()
                .envs([("CNI_COMMAND", verb), ("CNI_CONTAINERID", "a"), ("CNI_IFNAME", "eth0")])
                .env("CNI_NETNS", Path::new("/run/netns").join(name))
                .env("CNI_ARGS", "K8S_POD_NAMESPACE=default;K8S_POD_NAME=bench")
                .stdin(File::open(&input).unwrap())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let begun = Instant::now();
            let status = command.status().expect("the plugin starts");
            times.push(begun.elapsed());
            assert!(status.success(), "{verb}");
        }
    }
    names.iter().for_each(|name| ip(&["netns", "delete", name]));
    row("the plugin starts, reads and ends (VERSION)", nothing);
    row("the plugin makes the rules of a pod (ADD)", add);
}

/// The plugin as a part of a node's work.
fn in_containerd(plugin: &Path) {
    let object = json!({"type": "istio-cni", "capabilities": {"io.kubernetes.cri.pod-annotations": true}});
    let nodes = [("without the plugin", Node::start(&[])), ("with the plugin", Node::start(&[(plugin, object)]))];
    let annotations = [("sidecar.istio.io/status", STATUS)];
    let mut one_by_one = [Vec::new(), Vec::new()];
    for i in 0..PODS {
        for ((_, node), times) in nodes.iter().zip(&mut one_by_one) {
            let begun = Instant::now();
            let sandbox = node.run(&format!("one-{i}"), &annotations).expect("the sandbox runs");
            times.push(begun.elapsed());
            node.remove(&sandbox).expect("it goes");
        }
    }
    for ((name, _), times) in nodes.iter().zip(one_by_one) {
        row(&format!("a sandbox of containerd, {name}"), times);
    }
    let names: Vec<_> = (0..PODS).map(|i| format!("many-{i}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for (name, node) in &nodes {
        let begun = Instant::now();
        let answers = node.run_all(&names, &annotations);
        let taken = begun.elapsed();
        let sandboxes: Vec<_> = answers.into_iter().map(|id| node.sandbox(&id.expect("it runs")).unwrap()).collect();
        println!("{PODS} sandboxes at once, {name:<21} {:>7.2} s in all", taken.as_secs_f64());
        let has_rules = |path: &Path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            let output = Command::new("ip").args(["netns", "exec", name, "nft", "list", "ruleset"]).output().unwrap();
            String::from_utf8_lossy(&output.stdout).contains("istio-in-redirect")
        };
        let with_rules = sandboxes.iter().filter(|sandbox| has_rules(&sandbox.namespace)).count();
        println!("  with rules: {with_rules}");
        sandboxes.iter().for_each(|sandbox| node.remove(sandbox).expect("it goes"));
    }
}
