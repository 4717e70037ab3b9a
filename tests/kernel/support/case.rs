//! A pod with a sidecar in it, wired to a world, for one variant of iptables and one family.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use super::{Client, Connection, Family, PodNetwork, Relay, STANDARD, Server, Transparent};
use harness::{APP, Backend, Namespace, PROXY, ROOT, TPROXY_PROXY, Who, wait_until};

/// The stage of a test.
pub struct Case {
    pub kind: Backend,
    pub family: Family,
    pub pod: Arc<Namespace>,
    pub world: Arc<Namespace>,
    proxy: Who,
    resolv_conf: String,
    servers: Vec<Server>,
}

impl Case {
    /// Pod and world, wired; nothing listens yet.
    pub fn new(kind: Backend, family: Family) -> Self {
        let (pod, world) = (Arc::new(Namespace::new("pod")), Arc::new(Namespace::new("world")));
        pod.wire("eth0", &world, "eth0");
        pod.ip(PodNetwork::POD);
        world.ip(PodNetwork::WORLD);
        // The kernel adds the routes of IPv6 addresses a moment after the addresses.
        for (namespace, setup) in [(&pod, PodNetwork::POD), (&world, PodNetwork::WORLD)] {
            wait_until("all IPv6 addresses are routed", || namespace.enter(ROOT, || delivers_added(setup)));
        }
        let resolv_conf = format!("nameserver {}\n", family.name_server());
        Self { kind, family, pod, world, proxy: PROXY, resolv_conf, servers: Vec::new() }
    }

    /// With a sidecar's listeners "outbound" on 15001 and "inbound" on 15006, an application "app" on 8080,
    /// and a "server" on port 80 of all the world's addresses.
    pub fn populated(kind: Backend, family: Family) -> Self {
        Self::new(kind, family).populate(Transparent::No)
    }

    /// The same for TPROXY: the inbound listener is transparent.
    pub fn populated_for_tproxy(kind: Backend, family: Family) -> Self {
        Self::for_tproxy(kind, family).populate(Transparent::Yes)
    }

    /// As [`Self::new`]; the proxy is the one of TPROXY mode.
    pub fn for_tproxy(kind: Backend, family: Family) -> Self {
        Self { proxy: TPROXY_PROXY, ..Self::new(kind, family) }
    }

    fn populate(mut self, inbound: Transparent) -> Self {
        self.proxy("outbound", 15001, Transparent::No);
        self.proxy("inbound", 15006, inbound);
        self.app(8080);
        self.server(80);
        self
    }

    /// A listener of the proxy.
    pub fn proxy(&mut self, name: &str, port: u16, transparent: Transparent) {
        let at = SocketAddr::new(self.family.any(), port);
        self.servers.push(Server::tcp(&self.pod, self.proxy, name, at, transparent));
    }

    /// A listener of the proxy that passes connections on.
    pub fn relay(&mut self, name: &str, port: u16, transparent: Transparent, relay: Relay) {
        let at = SocketAddr::new(self.family.any(), port);
        self.servers.push(Server::relay(&self.pod, self.proxy, name, at, transparent, relay));
    }

    /// An application "app" of the pod.
    pub fn app(&mut self, port: u16) {
        let at = SocketAddr::new(self.family.any(), port);
        self.servers.push(Server::tcp(&self.pod, APP, "app", at, Transparent::No));
    }

    /// A "server" of the world, at all its addresses.
    pub fn server(&mut self, port: u16) {
        let at = SocketAddr::new(self.family.any(), port);
        self.servers.push(Server::tcp(&self.world, ROOT, "server", at, Transparent::No));
    }

    /// Another name server in resolv.conf.
    pub fn resolve_with(&mut self, server: std::net::IpAddr) {
        self.resolv_conf = format!("nameserver {server}\n");
    }

    /// Adds another listener.
    pub fn also(&mut self, server: Server) {
        self.servers.push(server);
    }

