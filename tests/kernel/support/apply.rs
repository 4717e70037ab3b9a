//! The one place that runs the program under test.

use std::process::Command;

use harness::{Backend, Namespace, run};

use super::Family;

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

/// Applies rules in the pod, as its init container does.
pub fn apply(pod: &Namespace, backend: Backend, arguments: &[&str], environment: &[(&str, &str)], resolv_conf: &str) {
    let arguments = [&[backend.flag()], arguments].concat();
    let out = pod.enter_container(resolv_conf, || run(&mut program(&arguments, environment), ""));
    eprintln!("{}: {out}", pod.name());
}

/// What the program would do in the pod, by its own account.
pub fn dry_run(pod: &Namespace, arguments: &[&str], environment: &[(&str, &str)], resolv_conf: &str) -> String {
    let arguments = [&["--dry-run"], arguments].concat();
    pod.enter_container(resolv_conf, || run(&mut program(&arguments, environment), ""))
}

fn program(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(crate::PROGRAM);
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
