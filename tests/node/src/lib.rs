//! A node without Kubernetes: a containerd of its own, with root, state and socket in a folder that goes with it, and
//! what a kubelet would ask of it over the Container Runtime Interface.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on falls over"
)]

use std::collections::HashMap;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use cri::messages::{Nothing, PodSandboxConfig, PodSandboxMetadata};

mod cri;
mod fields;
mod image;
mod kubelet;
pub mod probe;
mod spec;
pub mod stock;
mod volumes;

pub use image::Image;
pub use kubelet::RunningPod;

/// The programs that it needs.
pub const PROGRAMS: [&str; 5] = ["containerd", "ctr", "runc", "busybox", "/usr/lib/cni/ptp"];

/// The image of sandboxes.
const PAUSE: &str = "localhost/pause:test";

/// Debian's directory of the reference plugins.
const REFERENCE_PLUGINS: &str = "/usr/lib/cni";

/// A containerd.
#[derive(Debug)]
pub struct Node {
    folder: TempDir,
    snapshotter: &'static str,
    containerd: Child,
    runtime: Runtime,
    client: cri::Client,
    /// The node's own address in the network of its pods.
    pub gateway: IpAddr,
    gateway6: Ipv6Addr,
    /// Its network is its own as long as this is open.
    _network: File,
}

/// A pod sandbox: the network namespace that the containers of a pod share.
#[derive(Clone, Debug)]
pub struct Sandbox {
    id: String,
    /// The path of its network namespace.
    pub namespace: PathBuf,
    /// Its addresses, the IPv4 one first.
    pub addresses: Vec<IpAddr>,
}

impl Node {
    /// Starts containerd. Pods get an IPv4 and an IPv6 address from the reference plugins; then come these `plugins`,
    /// each a program with its object in the configuration.
    pub fn start(plugins: &[(&Path, Value)]) -> Self {
        let (number, claim) = claim_network();
        let subnets = [format!("10.231.{number}.0/24"), format!("fd31:7:0:{number:x}::/64")];
        let folder = tempfile::Builder::new().prefix("node").tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("bin")).expect("a folder");
        fs::create_dir_all(path("conf")).expect("a folder");
        for name in ["ptp", "host-local", "loopback"] {
            symlink(Path::new(REFERENCE_PLUGINS).join(name), path("bin").join(name)).expect("a link");
        }
        let ranges: Vec<_> = subnets.iter().map(|subnet| json!([{"subnet": subnet}])).collect();
        let everywhere = json!([{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]);
        let ipam = json!({"type": "host-local", "ranges": ranges, "routes": everywhere, "dataDir": path("addresses")});
        let mut chain = vec![json!({"type": "ptp", "ipam": ipam})];
        for (program, object) in plugins {
            let name = object["type"].as_str().expect("a type");
            symlink(program, path("bin").join(name)).expect("a link");
            chain.push(object.clone());
        }
        let network = json!({"cniVersion": "0.4.0", "name": "pod", "plugins": chain});
        fs::write(path("conf").join("10-pod.conflist"), network.to_string()).expect("the configuration is written");
        let snapshotter = snapshotter(folder.path());
        fs::write(path("config.toml"), configuration(folder.path(), snapshotter))
            .expect("the configuration is written");
        let log = File::create(path("log")).expect("a log");
        let containerd = Command::new("containerd")
            .arg("--config")
            .arg(path("config.toml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("containerd starts");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = cri::Client::new(&runtime, &path("sock"));
        let gateway = Ipv4Addr::new(10, 231, number, 1).into();
        let gateway6 = Ipv6Addr::new(0xfd31, 7, 0, number.into(), 0, 0, 0, 1);
        let node = Self { folder, snapshotter, containerd, runtime, client, gateway, gateway6, _network: claim };
        node.wait_until_ready();
        node.import(&Image::new(PAUSE).program(Path::new("/bin/busybox")).entry_point(&[
            "/busybox",
            "sleep",
            "2147483647",
        ]));
        node
    }

    /// Its log, in which the plugins' standard errors are, too.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("the log")
    }

    /// Runs a sandbox for a pod with these annotations, in the namespace `default`.
    ///
    /// # Errors
    /// What containerd reports to the kubelet.
    pub fn run(&self, name: &str, annotations: &[(&str, &str)]) -> Result<Sandbox, String> {
        let ids = self.run_all(&[name], annotations);
        let id = ids.into_iter().next().expect("one answer")?;
        self.wait_until_settled();
        self.sandbox(&id)
    }

    fn wait_until_settled(&self) {
        harness::wait_until("the node's own address in the pod's network is settled", || self.is_settled());
    }

    /// Whether the IPv6 address of the gateway is no longer tentative. Until then a connection to a pod comes from an
    /// address of another node of this process, and hangs when that one goes.
    fn is_settled(&self) -> bool {
        // A line is: address, index, length of the prefix, scope, flags, interface (`if6_seq_show`, IFA_F_TENTATIVE).
        let tentative = |flags: &str| u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & 0x40 != 0);
        let all = fs::read_to_string("/proc/net/if_inet6").expect("the addresses");
        let gateway = format!("{:032x}", self.gateway6.to_bits());
        let own = all.lines().filter(|line| line.starts_with(&gateway));
        own.filter_map(|line| line.split_whitespace().nth(4)).all(|flags| !tentative(flags))
    }

