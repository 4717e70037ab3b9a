//! What the paths share: the released programs, the images, workloads, and what is seen of their connections.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use node::stock::{self, APPLICATION, PORT};
use node::{Image, Node, RunningPod};
use serde_json::{Value, json};
use sidecar_injector::yaml;
use tempfile::{NamedTempFile, TempDir};

/// A released program: from the folder `SIDECAR_PROGRAMS`, or from Cargo's own.
pub fn program(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let usual = || root.join(format!("target/{}-unknown-linux-musl/release", std::env::consts::ARCH));
    let program = std::env::var_os("SIDECAR_PROGRAMS").map_or_else(usual, PathBuf::from).join(name);
    assert!(program.exists(), "{} is missing: build it first, as scripts/test-image does", program.display());
    program
}

/// The image of the init program with iptables.
pub const IPTABLES: &str = "init";
/// The image of the init program alone, which makes nftables rules over netlink.
pub const NATIVE: &str = "native";

/// The folder of the archives of the images, as `docker save` writes them.
fn images() -> PathBuf {
    let folder = std::env::var_os("SIDECAR_IMAGES").expect("SIDECAR_IMAGES names the folder of the images");
    PathBuf::from(folder)
}

/// The real Envoy.
fn envoy() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/envoy");
    let output = Command::new(script).output().expect("scripts/envoy starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().into()
}

/// A node that has the images, with these CNI plugins after the usual ones.
pub fn node(plugins: &[(&Path, Value)]) -> Node {
    let node = Node::start(plugins);
    node.import(&stock::application());
    for variant in [IPTABLES, NATIVE] {
        node.import_archive(&images().join(variant).with_extension("tar"));
    }
    node.import_archive(proxy());
    node
}

/// The image of the proxy, written once for all tests.
fn proxy() -> &'static Path {
    static ARCHIVE: OnceLock<NamedTempFile> = OnceLock::new();
    let archive = ARCHIVE.get_or_init(|| {
        let archive = NamedTempFile::new().unwrap();
        stock::proxy(&envoy()).write(archive.path());
        archive
    });
    archive.path()
}

/// A stand-in with this name for Istio's image: a substitute for its agent, Envoy, and the init program.
pub fn import_istio(node: &Node, name: &str) {
    let (envoy, agent, folder) = (envoy(), Path::new(env!("CARGO_BIN_EXE_agent")), Path::new("/usr/local/bin"));
    let mut image = Image::new(name).copy(&envoy, &folder.join("envoy")).copy(agent, &folder.join("agent"));
    image = image.copy(&program("istio-iptables"), &folder.join("istio-iptables"));
    node.import(&image.libraries(&envoy).libraries(agent).entry_point(&["/usr/local/bin/agent"]));
}

/// What `kube-inject` makes of a text with the configuration of an Istio.
pub fn injected_by_istio(configuration: &Path, text: &str) -> Value {
    let mut command = Command::new(program("sidecar-injector"));
    command.args(["kube-inject", "-f", "-"]);
    for (flag, file) in [("--injectConfigFile", "config"), ("--valuesFile", "values"), ("--meshConfigFile", "mesh")] {
        command.arg(flag).arg(configuration.join(file).with_extension("yaml"));
    }
    object(&harness::run(&mut command, text))
}

/// A workload of this kind with a pod template.
pub fn workload(kind: &str, name: &str, template: &Value) -> String {
    let version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
    let mut object =
        json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": {"template": template}});
    if kind != "Job" {
        object["spec"]["selector"] = json!({"matchLabels": {"app": name}});
        object["spec"]["template"]["metadata"]["labels"] = json!({"app": name});
    }
    // JSON is YAML.
    object.to_string()
}

/// A Deployment of the application.
pub fn deployment(name: &str) -> String {
    let probe = json!({"httpGet": {"path": "/", "port": PORT}});
    let container = json!({
        "name": "application", "image": APPLICATION, "ports": [{"containerPort": PORT}], "readinessProbe": probe,
    });
    workload("Deployment", name, &json!({"spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}}))
}

/// The configuration of the injector: the built-in one, with an access log, this variant of the init program, and these
/// further values.
pub struct Configuration {
    folder: TempDir,
}

impl Configuration {
    pub fn new(variant: &str, values: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mesh.yaml"), "accessLogFile: /dev/stdout\n").unwrap();
        let native = variant == NATIVE;
        let init = format!("image: istio-iptables-test:{variant}, nativeNftables: {native}");
        let values = format!("global: {{proxy_init: {{{init}}}}}\n{values}\n");
        fs::write(folder.path().join("values.yaml"), values).unwrap();
        Self { folder }
    }

    /// A call of the injector with it.
    pub fn injector(&self, command: &str) -> Command {
        let mut call = Command::new(program("sidecar-injector"));
        call.arg(command).arg("--meshConfigFile").arg(self.folder.path().join("mesh.yaml"));
        call.arg("--valuesFile").arg(self.folder.path().join("values.yaml"));
        call
    }
}

/// What `kube-inject` makes of a text, with this variant of the init program and these further values.
pub fn injected(variant: &str, values: &str, text: &str) -> Value {
    let configuration = Configuration::new(variant, values);
    object(&harness::run(configuration.injector("kube-inject").args(["-f", "-"]), text))
}

/// The first object of a text.
pub fn object(text: &str) -> Value {
    let value = yaml::parse(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    serde_json::from_str(&sidecar_injector::json::to_string(&value)).unwrap()
}

/// What a container of a pod gets from a server, with busybox's wget.
pub fn fetch(pod: &RunningPod<'_>, container: &str, from: IpAddr) -> Result<String, String> {
    pod.execute(container, &["/busybox", "wget", "-q", "-O", "-", &format!("http://{from}:{PORT}/")])
}

/// Fails unless the proxy logs a connection of which this holds: Envoy writes its log some time after the connection.
pub fn wait_for_access(pod: &RunningPod<'_>, what: &[&str]) -> String {
    let mut found = None;
    harness::wait_until(&format!("the proxy's log has a line with {what:?}"), || {
        found =
            pod.log("istio-proxy").lines().find(|line| what.iter().all(|what| line.contains(what))).map(str::to_owned);
        found.is_some()
    });
    found.unwrap()
}
