//! A pod and the world around it: two network namespaces, joined by two pairs of interfaces.

use std::fs;
use std::io;

use harness::{Backend, Namespace, ROOT, wait_until};
use istio_iptables::capture::Plan;
use istio_iptables::kernel::nftables::NftablesClient;
use istio_iptables::net::Family;
use istio_iptables::netfilter::{self, Variant, restore};
use istio_iptables::nftables::Tables;

/// The variant of iptables.
pub fn variant(backend: Backend) -> Option<Variant> {
    match backend {
        Backend::Legacy => Some(Variant::Legacy),
        Backend::Nft => Some(Variant::Nft),
        Backend::Native => None,
    }
}

/// In the program's arguments.
pub fn option(backend: Backend) -> netfilter::Backend {
    variant(backend).map_or(netfilter::Backend::Nftables, |v| netfilter::Backend::Iptables(Some(v)))
}

/// Runs commands of ip(8), each without the `ip`. Those that begin with `-6` go last: a batch has one family.
fn ip(namespace: &Namespace, commands: &str) {
    let of = |ipv6| {
        let mine = commands.lines().map(str::trim).filter(|l| l.starts_with("-6 ") == ipv6);
        mine.map(|l| format!("{}\n", l.trim_start_matches("-6 "))).collect::<String>()
    };
    namespace.run("ip", &["-batch", "-"], &of(false));
    namespace.run("ip", &["-6", "-batch", "-"], &of(true));
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
    pub fn new() -> Self {
        let net = Self { pod: Namespace::new("pod"), world: Namespace::new("world") };
        for namespace in [&net.pod, &net.world] {
            namespace.enter(ROOT, sysctls).expect("root may set kernel parameters");
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
        ip(&net.pod, &pod);
        ip(&net.world, world);
        deliver(&net.pod, &POD.map(|(_, [_, v6])| v6));
        deliver(&net.world, &["fd66::1", "fd67::1"]);
        net
    }

    /// Loads rules, routes and addresses into the pod.
    pub fn load(&self, plan: &Plan, backend: Backend) {
        match backend {
            Backend::Legacy | Backend::Nft => self.load_iptables(plan, backend),
            Backend::Native => self.pod.enter(ROOT, || load_native(plan)),
        }
        let routing: String =
            plan.routing.to_string().lines().map(|l| format!("{}\n", l.trim_start_matches("ip "))).collect();
        ip(&self.pod, &routing.replace("::6/128 dev lo", "::6/128 dev lo nodad"));
        let added: Vec<_> = plan.routing.addresses.iter().map(ToString::to_string).collect();
        deliver(&self.pod, &added);
    }

    fn load_iptables(&self, plan: &Plan, backend: Backend) {
        for (family, name) in [(Family::Ipv4, "ip"), (Family::Ipv6, "ip6")] {
            let script = restore::script(&plan.rules, family);
            if !script.is_empty() {
                self.pod.run(&backend.program(name, "restore"), &["--noflush"], &script);
            }
        }
    }
}

fn load_native(plan: &Plan) {
    let mut kernel = NftablesClient::open().expect("the kernel has nf_tables");
    kernel.apply(&Tables::of(&plan.rules.clone().by_number())).expect("the kernel accepts the rules");
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

/// Waits until the namespace delivers packets to these IPv6 addresses.
fn deliver<S: AsRef<str> + Sync>(namespace: &Namespace, addresses: &[S]) {
    let addresses = || addresses.iter().map(|a| a.as_ref().parse().expect("an address"));
    wait_until("the kernel delivers", || namespace.enter(ROOT, || harness::delivers(addresses())));
}
