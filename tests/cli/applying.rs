//! Calls that need what comes after the dry run: they apply, or refuse to. Each runs on a host of its own.

use crate::support::{Call, Host, POD, call, dry_run, on};

/// What the kernel has: rules of both variants, policy routing, addresses.
const STATE: &str = "iptables-nft-save; ip6tables-nft-save; iptables-legacy-save; ip6tables-legacy-save; \
    nft list ruleset; ip rule; ip -6 rule; ip route show table all; ip addr";

fn state(host: Host) -> Option<String> {
    let mut command = on(host, "/bin/sh")?;
    let output = command.args(["-c", STATE]).env("PATH", PATH).output().expect("sh runs");
    // Counters and times of the listings differ from call to call.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("eth0"), "the listings are empty: {output:?}");
    Some(text.lines().filter(|l| !l.starts_with('#') && !l.starts_with(':')).collect::<Vec<_>>().join("\n"))
}

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A host for one test.
const fn host(name: &'static str) -> Host {
    Host { name, ..POD }
}

/// Expects a refusal with status 2 and these words, and an unchanged kernel.
#[track_caller]
fn refuses(host: Host, call: Call, words: &[&str]) {
    let before = state(host);
    let outcome = call.on(host).env("PATH", PATH).is_wrong_usage();
    for word in words {
        outcome.fails_with(&[word]);
    }
    assert_eq!(state(host), before, "something was touched");
}

#[test]
fn wrong_usage_touches_nothing() {
    let here = host("wrong usage");
    refuses(here, call(&["-u", "nosuchuser", "-g", "0"]), &["(-u)", "\"nosuchuser\"", "/etc/passwd"]);
    refuses(here, call(&["-g", "nosuchgroup"]), &["(-g)", "\"nosuchgroup\"", "/etc/group"]);
    refuses(here, call(&["-p", "0"]), &["(-p)"]);
    refuses(here, call::<&str>(&[]).env("DRY_RUN", "yes"), &["DRY_RUN"]);
    refuses(Host { resolv_conf: None, ..here }, call(&["--redirect-dns"]), &["/etc/resolv.conf"]);
}

#[test]
fn a_network_namespace_that_is_none() {
    let here = host("no namespace");
    for path in ["/nosuch/path", "/dev/null", "/proc/self/ns/mnt", "/", "\n"] {
        let call = call(&["--network-namespace", path]);
        refuses(here, call, &["--network-namespace", &format!("{path:?}")]);
    }
    refuses(here, dry_run(&["--network-namespace", "/nosuch/path"]), &["--network-namespace", "\"/nosuch/path\""]);
}

#[test]
fn a_dry_run_with_nftables_is_one() {
    let here = host("native dry run");
    let before = state(here);
    let outcome = dry_run(&["--native-nftables", "-b", "*"]).on(here).env("PATH", PATH).succeeds();
    assert!(outcome.skipped || outcome.stdout.starts_with("# nft -f -\n"), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("iptables-restore"), "{}", outcome.stdout);
    assert_eq!(state(here), before);
}

#[test]
fn a_dry_run_of_a_clean_up_adds_nothing() {
    let here = host("clean dry run");
    let before = state(here);
    for args in [&["clean"][..], &["--cleanup-only"], &["istio-clean-iptables"], &["clean", "-m", "TPROXY", "-b", "*"]]
    {
        let outcome = dry_run(args).on(here).env("PATH", PATH).succeeds();
        outcome.has_no_rule("-A ").has_no_rule("-I ").has_no_rule("-N ");
        assert!(!outcome.stdout.contains(" add "), "{}", outcome.stdout);
    }
    assert_eq!(state(here), before);
}

#[test]
fn without_iptables_or_capabilities_there_is_a_clear_error() {
    let here = host("nothing there");
    let before = state(here);
    let nothing = call(&["-b", "*"]).on(here).env("PATH", "/nosuch").run();
    assert!(nothing.skipped || nothing.status == Some(1), "{nothing:?}");
    nothing.fails_with(&["iptables"]);
    let args = ["--bounding-set=-net_admin", "--inh-caps=-net_admin", crate::support::PROGRAM, "-b", "*"];
    let bare = call(&args).program("/usr/bin/setpriv").on(here).env("PATH", PATH).run();
    assert!(bare.skipped || bare.status == Some(1), "{bare:?}");
    bare.fails_with(&["CAP_NET_ADMIN"]);
    // A dry run needs neither.
    let args = ["--bounding-set=-all", "--inh-caps=-all", crate::support::PROGRAM, "-n", "-b", "*"];
    call(&args).program("/usr/bin/setpriv").on(here).env("PATH", "/nosuch").succeeds().has_rule("-j ISTIO_IN_REDIRECT");
    assert_eq!(state(here), before);
}
