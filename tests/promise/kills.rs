//! Calls that are killed: at random moments, and at each request to the kernel. The next call gets there.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::generate::Dice;
use crate::pod::{Kind, Outcome, Pod, State, in_pod, say, times};
use crate::scenario::{Deed, prepare, states};

/// Kills a call after some time; with its children, where `all`.
fn killed(pod: &Pod, args: &[String], after: Duration, all: bool) -> bool {
    let mut child = pod.call(args).stderr(std::process::Stdio::null()).spawn().unwrap();
    let pid = child.id();
    let until = Instant::now() + after;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let _ = child.kill();
    for child in children.split_whitespace().filter(|_| all) {
        let _ = kill(Pid::from_raw(child.parse().unwrap()), Signal::SIGKILL);
    }
    !child.wait().unwrap().success()
}

/// The next call after a killed one.
fn converges(pod: &Pod, args: &[String], wanted: &State, what: &str) {
    let Outcome { status, log, .. } = pod.run(args);
    assert_eq!(status, Some(0), "{what}: {log}");
    let now = pod.state().settled();
    assert!(now == *wanted, "{what}: against the wanted state:\n{}{log}", now.against(wanted));
}

fn at_random(kind: Kind, seed: u64) {
    let figures = in_pod(|pod| {
        let mut dice = Dice::new(seed);
        let (mut tried, mut struck) = (0, 0);
        let count = times(250, 25);
        for deed in Deed::ALL {
            let (_, wanted) = states(pod, kind, deed, true);
            let wanted = wanted.settled();
            prepare(pod, kind, deed, true);
            let start = Instant::now();
            pod.does(&deed.args(kind));
            let length = start.elapsed().as_micros() as u64;
            for number in 0..count / Deed::ALL.len() {
                prepare(pod, kind, deed, true);
                let after = Duration::from_micros(dice.below(length * 5 / 4));
                let (all, times) = (dice.one_in(2), 1 + dice.below(2));
                for _ in 0..times {
                    struck += usize::from(killed(pod, &deed.args(kind), after, all));
                }
                tried += 1;
                let what = format!(
                    "seed {seed}, {kind:?} {deed:?} {number}, killed {times} times after {after:?}, with children {all}"
                );
                converges(pod, &deed.args(kind), &wanted, &what);
            }
        }
        (tried, struck)
    });
    if let Some((tried, struck)) = figures {
        say(format_args!(
            "kills at random moments, {}, seed {seed}: {tried} tried ({struck} kills struck), {tried} converged with the next call",
            kind.name()
        ));
    }
}

#[test]
fn legacy_killed_at_random_moments() {
    at_random(Kind::Legacy, 4);
}

#[test]
fn nft_killed_at_random_moments() {
    at_random(Kind::Nft, 5);
}

#[test]
fn native_kills_at_random() {
    at_random(Kind::Native, 6);
}

/// Whatever call comes next, with other flags or to remove all: nothing of the killed one is left.
fn at_requests(kind: Kind) {
    let figures = in_pod(|pod| {
        let mut tried = 0;
        let deeds = [Deed::ToRedirect, Deed::ApplyTproxy, Deed::ToTproxy, Deed::Clean];
        for deed in deeds.into_iter().take(times(4, 1)) {
            for next in [Deed::Apply, Deed::ApplyTproxy].into_iter().take(times(2, 1)) {
                prepare(pod, kind, deed, false);
                pod.does(&next.args(kind));
                let wanted = pod.state().settled();
                for request in 1.. {
                    prepare(pod, kind, deed, false);
                    let inject = format!("inject=sendto:signal=KILL:when={request}");
                    let args = deed.args(kind);
                    let mut strace = vec!["-qq", "-o", "/dev/null", "-e", &inject, crate::pod::PROGRAM];
                    strace.extend(args.iter().map(String::as_str));
                    let outcome = pod.traced(&strace);
                    if outcome.succeeded() {
                        break;
                    }
                    tried += 1;
                    let what = format!("{kind:?} {deed:?}, killed at request {request}, then {next:?}");
                    converges(pod, &next.args(kind), &wanted, &what);
                }
            }
        }
        tried
    });
    if let Some(tried) = figures {
        say(format_args!(
            "kills at each netlink request, {}, then a call with the same or other flags: {tried} tried, {tried} converged",
            kind.name()
        ));
    }
}

#[test]
fn legacy_killed_at_each_request() {
    at_requests(Kind::Legacy);
}

#[test]
fn nft_killed_at_each_request() {
    at_requests(Kind::Nft);
}

#[test]
fn native_kills_at_requests() {
    at_requests(Kind::Native);
}
