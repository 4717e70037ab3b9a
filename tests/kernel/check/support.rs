//! Pods to change by hand.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use harness::{Backend, in_namespace, own_files};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Changes to the chain ISTIO_OUTPUT by hand.
pub trait ByHand {
    /// Deletes a rule of the chain ISTIO_OUTPUT, counted from 1.
    fn delete(self, number: usize);
    /// Puts a rule of an exclusion in front of the chain ISTIO_OUTPUT.
    fn insert(self);
    /// Moves the rule for the proxy's own source address from the first place in the chain ISTIO_OUTPUT to the last.
    fn move_first(self);
    /// Adds foreign rules.
    fn add_foreign(self);
}

impl ByHand for Backend {
    fn delete(self, number: usize) {
        match self {
            Self::Legacy | Self::Nft => iptables(self, &["-D", "ISTIO_OUTPUT", &number.to_string()]),
            Self::Native => drop(run("nft", &["delete", "rule", "inet", NAT, OUTPUT, "handle", &handle(number)])),
        }
    }

    fn insert(self) {
        match self {
            Self::Legacy | Self::Nft => {
                iptables(self, &["-I", "ISTIO_OUTPUT", "1", "-d", "10.9.9.9/32", "-j", "RETURN"])
            }
            Self::Native => nft(&format!("insert rule inet {NAT} {OUTPUT} ip daddr 10.9.9.9/32 counter return")),
        }
    }

    fn move_first(self) {
        match self {
            Self::Legacy | Self::Nft => {
                iptables(self, &["-A", "ISTIO_OUTPUT", "-o", "lo", "-s", "127.0.0.6/32", "-j", "RETURN"]);
            }
            Self::Native => {
                nft(&format!("add rule inet {NAT} {OUTPUT} oifname lo ip saddr 127.0.0.6/32 counter return"));
            }
        }
        self.delete(1);
    }

    fn add_foreign(self) {
        match self {
            Self::Legacy | Self::Nft => iptables(self, &["-A", "POSTROUTING", "-o", "eth7", "-j", "MASQUERADE"]),
            Self::Native => nft("add table inet others\nadd chain inet others mine"),
        }
    }
}

fn iptables(backend: Backend, arguments: &[&str]) {
    run(&format!("iptables-{}", backend.of_others()), &[&["-t", "nat"], arguments].concat());
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
    harness::run(Command::new(program).args(arguments), "")
}

/// All that the kernel has, without counters.
pub fn state() -> String {
    let script = "iptables-legacy-save; nft -s list ruleset; ip rule; ip -6 rule; ip route show table all; ip addr";
    run("sh", &["-c", script]).lines().filter(|l| !l.starts_with(['#', ':'])).collect::<Vec<_>>().join("\n")
}

/// What the tests' pods are called with.
pub const FLAGS: [&str; 12] =
    ["-p", "15001", "-z", "15006", "-u", "1337", "-i", "*", "-b", "*", "-d", "15090,15021,15020"];

pub fn command(backend: Backend, words: &[&str]) -> Command {
    let mut command = Command::new(crate::PROGRAM);
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

/// Runs a test in namespaces of its own, which go with it; or reports why it cannot run.
pub fn in_pod(test: impl FnOnce() + Send) {
    if !harness::can_run(&["iptables-legacy", "iptables-nft", "nft", "ip"]) {
        return;
    }
    in_namespace(|| {
        own_files();
        run("ip", &["link", "set", "lo", "up"]);
        test();
    });
}
