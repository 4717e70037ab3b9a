//! Each flag, in each of its forms and by each of its variables.

use istio_iptables::cli::flags::{ALL, Flag, ValueKind};

use crate::support::{call, dry_run};

/// A flag with a value that shows.
struct Case {
    long: &'static str,
    /// Flags without which it would have no effect.
    with: &'static [&'static str],
    value: &'static str,
    /// The end of a line that is only printed with the value; empty if a dry run shows nothing of it.
    shows: &'static str,
    /// A value that is an error; empty if every text is allowed.
    bad: &'static str,
}

const fn case(
    long: &'static str,
    with: &'static [&'static str],
    value: &'static str,
    shows: &'static str,
    bad: &'static str,
) -> Case {
    Case { long, with, value, shows, bad }
}

const TPROXY: &[&str] = &["-m", "TPROXY", "-b", "*"];

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("istio-inbound-ports", &[], "80,443", "-A ISTIO_INBOUND -p tcp --dport 443 -j ISTIO_IN_REDIRECT", "80:"),
    case("istio-service-cidr", &[], "10.0.0.0/8", "-A ISTIO_OUTPUT -d 10.0.0.0/8 -j ISTIO_REDIRECT", "10.0.0.0/33"),
    case("istio-outbound-ports", &[], "9000", "-A ISTIO_OUTPUT -p tcp --dport 9000 -j ISTIO_REDIRECT", "*"),
    case("kube-virt-interfaces", &[], "vnet0", "-I PREROUTING 1 -i vnet0 -j RETURN", "vnet/0"),
    case("istio-inbound-interception-mode", &["-b", "*"], "TPROXY", "--on-port 15006", "tproxy"),
    case("istio-inbound-tproxy-mark", TPROXY, "0x10", "--tproxy-mark 16/0xffffffff --on-port 15006", "0"),
    // Shown by the comment lines of routes alone, which `forms` looks at.
    case("istio-inbound-tproxy-route-table", TPROXY, "77", "", "abc"),
    case("dual-stack", &[], "true", "", "maybe"),
    case("ip-families", &[], "dual", "-A ISTIO_OUTPUT -d ::1/128 -j RETURN", "ipv6"),
    case("drop-invalid", &[], "true", "-A ISTIO_DROP -j DROP", "maybe"),
    case("istio-local-exclude-ports", &["-b", "*"], "15090", "-A ISTIO_INBOUND -p tcp --dport 15090 -j RETURN", "*"),
    case("istio-service-exclude-cidr", &["-i", "*"], "10.1.0.0/16", "-A ISTIO_OUTPUT -d 10.1.0.0/16 -j RETURN", "*"),
    case("istio-local-outbound-ports-exclude", &[], "6379", "-A ISTIO_OUTPUT -p udp --dport 6379 -j RETURN", "http"),
    case("istio-exclude-interfaces", &[], "net1", "-A OUTPUT -o net1 -j RETURN", "!net1"),
    case("envoy-port", &[], "15101", "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15101", "0"),
    case("inbound-capture-port", &[], "15106", "-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15106", "99999"),
    case("inbound-tunnel-port", &[], "15108", "-A ISTIO_INBOUND -p tcp --dport 15108 -j RETURN", "abc"),
    case("proxy-uid", &[], "5", "-A ISTIO_OUTPUT -m owner --uid-owner 5 -j RETURN", "1;2"),
    case("proxy-gid", &[], "6", "-A ISTIO_OUTPUT -m owner --gid-owner 6 -j RETURN", "4294967295"),
    case("redirect-dns", &[], "true", "-p udp --dport 53 -d 10.96.0.10/32 -j REDIRECT --to-port 15053", "maybe"),
    case("capture-all-dns", &["--redirect-dns"], "true", "-p udp --dport 53 -j REDIRECT --to-port 15053", "maybe"),
    case("network-namespace", &[], "/proc/self/ns/net", "", ""),
    case("cni-mode", &[], "true", "", "maybe"),
    case("reconcile", &[], "false", "", "maybe"),
    case("cleanup-only", &[], "true", "", "maybe"),
    case("force-apply", &[], "true", "", "maybe"),
    case("skip-rule-apply", &[], "true", "", "maybe"),
    case("native-nftables", &[], "true", "", "maybe"),
    case("force-iptables-binary", &[], "nft", "", "iptables"),
    case("dry-run", &[], "true", "", "maybe"),
    case("output", &[], "json", "", "xml"),
    case("live", &["explain"], "true", "", "maybe"),
    case("watch", &[], "true", "", "maybe"),
    case("strict", &[], "true", "", "maybe"),
    case("run-validation", &[], "true", "", "maybe"),
    case("iptables-probe-port", &[], "15102", "", "70000"),
    case("probe-timeout", &[], "1m30s", "", "5"),
    case("log_output_level", &[], "default:debug,other:none", "", "default:loud"),
    case("log_as_json", &[], "true", "", "maybe"),
];

fn flag(long: &str) -> &'static Flag {
    ALL.iter().find(|f| f.long == long).unwrap_or_else(|| panic!("there is no --{long}"))
}

