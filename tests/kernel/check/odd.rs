//! What other programs can do to iptables tables, a call's environment and its files: nothing of it is mistaken for
//! rules in place, or for something else than it is.

use std::fs::File;
use std::process::{Command, Output};

use nix::sys::signal::Signal;

use super::support::{Watcher, apply, check, command, in_pod, run, state};
use harness::Backend;

const IPTABLES: [(Backend, &str); 2] = [(Backend::Legacy, "iptables-legacy"), (Backend::Nft, "iptables-nft")];

/// A call that ends with this status; what it logs.
#[track_caller]
fn call(backend: Backend, words: &[&str], status: i32) -> String {
    let output = command(backend, words).output().unwrap();
    assert_eq!(output.status.code(), Some(status), "{words:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn nft(line: &str) -> String {
    run("nft", &[line])
}

#[test]
fn a_dormant_table_is_a_difference_and_is_woken() {
    in_pod(|| {
        nft("add table ip nat { flags dormant ; }");
        apply(Backend::Nft, &[]);
        for words in [&["--force-apply"][..], &[]] {
            assert!(!nft("list table ip nat").contains("dormant"));
            assert_eq!(check(Backend::Nft, &[]), (0, vec![]));
            nft("add table ip nat { flags dormant ; }");
            assert_eq!(check(Backend::Nft, &[]), (3, vec!["- table ip nat { flags dormant ; }".to_owned()]));
            assert!(call(Backend::Nft, &["--reconcile=false"], 1).contains("flags dormant"));
            apply(Backend::Nft, words);
        }
        // If nothing is wanted in it, it does not matter.
        nft("add table ip mangle { flags dormant ; }");
        assert_eq!(check(Backend::Nft, &[]), (0, vec![]));
        call(Backend::Nft, &["clean"], 0);
        assert!(nft("list table ip mangle").contains("dormant"));
    });
}

/// A rule that iptables-nft does not print.
fn unprintable(chain: &str) {
    nft(&format!("add rule ip nat {chain} meta mark set ct mark map {{ 1 : 2 }}"));
}

#[test]
fn a_table_that_cannot_be_printed_gets_no_rules_and_is_cleaned_if_that_is_safe() {
    in_pod(|| {
        nft("add table ip nat");
        nft("add chain ip nat foreign");
        unprintable("foreign");
        let before = state();
        for words in [&[][..], &["check"], &[]] {
            assert!(call(Backend::Nft, words, 1).contains("does not print the IPv4 table nat, which the kernel has"));
            assert_eq!(state(), before);
        }
        call(Backend::Nft, &["clean"], 0);
        assert_eq!(state(), before);
    });
    in_pod(|| {
        apply(Backend::Nft, &["-m", "TPROXY"]);
        run("iptables-nft", &["-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-j", "ACCEPT"]);
        unprintable("OUTPUT");
        for words in [&[][..], &["check"]] {
            assert!(call(Backend::Nft, words, 1).contains("does not print the IPv4 table nat"));
        }
        assert!(call(Backend::Nft, &["clean"], 0).contains("the rest of the table was kept"));
        let left = state();
        assert!(
            !left.contains("ISTIO") && !left.contains("1337") && left.contains("meta mark set ct mark map"),
            "{left}"
        );
        assert!(call(Backend::Nft, &["clean"], 0).contains("nothing to remove"));
        assert_eq!(state(), left);
    });
    // Without conditions, it is unknown who made the rules for an interface.
    in_pod(|| {
        apply(Backend::Nft, &["-c", "eth7"]);
        unprintable("OUTPUT");
        let before = state();
        assert!(call(Backend::Nft, &["clean"], 1).contains("does not print the IPv4 table nat"));
        assert_eq!(state(), before);
    });
}

/// In a comment, a line break and what looks like a managed rule.
const FORGED: &str = "a \" b\n-A OUTPUT -j ISTIO_OUTPUT\n-A OUTPUT -m comment --comment b";

#[test]
fn a_line_break_in_a_comment_makes_no_rule() {
    for (backend, program) in IPTABLES {
        in_pod(move || {
            let iptables = |words: &[&str]| run(program, &[&["--wait", "-t", "nat"], words].concat());
            let commented = ["OUTPUT", "-m", "comment", "--comment", FORGED, "-j"];
            iptables(&[&["-A"], &commented[..], &["ACCEPT"]].concat());
            apply(backend, &[]);
            assert_eq!(check(backend, &[]), (0, vec![]), "{backend:?}");
            iptables(&["-C", "OUTPUT", "-j", "ISTIO_OUTPUT"]);
            // One that leads to a managed chain is managed, and no line of restore text can name it.
            iptables(&[&["-A"], &commented[..], &["ISTIO_OUTPUT"]].concat());
            let (status, lines) = check(backend, &[]);
            assert!(status == 3 && lines.len() == 1 && lines[0].starts_with("- "), "{lines:?}");
            apply(backend, &[]);
            assert_eq!(check(backend, &[]), (0, vec![]), "{backend:?}");
            call(backend, &["clean"], 0);
            iptables(&[&["-C"], &commented[..], &["ACCEPT"]].concat());
            assert!(!iptables(&["-S"]).contains("\n-N ISTIO"));
        });
    }
}

#[test]
fn a_foreign_rule_before_managed_ones_is_found() {
    for (backend, program) in IPTABLES {
        in_pod(move || {
            let iptables = |words: &[&str]| run(program, &[&["--wait", "-t", "nat"], words].concat());
            // After managed rules, or for traffic that they do not capture, a foreign rule does not matter.
            apply(backend, &[]);
            iptables(&["-A", "OUTPUT", "-j", "ACCEPT"]);
            iptables(&["-I", "OUTPUT", "-o", "eth0", "-m", "owner", "--uid-owner", "1337", "-j", "ACCEPT"]);
            assert!(!call(backend, &["check", "--strict"], 0).contains("foreign"));
            iptables(&["-I", "OUTPUT", "-p", "tcp", "-j", "ACCEPT"]);
            let rule =
                format!("the foreign rule {program} -t nat -A OUTPUT -p tcp -j ACCEPT comes before managed ones");
            for words in [&["check"][..], &[], &["--force-apply"]] {
                assert!(call(backend, words, 0).contains(&rule), "{words:?}");
            }
            let before = state();
            for words in [&["check", "--strict"][..], &["--strict"], &["--strict", "-x", "10.1.0.0/16"]] {
                assert!(call(backend, words, 3).contains(&rule), "{words:?}");
                assert_eq!(state(), before);
            }
        });
    }
}

#[test]
fn a_chain_that_the_kernel_never_calls_has_no_managed_rules() {
    in_pod(|| {
        nft("add table ip nat");
        nft("add chain ip nat PREROUTING");
        let (status, lines) = check(Backend::Nft, &[]);
        let jumps = lines.iter().filter(|l| l.contains("-A PREROUTING")).count();
        assert_eq!((status, jumps), (3, 1), "{lines:?}");
        let before = state();
        assert!(call(Backend::Nft, &[], 1).contains("but the kernel never calls it: delete it with nft(8)"));
        assert_eq!(state(), before);
    });
}

#[test]
fn other_tables_of_legacy_iptables_are_none_of_our_business() {
    in_pod(|| {
        run("iptables-legacy", &["--wait", "-t", "security", "-N", "ISTIO_X"]);
        apply(Backend::Legacy, &[]);
        assert_eq!(check(Backend::Legacy, &[]), (0, vec![]));
        call(Backend::Legacy, &["clean"], 0);
        run("iptables-legacy", &["--wait", "-t", "security", "-X", "ISTIO_X"]);
    });
}

#[test]
fn a_watch_that_is_ended_reports_what_it_saw() {
    for backend in Backend::ALL {
        in_pod(move || {
            apply(backend, &[]);
            let watcher = Watcher::start(backend, &["--output", "json"]);
            watcher.signal(Signal::SIGTERM);
            let (status, lines) = watcher.end();
            assert_eq!(status, 0, "{lines:?}");
            assert!(lines.contains(&"  \"outcome\": \"in-place\",".to_owned()), "{lines:?}");
        });
    }
}

#[test]
fn a_document_that_cannot_be_written_does_not_hide_what_was_done() {
    in_pod(|| {
        for (words, said) in [(&[][..], "rules are in place"), (&["clean"], "rules were removed")] {
            let words = [words, &["--output", "json"]].concat();
            let output = command(Backend::Native, &words).stdout(File::create("/dev/full").unwrap()).output().unwrap();
            let log = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code() == Some(1) && log.contains(&format!("{said} nevertheless")), "{log}");
        }
    });
}

