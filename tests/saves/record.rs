//! Records what this machine's iptables saves. Run by `scripts/test-versions --record`, which puts the release to
//! record in its place.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "as in tests")]

use std::fmt::Write as _;
use std::process::Command;

use istio_iptables::net::Family;
use istio_iptables::netfilter::Variant;
use istio_iptables::netfilter::restore;

mod corpus;

use corpus::{OTHERS, PART, configurations, folder, plan};

fn run(program: &str, arguments: &[&str], input: &str) -> String {
    harness::run(Command::new(program).args(arguments), input)
}

/// Foreign rules: those before the managed ones, and those after.
fn others(family: Family) -> (&'static str, &'static str) {
    let text = match family {
        Family::Ipv4 => include_str!("foreign-ip.txt"),
        Family::Ipv6 => include_str!("foreign-ip6.txt"),
    };
    text.split_once("# ours\n").unwrap()
}

/// What is saved after foreign rules, these, and more foreign ones, in a new network namespace.
fn saved(kind: Variant, family: Family, ours: &str) -> String {
    harness::in_namespace(|| {
        let (before, after) = others(family);
        for command in before.lines().filter_map(|l| l.strip_prefix("# ipset ")) {
            run("ipset", &command.split(' ').collect::<Vec<_>>(), "");
        }
        let program = |what: &str| format!("{}-{}-{what}", prefix(family), kind.name());
        for text in [before, ours, after] {
            run(&program("restore"), &["--noflush"], text);
        }
        // Comments hold the time.
        let saved = run(&program("save"), &[], "");
        saved.lines().filter(|l| !l.starts_with('#')).map(|l| format!("{l}\n")).collect()
    })
}

fn prefix(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "iptables",
        Family::Ipv6 => "ip6tables",
    }
}

/// Writes a file; if another version prints the same, a link to its file.
fn write(name: &str, what: &str, text: &str) {
    let path = folder().join(name);
    let _ = std::fs::remove_file(&path);
    let entries = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap());
    let files = entries.filter(|e| e.file_type().unwrap().is_file());
    let mut names = files.map(|e| e.file_name().into_string().unwrap()).filter(|n| n.ends_with(&format!("-{what}")));
    match names.find(|n| std::fs::read_to_string(folder().join(n)).unwrap() == text) {
        Some(same) => std::os::unix::fs::symlink(same, path).unwrap(),
        None => std::fs::write(path, text).unwrap(),
    }
}

fn main() {
    let said = run("iptables-nft", &["--version"], "");
    let version = said.split(' ').find_map(|w| w.strip_prefix('v')).expect("a version");
    for kind in Variant::BOTH {
        for family in Family::BOTH {
            let mut text = format!("{PART}{OTHERS}\n{}", saved(kind, family, ""));
            for flags in configurations() {
                let ours = restore::script(&plan(flags).rules, family);
                let _ = write!(text, "{PART}{flags}\n{}", saved(kind, family, &ours));
            }
            let what = format!("{}-{}.txt", kind.name(), prefix(family).trim_end_matches("tables"));
            write(&format!("{version}-{what}"), &what, &text);
        }
    }
}
