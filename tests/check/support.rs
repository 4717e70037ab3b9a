//! Pods to change by hand.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What the rules are written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Legacy,
    Nft,
    Native,
}

impl Backend {
    pub const ALL: [Self; 3] = [Self::Legacy, Self::Nft, Self::Native];

    pub fn flag(self) -> &'static str {
        match self {
            Self::Legacy => "--force-iptables-binary=legacy",
            Self::Nft => "--force-iptables-binary=nft",
            Self::Native => "--native-nftables",
        }
    }

    /// Deletes a rule of the chain ISTIO_OUTPUT, counted from 1.
    pub fn delete(self, number: usize) {
        match self {
            Self::Legacy | Self::Nft => self.iptables(&["-D", "ISTIO_OUTPUT", &number.to_string()]),
            Self::Native => drop(run("nft", &["delete", "rule", "inet", NAT, OUTPUT, "handle", &handle(number)])),
        }
    }

    /// Puts a rule of an exclusion in front of the chain ISTIO_OUTPUT.
    pub fn insert(self) {
        match self {
            Self::Legacy | Self::Nft => {
                self.iptables(&["-I", "ISTIO_OUTPUT", "1", "-d", "10.9.9.9/32", "-j", "RETURN"])
            }
            Self::Native => nft(&format!("insert rule inet {NAT} {OUTPUT} ip daddr 10.9.9.9/32 counter return")),
        }
    }

    /// Puts the rule for the proxy's own source address last in the chain ISTIO_OUTPUT, where it was first.
    pub fn move_first(self) {
        match self {
            Self::Legacy | Self::Nft => {
                self.iptables(&["-A", "ISTIO_OUTPUT", "-o", "lo", "-s", "127.0.0.6/32", "-j", "RETURN"]);
            }
            Self::Native => {
                nft(&format!("add rule inet {NAT} {OUTPUT} oifname lo ip saddr 127.0.0.6/32 counter return"));
            }
        }
        self.delete(1);
    }

    /// Adds rules of others.
    pub fn add_foreign(self) {
        match self {
            Self::Legacy | Self::Nft => self.iptables(&["-A", "POSTROUTING", "-o", "eth7", "-j", "MASQUERADE"]),
            Self::Native => nft("add table inet others\nadd chain inet others mine"),
        }
    }

    fn iptables(self, arguments: &[&str]) {
        let program = if self == Self::Legacy { "iptables-legacy" } else { "iptables-nft" };
        run(program, &[&["-t", "nat"], arguments].concat());
    }
}

const NAT: &str = "istio-proxy-nat";
const OUTPUT: &str = "istio-output";

/// The handle of a rule of the chain.
fn handle(number: usize) -> String {
    let listing = run("nft", &["-a", "list", "chain", "inet", NAT, OUTPUT]);
    let mut rules = listing.lines().filter(|l| l.contains(" # handle ") && !l.contains('{'));
    rules.nth(number - 1).unwrap().rsplit(' ').next().unwrap().to_owned()
}

fn nft(script: &str) {
    for line in script.lines() {
        run("nft", &[line]);
    }
}

/// Runs a program, which must succeed, and gives what it prints.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().expect(program);
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// All that the kernel has, without counters.
pub fn state() -> String {
    let script = "iptables-legacy-save; nft -s list ruleset; ip rule; ip -6 rule; ip route show table all; ip addr";
    run("sh", &["-c", script]).lines().filter(|l| !l.starts_with(['#', ':'])).collect::<Vec<_>>().join("\n")
}

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_istio-iptables");

/// What the tests' pods are called with.
pub const FLAGS: [&str; 12] =
    ["-p", "15001", "-z", "15006", "-u", "1337", "-i", "*", "-b", "*", "-d", "15090,15021,15020"];

pub fn command(backend: Backend, words: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(words).args(FLAGS).arg(backend.flag()).stdin(Stdio::null());
    command
}

/// Puts the rules in place.
pub fn apply(backend: Backend, words: &[&str]) {
    let output = command(backend, words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Exit status and differences.
pub fn check(backend: Backend, words: &[&str]) -> (i32, Vec<String>) {
    let output = command(backend, &[&["check"], words].concat()).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    (output.status.code().unwrap(), lines)
}

/// A check that waits.
pub struct Watcher {
    child: Child,
    /// What it logged until it waited.
    pub log: Vec<String>,
}

impl Watcher {
    /// Starts one, and comes back once it waits.
    pub fn start(backend: Backend, words: &[&str]) -> Self {
        let mut command = command(backend, &[&["check", "--watch"], words].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = Vec::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            let waits = line.ends_with("watching for changes");
            log.push(line);
            if waits {
                return Self { child, log };
            }
        }
        panic!("it ended: {:?}, {log:?}", child.wait());
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits for its end: exit status and differences.
    pub fn end(mut self) -> (i32, Vec<String>) {
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        let status = self.child.wait().unwrap();
        (status.code().unwrap(), text.lines().map(str::to_owned).collect())
    }
}

/// Runs a test in namespaces of its own, which go with it; or says why it cannot run.
pub fn in_pod(test: impl FnOnce() + Send + 'static) {
    if !harness::can_run(&["iptables-legacy", "iptables-nft", "nft", "ip"]) {
        return;
    }
    let thread = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("namespaces of its own");
        // With a `/run` of its own, and in it the lock of legacy iptables.
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("private mounts");
        mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), none).expect("tmpfs on /run");
        run("ip", &["link", "set", "lo", "up"]);
        test();
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}