    /// Runs a sandbox for each of these pods at once.
    pub fn run_all(&self, names: &[&str], annotations: &[(&str, &str)]) -> Vec<Result<String, String>> {
        let annotations: HashMap<_, _> = annotations.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let config = |name: &str| PodSandboxConfig {
            metadata: Some(PodSandboxMetadata {
                name: name.to_owned(),
                uid: format!("uid-{name}"),
                namespace: "default".to_owned(),
            }),
            annotations: annotations.clone(),
            linux: Some(Nothing {}),
            ..PodSandboxConfig::default()
        };
        self.runtime.block_on(async {
            let start = |name: &&str| {
                let (client, config) = (self.client.clone(), config(name));
                tokio::spawn(async move { client.run(config).await })
            };
            let tasks: Vec<_> = names.iter().map(start).collect();
            let mut answers = Vec::new();
            for task in tasks {
                answers.push(task.await.expect("the task ends"));
            }
            answers
        })
    }

    /// What is known of a sandbox.
    ///
    /// # Errors
    /// What containerd reports to the kubelet.
    pub fn sandbox(&self, id: &str) -> Result<Sandbox, String> {
        let (namespace, addresses) = self.runtime.block_on(self.client.status(id))?;
        Ok(Sandbox { id: id.to_owned(), namespace, addresses })
    }

    /// Stops and removes a sandbox.
    ///
    /// # Errors
    /// What containerd reports to the kubelet.
    pub fn remove(&self, sandbox: &Sandbox) -> Result<(), String> {
        self.runtime.block_on(self.client.remove(&sandbox.id))
    }

    fn wait_until_ready(&self) {
        for _ in 0..600 {
            if self.runtime.block_on(self.client.is_ready()) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("containerd is not ready after 30 seconds:\n{}", self.log());
    }

    /// Gives it an image.
    pub fn import(&self, image: &Image) {
        let archive = self.folder.path().join("image.tar");
        image.write(&archive);
        self.import_archive(&archive);
        fs::remove_file(archive).expect("a file of our own");
    }

    /// Gives it the image of an archive that `docker save` wrote.
    pub fn import_archive(&self, archive: &Path) {
        let output = Command::new("ctr")
            .args(["--namespace", "k8s.io", "--address"])
            .arg(self.folder.path().join("sock"))
            .args(["images", "import", "--snapshotter", self.snapshotter])
            .arg(archive)
            .output()
            .expect("ctr starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.runtime.block_on(self.client.remove_all());
        let _ = self.containerd.kill();
        let _ = self.containerd.wait();
    }
}

/// The number of a network that no other node of this machine has, and the lock that keeps it. The remains of a
/// node that was killed still have routes.
fn claim_network() -> (u8, File) {
    let routes = fs::read_to_string("/proc/net/route").expect("the routes");
    // The second field of a line is the destination, in the byte order of the machine (`fib_route_seq_show`).
    let destinations = routes.lines().filter_map(|line| u32::from_str_radix(line.split_whitespace().nth(1)?, 16).ok());
    let taken: Vec<_> = destinations.map(u32::to_ne_bytes).collect();
    let claim = |number: u8| {
        let file = File::create(std::env::temp_dir().join(format!("node-network-{number}.lock"))).expect("a lock file");
        let is_free = !taken.iter().any(|destination| destination.starts_with(&[10, 231, number]));
        (is_free && file.try_lock().is_ok()).then_some((number, file))
    };
    (0..=u8::MAX).find_map(claim).expect("there are more networks than nodes")
}

/// What keeps the file systems of containers: overlays, or copies if no overlay can be in this folder, such as in one that
/// is in an overlay itself.
fn snapshotter(folder: &Path) -> &'static str {
    let part = |name| {
        let path = folder.join("overlay").join(name);
        fs::create_dir_all(&path).expect("a folder");
        path
    };
    let [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map(part);
    let options = format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let succeeds = |command: &mut Command| {
        let output = command.arg(&merged).output().expect("mount and umount are there");
        output.status.success()
    };
    if !succeeds(Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options])) {
        return "native";
    }
    assert!(succeeds(&mut Command::new("umount")), "{} stays mounted", merged.display());
    "overlayfs"
}

/// containerd's configuration. What needs systemd or AppArmor is off.
fn configuration(folder: &Path, snapshotter: &str) -> String {
    let folder = folder.display();
    format!(
        r#"version = 2
root = "{folder}/root"
state = "{folder}/state"
[grpc]
  address = "{folder}/sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{folder}/bin"
    conf_dir = "{folder}/conf"
"#,
        image = PAUSE,
    )
}
