//! `check` of rules that were changed by hand, with each backend, in separate network namespaces.

mod foreign;
mod messages;
mod odd;
mod support;

use std::process::Command;

use harness::Backend;
use support::{ByHand, Watcher, apply, check, command, in_pod, run, state};

/// How a difference about the chain begins, and what it is about.
#[track_caller]
fn assert_lines(backend: Backend, found: &[String], expected: &[(char, &str)]) {
    let notation = match backend {
        Backend::Legacy => "iptables-legacy -t nat -A ISTIO_OUTPUT ",
        Backend::Nft => "iptables-nft -t nat -A ISTIO_OUTPUT ",
        Backend::Native => "rule inet istio-proxy-nat istio-output ",
    };
    let is = |line: &String, (sign, part): &(char, &str)| {
        line.strip_prefix(&format!("{sign} {notation}")).is_some_and(|rest| rest.contains(part))
    };
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(|(l, e)| is(l, e)),
        "{backend:?}: {found:#?}"
    );
}

#[test]
fn rules_that_are_in_place() {
    for backend in Backend::ALL {
        in_pod(move || {
            let (status, lines) = check(backend, &[]);
            assert!(status == 3 && lines.len() > 10 && lines.iter().all(|l| l.starts_with("+ ")), "{lines:?}");
            apply(backend, &[]);
            backend.add_foreign();
            let before = state();
            assert_eq!(check(backend, &[]), (0, vec![]), "{backend:?}");
            let (status, lines) = check(backend, &["-x", "10.1.0.0/16"]);
            assert_eq!(status, 3);
            assert_lines(backend, &lines, &[('+', "10.1.0.0/16")]);
            assert_eq!(state(), before, "it changed something");
        });
    }
}

#[test]
fn a_rule_was_deleted() {
    for backend in Backend::ALL {
        in_pod(move || {
            apply(backend, &[]);
            backend.delete(4);
            let (status, lines) = check(backend, &[]);
            assert_eq!(status, 3);
            assert_lines(backend, &lines, &[('+', "1337")]);
            apply(backend, &[]);
            assert_eq!(check(backend, &[]).0, 0);
        });
    }
}

#[test]
fn a_rule_was_added() {
    for backend in Backend::ALL {
        in_pod(move || {
            apply(backend, &[]);
            backend.insert();
            let (status, lines) = check(backend, &[]);
            assert_eq!(status, 3);
            assert_lines(backend, &lines, &[('-', "10.9.9.9")]);
        });
    }
}

#[test]
fn a_rule_was_moved() {
    for backend in Backend::ALL {
        in_pod(move || {
            apply(backend, &[]);
            backend.move_first();
            let (status, lines) = check(backend, &[]);
            assert_eq!(status, 3);
            assert_lines(backend, &lines, &[('+', "127.0.0.6"), ('-', "127.0.0.6")]);
        });
    }
}

#[test]
fn all_at_once_in_order() {
    for backend in Backend::ALL {
        in_pod(move || {
            apply(backend, &[]);
            backend.delete(8);
            backend.delete(4);
            backend.insert();
            let (status, lines) = check(backend, &[]);
            assert_eq!(status, 3);
            assert_lines(backend, &lines, &[('-', "10.9.9.9"), ('+', "1337"), ('+', "127.0.0.1")]);
        });
    }
}

#[test]
fn routing_counts_too() {
    for backend in Backend::ALL {
        in_pod(move || {
            apply(backend, &["-m", "TPROXY"]);
            assert_eq!(check(backend, &["-m", "TPROXY"]), (0, vec![]));
            run("ip", &["rule", "del", "fwmark", "1337"]);
            assert_eq!(
                check(backend, &["-m", "TPROXY"]),
                (3, vec!["+ ip rule add fwmark 1337 lookup 133".to_owned()]),
                "{backend:?}"
            );
        });
    }
}

