//! Random configurations.

use std::net::IpAddr;

use istio_iptables::capture::{Plan, plan};
use istio_iptables::config::fake::{FakeHost, Resolved, resolve};
use istio_iptables::config::{Config, Options, host};

use harness::Random;

/// The ports that servers listen on, in the pod and outside.
pub const PORTS: [u16; 18] =
    [53, 80, 443, 3306, 8080, 9090, 15001, 15006, 15008, 15020, 15021, 15053, 15090, 16001, 16006, 5353, 8443, 65535];
const RANGES: [&str; 14] = [
    "10.96.0.0/16",
    "10.0.0.0/8",
    "10.66.0.0/24",
    "172.16.0.0/12",
    "8.8.8.8/32",
    "0.0.0.0/1",
    "127.0.0.0/8",
    "127.1.2.3/32",
    "fd00::/8",
    "fd00:96::/32",
    "2001:db8::/32",
    "fd66::2/128",
    "::1/128",
    "10.200.0.0/16",
];
const IDS: [&str; 6] = ["1337", "1338", "1000-1999", "0", "2000", "5000"];

/// A call: flags and environment.
#[derive(Clone, Debug, Default)]
pub struct Call {
    flags: Vec<String>,
    environment: Vec<(&'static str, String)>,
    servers: Vec<IpAddr>,
}

impl Call {
    pub fn random(random: &mut Random) -> Self {
        let mut call = Self::default();
        call.listeners(random);
        call.inbound(random);
        call.outbound(random);
        call.owners(random);
        call.dns(random);
        let families = if random.percent(12) { "ipv4" } else { "dual" };
        call.flag("--ip-families", families);
        call
    }

    fn flag(&mut self, name: &str, value: impl Into<String>) {
        self.flags.push(format!("{name}={}", value.into()));
    }

    fn listeners(&mut self, random: &mut Random) {
        if random.percent(20) {
            self.flag("--envoy-port", "16001");
        }
        if random.percent(20) {
            self.flag("--inbound-capture-port", "16006");
        }
        if random.percent(10) {
            self.flag("--inbound-tunnel-port", "8443");
        }
        if random.percent(45) {
            self.flag("--istio-inbound-interception-mode", "TPROXY");
            if random.percent(30) {
                self.flag("--istio-inbound-tproxy-mark", "77");
                self.flag("--istio-inbound-tproxy-route-table", "200");
            }
        }
    }

    fn inbound(&mut self, random: &mut Random) {
        match random.below(10) {
            0 => {}
            1..=3 => {
                let ports = ports(random, 5);
                self.flag("--istio-inbound-ports", ports);
            }
            _ => {
                self.flag("--istio-inbound-ports", "*");
                let excluded = ports(random, 4);
                self.flag("--istio-local-exclude-ports", excluded);
            }
        }
        if random.percent(15) {
            self.flag("--istio-exclude-interfaces", random.one(&["eth0", "eth1", "eth+", "net1", "lo"]));
        }
        if random.percent(25) {
            self.flag("--kube-virt-interfaces", random.one(&["eth1", "eth0,eth1", "net1"]));
        }
        if random.percent(40) {
            self.flag("--drop-invalid", "true");
        }
    }

    fn outbound(&mut self, random: &mut Random) {
        match random.below(10) {
            0 => {}
            1..=4 => {
                let ranges = random.some(&RANGES, 4).join(",");
                self.flag("--istio-service-cidr", ranges);
            }
            _ => self.flag("--istio-service-cidr", "*"),
        }
        if random.percent(40) {
            let ranges = random.some(&RANGES, 3).join(",");
            self.flag("--istio-service-exclude-cidr", ranges);
        }
        if random.percent(30) {
            let included = ports(random, 3);
            self.flag("--istio-outbound-ports", included);
        }
        if random.percent(30) {
            let excluded = ports(random, 3);
            self.flag("--istio-local-outbound-ports-exclude", excluded);
        }
        if random.percent(25) {
            let range = random.one(&["127.0.0.0/8", "127.0.0.1/32", "127.1.0.0/16"]);
            self.environment.push(("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", range.to_owned()));
        }
    }

    fn owners(&mut self, random: &mut Random) {
        if random.percent(50) {
            self.flag("--proxy-uid", random.some(&IDS, 2).join(","));
        }
        if random.percent(40) {
            self.flag("--proxy-gid", random.some(&IDS, 2).join(","));
        }
        match random.below(10) {
            0 | 1 => {
                let groups = random.some(&["1000", "2000", "5000", "0-100"], 2).join(",");
                self.environment.push(("ISTIO_OUTBOUND_OWNER_GROUPS", groups));
            }
            2 | 3 => {
                let groups = random.some(&["202", "2000", "0"], 2).join(",");
                self.environment.push(("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", groups));
            }
            _ => {}
        }
    }

    fn dns(&mut self, random: &mut Random) {
        if random.percent(45) {
            self.flag("--redirect-dns", "true");
            if random.percent(40) {
                self.flag("--capture-all-dns", "true");
            }
            let servers = random.some(&["10.96.0.10", "fd00:96::a", "8.8.8.8", "127.0.0.53"], 2);
            self.servers = servers.iter().map(|s| s.parse().unwrap()).collect();
        }
    }

    /// What the flags mean, and the rules for it.
    pub fn plan(&self) -> (Config, Plan) {
        let (config, plan, _) = self.call();
        (config, plan)
    }

    /// The same, with how to go about it.
    pub fn call(&self) -> (Config, Plan, Options) {
        let flags: Vec<_> = self.flags.iter().map(String::as_str).collect();
        let environment: Vec<_> = self.environment.iter().map(|(n, v)| (*n, v.as_str())).collect();
        // Users and groups are not read from this machine.
        let host = FakeHost::with(&[""; 0]).name_servers(&self.servers).file(host::PASSWD, "").file(host::GROUP, "");
        let Resolved { config, options, .. } = resolve(&flags, &environment, &host).valid();
        let plan = plan(&config);
        (config, plan, options)
    }
}

fn ports(random: &mut Random, most: usize) -> String {
    let mut ports: Vec<_> = random.some(&PORTS, most).iter().map(ToString::to_string).collect();
    if random.percent(15) {
        ports.push("8000:9000".to_owned());
    }
    ports.join(",")
}
