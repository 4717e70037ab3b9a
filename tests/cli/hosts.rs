//! How the host affects a dry run.

use crate::support::{Host, POD, call, dry_run};

const UID: &str = "ISTIO_OUTPUT -m owner --uid-owner";
const BYPASS: &str = "IPv6 traffic bypasses the proxy";
const IPV6_RULE: &str = "-A ISTIO_OUTPUT -d ::1/128 -j RETURN";

const DUAL: Host = Host { name: "dual", addresses: &["10.0.0.2/24", "2001:db8::2/64"], ..POD };
const IPV6: Host = Host { name: "ipv6", addresses: &["2001:db8::2/64"], ..POD };
const BARE: Host = Host { name: "bare", addresses: &[], resolv_conf: None, passwd: None, group: None };
const LOCAL: Host = Host { name: "local", addresses: &["169.254.7.7/16", "fe80::7/64"], ..BARE };

#[test]
fn families() {
    for (host, args, ipv6, warnings) in [
        (POD, &[][..], false, &[][..]),
        (POD, &["--dual-stack"], false, &["--dual-stack has no effect: this network namespace has no IPv6 address"]),
        (POD, &["--ip-families=dual"], true, &[]),
        (DUAL, &[], false, &[BYPASS]),
        (DUAL, &["--dual-stack"], true, &[]),
        (DUAL, &["--ip-families=dual"], true, &[]),
        (DUAL, &["--ip-families=ipv4"], false, &[BYPASS]),
        (DUAL, &["--ip-families=auto"], false, &[BYPASS]),
        (DUAL, &["--ip-families=ipv4", "--dual-stack"], false, &[BYPASS]),
        (DUAL, &["-i", "10.0.0.0/8,fd00::/8"], false, &[BYPASS, "\"fd00::/8\""]),
        (IPV6, &[], true, &[]),
        (IPV6, &["--ip-families=ipv4"], false, &[BYPASS]),
        (BARE, &[], false, &["only loopback and link-local addresses"]),
        (BARE, &["--dual-stack"], false, &["only loopback and link-local addresses"]),
        (BARE, &["--ip-families=ipv4"], false, &[]),
        (BARE, &["--ip-families=dual"], true, &[]),
        (LOCAL, &["--dual-stack"], false, &["only loopback and link-local addresses"]),
    ] {
        let outcome = dry_run(args).on(host).succeeds();
        match ipv6 {
            true => outcome.has_rule(IPV6_RULE),
            false => outcome.has_no_rule("::"),
        };
        // IPv4 rules there are always.
        outcome.has_rule("-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN").warns(warnings);
    }
    dry_run::<&str>(&[]).on(DUAL).env("ISTIO_DUAL_STACK", "true").succeeds().has_rule(IPV6_RULE);
    dry_run::<&str>(&[]).on(DUAL).succeeds().warns(&["2001:db8::2"]).warns(&["--ip-families=dual"]);
}

#[test]
fn name_servers() {
    const NAT: &str = "-A ISTIO_OUTPUT_DNS -p udp --dport 53 -d ";
    let resolv = |name, text| dry_run(&["--redirect-dns"]).on(Host { name, resolv_conf: text, ..POD });
    let both = "search a.b\n# nameserver 9.9.9.9\nnameserver 10.96.0.10\nnameserver fd00::a\n";
    let found = resolv("both", Some(both)).succeeds();
    found
        .has_rule(&format!("{NAT}10.96.0.10/32 -j REDIRECT --to-port 15053"))
        .has_no_rule("fd00")
        .has_no_rule("9.9.9.9");
    for (name, empty) in [("empty", ""), ("no server", "search a.b\nnameserver\n")] {
        let outcome = resolv(name, Some(empty)).succeeds();
        outcome.has_no_rule("15053").warns(&["DNS is not captured"]).warns(&["--capture-all-dns"]);
    }
    let missing = resolv("missing", None).is_wrong_usage();
    missing.fails_with(&["/etc/resolv.conf cannot be read"]).fails_with(&["--redirect-dns"]);
    missing.fails_with(&["--capture-all-dns"]);
    dry_run(&["--redirect-dns", "--capture-all-dns"]).on(BARE).succeeds().has_rule("--to-port 15053");
    dry_run(&["--ip-families=ipv4"]).on(BARE).succeeds().warns(&[]);
}

#[test]
fn the_proxys_user() {
    let other = Host { name: "uid 200", passwd: Some("istio-proxy:x:200:201::/:\nenvoy:x:101:101::/:\n"), ..POD };
    let on = |host| dry_run(&["--ip-families=ipv4"]).on(host);
    on(POD).succeeds().has_rule(&format!("{UID} 1337 -j RETURN"));
    on(other).succeeds().has_rule(&format!("{UID} 200 -j RETURN")).has_rule("--gid-owner 200 -j RETURN");
    on(other).env("PROXY_UID", "").succeeds().has_rule(&format!("{UID} 200 -j RETURN"));
    on(other).env("ENVOY_USER", "envoy").succeeds().has_rule(&format!("{UID} 101 -j RETURN")).warns(&[]);
    let missing = on(other).env("ENVOY_USER", "nosuchuser").succeeds();
    missing.has_rule(&format!("{UID} 1337 -j RETURN")).warns(&["ENVOY_USER names the user \"nosuchuser\""]);
    on(BARE).succeeds().has_rule(&format!("{UID} 1337 -j RETURN")).warns(&[]);
    on(BARE).env("ENVOY_USER", "envoy").succeeds().warns(&["ENVOY_USER"]);
}

#[test]
fn names_of_users_and_groups() {
    // Printed as given.
    dry_run(&["-u", "envoy", "-g", "root"]).succeeds().has_rule(&format!("{UID} envoy -j RETURN")).warns(&[]);
    let warned = dry_run(&["-u", "nosuchuser", "-g", "nosuchgroup"]).succeeds();
    warned.warns(&["\"nosuchuser\", which is not in /etc/passwd", "\"nosuchgroup\", which is not in /etc/group"]);
    let no_files = dry_run(&["-u", "envoy", "-g", "root", "--ip-families=ipv4"]).on(BARE).succeeds();
    no_files.warns(&["\"envoy\"", "\"root\""]);
    // Not so when rules are applied.
    let refused = call(&["-u", "nosuchuser", "-g", "nosuchgroup"]).is_wrong_usage();
    refused.fails_with(&["(-u) names the user \"nosuchuser\"", "(-g) names the group \"nosuchgroup\""]);
}
