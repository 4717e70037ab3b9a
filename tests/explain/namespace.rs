//! A pod and the world around it: two network namespaces, joined by two pairs of interfaces.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::Ipv6Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use istio_iptables::capture::Plan;
use istio_iptables::kernel::nftables::Nftables;
use istio_iptables::net::Family;
use istio_iptables::netfilter::Variant;
use istio_iptables::netfilter::restore;
use istio_iptables::nftables::Tables;
use nix::sched::{CloneFlags, setns, unshare};

/// What the rules are loaded with.
#[derive(Clone, Copy, Debug)]
pub enum Backend {
    Iptables(Variant),
    Native,
}

impl Backend {
    pub const ALL: [Self; 3] = [Self::Iptables(Variant::Legacy), Self::Iptables(Variant::Nft), Self::Native];

    /// As the program is told.
    pub fn option(self) -> istio_iptables::netfilter::Backend {
        match self {
            Self::Iptables(kind) => istio_iptables::netfilter::Backend::Iptables(Some(kind)),
            Self::Native => istio_iptables::netfilter::Backend::Nftables,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Iptables(kind) => kind.name(),
            Self::Native => "native nftables",
        }
    }
}

/// A network namespace. It goes away with the last descriptor, socket and process that uses it.
pub struct Namespace(OwnedFd);

const OWN: &str = "/proc/thread-self/ns/net";

impl Namespace {
    /// A new one. The calling thread stays where it is.
    pub fn new() -> io::Result<Self> {
        let before = fs::metadata(OWN)?.ino();
        let made = std::thread::scope(|scope| {
            let make = || -> io::Result<OwnedFd> {
                unshare(CloneFlags::CLONE_NEWNET)?;
                let file = File::open(OWN)?;
                // Rules in the wrong namespace would cut the machine off.
                assert_ne!(file.metadata()?.ino(), before, "the namespace is not a new one");
                Ok(file.into())
            };
            scope.spawn(make).join().expect("the thread does not panic")
        });
        made.map(Self)
    }

    /// Runs a part in the namespace, in a thread of its own.
    pub fn run<T: Send>(&self, part: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let entered = || {
                self.enter();
                part()
            };
            scope.spawn(entered).join().expect("the thread does not panic")
        })
    }

    /// Brings the calling thread into the namespace, for good.
    pub fn enter(&self) {
        setns(&self.0, CloneFlags::CLONE_NEWNET).expect("root may enter a namespace");
    }

    /// A path for ip(8).
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }

    /// Runs commands of ip(8), each without the `ip`. Those that begin with `-6` go last: a batch has one family.
    fn ip(&self, commands: &str) {
        let of = |ipv6| {
            let mine = commands.lines().map(str::trim).filter(|l| l.starts_with("-6 ") == ipv6);
            mine.map(|l| format!("{}\n", l.trim_start_matches("-6 "))).collect::<String>()
        };
        self.tool("ip", &["-batch", "-"], &of(false));
        self.tool("ip", &["-6", "-batch", "-"], &of(true));
    }

    /// Runs a program in the namespace with this text as its standard input.
    pub fn tool(&self, name: &str, arguments: &[&str], input: &str) {
        let result = self.run(|| feed(name, arguments, input));
        let output = result.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(output.0, "{name} {arguments:?}: {}\n{input}", output.1);
    }
}

