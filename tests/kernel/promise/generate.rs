//! Configurations at random: every flag that makes rules, in all combinations that are valid together.

use std::net::{Ipv4Addr, Ipv6Addr};

use harness::Random;

/// A call at random: all flags that decide about rules, by flag or by variable, and the name servers of the host.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    pub args: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub resolv_conf: String,
}

impl Configuration {
    /// The one of this number, the same each time.
    pub fn new(seed: u64) -> Self {
        let mut dice = Random::new(seed);
        let mut configuration = Self::default();
        configuration.capture(&mut dice);
        configuration.exclusions(&mut dice);
        configuration.proxy(&mut dice);
        configuration.dns(&mut dice);
        configuration.owner_groups(&mut dice);
        configuration
    }

    fn capture(&mut self, dice: &mut Random) {
        match dice.number_below(6) {
            0 => {}
            1 => self.text(dice, "ip-families", "auto"),
            2 => self.text(dice, "ip-families", "ipv4"),
            _ => self.text(dice, "ip-families", "dual"),
        }
        self.switch(dice, "dual-stack", 2);
        let ports = if dice.one_in(2) { "*".to_owned() } else { list(dice, 4, port_range) };
        self.text(dice, "istio-inbound-ports", &ports);
        let ranges = if dice.one_in(2) { "*".to_owned() } else { many(dice, network) };
        self.text(dice, "istio-service-cidr", &ranges);
        if dice.one_in(2) {
            let ports = list(dice, 4, port_range);
            self.text(dice, "istio-outbound-ports", &ports);
        }
        if dice.one_in(3) {
            let names = list(dice, 3, interface);
            self.text(dice, "kube-virt-interfaces", &names);
        }
        if dice.one_in(3) {
            self.text(dice, "istio-inbound-interception-mode", "TPROXY");
        } else if dice.one_in(4) {
            self.text(dice, "istio-inbound-interception-mode", "REDIRECT");
        }
        if dice.one_in(3) {
            let mark = number(dice, &[1, 1337, 1338, u32::MAX]);
            let mark = if dice.one_in(2) { format!("{mark:#x}") } else { mark.to_string() };
            self.text(dice, "istio-inbound-tproxy-mark", &mark);
        }
        if dice.one_in(3) {
            // 253 to 255 are the kernel's own: a route to lo there would be one for all traffic.
            let table = number(dice, &[1, 133, 252, 256, u32::MAX]);
            let table = if (253..=255).contains(&table) { 7 } else { table };
            self.text(dice, "istio-inbound-tproxy-route-table", &table.to_string());
        }
        self.switch(dice, "drop-invalid", 3);
    }

    fn exclusions(&mut self, dice: &mut Random) {
        if dice.one_in(2) {
            let ports = list(dice, 4, port_range);
            self.text(dice, "istio-local-exclude-ports", &ports);
        }
        if dice.one_in(2) {
            let ranges = many(dice, network);
            self.text(dice, "istio-service-exclude-cidr", &ranges);
        }
        if dice.one_in(2) {
            let ports = list(dice, 4, port_range);
            self.text(dice, "istio-local-outbound-ports-exclude", &ports);
        }
        if dice.one_in(3) {
            let names = list(dice, 3, interface);
            self.text(dice, "istio-exclude-interfaces", &names);
        }
    }

    fn proxy(&mut self, dice: &mut Random) {
        for name in ["envoy-port", "inbound-capture-port", "inbound-tunnel-port"] {
            if dice.one_in(4) {
                let port = 1 + dice.number_below(65535);
                self.text(dice, name, &port.to_string());
            }
        }
        for name in ["proxy-uid", "proxy-gid"] {
            if dice.one_in(3) {
                let owners = list(dice, 3, owner);
                self.text(dice, name, &owners);
            }
        }
        if dice.one_in(5) {
            let user = dice.one(&NAMES);
            self.variable("ENVOY_USER", user);
        }
        self.switch(dice, "cni-mode", 8);
        self.switch(dice, "reconcile", 8);
    }

    fn dns(&mut self, dice: &mut Random) {
        self.switch(dice, "redirect-dns", 2);
        self.switch(dice, "capture-all-dns", 3);
        self.resolv_conf = "search svc.cluster.local\noptions ndots:5\n".to_owned();
        for _ in 0..dice.number_below(4) {
            let server = dice.one(&["10.96.0.10", "169.254.20.10", "127.0.0.53", "fd00::a", "2001:db8:0:0::53", "::1"]);
            self.resolv_conf += &format!("nameserver {server}\n");
        }
    }

    fn owner_groups(&mut self, dice: &mut Random) {
        if dice.one_in(4) {
            let listed = if dice.one_in(2) { "*".to_owned() } else { list(dice, 4, owner) };
            self.variable("ISTIO_OUTBOUND_OWNER_GROUPS", &listed);
        }
        if dice.one_in(4) {
            let excluded = list(dice, 4, owner);
            self.variable("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", &excluded);
        }
        if dice.one_in(5) {
            let range = dice.one(&["127.0.0.0/8", "127.0.0.1/32", "127.1.2.3/16", "127.0.0.6/31"]);
            self.variable("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", range);
        }
    }

