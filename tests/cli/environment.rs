//! Flag, environment, default: which one counts.

use crate::support::{call, dry_run};

const ENVOY_PORT: &str = "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports ";

#[test]
fn the_flag_goes_before_the_variable_and_that_before_the_default() {
    dry_run::<&str>(&[]).succeeds().has_rule(&format!("{ENVOY_PORT}15001"));
    let variable = dry_run::<&str>(&[]).env("ENVOY_PORT", "1");
    variable.succeeds().has_rule(&format!("{ENVOY_PORT}1"));
    dry_run(&["-p", "2"]).env("ENVOY_PORT", "1").succeeds().has_rule(&format!("{ENVOY_PORT}2"));
    // An empty flag is a flag too.
    dry_run(&["-b", ""]).env("ISTIO_INBOUND_PORTS", "80").succeeds().has_no_rule("--dport 80 ");
    dry_run(&["--redirect-dns=false"]).env("REDIRECT_DNS", "true").succeeds().has_no_rule("15053");
}

#[test]
fn a_variable_that_no_one_reads_is_not_judged() {
    dry_run(&["-p", "2"]).env("ENVOY_PORT", "abc").succeeds().warns(&[]);
    dry_run(&["-i", ""]).env("ISTIO_SERVICE_CIDR", "abc").succeeds().warns(&[]);
    call(&["--dry-run"]).env("DRY_RUN", "yes").succeeds().warns(&[]);
}

#[test]
fn of_two_variables_the_second_counts() {
    for (first, second, shows) in [
        ("REDIRECT_DNS", "ISTIO_META_DNS_CAPTURE", "--to-port 15053"),
        ("DROP_INVALID", "INVALID_DROP", "-A ISTIO_DROP -j DROP"),
    ] {
        let both = |a, b| dry_run::<&str>(&[]).env(first, a).env(second, b).succeeds();
        both("false", "true").has_rule(shows);
        both("true", "false").has_no_rule(shows);
        both("true", "").has_rule(shows);
        both("true", "maybe").has_rule(shows).warns(&[second]);
        both("maybe", "true").has_rule(shows).warns(&[]);
        both("maybe", "yes").has_no_rule(shows).warns(&[first, second]);
    }
}

#[test]
fn booleans() {
    for text in ["1", "t", "T", "true", "TRUE", "True"] {
        dry_run(&[format!("--redirect-dns={text}")]).succeeds().has_rule("--to-port 15053").warns(&[]);
        dry_run::<&str>(&[]).env("REDIRECT_DNS", text).succeeds().has_rule("--to-port 15053").warns(&[]);
    }
    for text in ["0", "f", "F", "false", "FALSE", "False"] {
        dry_run(&["--redirect-dns".to_owned(), format!("--redirect-dns={text}")]).succeeds().has_no_rule("15053");
        dry_run::<&str>(&[]).env("REDIRECT_DNS", text).succeeds().has_no_rule("15053").warns(&[]);
    }
    for text in ["yes", "on", "tRUE", "2", " true", "-1"] {
        let outcome = dry_run(&[format!("--redirect-dns={text}")]).is_wrong_usage();
        outcome.fails_with(&["--redirect-dns"]).fails_with(&["true, TRUE, True"]);
        dry_run::<&str>(&[]).env("REDIRECT_DNS", text).succeeds().has_no_rule("15053").warns(&["REDIRECT_DNS"]);
    }
}

#[test]
fn whether_it_is_a_dry_run_is_never_guessed() {
    for text in ["yes", "on", "2", " true", "true "] {
        call::<&str>(&[]).env("DRY_RUN", text).is_wrong_usage().fails_with(&["environment variable DRY_RUN cannot be"]);
    }
    call(&["--dry-run=yes"]).is_wrong_usage().fails_with(&["--dry-run (-n) cannot be \"yes\""]);
    dry_run::<&str>(&[]).env("DRY_RUN", "").succeeds().warns(&[]);
}

#[test]
fn variables_without_a_flag() {
    let with = |name, value| dry_run(&["-i", "*"]).env(name, value).succeeds();
    with("ISTIO_OUTBOUND_OWNER_GROUPS", "101,202").has_rule("! --gid-owner 101 -m owner ! --gid-owner 202 -j RETURN");
    with("ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "202").has_rule("ISTIO_OUTPUT -m owner --gid-owner 202 -j RETURN");
    with("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "127.0.0.0/8").has_rule("ISTIO_OUTPUT -d 127.0.0.0/8 -j RETURN");
    with("ENVOY_USER", "envoy").has_rule("ISTIO_OUTPUT -m owner --uid-owner 101 -j RETURN");
}

#[test]
fn variables_of_other_programs_are_ignored() {
    let default = dry_run::<&str>(&[]).succeeds().stdout;
    for name in ["P", "N", "LOG_AS_JSON", "RESTORE_FORMAT", "IP_FAMILIES", "OUTPUT", "HELP", "VERSION"] {
        let outcome = dry_run::<&str>(&[]).env(name, "x").succeeds();
        outcome.warns(&[]);
        assert_eq!(outcome.stdout, default, "{name}");
    }
}
