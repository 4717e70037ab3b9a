//! A node: the two directories, and the program that is installed into them.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_istio-cni");

/// As the plugin's object is without a configuration of its own.
pub const OBJECT: &str = r#"{"type":"istio-cni","capabilities":{"io.kubernetes.cri.pod-annotations":true}}"#;

/// A list of two plugins without blanks, and with the plugin's object.
pub const LIST: &str =
    r#"{"cniVersion":"0.3.1","name":"k8s-pod-network","plugins":[{"type":"calico","mtu":1.50},{"type":"portmap"}]}"#;

/// That list with the plugin's object.
pub fn list_with_object() -> String {
    with_object(LIST)
}

/// A list without blanks with the plugin's object.
pub fn with_object(list: &str) -> String {
    list.replace("]}", &format!(",{OBJECT}]}}"))
}

pub struct Node {
    root: PathBuf,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// What a call printed, and how it ended.
pub struct Called {
    pub status: Option<i32>,
    pub out: String,
    pub log: String,
}

impl From<Output> for Called {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            log: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Node {
    /// With both directories, empty.
    pub fn new() -> Self {
        Self::below(Path::new(env!("CARGO_TARGET_TMPDIR")))
    }

    fn below(place: &Path) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = place.join(format!("istio-cni-node-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let node = Self { root };
        fs::create_dir_all(node.bin()).unwrap();
        fs::create_dir_all(node.conf()).unwrap();
        node
    }

    /// With this configuration.
    pub fn with(name: &str, text: &str) -> Self {
        let node = Self::new();
        node.write(name, text);
        node
    }

    /// With this configuration, on a file system that is fast.
    pub fn in_memory(name: &str, text: &str) -> Self {
        let memory = Path::new("/dev/shm");
        let node = if memory.is_dir() { Self::below(memory) } else { Self::new() };
        node.write(name, text);
        node
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn bin(&self) -> PathBuf {
        self.root.join("bin")
    }

    pub fn conf(&self) -> PathBuf {
        self.root.join("net.d")
    }

    pub fn program(&self) -> PathBuf {
        self.bin().join("istio-cni")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.conf().join(name)
    }

    /// Writes a configuration, with an old time, so that it does not seem to be still being written.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
        self.age(name);
    }

    pub fn age(&self, name: &str) {
        let file = File::options().append(true).open(self.file(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    /// All names in the directory of configurations.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(self.conf()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The text of the file that containerd takes: the first by name, whatever is in it.
    pub fn runtime_reads(&self) -> Option<String> {
        let of = |name: &&String| [".conf", ".conflist", ".json"].iter().any(|end| name.ends_with(end));
        self.names().iter().find(of).map(|name| self.text(name))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(self.arguments(args)).env_remove("ISTIO_CNI_PLUGIN_CONFIG").stdin(Stdio::null());
        command
    }

    /// A command with the node's directories.
    pub fn arguments(&self, args: &[&str]) -> Vec<String> {
        let mut all: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        all.extend([format!("--bin-dir={}", self.bin().display()), format!("--conf-dir={}", self.conf().display())]);
        all
    }

    pub fn call(&self, args: &[&str]) -> Called {
        self.command(args).output().unwrap().into()
    }

    /// Installs, and ends.
    pub fn once(&self, args: &[&str]) -> Called {
        self.call(&[&["install", "--once"], args].concat())
    }

    pub fn installed(&self) -> Called {
        let called = self.once(&[]);
        assert_eq!(called.status, Some(0), "{}", called.log);
        called
    }

    pub fn uninstalled(&self) -> Called {
        let called = self.call(&["uninstall"]);
        assert_eq!(called.status, Some(0), "{}", called.log);
        called
    }

    /// Whether the program there is the one under test.
    pub fn has_program(&self) -> bool {
        bytes(&self.program()) == bytes(Path::new(PROGRAM))
    }
}

/// The bytes of a file; none if there is no file.
pub fn bytes(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        file.read_to_end(&mut bytes).unwrap();
    }
    bytes
}
