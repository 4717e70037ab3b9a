//! The plan and the judgement, as values.

use super::*;
use crate::config::Config;
use crate::config::fake::{FakeHost, resolve};

const ROOT: Caller = Caller { ids: Ids { uid: 0, gid: 0 }, may_change: true, may_be_transparent: true };
const SIDECAR: Caller = Caller { ids: Ids { uid: 1337, gid: 1337 }, may_change: false, may_be_transparent: false };
const PROBE: Port = Port::at_least_one(15002);

fn checks(config: &Config, caller: &Caller) -> Vec<Check> {
    plan(config, &crate::capture::plan(config).rules, PROBE, caller)
}

fn planned(flags: &[&str], caller: &Caller) -> Vec<String> {
    let config = resolve(flags, &[], &FakeHost::pod()).config;
    let line = |check: &Check| match &check.probe {
        Ok(probe) => {
            let caller = probe.caller.map_or_else(|| "as is".to_owned(), |ids| format!("{}:{}", ids.uid, ids.gid));
            let to: Vec<_> = probe.to.iter().map(ToString::to_string).collect();
            format!("{}, {}: {caller} to {} {:?}", check.subject, check.family, to.join(" "), probe.expected)
        }
        Err(why) => format!("{}, {}: {why}", check.subject, check.family),
    };
    checks(&config, caller).iter().map(line).collect()
}

#[test]
fn what_is_configured_is_checked() {
    let all = planned(&["-b", "*", "-i", "*", "-x", "192.0.2.0/24", "-o", "9090"], &ROOT);
    assert_eq!(
        all,
        [
            "to the inbound listener, IPv4: 1337:1337 to 127.0.0.6:15002 Captured(Port(15006))",
            "outbound port 9090 excluded, IPv4: 1337:1337 to 127.0.0.6:9090 NotCaptured(Port(15006))",
            "from other hosts, IPv4: these rules only affect connections from other hosts, which cannot be made from inside the pod",
            "to the outbound listener, IPv4: as is to 198.51.100.1:15002 203.0.113.1:15002 Captured(Port(15001))",
        ]
    );
    assert_eq!(planned(&[], &ROOT).len(), 1);
    let sidecar = planned(&["-b", "*", "-i", "*"], &SIDECAR);
    assert!(sidecar[0].contains("as is to 127.0.0.6:15002"), "{sidecar:?}");
    assert!(sidecar[2].contains("lacks CAP_SETUID"), "{sidecar:?}");
}

#[test]
fn what_the_rules_do_not_capture_proves_nothing() {
    let first = |flags: &[&str]| planned(flags, &ROOT).swap_remove(0);
    assert!(first(&["-c", "lo"]).contains("lo is excluded"));
    assert!(first(&["-c", "l+"]).contains("lo is excluded"));
    assert!(first(&["-o", "15000:15010"]).contains("is not captured"));
    assert!(first(&["-e", "15002"]).contains("another --iptables-probe-port"));
}

#[test]
fn nothing_proved_is_a_failure() {
    let config = resolve(&["-c", "lo"], &[], &FakeHost::pod()).config;
    let facts = Facts { config: &config, caller: ROOT, rules: None };
    let checks = checks(&config, &ROOT);
    let verdicts = judge(&facts, &checks, Vec::new());
    assert!(
        problems(&verdicts).is_some_and(|p| p.contains("nothing could be checked") && p.contains("lo is excluded"))
    );
}

#[test]
fn excluded_port_proves_nothing_unless_other_ports_are_captured() {
    let config = resolve(&["-o", "9090"], &[], &FakeHost::pod()).config;
    let facts = Facts { config: &config, caller: ROOT, rules: Some(Vec::new()) };
    let checks = checks(&config, &ROOT);
    let refused = || Observation { to: None, seen: Seen::Refused("x".to_owned()), time: Duration::ZERO };
    let verdicts = judge(&facts, &checks, vec![refused(), refused()]);
    let names: Vec<_> = verdicts.iter().map(|v| v.outcome.name()).collect();
    assert_eq!(names, ["failed", "not checked"]);
    let original = "127.0.0.6:15002".parse().ok();
    let seen = Seen::Captured { port: 15006, original, answered: true };
    let captured = Observation { to: original, seen, time: Duration::from_micros(1_234) };
    let verdicts = judge(&facts, &checks, vec![captured, refused()]);
    assert_eq!(problems(&verdicts), None);
    assert!(table(&verdicts).contains("IPv4    passed   1.2ms"), "{}", table(&verdicts));
}

#[test]
fn other_listener_than_the_expected_one_is_a_failure() {
    let config = resolve(&["-o", "9090"], &[], &FakeHost::pod()).config;
    let facts = Facts { config: &config, caller: ROOT, rules: Some(Vec::new()) };
    let checks = checks(&config, &ROOT);
    let reached = |port| Observation {
        to: "127.0.0.6:15002".parse().ok(),
        seen: Seen::Captured { port, original: "127.0.0.6:15002".parse().ok(), answered: true },
        time: Duration::ZERO,
    };
    let verdicts = judge(&facts, &checks, vec![reached(15001), reached(15053)]);
    let found = problems(&verdicts).unwrap_or_default();
    assert!(found.contains("it reached the listener on port 15001, not the one on port 15006"), "{found}");
    // That it is captured at all is wrong there, whoever listens.
    assert!(found.contains("it reached the listener on port 15053"), "{found}");
}