#[test]
fn rules_of_another_backend_are_unexpected() {
    in_pod(|| {
        apply(Backend::Native, &[]);
        let (status, lines) = check(Backend::Nft, &[]);
        assert_eq!(status, 3);
        assert!(lines.iter().any(|l| l.starts_with("- table inet istio-proxy-nat")), "{lines:?}");
        assert!(lines.iter().any(|l| l.starts_with("+ iptables-nft -t nat -N ISTIO_OUTPUT")), "{lines:?}");
    });
}

#[test]
fn check_fails_if_the_rules_cannot_be_read() {
    in_pod(|| {
        apply(Backend::Nft, &[]);
        let output = command(Backend::Nft, &["check"]).env("PATH", "/nowhere").output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
    });
}

#[test]
fn a_watch_ends_at_the_first_difference() {
    for backend in [Backend::Nft, Backend::Native] {
        in_pod(move || {
            apply(backend, &[]);
            let watcher = Watcher::start(backend, &[]);
            // What other programs do does not matter to it.
            backend.add_foreign();
            run("ip", &["rule", "add", "fwmark", "77", "lookup", "77"]);
            backend.delete(4);
            let (status, lines) = watcher.end();
            assert_eq!(status, 3, "{lines:?}");
            assert_lines(backend, &lines, &[('+', "1337")]);
        });
    }
}

#[test]
fn a_watch_of_legacy_rules_warns_of_what_it_cannot_see() {
    in_pod(|| {
        apply(Backend::Legacy, &["-m", "TPROXY"]);
        let watcher = Watcher::start(Backend::Legacy, &["-m", "TPROXY"]);
        let warned = |l: &String| l.contains("--watch cannot see changes to legacy rules");
        assert!(watcher.log.iter().any(warned), "{:?}", watcher.log);
        run("ip", &["rule", "del", "fwmark", "1337"]);
        assert_eq!(watcher.end(), (3, vec!["+ ip rule add fwmark 1337 lookup 133".to_owned()]));
    });
}

/// A check does not get in the way of an apply, nor an apply in its way.
#[test]
fn a_watch_does_not_hold_the_lock() {
    in_pod(|| {
        apply(Backend::Native, &[]);
        let watcher = Watcher::start(Backend::Native, &[]);
        apply(Backend::Native, &["--force-apply"]);
        apply(Backend::Native, &["-x", "10.1.0.0/16"]);
        let (status, lines) = watcher.end();
        assert_eq!(status, 3);
        assert_lines(Backend::Native, &lines, &[('-', "10.1.0.0/16")]);
    });
}

/// A user without rights, who may make a user namespace.
const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/// Without capabilities, the kernel tries the rules in a user namespace, which only has root.
#[test]
fn a_trial_without_capabilities_works_in_a_user_namespace() {
    in_pod(|| {
        let nobody = |words: &[&str]| Command::new("setpriv").args(NOBODY).args(words).output().unwrap();
        if !nobody(&["unshare", "--user", "true"]).status.success() {
            harness::cannot_run("this machine has no user namespaces for users without rights");
            return;
        }
        // To a place from which the user may run it. Another process copies it: a file that this process, or a child
        // that another test starts meanwhile, has open for writing cannot be run.
        let program = std::env::temp_dir().join(format!("istio-iptables-trial-{}", std::process::id()));
        let path = program.to_str().unwrap();
        run("cp", &[crate::PROGRAM, path]);
        for backend in Backend::ALL {
            let trial = |uid| nobody(&[path, "--dry-run=kernel", backend.flag(), "-m", "TPROXY", "-b", "*", "-u", uid]);
            let (root, proxy) = (trial("0"), trial("1337"));
            let text = String::from_utf8_lossy(&root.stdout);
            assert!(root.status.success() && text.contains("# the kernel accepts these rules"), "{root:?}");
            let message = String::from_utf8_lossy(&proxy.stderr);
            assert_eq!(proxy.status.code(), Some(1), "{message}");
            assert!(message.contains("has no user or group 1337"), "{message}");
        }
        std::fs::remove_file(&program).unwrap();
    });
}
