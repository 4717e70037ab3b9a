//! Configurations at random: every flag that makes rules, in all combinations that are valid together.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A generator of numbers: xorshift64*, whose seed is printed where a test fails.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len() as u64) as usize]
    }
}

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
        let mut dice = Dice::new(seed);
        let mut configuration = Self::default();
        configuration.capture(&mut dice);
        configuration.exclusions(&mut dice);
        configuration.proxy(&mut dice);
        configuration.dns(&mut dice);
        configuration.owner_groups(&mut dice);
        configuration
    }

    fn capture(&mut self, dice: &mut Dice) {
        match dice.below(6) {
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

    fn exclusions(&mut self, dice: &mut Dice) {
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

    fn proxy(&mut self, dice: &mut Dice) {
        for name in ["envoy-port", "inbound-capture-port", "inbound-tunnel-port"] {
            if dice.one_in(4) {
                let port = 1 + dice.below(65535);
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
            let user = dice.pick(&NAMES);
            self.variable("ENVOY_USER", user);
        }
        self.switch(dice, "cni-mode", 8);
        self.switch(dice, "reconcile", 8);
    }

    fn dns(&mut self, dice: &mut Dice) {
        self.switch(dice, "redirect-dns", 2);
        self.switch(dice, "capture-all-dns", 3);
        self.resolv_conf = "search svc.cluster.local\noptions ndots:5\n".to_owned();
        for _ in 0..dice.below(4) {
            let server =
                dice.pick(&["10.96.0.10", "169.254.20.10", "127.0.0.53", "fd00::a", "2001:db8:0:0::53", "::1"]);
            self.resolv_conf += &format!("nameserver {server}\n");
        }
    }

    fn owner_groups(&mut self, dice: &mut Dice) {
        if dice.one_in(4) {
            let listed = if dice.one_in(2) { "*".to_owned() } else { list(dice, 4, owner) };
            self.variable("ISTIO_OUTBOUND_OWNER_GROUPS", &listed);
        }
        if dice.one_in(4) {
            let excluded = list(dice, 4, owner);
            self.variable("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", &excluded);
        }
        if dice.one_in(5) {
            let range = dice.pick(&["127.0.0.0/8", "127.0.0.1/32", "127.1.2.3/16", "127.0.0.6/31"]);
            self.variable("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", range);
        }
    }

    /// A flag, by its name or, now and then, by its variable.
    fn text(&mut self, dice: &mut Dice, name: &str, value: &str) {
        match dice.below(6) {
            0 => self.variable(&variable(name), value),
            1 => self.args.extend([format!("--{name}"), value.to_owned()]),
            _ => self.args.push(format!("--{name}={value}")),
        }
    }

    /// A flag that says yes or no, given once in so many times.
    fn switch(&mut self, dice: &mut Dice, name: &str, times: u64) {
        if dice.one_in(times) {
            match dice.below(6) {
                0 => {
                    let value = dice.pick(&["true", "1", "T", "false"]);
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

/// A list of up to so many items, written as people do.
fn list(dice: &mut Dice, most: u64, item: fn(&mut Dice) -> String) -> String {
    let items: Vec<_> = (0..dice.below(most + 1)).map(|_| item(dice)).collect();
    items.join(dice.pick(&[",", ",", ",", ", ", ",,"]))
}

/// A list that is now and then long enough to become a set of nftables.
fn many(dice: &mut Dice, item: fn(&mut Dice) -> String) -> String {
    let most = if dice.one_in(6) { 48 } else { 4 };
    list(dice, most, item)
}

fn number(dice: &mut Dice, special: &[u32]) -> u32 {
    if dice.one_in(2) {
        special[dice.below(special.len() as u64) as usize]
    } else {
        1 + dice.below(u32::MAX.into()) as u32
    }
}

fn port_range(dice: &mut Dice) -> String {
    let mut port = || match dice.below(3) {
        0 => dice.pick(&["0", "53", "80", "443", "15001", "65535"]).parse().unwrap(),
        _ => dice.below(65536),
    };
    let (one, other) = (port(), port());
    match dice.below(6) {
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

fn network(dice: &mut Dice) -> String {
    match dice.below(5) {
        0 | 1 => dice.pick(&NETWORKS).to_owned(),
        2 | 3 => format!("{}/{}", Ipv4Addr::from(dice.next() as u32), dice.below(33)),
        _ => {
            // Zeros in some places, for the short forms.
            let mask = u128::from(dice.next()) << 64 | u128::from(dice.next());
            let groups = dice.below(256);
            let zeros = (0..8).filter(|g| groups >> g & 1 == 1).fold(0, |m, g| m | 0xffff_u128 << (16 * g));
            format!("{}/{}", Ipv6Addr::from(mask & !zeros), dice.below(129))
        }
    }
}

fn interface(dice: &mut Dice) -> String {
    let names =
        ["eth1", "net+", "a.b-c_d", "lo", "eth0", "vm0", "tap+", "accept", "9p", "a@b", "veth0.100", "br-1234567890ab"];
    match dice.below(4) {
        0 => {
            let name: String = (0..1 + dice.below(15)).map(|_| (b'a' + dice.below(26) as u8) as char).collect();
            name
        }
        _ => dice.pick(&names).to_owned(),
    }
}

/// Users and groups that have one name on this system: each is the same number's.
const NAMES: [&str; 3] = ["daemon", "mail", "www-data"];

fn owner(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => dice.pick(&NAMES).to_owned(),
        1 => dice.pick(&["0", "1337", "4294967294"]).to_owned(),
        2 | 3 => dice.below(70_000).to_string(),
        _ => {
            let (one, other) = (dice.below(u32::MAX.into()), dice.below(70_000));
            format!("{}-{}", one.min(other), one.max(other))
        }
    }
}
