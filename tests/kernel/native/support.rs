//! Namespaces, the independent program, and configurations to try.

use std::process::Command;

use harness::Random;
use istio_iptables::capture;
use istio_iptables::config::fake::{FakeHost, resolve};
use istio_iptables::netfilter::Ruleset;

/// Has nft run a script.
pub fn nft(script: &str) {
    harness::run(Command::new("nft").args(["-f", "-"]), script);
}

/// What nft lists.
pub fn listing() -> String {
    harness::run(Command::new("nft").args(["list", "ruleset"]), "")
}

/// The lines of a listing, in an order that does not depend on that of tables and chains.
pub fn lines(listing: &str) -> Vec<String> {
    let mut lines: Vec<_> = listing.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The rules of a command line, on a host with both families and with the users of this host.
pub fn rules(flags: &[String]) -> Ruleset {
    let host = FakeHost::with(&["10.77.0.5", "fd00:77::5"]).name_servers(&["10.96.0.10", "fd00:10::a"]);
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let config = resolve(&flags, &[], &host.on_this_machine()).valid().config;
    capture::plan(&config).rules.by_number().into_owned()
}

/// Configurations, the same ones each time.
pub struct Configurations(Random);

impl Default for Configurations {
    fn default() -> Self {
        Self(Random::new(1))
    }
}

/// The choices for each flag.
const CHOICES: [(&str, &[&str]); 19] = [
    ("-p", &["15001", "1", "65535"]),
    ("-z", &["15006", "443"]),
    ("-e", &["15008", "53"]),
    ("-u", &["1337", "0", "root", "1000,2000-3000", "daemon,4294967294"]),
    ("-g", &["1337", "1-2", "0,7", "nogroup"]),
    ("-m", &["REDIRECT", "TPROXY"]),
    ("-t", &["1337", "0xffffffff", "1"]),
    ("-b", &["", "*", "80", "80,443,8000:8100", "0-65535"]),
    ("-d", &["", "15090,15021", "22,1000-2000"]),
    ("-i", &["", "*", "10.0.0.0/8,fd00::/8", "10.1.2.3/9,0.0.0.0/0,::/0", "127.0.0.0/8"]),
    ("-x", &["", "10.1.0.0/16", "1.1.1.1/32,2001:db8::/33,2001:db8::1/128,0.0.0.0/1", MANY]),
    ("-q", &["", "53,5000-6000"]),
    ("-o", &["", "22,123,7000-7001"]),
    ("-c", &["", "eth1", "veth0.100,br-lan,accept,9p,a@b", "eth+", "net1,tcp+,a@+"]),
    ("-k", &["", "vm0", "vm0,tap1", "vm+", "+"]),
    ("--redirect-dns", &["true", "false"]),
    ("--capture-all-dns", &["true", "false"]),
    ("--drop-invalid", &["true", "false"]),
    ("--dual-stack", &["true", "false"]),
];

/// More ranges than are a rule each, some of which overlap or touch.
const MANY: &str = "10.0.0.0/24,10.0.1.0/24,10.0.2.0/24,10.0.8.0/22,10.0.9.0/24,11.0.0.0/8,12.0.0.1/32,12.0.0.2/32,\
    13.0.0.0/12,14.0.0.0/8,15.0.0.0/8,16.0.0.0/8,224.0.0.0/4,240.0.0.0/4,fd00::/16,fd01::/16,fe80::/10,2001:db8::/32,\
    ffff::/16";

impl Iterator for Configurations {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut flags = Vec::new();
        for (flag, values) in CHOICES {
            let number = self.0.below(usize::MAX);
            // Each flag is given about every other time.
            if number.is_multiple_of(2) {
                flags.push(flag.to_owned() + if flag.len() > 2 { "=" } else { "" });
                let value = values[number / 2 % values.len()].to_owned();
                match flag.len() {
                    2 => flags.push(value),
                    _ => flags.last_mut().unwrap().push_str(&value),
                }
            }
        }
        Some(flags)
    }
}
