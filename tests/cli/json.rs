//! `--output json`: one document, whatever comes of the call.

use serde_json::Value;

use crate::schema::validate;
use crate::support::{Call, Host, POD, call, dry_run};

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The document of a call, which matches its schema; `None` if calls cannot be made.
#[track_caller]
fn document(call: &Call, status: i32, outcome: &str) -> Option<Value> {
    let found = call.run();
    if found.skipped {
        return None;
    }
    assert_eq!(found.status, Some(status), "{found:?}");
    let document: Value = serde_json::from_str(&found.stdout).unwrap_or_else(|e| panic!("{e}: {found:?}"));
    validate(&document);
    assert_eq!((&document["outcome"], &document["status"]), (&outcome.into(), &status.into()), "{document:#}");
    let failed = matches!(outcome, "failed" | "wrong-usage");
    assert_eq!(document["errors"].as_array().unwrap().is_empty(), !failed, "{document:#}");
    Some(document)
}

const JSON: &str = "--output=json";

#[test]
fn dry_runs() {
    let all = ["-b", "*", "-i", "*", "-m", "TPROXY", "--ip-families=dual", "--redirect-dns", JSON];
    let Some(iptables) = document(&dry_run(&all), 0, "printed") else { return };
    assert_eq!(iptables["scripts"].as_array().unwrap().len(), 2);
    assert_eq!(iptables["rules"][1]["family"], "IPv6");
    assert_eq!(iptables["routing"][0], "ip -6 addr add ::6/128 dev lo");
    assert_eq!(iptables["dry_run"], "print");
    // The script is the text of the same call, and the rules are those of the script.
    let text = dry_run(&all[..all.len() - 1]).succeeds();
    assert!(text.stdout.contains(iptables["scripts"][1]["text"].as_str().unwrap()));
    let rules = iptables["rules"][0]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["flag"].is_string() && rule["purpose"].is_string()), "{iptables:#}");
    let native = document(&dry_run(&[&all[..], &["--native-nftables"]].concat()), 0, "printed").unwrap();
    assert_eq!(native["scripts"][0]["program"], "nft -f -");
    let clean = document(&dry_run(&["clean", JSON]), 0, "printed").unwrap();
    assert_eq!(clean["command"], "clean");
    assert!(clean["scripts"][0]["text"].as_str().unwrap().contains("-D "), "{clean:#}");
}

#[test]
fn findings_have_rule_and_flag() {
    let Some(found) = document(&dry_run(&["-x", "10.1.0.0/16", JSON]), 0, "printed") else { return };
    let finding = &found["findings"][0];
    assert_eq!((&finding["finding"], &finding["level"]), (&"exclusion-without-effect".into(), &"warning".into()));
    assert_eq!(finding["rule"]["chain"], "ISTIO_OUTPUT");
    assert!(found["warnings"][0].as_str().unwrap().contains("10.1.0.0/16"), "{found:#}");
}

#[test]
fn wrong_usage() {
    let wrong = document(&call(&["-p", "0", "-m", "x", JSON]), 2, "wrong-usage");
    assert!(wrong.is_none_or(|w| w["errors"].as_array().unwrap().len() == 2));
    document(&call(&["explain", "out", "tcp", JSON]), 2, "wrong-usage");
    document(&call(&["explain", "out", "tcp", "to=[fd00::9]:80", JSON]), 2, "wrong-usage");
    // By its variable, too.
    document(&call(&["-p", "0"]).env("ISTIO_IPTABLES_OUTPUT", "json"), 2, "wrong-usage");
}

#[test]
fn explanations() {
    let explain =
        |words: &[&str]| document(&call(&[&["explain", JSON, "-b", "*", "-i", "*"], words].concat()), 0, "explained");
    let Some(table) = explain(&[]) else { return };
    assert!(table["traffic"].as_array().unwrap().len() > 10 && table.get("trace").is_none());
    assert_eq!(table["findings"][0]["finding"], "udp-not-captured");
    for (packet, verdict) in [
        ("out tcp to=10.0.0.5:443", "captured"),
        ("out tcp uid=1337 to=127.0.0.1:80 state=established", "follows-connection"),
        ("in icmp from=10.1.1.1", "not-captured"),
        ("in tcp to=:80 state=invalid", "dropped"),
    ] {
        let found = explain(&[packet, "--drop-invalid", "--dry-run"]).unwrap();
        assert_eq!(found["trace"]["verdict"]["verdict"], verdict, "{packet}");
    }
    let tproxy = explain(&["in tcp to=:80", "-m", "TPROXY"]).unwrap();
    assert_eq!(tproxy["trace"]["verdict"]["port"], 15006);
}

/// A host for one test.
const fn host(name: &'static str) -> Host {
    Host { name, ..POD }
}

#[test]
fn what_becomes_of_rules() {
    let kinds = ["--force-iptables-binary=legacy", "--force-iptables-binary=nft", "--native-nftables"];
    let backends = ["iptables-legacy", "iptables-nft", "nftables"];
    let here = host("json");
    let run = |words: &[&str], kind, status, outcome| {
        let call = call(&[words, &[kind, "-b", "*", "-m", "TPROXY", JSON]].concat());
        document(&call.on(here).env("PATH", PATH), status, outcome)
    };
    for (kind, backend) in kinds.into_iter().zip(backends) {
        let Some(drifted) = run(&["check"], kind, 3, "drifted") else { return };
        assert_eq!(drifted["differences"][0]["kind"], "missing");
        assert_eq!(drifted["backend"], backend);
        run(&["--skip-rule-apply"], kind, 0, "skipped");
        let trial = run(&["--dry-run=kernel"], kind, 0, "accepted").unwrap();
        assert_eq!(trial["dry_run"], "kernel");
        run(&["clean", "--dry-run=kernel"], kind, 0, "accepted");
        let applied = run(&[], kind, 0, "applied").unwrap();
        assert_eq!(applied["backend"], backend);
        run(&[], kind, 0, "in-place");
        run(&["check"], kind, 0, "in-place");
        let live = run(&["explain", "--live", "in tcp to=:80"], kind, 0, "explained").unwrap();
        assert_eq!((&live["backend"], &live["trace"]["verdict"]["port"]), (&backend.into(), &15006.into()));
        let refused = run(&["--reconcile=false", "-z", "15106"], kind, 1, "failed").unwrap();
        assert!(!refused["differences"].as_array().unwrap().is_empty());
        for skipping in [&["--skip-rule-apply", "--cleanup-only"][..], &["clean", "--skip-rule-apply"]] {
            run(skipping, kind, 0, "skipped");
        }
        run(&[], kind, 0, "in-place");
        run(&["clean"], kind, 0, "removed");
        run(&["clean"], kind, 0, "nothing-there");
    }
    let call = call(&["--force-iptables-binary=nft", "--dry-run=kernel", JSON]).on(here).env("PATH", "/nowhere");
    document(&call, 1, "failed");
}
