//! `explain`, `check` and the pictures: what only looks.

use crate::support::{Call, Host, POD, call, dry_run};

const README: [&str; 12] = ["-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-b", "*"];
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

fn explain(packet: &[&str]) -> Call {
    call(&[&["explain"], packet, &README, &["-d", "15090,15021,15020"]].concat())
}

/// Expects the last line of a trace.
#[track_caller]
fn ends(packet: &str, with: &str) {
    let outcome = explain(&packet.split(' ').collect::<Vec<_>>()).succeeds();
    let last = outcome.stdout.lines().last().unwrap_or_default();
    assert!(outcome.skipped || last.contains(with), "{packet}: {last}");
}

#[test]
fn a_packet_is_followed() {
    ends("out tcp uid=1000 to=10.0.0.5:443", "Captured by the outbound listener 15001");
    ends("out tcp uid=1337 to=10.0.0.5:443", "Not captured");
    ends("in tcp to=:8080", "Captured by the inbound listener 15006");
    ends("in tcp to=:15021", "Not captured");
    ends("in udp from=10.1.2.3 to=:53 iface=eth0 state=invalid mark=1337", "Not captured");
}

#[test]
fn a_packet_takes_the_address_of_the_namespace() {
    let outcome = explain(&["in", "tcp", "to=:80"]).succeeds();
    assert!(outcome.skipped || outcome.stdout.contains("to=10.0.0.2:80 iface=eth0"), "{}", outcome.stdout);
}

#[test]
fn without_a_packet_there_is_a_table_with_findings() {
    let outcome = explain(&[]).succeeds();
    for part in ["application to a service ", "peer's tunnel ", "\nFindings:\n", "  note: outbound UDP is not captured"]
    {
        assert!(outcome.skipped || outcome.stdout.contains(part), "{part:?}: {}", outcome.stdout);
    }
}

#[test]
fn a_wrong_packet_is_wrong_usage() {
    let fails = |packet: &[&str], part: &str| {
        explain(packet).is_wrong_usage().fails_with(&[part]);
    };
    fails(&["out", "tcpp", "to=10.0.0.5:443", "tcp"], "did you mean tcp?");
    fails(&["out", "tcp"], "to=");
    fails(&["in", "tcp", "to=[fd00::1]:80", "from=10.0.0.1"], "different address families");
    // Resolved in the pod, which has no IPv6 address.
    fails(&["out", "tcp", "to=[fd00::9]:80"], "no IPv6 address");
}

#[test]
fn two_commands_are_wrong_usage() {
    call(&["check", "clean"]).is_wrong_usage().fails_with(&["check and clean are two commands"]);
    call(&["clean", "check"]).is_wrong_usage().fails_with(&["clean and check are two commands"]);
}

#[test]
fn flags_of_another_command_are_warned_of() {
    dry_run(&["--live", "--watch"]).succeeds().warns(&["--live has no effect", "--watch has no effect"]);
}

/// A host for one test.
const fn host(name: &'static str) -> Host {
    Host { name, ..POD }
}

#[test]
fn a_dry_run_in_the_kernel_touches_nothing_here() {
    let here = host("kernel dry run");
    for (flag, backend) in
        [("--force-iptables-binary=legacy", "iptables-legacy"), ("--force-iptables-binary=nft", "iptables-nft")]
            .into_iter()
            .chain([("--native-nftables", "nftables")])
    {
        let args = [&README, &["-m", "TPROXY", "--dry-run=kernel", flag][..]].concat();
        let outcome = call(&args).on(here).env("PATH", PATH).succeeds();
        let last = outcome.stdout.lines().last().unwrap_or_default();
        assert!(outcome.skipped || last.starts_with(&format!("# the kernel accepts these rules ({backend}")), "{last}");
        let check = call(&["check", flag]).on(here).env("PATH", PATH).run();
        assert!(check.skipped || check.status == Some(3), "{check:?}");
        assert!(check.stdout.lines().all(|l| l.starts_with("+ ")), "{}", check.stdout);
    }
    // A variable does the same.
    let outcome = call(&["--native-nftables"]).on(here).env("DRY_RUN", "kernel").succeeds();
    assert!(outcome.skipped || outcome.stdout.contains("# the kernel accepts these rules (nftables"));
}

#[test]
fn what_the_kernel_rejects_is_reported() {
    // No such programs.
    let call = call(&["--dry-run=kernel", "--force-iptables-binary=nft"]).on(host("no programs"));
    let outcome = call.env("PATH", "/nowhere").run();
    assert!(outcome.skipped || outcome.status == Some(1), "{outcome:?}");
    outcome.fails_with(&["the kernel rejects these rules"]);
}

#[test]
fn a_picture_is_one_flow_chart() {
    let chart = dry_run(&[&README[..], &["--output=mermaid"]].concat()).succeeds();
    assert!(chart.skipped || chart.stdout.contains("\nflowchart TB\n"), "{}", chart.stdout);
    let way = explain(&["out", "tcp", "to=10.0.0.5:443", "--output", "mermaid"]).succeeds();
    assert!(way.skipped || way.stdout.contains("linkStyle"), "{}", way.stdout);
    let both = dry_run(&["-b", "*", "--ip-families=dual", "--output=mermaid"]).succeeds();
    assert_eq!(both.stdout.matches("flowchart TB").count(), usize::from(!both.skipped));
    call(&["check", "--output=mermaid"]).is_wrong_usage().fails_with(&["only available with --dry-run and explain"]);
    call(&["--output=mermaid"]).is_wrong_usage().fails_with(&["only available with --dry-run and explain"]);
}

/// The recorded picture is what the program prints for the README's command line; its SVG has each of the rules.
#[test]
fn recorded_picture_is_that_of_the_readmes_rules() {
    let readme = include_str!("../../README.md");
    let line = readme.lines().find_map(|l| Some(l.strip_prefix("$ istio-iptables ")?.split_once(" --dry-run")?.0));
    let args: Vec<_> = line.expect("a dry run").split(' ').map(|word| word.trim_matches('\'')).collect();
    let drawn = dry_run(&[&args[..], &["--output=mermaid"]].concat()).succeeds();
    let (picture, rendered) = (include_str!("../../docs/rules.mmd"), include_str!("../../docs/rules.svg"));
    assert!(drawn.skipped || drawn.stdout == picture, "run scripts/picture:\n{}", drawn.stdout);
    let rules =
        picture.lines().filter_map(|l| l.split_once("[\"")?.1.strip_suffix("\"]")).flat_map(|r| r.split("<br>"));
    for text in rules {
        assert!(rendered.replace("&#45;", "-").contains(&format!(">{text}<")), "run scripts/picture: {text}");
    }
}