#[test]
fn without_proc_the_error_names_proc() {
    in_pod(|| {
        let script = "mount -t tmpfs none /proc && exec \"$0\" -b '*'";
        let output = Command::new("unshare").args(["--mount", "sh", "-c", script, crate::PROGRAM]).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && log.contains("is /proc mounted, and readable?"), "{log}");
        assert!(!log.contains("another istio-iptables"), "{log}");
    });
}

/// The list of legacy tables is for root alone, whatever capabilities there are.
#[test]
fn an_error_names_what_a_user_with_the_capabilities_lacks() {
    in_pod(|| {
        // Copied by another process; see `a_trial_without_capabilities_works_in_a_user_namespace` for the reasons.
        let program = std::env::temp_dir().join(format!("istio-iptables-user-{}", std::process::id()));
        let path = program.to_str().unwrap();
        run("cp", &[crate::PROGRAM, path]);
        let call = |capabilities: &str| -> Output {
            let (inherited, ambient) = (format!("--inh-caps={capabilities}"), format!("--ambient-caps={capabilities}"));
            let user = ["--reuid=65534", "--regid=65534", "--clear-groups", &inherited, &ambient];
            Command::new("setpriv").args(user).args([path, "--native-nftables", "-b", "*"]).output().unwrap()
        };
        let refused = call("+net_admin,+net_raw");
        let log = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(1) && log.contains("only uid 0 may list them"), "{log}");
        let taken = call("+net_admin,+dac_read_search");
        assert!(taken.status.success(), "{taken:?}");
        std::fs::remove_file(&program).unwrap();
    });
}
