//! A pod: a thread in namespaces of its own, with the programs that a call may find.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Backend, Outcome, delivers, in_namespace, own_files, real, refuse_initial, wait_until};
use nix::sched::{CloneFlags, unshare};

/// Whether the whole proof is asked for.
pub fn full() -> bool {
    std::env::var_os("PROMISE_FULL").is_some()
}

/// A number of repetitions: that of the whole proof, or a smaller one.
pub fn times(all: usize, quick: usize) -> usize {
    if full() { all } else { quick }
}

/// Prints a figure past the test harness, which hides the output of tests that pass.
pub fn say(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "promise: {text}");
}

/// The first words of the programs' names.
pub const FAMILIES: [&str; 2] = ["ip", "ip6"];

/// Runs a test in a pod. If there can be none, it reports that, and fails under CI.
pub fn in_pod<T: Send>(test: impl FnOnce(&Pod) -> T + Send) -> Option<T> {
    if !harness::can_run(&needs()) {
        return None;
    }
    Some(in_namespace(|| test(&Pod::new())))
}

/// The programs that the tests need.
fn needs() -> Vec<String> {
    let mut programs: Vec<_> = ["ip", "nft", "strace", "setpriv", "sh"].map(str::to_owned).into();
    for kind in Backend::IPTABLES {
        for family in FAMILIES {
            programs.extend(["restore", "save"].map(|what| kind.program(family, what)));
        }
    }
    programs
}

/// The pod that this thread is in.
pub struct Pod {
    bin: PathBuf,
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.bin);
    }
}

/// The pod's addresses.
pub const ADDRESSES: [&str; 2] = ["10.0.0.2", "fd00::2"];

const DRESS: &str = "link set lo up
link add eth0 type veth peer name peer0
link set eth0 addrgenmode none
link set peer0 addrgenmode none
link set eth0 up
link set peer0 up
addr add 10.0.0.2/24 dev eth0
addr add fd00::2/64 dev eth0 nodad
route add default via 10.0.0.1
";

impl Pod {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let bin = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("promise-{}-{number}", std::process::id()));
        fs::create_dir_all(&bin).unwrap();
        let pod = Self { bin };
        own_files();
        pod.renew();
        for kind in Backend::IPTABLES {
            for family in FAMILIES {
                for what in ["restore", "save"] {
                    pod.mend(&kind.program(family, what));
                }
            }
        }
        pod
    }

    /// A new network namespace for this thread; what was in the old one is gone.
    pub fn renew(&self) {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        refuse_initial();
        let dressed = self.feed("ip", &["-batch", "-"], DRESS);
        assert!(dressed.succeeded(), "{dressed:?}");
        // The kernel does some of it later: the route of the address, and of multicast once a link is up.
        let multicast = ["eth0", "peer0"].map(|link| ("ff000000000000000000000000000000 08", link));
        let routed = || {
            let routes = fs::read_to_string("/proc/thread-self/net/ipv6_route").unwrap();
            let there = |(route, link)| routes.lines().any(|l| l.starts_with(route) && l.ends_with(link));
            delivers(["fd00::2".parse().unwrap()]) && multicast.into_iter().all(there)
        };
        wait_until("the kernel routes", routed);
    }

    /// A call of the program, with these programs on its `PATH` only.
    pub fn call<A: AsRef<OsStr>>(&self, args: &[A]) -> Command {
        refuse_initial();
        let mut command = Command::new(crate::PROGRAM);
        command.args(args).env_clear().env("PATH", &self.bin).env("ISTIO_IPTABLES_PROGRAM_TIMEOUT", "60s");
        command.stdin(Stdio::null());
        command
    }

    /// Runs the program.
    pub fn run<A: AsRef<OsStr>>(&self, args: &[A]) -> Outcome {
        finish(self.call(args))
    }

    /// Runs the program and expects success.
    #[track_caller]
    pub fn does<A: AsRef<OsStr>>(&self, args: &[A]) -> Outcome {
        let outcome = self.run(args);
        assert!(outcome.succeeded(), "{outcome:?}");
        outcome
    }

    /// Runs the program under strace(1) with these arguments; only the program's own calls are traced.
    pub fn traced(&self, args: &[&str]) -> Outcome {
        let mut command = Command::new(real("strace"));
        refuse_initial();
        command.args(args).env_clear().env("PATH", &self.bin).stdin(Stdio::null());
        finish(command)
    }

    /// Runs a real program on some input.
    pub fn feed(&self, program: &str, args: &[&str], input: &str) -> Outcome {
        refuse_initial();
        harness::feed(Command::new(real(program)).args(args), input)
    }

    /// Loads rules the way any program would.
    #[track_caller]
    pub fn load(&self, kind: Backend, family: &str, text: &str) {
        if !text.is_empty() {
            let outcome = self.feed(&kind.program(family, "restore"), &["--noflush"], text);
            assert!(outcome.succeeded(), "{outcome:?} of {text}");
        }
    }

    /// What the real save program prints, without comments and counters.
    #[track_caller]
    pub fn saved(&self, kind: Backend, family: &str) -> String {
        let outcome = self.feed(&kind.program(family, "save"), &[], "");
        assert!(outcome.succeeded(), "{outcome:?}");
        outcome.out.lines().filter(|l| !l.starts_with('#')).map(without_counters).collect()
    }

    /// Puts a script in the place of a program. Another process writes it: a file that this one has open for
    /// writing, or a child that another test starts meanwhile, cannot be run.
    #[track_caller]
    pub fn replace(&self, name: &str, script: &str) {
        self.remove(name);
        let place = self.bin.join(name);
        let written = self.feed("install", &["-m", "755", "/dev/stdin", place.to_str().unwrap()], script);
        assert!(written.succeeded(), "{written:?}");
    }

    /// Takes a program away.
    pub fn remove(&self, name: &str) {
        let _ = fs::remove_file(self.bin.join(name));
    }

    /// The place of a program, or of a file for those put there.
    pub fn place(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Puts the real program back.
    pub fn mend(&self, name: &str) {
        self.remove(name);
        symlink(real(name), self.bin.join(name)).unwrap();
    }

    /// All that matters of the namespace.
    pub fn state(&self) -> State {
        const LOOK: &str = "for k in legacy nft; do for f in ip ip6; do echo \"@ $k $f\"; ${f}tables-$k-save || echo 'X cannot be read'; done; done
echo @ routing
for t in nat mangle raw; do nft -s list table inet istio-proxy-$t 2>/dev/null; done
ip rule; ip -6 rule; ip -4 route show table all; ip -6 route show table all; ip -6 addr show dev lo";
        let outcome = self.feed("sh", &["-c", LOOK], "");
        assert!(outcome.succeeded(), "{outcome:?}");
        State::parse(&outcome.out)
    }
}

