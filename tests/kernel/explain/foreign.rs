//! Random foreign rules, besides those of the program: in the chains of both variants of iptables, and in tables of
//! nftables of their own, before and after managed ones.

use istio_iptables::netfilter::Variant;

use super::flags::PORTS;
use super::namespace::{Net, variant};
use harness::Backend;
use harness::Random;

/// What another program has put there.
#[derive(Debug, Default)]
pub struct Foreign {
    /// What each restore program is given.
    restores: Vec<(String, String)>,
    /// What nft is given.
    script: String,
    /// Whether answers may be dropped too, so that connections of TCP do not come about.
    pub stops_answers: bool,
}

const PRIORITIES: [i32; 14] = [-310, -300, -250, -190, -150, -110, -100, -90, -1, 0, 1, 50, 100, 110];
const HOOKS: [&str; 4] = ["output", "prerouting", "input", "postrouting"];

impl Foreign {
    pub fn random(random: &mut Random, backend: Backend) -> Self {
        let mut foreign = Self::default();
        if random.percent(65) {
            let kind = match variant(backend) {
                Some(variant) if random.percent(80) => variant,
                Some(_) | None => random.one(&Variant::BOTH),
            };
            foreign.iptables(random, kind);
        }
        if random.percent(65) || foreign.restores.is_empty() {
            for number in 0..1 + random.below(3) {
                foreign.table(random, number);
            }
        }
        foreign
    }

    /// Loads it, after the program's rules.
    pub fn load(&self, net: &Net) {
        for (program, text) in &self.restores {
            net.pod.run(program, &["--noflush"], text);
        }
        if !self.script.is_empty() {
            net.pod.run("nft", &["-f", "-"], &self.script);
        }
    }

    fn iptables(&mut self, random: &mut Random, kind: Variant) {
        for (name, ipv6) in [("iptables", false), ("ip6tables", true)] {
            let mut text = String::new();
            for _ in 0..1 + random.below(2) {
                let table = random.one(&["nat", "nat", "nat", "mangle", "filter", "filter", "security", "raw"]);
                text.push_str(&format!("*{table}\n:FOREIGN - [0:0]\n"));
                if table == "filter" && random.percent(15) {
                    self.stops_answers = true;
                    text.push_str(&format!(":{} DROP [0:0]\n", random.one(&["OUTPUT", "INPUT", "FORWARD"])));
                }
                text.push_str(&format!("-A FOREIGN {}\n", random.one(&["-j RETURN", "-j ACCEPT", "-p tcp -j ACCEPT"])));
                for _ in 0..1 + random.below(3) {
                    let chain = match table {
                        "nat" | "mangle" => random.one(&["OUTPUT", "OUTPUT", "PREROUTING"]),
                        "raw" => random.one(&["OUTPUT", "PREROUTING"]),
                        _ => random.one(&["OUTPUT", "INPUT"]),
                    };
                    let place = if random.percent(70) { "-I" } else { "-A" };
                    let rule = self.rule(random, table, chain, ipv6);
                    text.push_str(&format!("{place} {chain} {rule}\n"));
                }
                text.push_str("COMMIT\n");
            }
            self.restores.push((format!("{name}-{}-restore", kind.name()), text));
        }
    }

    fn rule(&mut self, random: &mut Random, table: &str, chain: &str, ipv6: bool) -> String {
        let port = random.one(&PORTS);
        let (host, own) = if ipv6 { ("2001:db8::5", "fd66::2") } else { ("8.8.8.8", "10.66.0.2") };
        let transport = random.one(&["tcp", "tcp", "udp"]);
        // Answers go to ports that no condition here names: they have to get by.
        let mut conditions = match random.below(9) {
            0 => format!("-d {host} -p {transport} --dport {port}"),
            1 => format!("! -d {own} -p {transport} --dport {port}"),
            2 => format!("-p {transport} -m multiport --dports {port},443,8080"),
            3 => format!("-p {transport} --dport {port} -m comment --comment \"somebody's, -j DROP\""),
            4 => format!("-p {transport} --dport {port} -m string --string nothing --algo bm"),
            5 => format!("-p {transport} --dport {port} -m addrtype --dst-type LOCAL"),
            6 => format!("-p {transport} --dport 0:9999 -m mark --mark 0x4d/0xff"),
            7 => format!("-p {transport} --dport 0:8080 -m conntrack --ctstate NEW"),
            _ => format!("-p {transport} --dport {port}"),
        };
        if chain == "OUTPUT" && random.percent(20) {
            conditions =
                format!("-p {transport} --dport 0:9999 -m owner --uid-owner {}", random.one(&[1000, 1337, 5000]));
        }
        let target = match (table, random.below(9)) {
            ("nat", 0..=2) => {
                format!("-j REDIRECT --to-ports {}", random.one(&[8080, 9090, 15001, 16001]))
            }
            ("nat", 3) => {
                format!("-j DNAT --to-destination {}", if ipv6 { "[fd66::2]:9090" } else { "10.66.0.2:9090" })
            }
            ("mangle", 0..=3) => format!("-j MARK --set-mark {}", random.one(&[77, 1337, 5])),
            ("mangle", 4) => "-j MARK --set-xmark 0x1/0x1".to_owned(),
            ("raw", 0..=2) => "-j NOTRACK".to_owned(),
            ("filter" | "security" | "mangle" | "raw", 4..=6) => "-j DROP".to_owned(),
            ("filter", 3) => "-j REJECT".to_owned(),
            (_, 7) => random.one(&["-j FOREIGN", "-g FOREIGN"]).to_owned(),
            (_, 8) => "-j RETURN".to_owned(),
            (_, _) => "-j ACCEPT".to_owned(),
        };
        format!("{conditions} {target}")
    }