    /// A flag, by its name or, now and then, by its variable.
    fn text(&mut self, dice: &mut Random, name: &str, value: &str) {
        match dice.number_below(6) {
            0 => self.variable(&variable(name), value),
            1 => self.args.extend([format!("--{name}"), value.to_owned()]),
            _ => self.args.push(format!("--{name}={value}")),
        }
    }

    /// A boolean flag, given once in this number of times.
    fn switch(&mut self, dice: &mut Random, name: &str, times: usize) {
        if dice.one_in(times) {
            match dice.number_below(6) {
                0 => {
                    let value = dice.one(&["true", "1", "T", "false"]);
                    self.variable(&variable(name), value);
                }
                1 => self.args.push(format!("--{name}=false")),
                2 => self.args.push(format!("--{name}=true")),
                _ => self.args.push(format!("--{name}")),
            }
        }
    }

    fn variable(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }
}

fn variable(flag: &str) -> String {
    let name = flag.to_uppercase().replace('-', "_");
    if name == "IP_FAMILIES" { "ISTIO_IP_FAMILIES".to_owned() } else { name }
}

/// A list with at most this number of items, written in the ways that people use.
fn list(dice: &mut Random, most: u64, item: fn(&mut Random) -> String) -> String {
    let items: Vec<_> = (0..dice.number_below(most + 1)).map(|_| item(dice)).collect();
    items.join(dice.one(&[",", ",", ",", ", ", ",,"]))
}

/// A list that is now and then long enough to become a set of nftables.
fn many(dice: &mut Random, item: fn(&mut Random) -> String) -> String {
    let most = if dice.one_in(6) { 48 } else { 4 };
    list(dice, most, item)
}

fn number(dice: &mut Random, special: &[u32]) -> u32 {
    if dice.one_in(2) { dice.one(special) } else { 1 + dice.number_below(u32::MAX.into()) as u32 }
}

fn port_range(dice: &mut Random) -> String {
    let mut port = || match dice.number_below(3) {
        0 => dice.one(&["0", "53", "80", "443", "15001", "65535"]).parse().unwrap(),
        _ => dice.number_below(65536),
    };
    let (one, other) = (port(), port());
    match dice.number_below(6) {
        0 => format!("{}:{}", one.min(other), one.max(other)),
        1 => format!("{}-{}", one.min(other), one.max(other)),
        _ => one.to_string(),
    }
}

const NETWORKS: [&str; 14] = [
    "10.0.0.0/8",
    "10.1.2.3/16",
    "192.168.1.1/32",
    "0.0.0.0/0",
    "255.255.255.255/32",
    "127.0.0.1/32",
    "127.1.0.0/16",
    "224.0.0.0/4",
    "fd00::/8",
    "2001:DB8:0:0::7/64",
    "::/0",
    "::1/128",
    "::ffff:10.0.0.0/104",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
];

fn network(dice: &mut Random) -> String {
    match dice.number_below(5) {
        0 | 1 => dice.one(&NETWORKS).to_owned(),
        2 | 3 => format!("{}/{}", Ipv4Addr::from(dice.number() as u32), dice.number_below(33)),
        _ => {
            // Zeros in some places, for the short forms.
            let mask = u128::from(dice.number()) << 64 | u128::from(dice.number());
            let groups = dice.number_below(256);
            let zeros = (0..8).filter(|g| groups >> g & 1 == 1).fold(0, |m, g| m | 0xffff_u128 << (16 * g));
            format!("{}/{}", Ipv6Addr::from(mask & !zeros), dice.number_below(129))
        }
    }
}

fn interface(dice: &mut Random) -> String {
    let names =
        ["eth1", "net+", "a.b-c_d", "lo", "eth0", "vm0", "tap+", "accept", "9p", "a@b", "veth0.100", "br-1234567890ab"];
    match dice.number_below(4) {
        0 => {
            let name: String =
                (0..1 + dice.number_below(15)).map(|_| (b'a' + dice.number_below(26) as u8) as char).collect();
            name
        }
        _ => dice.one(&names).to_owned(),
    }
}

/// Users and groups that have one name on this system: each is the same number's.
const NAMES: [&str; 3] = ["daemon", "mail", "www-data"];

fn owner(dice: &mut Random) -> String {
    match dice.number_below(6) {
        0 => dice.one(&NAMES).to_owned(),
        1 => dice.one(&["0", "1337", "4294967294"]).to_owned(),
        2 | 3 => dice.number_below(70_000).to_string(),
        _ => {
            let (one, other) = (dice.number_below(u32::MAX.into()), dice.number_below(70_000));
            format!("{}-{}", one.min(other), one.max(other))
        }
    }
}