    /// An application of the pod calls.
    pub fn application(&self) -> Client<'_> {
        Client::new(&self.pod, APP)
    }

    /// A user and group of the pod calls.
    pub fn someone(&self, uid: u32, gid: u32) -> Client<'_> {
        Client::new(&self.pod, Who { uid, gid })
    }

    /// The proxy calls.
    pub fn sidecar(&self) -> Client<'_> {
        Client::new(&self.pod, self.proxy)
    }

    /// A client of the world calls.
    pub fn caller(&self) -> Client<'_> {
        Client::new(&self.world, ROOT)
    }

    /// A port of a service of the world.
    pub fn service(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.family.service(), port)
    }

    /// A port of a host outside of the service's range.
    pub fn elsewhere(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.family.elsewhere(), port)
    }

    /// A port of the pod.
    pub fn pod(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.family.pod(), port)
    }

    /// A port of the host itself.
    pub fn loopback(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.family.loopback(), port)
    }

    /// The name server.
    pub fn name_server(&self) -> SocketAddr {
        SocketAddr::new(self.family.name_server(), 53)
    }

    /// Applies the standard rules, changed by these flags.
    pub fn apply(&self, flags: &[&str]) {
        self.apply_with(flags, &[]);
    }

    /// Applies the standard rules, changed by these flags and this environment.
    pub fn apply_with(&self, flags: &[&str], environment: &[(&str, &str)]) {
        super::apply::apply(&self.pod, self.kind, &self.flags(flags), environment, &self.resolv_conf);
    }

    /// The rules that [`Self::apply`] applies to the family, as text.
    pub fn rules(&self, flags: &[&str]) -> String {
        let text = super::apply::dry_run(&self.pod, &self.flags(flags), &[], &self.resolv_conf);
        let section = super::apply::sections(&text).into_iter().find(|(family, _)| *family == self.family);
        section.map(|(_, rules)| rules).expect("rules for the family")
    }

    fn flags<'a>(&self, flags: &[&'a str]) -> Vec<&'a str> {
        let family: &[&str] = match self.family {
            Family::Ipv4 => &[],
            Family::Ipv6 => &["--dual-stack"],
        };
        [&STANDARD, family, flags].concat()
    }

    /// What the kernel has, as `iptables-save` prints it.
    pub fn save(&self, options: &[&str]) -> String {
        let program = format!("{}tables-{}-save", self.family, self.kind.of_others());
        self.pod.enter_container("", || harness::run(Command::new(program).args(options), ""))
    }

    /// Changes the rules by hand.
    pub fn iptables(&self, arguments: &[&str]) {
        let program = format!("{}tables-{}", self.family, self.kind.of_others());
        self.pod.enter_container("", || harness::run(Command::new(program).args(arguments), ""));
    }

    /// Empties the raw table, or one chain of it.
    pub fn flush_raw(&self, chain: Option<&str>) {
        if self.kind != Backend::Native {
            return self.iptables(&[&["-t", "raw", "-F"][..], chain.as_slice()].concat());
        }
        match chain {
            None => self.pod.run("nft", &["flush", "table", "inet", "istio-proxy-raw"], ""),
            Some(chain) => self.pod.run("nft", &["flush", "chain", "inet", "istio-proxy-raw", &native(chain)], ""),
        };
    }

    /// How many packets a managed chain has seen, by the rule that saw most.
    fn native_packets(&self, table: &str, chain: &str) -> u64 {
        let table = format!("istio-proxy-{table}");
        let listed = self.pod.run("nft", &["list", "chain", "inet", &table, &native(chain)], "");
        let counts = listed.split("counter packets ").skip(1).filter_map(|rest| rest.split(' ').next()?.parse().ok());
        counts.max().unwrap_or_else(|| panic!("no rule in\n{listed}"))
    }

    /// How many packets a rule has seen: the first whose text, as the kernel has it, begins so.
    pub fn packets(&self, rule: &str) -> u64 {
        let table = match rule.split(' ').nth(1) {
            Some("OUTPUT") => Some(("nat", "OUTPUT")),
            Some(chain) if chain != "INPUT" => Some(("mangle", chain)),
            _ => None,
        };
        if let Some((table, chain)) = table.filter(|_| self.kind == Backend::Native) {
            return self.native_packets(table, chain);
        }
        let saved = self.save(&["-c"]);
        let count = saved.lines().find_map(|line| {
            let (counters, text) = line.strip_prefix('[')?.split_once("] ")?;
            if text.starts_with(rule) { counters.split_once(':')?.0.parse().ok() } else { None }
        });
        count.unwrap_or_else(|| panic!("no rule {rule:?} in\n{saved}"))
    }

    /// An application's connection is captured, the caller's as well: the rules are in effect.
    #[track_caller]
    pub fn is_captured(&self) -> (Connection, Connection) {
        let out = self.application().connect(self.service(80)).captured_by("outbound");
        let inward = self.caller().connect(self.pod(8080)).captured_by("inbound");
        (out, inward)
    }
}

/// Whether this namespace delivers to each IPv6 address that is added in these commands of ip(8).
fn delivers_added(setup: &str) -> bool {
    harness::delivers(setup.lines().filter_map(|l| l.strip_prefix("addr add ")?.split('/').next()?.parse().ok()))
}

/// The name that a chain has without iptables.
fn native(chain: &str) -> String {
    chain.to_lowercase().replace('_', "-")
}