fn without_counters(line: &str) -> String {
    let line = line.strip_prefix('[').and_then(|l| l.split_once("] ")).map_or(line, |(_, rest)| rest);
    let line = if line.starts_with(':') { line.split(" [").next().unwrap() } else { line };
    format!("{line}\n")
}

/// Runs a command to its end.
pub fn finish(mut command: Command) -> Outcome {
    Outcome::of(&command.output().unwrap())
}

/// A chain: variant, family, table, name.
pub type ChainKey = (String, String, String, String);

/// Rules of both variants and families by chain; what is kept without iptables, and the routing. A legacy table that
/// holds nothing is left out: it cannot be removed from a kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub chains: BTreeMap<ChainKey, Vec<String>>,
    pub routing: Vec<String>,
}

impl State {
    fn parse(text: &str) -> Self {
        let mut state = Self::default();
        let (mut kind, mut family, mut table) = (String::new(), String::new(), String::new());
        for line in text.lines() {
            if let Some(section) = line.strip_prefix("@ ") {
                let (k, f) = section.split_once(' ').unwrap_or((section, ""));
                (kind, family) = (k.to_owned(), f.to_owned());
            } else if kind == "routing" && line.contains("::6 dev lo") {
                // The kernel adds and removes the address's own routes a moment after the address.
            } else if kind == "routing" {
                state.routing.push(line.trim().to_owned());
            } else if let Some(name) = line.strip_prefix('*') {
                table = name.to_owned();
            } else if let Some(chain) = line.strip_prefix(':') {
                let mut words = chain.split(' ');
                let name = words.next().unwrap().to_owned();
                let policy = format!("policy {}", words.next().unwrap());
                state.chains.insert((kind.clone(), family.clone(), table.clone(), name), vec![policy]);
            } else if let Some(rule) = line.strip_prefix("-A ") {
                let name = rule.split(' ').next().unwrap().to_owned();
                let key = (kind.clone(), family.clone(), table.clone(), name);
                state.chains.get_mut(&key).unwrap().push(line.to_owned());
            } else if !line.starts_with('#') && line != "COMMIT" {
                state.chains.entry((kind.clone(), family.clone(), line.to_owned(), "?".to_owned())).or_default();
            }
        }
        state.routing.sort();
        let used: Vec<_> = state
            .chains
            .iter()
            .filter(|(_, rules)| rules.len() > 1 || rules.first().is_some_and(|p| p != "policy ACCEPT"))
            .map(|((k, f, t, _), _)| (k.clone(), f.clone(), t.clone()))
            .collect();
        state.chains.retain(|(k, f, t, _), _| k != "legacy" || used.contains(&(k.clone(), f.clone(), t.clone())));
        state
    }

    /// The same without nft tables that hold nothing.
    pub fn settled(mut self) -> Self {
        let used: Vec<_> = self
            .chains
            .iter()
            .filter(|(_, rules)| rules.len() > 1 || rules.first().is_some_and(|p| p != "policy ACCEPT"))
            .map(|((k, f, t, _), _)| (k.clone(), f.clone(), t.clone()))
            .collect();
        self.chains.retain(|(k, f, t, _), _| used.contains(&(k.clone(), f.clone(), t.clone())));
        self
    }

    /// What is different, for a message.
    pub fn against(&self, other: &Self) -> String {
        let lines = |s: &Self| -> Vec<String> {
            let rules = s
                .chains
                .iter()
                .flat_map(|((k, f, t, c), rules)| rules.iter().map(move |r| format!("{k} {f} {t} {c}: {r}")));
            rules.chain(s.routing.iter().cloned()).collect()
        };
        let (a, b) = (lines(self), lines(other));
        let only = |x: &[String], y: &[String], sign| -> String {
            x.iter().filter(|l| !y.contains(l)).map(|l| format!("  {sign} {l}\n")).collect()
        };
        let (more, less) = (only(&a, &b, '+'), only(&b, &a, '-'));
        if more.is_empty() && less.is_empty() { "  (another order)\n".to_owned() } else { less + &more }
    }

    /// Everything managed in it.
    pub fn ours(&self) -> Vec<String> {
        let rules = self.chains.iter().flat_map(|((k, f, t, c), rules)| {
            let own = c.starts_with("ISTIO_").then(|| format!("{k} {f} {t} {c}"));
            let led = rules.iter().filter(|r| r.contains("-j ISTIO_") && !r.contains("--comment"));
            own.into_iter().chain(led.map(move |r| format!("{k} {f} {t} {r}")))
        });
        let routing = self
            .routing
            .iter()
            .filter(|l| ["fwmark", "inet6 ::6/128", "table 133", "local ::6 "].iter().any(|w| l.contains(w)));
        rules.chain(routing.cloned()).collect()
    }
}