fn feed(name: &str, arguments: &[&str], input: &str) -> io::Result<(bool, String)> {
    // The file of the network namespace itself can be locked: no other test has it.
    let mut child = Command::new(name)
        .args(arguments)
        .env("XTABLES_LOCKFILE", OWN)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // What is wrong with the text is in the program's message, not in a broken pipe.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// The pod's addresses, by interface; `2` is the pod and `1` the world in each range.
pub const POD: [(&str, [&str; 2]); 2] = [("eth0", ["10.66.0.2", "fd66::2"]), ("eth1", ["10.67.0.2", "fd67::2"])];

/// The two namespaces.
pub struct Net {
    pub pod: Namespace,
    pub world: Namespace,
}

impl Net {
    /// Makes them, with addresses and routes. All that the pod sends out arrives in the world, whatever its
    /// destination; packets to 10.77.0.0/16 and 10.78.0.0/16 (fd77::/16, fd78::/16) go to the pod, though
    /// they are not for it. The IPv6 neighbours are fixed: arbitrary rules drop what neighbours ask each other.
    pub fn new() -> io::Result<Self> {
        let net = Self { pod: Namespace::new()?, world: Namespace::new()? };
        for namespace in [&net.pod, &net.world] {
            namespace.run(sysctls)?;
        }
        let world = net.world.path();
        let pod = format!(
            "link set lo up
             link add eth0 address 02:00:00:00:66:02 type veth peer name eth0 address 02:00:00:00:66:01 netns {world}
             link add eth1 address 02:00:00:00:67:02 type veth peer name eth1 address 02:00:00:00:67:01 netns {world}
             addr add 10.66.0.2/24 dev eth0
             addr add 10.67.0.2/24 dev eth1
             addr add fd66::2/64 dev eth0 nodad
             addr add fd67::2/64 dev eth1 nodad
             link set eth0 up
             link set eth1 up
             route add default via 10.66.0.1
             route add 10.200.0.0/16 via 10.67.0.1
             -6 route add default via fd66::1 dev eth0
             -6 route add fd02:200::/32 via fd67::1 dev eth1
             -6 neigh replace fd66::1 lladdr 02:00:00:00:66:01 dev eth0 nud permanent
             -6 neigh replace fd67::1 lladdr 02:00:00:00:67:01 dev eth1 nud permanent
             "
        );
        let world = "link set lo up
             addr add 10.66.0.1/24 dev eth0
             addr add 10.67.0.1/24 dev eth1
             addr add fd66::1/64 dev eth0 nodad
             addr add fd67::1/64 dev eth1 nodad
             link set eth0 up
             link set eth1 up
             route add local default dev lo table main
             route add 10.77.0.0/16 via 10.66.0.2
             route add 10.78.0.0/16 via 10.67.0.2
             -6 route add local default dev lo table main
             -6 route add fd77::/16 via fd66::2 dev eth0
             -6 route add fd78::/16 via fd67::2 dev eth1
             -6 neigh replace fd66::2 lladdr 02:00:00:00:66:02 dev eth0 nud permanent
             -6 neigh replace fd67::2 lladdr 02:00:00:00:67:02 dev eth1 nud permanent
             ";
        net.pod.ip(&pod);
        net.world.ip(world);
        net.pod.run(|| local(&POD.map(|(_, [_, v6])| v6)));
        net.world.run(|| local(&["fd66::1", "fd67::1"]));
        Ok(net)
    }

    /// Loads rules, routes and addresses into the pod.
    pub fn load(&self, plan: &Plan, backend: Backend) {
        match backend {
            Backend::Iptables(kind) => self.load_iptables(plan, kind),
            Backend::Native => self.pod.run(|| load_native(plan)),
        }
        let routing: String =
            plan.routing.to_string().lines().map(|l| format!("{}\n", l.trim_start_matches("ip "))).collect();
        self.pod.ip(&routing.replace("::6/128 dev lo", "::6/128 dev lo nodad"));
        let added: Vec<_> = plan.routing.addresses.iter().map(ToString::to_string).collect();
        self.pod.run(|| local(&added));
    }

    fn load_iptables(&self, plan: &Plan, kind: Variant) {
        for (family, name) in [(Family::Ipv4, "iptables"), (Family::Ipv6, "ip6tables")] {
            let script = restore::script(&plan.rules, family);
            if !script.is_empty() {
                self.pod.tool(&format!("{name}-{}-restore", kind.name()), &["--noflush"], &script);
            }
        }
    }
}

fn load_native(plan: &Plan) {
    let mut kernel = Nftables::open().expect("the kernel has nf_tables");
    kernel.apply(&Tables::of(&plan.rules.clone().by_number())).expect("the kernel takes the rules");
}

/// Asymmetric ways are allowed, so that only the rules decide.
fn sysctls() -> io::Result<()> {
    for (name, value) in [
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", "0"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv6/conf/default/disable_ipv6", "0"),
    ] {
        fs::write(format!("/proc/sys/net/{name}"), value)?;
    }
    Ok(())
}

/// Waits until the thread's namespace delivers packets to these IPv6 addresses: the kernel adds the routes for
/// it some time after the addresses (`addrconf_dad_work`).
fn local<S: AsRef<str>>(addresses: &[S]) {
    let end = Instant::now() + Duration::from_secs(60);
    let wanted: Vec<_> = addresses
        .iter()
        .map(|a| a.as_ref().parse::<Ipv6Addr>().expect("an address"))
        .map(|a| format!("{:032x} 80 ", a.to_bits()))
        .collect();
    loop {
        let routes = fs::read_to_string("/proc/thread-self/net/ipv6_route").expect("the routes can be read");
        let there = |w: &String| routes.lines().any(|l| l.starts_with(w.as_str()) && l.contains(" 80200001 "));
        if wanted.iter().all(there) {
            return;
        }
        assert!(Instant::now() < end, "no route for {wanted:?} in\n{routes}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
