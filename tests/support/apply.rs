//! The one place that runs the program under test.

use std::fmt;
use std::process::Command;

use super::namespace::run;
use super::{Family, Namespace};

/// The kinds of iptables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Legacy,
    Nft,
}

impl Kind {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Legacy, Self::Nft];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Legacy => "legacy",
            Self::Nft => "nft",
        })
    }
}

/// How the rules get into the kernel.
#[derive(Clone, Copy)]
enum Way {
    /// The program does it.
    #[allow(dead_code, reason = "until the program can apply")]
    Program,
    /// The program prints what it would do, and the test does it.
    #[allow(dead_code, reason = "once the program can apply")]
    DryRun,
}

const WAY: Way = Way::DryRun;

/// What an injected pod's init container is called with.
pub const STANDARD: [&str; 16] = [
    "-p",
    "15001",
    "-z",
    "15006",
    "-u",
    "1337",
    "-m",
    "REDIRECT",
    "-i",
    "*",
    "-x",
    "",
    "-b",
    "*",
    "-d",
    "15090,15021,15020",
];

impl Namespace {
    /// Applies rules in the pod, as its init container does.
    pub fn apply(&self, kind: Kind, arguments: &[&str], environment: &[(&str, &str)], resolv_conf: &str) {
        match WAY {
            Way::Program => {
                let kind = kind.to_string();
                let arguments = [&["--force-iptables-binary", kind.as_str()], arguments].concat();
                let out = self.enter_container(resolv_conf, || run(&mut program(&arguments, environment), ""));
                eprintln!("{}: {out}", self.name());
            }
            Way::DryRun => {
                let text = self.dry_run(arguments, environment, resolv_conf);
                for (family, rules) in sections(&text) {
                    let restore = format!("{family}tables-{kind}-restore");
                    self.enter_container("", || run(Command::new(restore).arg("--noflush"), &rules));
                }
                self.route(&sections(&text), arguments);
            }
        }
    }

    /// Routes and addresses, as the specification has them for the default mark and table.
    fn route(&self, sections: &[(Family, String)], arguments: &[&str]) {
        let tproxy = arguments.windows(2).rfind(|pair| pair[0] == "-m").is_some_and(|pair| pair[1] == "TPROXY");
        for (family, _) in sections {
            let option = if *family == Family::Ipv6 { "-6" } else { "-4" };
            if *family == Family::Ipv6 {
                self.run("ip", &["addr", "add", "::6/128", "dev", "lo", "nodad"], "");
            }
            if tproxy {
                let commands = "rule add fwmark 1337 lookup 133\nroute add local default dev lo table 133\n";
                self.run("ip", &[option, "-batch", "-"], commands);
            }
        }
    }

    /// What the program says that it would do in the pod.
    pub fn dry_run(&self, arguments: &[&str], environment: &[(&str, &str)], resolv_conf: &str) -> String {
        let arguments = [&["--dry-run"], arguments].concat();
        self.enter_container(resolv_conf, || run(&mut program(&arguments, environment), ""))
    }
}

fn program(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_istio-iptables"));
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(environment.iter().copied());
    command
}

/// The text for each family's restore.
pub fn sections(dry_run: &str) -> Vec<(Family, String)> {
    let mut sections: Vec<(Family, String)> = Vec::new();
    for line in dry_run.lines() {
        match (line, sections.last_mut()) {
            ("# iptables-restore --noflush", _) => sections.push((Family::Ipv4, String::new())),
            ("# ip6tables-restore --noflush", _) => sections.push((Family::Ipv6, String::new())),
            (comment, _) if comment.starts_with('#') => {}
            (line, Some((_, text))) => text.extend([line, "\n"]),
            (line, None) => panic!("a line before the first section: {line}"),
        }
    }
    sections
}
