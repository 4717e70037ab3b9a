//! Requests to the kernel that are refused: each system call of the program in turn fails.

use super::pod::{full, in_pod, times};
use super::scenario::{Deed, prepare, states};
use super::verdict::{Case, Tally};
use harness::Backend;

/// System calls, the error, and how many are let through before the first that fails.
const REFUSALS: [(&str, &str); 7] = [
    ("sendto", "EPERM"),
    ("sendto", "ENOBUFS"),
    ("recvfrom", "EPERM"),
    ("recvfrom", "ENOBUFS"),
    ("getsockopt", "EPERM"),
    ("socket", "EPERM"),
    ("flock", "ENOLCK"),
];

fn refused(kind: Backend) {
    let tally = in_pod(|pod| {
        let mut tally = Tally::default();
        let deeds = if full() { &Deed::ALL[..] } else { &[Deed::ToTproxy] };
        for deed in deeds.iter().copied() {
            let (before, wanted) = states(pod, kind, deed, true);
            for (call, error) in REFUSALS {
                for ending in if full() { &["", "+"][..] } else { &[""] } {
                    for number in (1..).step_by(times(1, 9)) {
                        prepare(pod, kind, deed, true);
                        let inject = format!("inject={call}:error={error}:when={number}{ending}");
                        let args = deed.args(kind);
                        let trace = format!("{}", pod.place("trace").display());
                        let mut strace = vec!["-qq", "-o", &trace, "-e", &inject, crate::PROGRAM];
                        strace.extend(args.iter().map(String::as_str));
                        let outcome = pod.traced(&strace);
                        if !std::fs::read_to_string(&trace).unwrap_or_default().contains("(INJECTED)") {
                            break;
                        }
                        let name = format!("{kind:?} {deed:?}: {inject}");
                        let now = pod.state();
                        let cause = ["Operation not permitted", "No buffer space", "No locks available", "ENOLCK"];
                        // Once all requests are refused, nothing can be rolled back or looked at either.
                        let hopeless = *ending == "+" && outcome.log.contains("Rolling back the changes failed");
                        if !hopeless {
                            let case = Case { name, before: &before, wanted: &wanted, outcome, now, cause: &cause };
                            tally.judge(&case);
                        } else {
                            tally.told(&name, &outcome.log);
                        }
                    }
                }
            }
        }
        tally
    });
    if let Some(tally) = tally {
        tally.say(&format!("refused system calls, {}", kind.name()));
    }
}

#[test]
fn legacy_requests_refused() {
    refused(Backend::Legacy);
}

#[test]
fn nft_requests_refused() {
    refused(Backend::Nft);
}

#[test]
fn native_requests_refused() {
    refused(Backend::Native);
}
