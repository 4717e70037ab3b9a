//! How a call may be written.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::{PROGRAM, call, dry_run};

const ENVOY_PORT: &str = "-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports ";

#[test]
fn values_after_short_flags() {
    for form in
        [&["-p=15101"][..], &["-p15101"], &["-p", "15101"], &["-np15101"], &["-np", "15101"], &["-n=1", "-p15101"]]
    {
        dry_run(form).succeeds().has_rule(&format!("{ENVOY_PORT}15101")).warns(&[]);
    }
    // Two dashes and a short name are a mistake; the word after it is then one of its own.
    let outcome = dry_run(&["--p", "15101"]).is_wrong_usage();
    outcome.fails_with(&["unknown flag --p "]).warns(&["\"15101\""]);
}

#[test]
fn of_a_repeated_flag_the_last_one_counts() {
    dry_run(&["-p", "1", "--envoy-port=2", "-p3"]).succeeds().has_rule(&format!("{ENVOY_PORT}3"));
    dry_run(&["-b", "80", "-b", "81"])
        .succeeds()
        .has_rule("--dport 81 -j ISTIO_IN_REDIRECT")
        .has_no_rule("--dport 80 ");
    dry_run(&["--redirect-dns", "--redirect-dns=false"]).succeeds().has_no_rule("15053");
}

#[test]
fn the_programs_own_name_and_stray_words() {
    let default = dry_run(&["-b", "80"]).succeeds();
    for args in [
        &["istio-iptables", "-b", "80"][..],
        &["/usr/local/bin/istio-iptables", "-b", "80"],
        &["-b", "80", "istio-iptables"],
    ] {
        let outcome = dry_run(args).succeeds();
        outcome.warns(&[]);
        assert_eq!(outcome.stdout, default.stdout);
    }
    // Istio's script for virtual machines.
    for args in [&["init", "-b", "80"][..], &["istio-iptables", "-b", "80", "init"]] {
        let outcome = dry_run(args).succeeds();
        outcome.warns(&["\"init\""]);
        assert_eq!(outcome.stdout, default.stdout);
    }
}

#[test]
fn a_mistyped_command_is_an_error_with_the_nearest_one() {
    for (word, nearest) in [("chekc", "check"), ("celan", "clean"), ("Clean", "clean"), ("explian", "explain")] {
        let expected = format!("{word:?} is neither a flag nor a command (did you mean {nearest}?); the commands are ");
        for args in [&[word, "-b", "*"][..], &["-b", "*", word], &["istio-iptables", word]] {
            call(args).is_wrong_usage().fails_with(&[&expected]);
            dry_run(args).is_wrong_usage().fails_with(&[&expected]);
        }
    }
    call(&["--cleanup-only", "chekc"]).is_wrong_usage().fails_with(&["\"chekc\""]);
    // What would be a value in another program.
    let outcome = call(&["-b", "80", "--redirect-dns", "false"]).is_wrong_usage();
    outcome.fails_with(&["did you mean --FLAG=false?"]);
}

