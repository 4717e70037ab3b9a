//! The one place that runs the program under test.

use std::fmt;
use std::process::Command;

use super::namespace::run;
use super::{Family, Namespace};

/// What the rules are written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Legacy,
    Nft,
    /// nftables without iptables.
    Native,
}

impl Kind {
    /// The kinds of iptables.
    pub const IPTABLES: [Self; 2] = [Self::Legacy, Self::Nft];

    /// The kind of iptables for other people's rules next to ours.
    pub fn of_others(self) -> Self {
        if self == Self::Native { Self::Nft } else { self }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Legacy => "legacy",
            Self::Nft => "nft",
            Self::Native => "native",
        })
    }
}

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
        let name = kind.to_string();
        let backend = [format!("--force-iptables-binary={name}"), "--native-nftables".to_owned()];
        let backend = if kind == Kind::Native { &backend[1] } else { &backend[0] };
        let arguments = [&[backend.as_str()], arguments].concat();
        let out = self.enter_container(resolv_conf, || run(&mut program(&arguments, environment), ""));
        eprintln!("{}: {out}", self.name());
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
