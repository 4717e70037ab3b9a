//! Messages for an operator who would be stuck without them.

use std::process::{Command, Output};

use super::support::{FLAGS, apply, check, in_pod, run};
use harness::Backend;

/// Calls the program with these words alone; gives the exit status, and the log.
fn call(words: &[&str]) -> (Option<i32>, String) {
    told(&Command::new(crate::PROGRAM).args(words).output().unwrap())
}

fn told(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_call_that_captures_nothing_warns_if_it_removes_capture() {
    const WARNING: &str = "\twarn\tno flag selects traffic to capture: removing the existing capture";
    for backend in Backend::ALL {
        in_pod(move || {
            let bare = || call(&[backend.flag(), "--ip-families=ipv4"]);
            let (status, log) = bare();
            assert!(status == Some(0) && !log.contains(WARNING), "there was no capture: {log}");
            // What changes is not what is captured.
            assert!(!call(&[backend.flag(), "--ip-families=ipv4", "-u", "1338"]).1.contains(WARNING));
            apply(backend, &[]);
            let (status, log) = bare();
            assert!(status == Some(0) && log.contains(WARNING), "{backend:?}: {log}");
            assert!(!bare().1.contains(WARNING));
            // A call that captures something has flags that select it.
            for flags in
                [&["-b", "80"][..], &["-i", "10.0.0.0/8"], &["-q", "80"], &["--redirect-dns", "--capture-all-dns"]]
            {
                apply(backend, &[]);
                let (status, log) = call(&[&[backend.flag()], flags].concat());
                assert!(status == Some(0) && !log.contains(WARNING), "{flags:?}: {log}");
            }
        });
    }
}

#[test]
fn missing_capabilities_are_named_all_at_once() {
    const ALL: &str = "legacy iptables needs NET_ADMIN and NET_RAW, everything else NET_ADMIN, and uid 0 to keep them: \
        securityContext: {runAsUser: 0, capabilities: {add: [NET_ADMIN, NET_RAW]}}";
    in_pod(|| {
        for (backend, lacks) in [
            (Backend::Legacy, "-net_admin"),
            (Backend::Legacy, "-net_raw"),
            (Backend::Legacy, "-net_admin,-net_raw"),
            (Backend::Nft, "-net_admin"),
            (Backend::Native, "-net_admin,-net_raw"),
        ] {
            let mut command = Command::new("setpriv");
            command
                .args([&format!("--bounding-set={lacks}"), "--inh-caps=-all", crate::PROGRAM, backend.flag()])
                .args(FLAGS);
            let (status, log) = told(&command.output().unwrap());
            assert!(status == Some(1) && log.contains(ALL), "{backend:?} {lacks}: {log}");
        }
    });
}

#[test]
fn without_iptables_the_remedy_is_named() {
    in_pod(|| {
        for words in [&["-b", "*"][..], &["-b", "*", "--force-iptables-binary=nft"]] {
            let (status, log) =
                told(&Command::new(crate::PROGRAM).args(words).env("PATH", "/nowhere").output().unwrap());
            assert_eq!(status, Some(1));
            assert!(log.contains("Use the image that has both variants of iptables, or --native-nftables"), "{log}");
        }
    });
}

#[test]
fn a_forced_variant_next_to_rules_of_the_other_warns_and_check_detects_it() {
    for (backend, foreign) in [(Backend::Nft, "iptables-legacy"), (Backend::Legacy, "iptables-nft")] {
        in_pod(move || {
            run(foreign, &["-t", "nat", "-A", "OUTPUT", "-d", "192.0.2.1", "-j", "ACCEPT"]);
            let (status, log) = call(&[&[backend.flag()], &FLAGS[..]].concat());
            assert!(status == Some(0) && log.contains("both variants act on each packet"), "{log}");
            // A later check works without the flag.
            let (status, log) = call(&[&["check"], &FLAGS[..]].concat());
            assert_eq!(status, Some(0), "{log}");
            assert_eq!(check(backend, &[]).0, 0);
            run(foreign, &["-t", "nat", "-D", "OUTPUT", "1"]);
        });
        in_pod(move || {
            let (status, log) = call(&[&[backend.flag()], &FLAGS[..]].concat());
            assert!(status == Some(0) && !log.contains("both variants act"), "{log}");
        });
    }
}