    /// A table of nftables.
    fn table(&mut self, random: &mut Random, number: usize) {
        let family = random.one(&["inet", "inet", "ip", "ip6"]);
        let flags = if random.percent(10) { "flags dormant;" } else { "" };
        let mut text = format!("table {family} foreign{number} {{ {flags}\n  chain side {{ accept; }}\n");
        for chain in 0..1 + random.below(2) {
            let hook = random.one(&HOOKS);
            let kind = match hook {
                "output" => random.one(&["nat", "nat", "filter", "route"]),
                "prerouting" => random.one(&["nat", "nat", "filter"]),
                _ => "filter",
            };
            let priorities: Vec<_> = PRIORITIES.into_iter().filter(|p| kind != "nat" || *p > -200).collect();
            let policy = if kind != "nat" && random.percent(6) { "drop" } else { "accept" };
            self.stops_answers |= policy == "drop";
            let priority = random.one(&priorities);
            text.push_str(&format!(
                "  chain c{chain} {{ type {kind} hook {hook} priority {priority}; policy {policy};\n"
            ));
            for _ in 0..random.below(4) {
                let rule = statement(random, family, kind, hook);
                text.push_str(&format!("    {rule}\n"));
            }
            text.push_str("  }\n");
        }
        text.push_str("}\n");
        self.script.push_str(&text);
    }
}

fn statement(random: &mut Random, family: &str, kind: &str, hook: &str) -> String {
    let port = random.one(&PORTS);
    let transport = random.one(&["tcp", "tcp", "udp"]);
    let address = match family {
        "ip" => "ip daddr 8.8.8.8 ",
        "ip6" => "ip6 daddr 2001:db8::/32 ",
        _ => random.one(&["ip daddr != 10.66.0.2 ", "ip6 daddr fd66::2 ", "meta nfproto ipv4 "]),
    };
    let condition = match random.below(10) {
        0 => format!("{address}{transport} dport {port} "),
        1 => format!("{transport} dport {{ {port}, 443, 8080 }} "),
        2 => format!("meta mark 77 {transport} dport 1-9999 "),
        3 => format!("ct state new {transport} dport 0-8080 "),
        4 => format!("{transport} dport {port} limit rate 1000/second "),
        5 if hook == "output" => format!("meta skuid {} {transport} dport 1-9999 ", random.one(&[1000, 1337, 5000])),
        5 | 6 if hook == "prerouting" || hook == "input" => format!("iifname \"eth*\" {transport} dport {port} "),
        7 => format!("meta l4proto {transport} th dport {port} "),
        8 => format!("{transport} dport != 1-{port} {transport} dport != 20000-65535 "),
        _ => format!("{transport} dport {port} "),
    };
    let action = match (kind, random.below(10)) {
        ("nat", 0..=5) => format!("redirect to :{}", random.one(&[8080, 9090, 15001, 16001])),
        ("nat", 6) if family == "ip" => "dnat to 10.66.0.2:9090".to_owned(),
        ("route", 0..=3) => format!("meta mark set {}", random.one(&[77, 1337, 5])),
        ("filter", 0..=1) => format!("meta mark set {}", random.one(&[77, 1337, 5])),
        ("filter", 2..=4) => "drop".to_owned(),
        ("filter", 5) if hook != "prerouting" && hook != "postrouting" => "reject".to_owned(),
        (_, 7) => "jump side".to_owned(),
        (_, 8) => "counter".to_owned(),
        (_, 9) => "counter return".to_owned(),
        (_, _) => "counter accept".to_owned(),
    };
    format!("{condition}{action}")
}