#[test]
fn called_as_istio_clean_iptables() {
    let folder = std::env::temp_dir().join(format!("istio-iptables-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let link = folder.join("istio-clean-iptables");
    std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
    let by_name = dry_run::<&str>(&[]).program(&link).run();
    std::fs::remove_dir_all(&folder).unwrap();
    let by_word = dry_run(&["clean"]).succeeds();
    let by_flag = dry_run(&["--cleanup-only"]).succeeds();
    let by_variable = dry_run::<&str>(&[]).env("CLEANUP_ONLY", "true").succeeds();
    for outcome in [by_name, by_word, by_flag] {
        assert_eq!((outcome.status, &outcome.stdout), (Some(0), &by_variable.stdout));
        outcome.warns(&[]);
    }
}

#[test]
fn a_value_that_got_lost() {
    let outcome = dry_run(&["-x", "-b", "*"]).is_wrong_usage();
    outcome.fails_with(&["--istio-service-exclude-cidr (-x) cannot be \"-b\": that looks like a flag"]);
    outcome.fails_with(&["-x ''"]).warns(&["\"*\""]);
    dry_run(&["-x", "", "-b", "*"]).succeeds().warns(&[]);
    dry_run(&["-x=", "-b", "*"]).succeeds().warns(&[]);
    dry_run(&["--istio-service-exclude-cidr=", "-b", "*"]).succeeds().warns(&[]);
    // What is swallowed may be the dry run: no later value makes up for it.
    call(&["-o", "-n", "-o", "80"]).is_wrong_usage().fails_with(&["(-o) cannot be \"-n\""]);
    call(&["-v", "--dry-run"]).is_wrong_usage().fails_with(&["(-v) cannot be \"--dry-run\""]);
    dry_run(&["-b", "99999", "-p"]).is_wrong_usage().fails_with(&["--envoy-port needs a value", "\"99999\""]);
}

#[test]
fn all_errors_of_a_call_are_reported() {
    let args = ["--nosuch", "-p", "abc", "-i", "10.0.0.0/33,1.2.3.4", "-u", "no such", "-x", "-b", "-c", "eth/0", "-m"];
    let outcome = dry_run(&args).env("ISTIO_OUTBOUND_OWNER_GROUPS", "*,202").is_wrong_usage();
    outcome.fails_with(&[
        "--nosuch",
        "\"abc\"",
        "\"10.0.0.0/33\"",
        "1.2.3.4/32",
        "\"no such\"",
        "\"-b\"",
        "\"eth/0\"",
        "--istio-inbound-interception-mode needs a value",
        "ISTIO_OUTBOUND_OWNER_GROUPS",
    ]);
}

#[test]
fn a_user_that_is_not_there_is_one_of_all_errors() {
    let outcome = call(&["--nosuch", "-p", "0", "-i", "10.0.0.0/33", "-u", "nosuchuser", "-g", "0"]).is_wrong_usage();
    outcome.fails_with(&["--nosuch", "(-p) cannot be \"0\"", "\"10.0.0.0/33\"", "\"nosuchuser\""]);
}

#[test]
fn arguments_that_are_not_utf8() {
    let odd = |bytes: &'static [u8]| OsStr::from_bytes(bytes);
    for args in [
        [odd(b"-b"), odd(b"80\xff")],
        [odd(b"-b80\xff"), odd(b"-n")],
        [odd(b"\xff"), odd(b"-n")],
        [odd(b"--\xff"), odd(b"-n")],
        [odd(b"-\xff"), odd(b"-n")],
        [odd(b"--istio-inbound-ports=\xff"), odd(b"-n")],
        [odd(b"--log_target=\xff"), odd(b"-n")],
    ] {
        dry_run(&args).is_wrong_usage().fails_with(&["\u{fffd}"]);
    }
    let outcome = dry_run::<&str>(&[]).env("ISTIO_INBOUND_PORTS", odd(b"80\xff")).is_wrong_usage();
    outcome.fails_with(&["environment variable ISTIO_INBOUND_PORTS"]);
}

#[test]
fn long_arguments() {
    // The kernel takes 128 KiB an argument (MAX_ARG_STRLEN); `cli::tests` has longer ones.
    let long = "9".repeat(120_000);
    let long = long.as_str();
    let outcome = dry_run(&[&["-b", long][..], &[long; 8], &["-c", long, "-u", long]].concat()).is_wrong_usage();
    outcome
        .fails_with(&[
            "(-b) cannot contain",
            "(-c) cannot contain",
            "(-u) cannot contain",
            "is neither a flag nor a command",
        ])
        .fails_with(&["(120000 bytes)"; 4]);
    assert!(outcome.stderr.len() < 10_000, "{} bytes", outcome.stderr.len());
}

#[test]
fn ten_thousand_ranges() {
    let ranges: Vec<_> = (0..10_000).map(|n| format!("{}.{}.0.0/8", 1 + n / 100, n % 100)).collect();
    let outcome = dry_run(&["-i", "*", "-x", &ranges.join(",")]).succeeds();
    // 1.0.0.0/8 and 1.1.0.0/8 are the same range.
    assert!(outcome.skipped || outcome.warnings().len() == 21, "{:?}", outcome.warnings());
    let printed: Vec<_> = outcome.rules().into_iter().filter(|r| r.ends_with(".0.0/8 -j RETURN")).collect();
    let expected: Vec<_> = ranges.iter().map(|r| format!("-A ISTIO_OUTPUT -d {r} -j RETURN")).collect();
    assert!(outcome.skipped || printed == expected);
    let bad = ranges.join("x,");
    let outcome = dry_run(&["-x", &bad]).is_wrong_usage();
    outcome.fails_with(&["and 9979 more"]);
    assert!(outcome.stderr.len() < 10_000, "{} bytes", outcome.stderr.len());
}