fn retired() -> impl Iterator<Item = &'static &'static Flag> {
    ALL.iter().filter(|f| matches!(f.kind, ValueKind::RetiredBool | ValueKind::RetiredText))
}

#[test]
fn every_flag_has_a_case() {
    let known: Vec<_> = CASES.iter().map(|c| c.long).chain(retired().map(|f| f.long)).collect();
    for flag in ALL {
        assert_eq!(known.iter().filter(|k| **k == flag.long).count(), 1, "--{} needs one case", flag.long);
    }
    assert_eq!(known.len(), ALL.len());
}

/// The ways to write a flag with its value.
fn forms(flag: &Flag, value: &str) -> Vec<Vec<String>> {
    let mut forms = vec![vec![format!("--{}={value}", flag.long)]];
    let is_switch = matches!(flag.kind, ValueKind::Bool | ValueKind::RetiredBool);
    match is_switch {
        true if value == "true" => forms.push(vec![format!("--{}", flag.long)]),
        true => {}
        false => forms.push(vec![format!("--{}", flag.long), value.to_owned()]),
    }
    if let Some(short) = flag.short {
        forms.push(vec![format!("-{short}={value}")]);
        match is_switch {
            true => forms.push(vec![format!("-{short}")]),
            false => forms.extend([vec![format!("-{short}{value}")], vec![format!("-{short}"), value.to_owned()]]),
        }
    }
    forms
}

#[test]
fn every_form_and_every_variable_does_the_same() {
    for case in CASES {
        let flag = flag(case.long);
        let with: Vec<_> = case.with.iter().map(|&a| a.to_owned()).collect();
        let without = dry_run(&with).succeeds();
        let mut expected = None;
        let mut calls: Vec<_> =
            forms(flag, case.value).into_iter().map(|form| dry_run(&[with.clone(), form].concat())).collect();
        calls.extend(flag.variables.iter().map(|variable| dry_run(&with).env(variable, case.value)));
        if case.long == "dry-run" {
            calls = forms(flag, "true").iter().map(|form| call(form)).collect();
            calls.push(call::<&str>(&[]).env("DRY_RUN", "true"));
        }
        for call in calls {
            let outcome = call.succeeds();
            outcome.warns(match case.long {
                // Without the command that has it: `check --watch` would not end.
                "watch" => &["--watch has no effect without the command check"],
                "dual-stack" => &["has no effect: this network namespace has no IPv6 address"],
                "live" => &["the kernel has no iptables rules"],
                _ => &[],
            });
            if !case.shows.is_empty() {
                outcome.has_rule(case.shows);
                without.has_no_rule(case.shows);
            }
            assert_eq!(*expected.get_or_insert_with(|| outcome.stdout.clone()), outcome.stdout, "--{}", case.long);
        }
    }
}

#[test]
fn what_is_not_allowed_is_an_error_that_names_flag_and_value() {
    for case in CASES.iter().filter(|c| !c.bad.is_empty()) {
        let outcome = dry_run(&[format!("--{}={}", case.long, case.bad)]).is_wrong_usage();
        outcome.fails_with(&[&format!("--{}", case.long)]).fails_with(&[&format!("{:?}", case.bad)]);
    }
}

#[test]
fn in_a_variable_text_that_is_not_allowed_is_an_error_and_all_else_a_warning() {
    for case in CASES.iter().filter(|c| !c.bad.is_empty()) {
        let flag = flag(case.long);
        for variable in flag.variables {
            let is_error = matches!(flag.kind, ValueKind::Text(_)) || case.long == "dry-run";
            match is_error {
                true => {
                    let outcome = call::<&str>(&[]).env(variable, case.bad).is_wrong_usage();
                    outcome.fails_with(&[variable]).fails_with(&[&format!("{:?}", case.bad)]);
                }
                false => {
                    let outcome = dry_run::<&str>(&[]).env(variable, case.bad).succeeds();
                    outcome.warns(&[variable]).warns(&[&format!("{:?}", case.bad)]);
                    assert_eq!(outcome.stdout, dry_run::<&str>(&[]).succeeds().stdout, "{variable}");
                }
            }
        }
    }
}

#[test]
fn an_empty_variable_is_empty_text_and_no_number() {
    for case in CASES.iter().filter(|c| !c.shows.is_empty()) {
        let flag = flag(case.long);
        let default = dry_run(case.with).succeeds();
        for variable in flag.variables {
            let outcome = dry_run(case.with).env(variable, "").succeeds();
            outcome.warns(&[]);
            assert_eq!(outcome.stdout, default.stdout, "{variable}");
        }
    }
}

#[test]
fn retired_flags_warn_once_and_change_nothing() {
    let default = dry_run::<&str>(&[]).succeeds();
    for flag in retired() {
        for form in forms(flag, "true") {
            let outcome = dry_run(&form).succeeds();
            outcome.warns(&[&format!("--{}", flag.long)]).warns(&["no longer has any effect"]);
            assert_eq!(outcome.stdout, default.stdout, "{form:?}");
        }
    }
    dry_run(&["-f", "-v", "2", "--log_target=stdout", "-f"]).succeeds().warns(&["(-f)", "(-v)", "--log_target"]);
}
