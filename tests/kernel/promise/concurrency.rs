//! Calls at the same time.

use std::process::{Child, Stdio};

use super::pod::{Pod, in_pod, say};
use super::scenario::{Deed, prepare};
use harness::{Backend, Outcome};

const CALLS: usize = 32;

fn at_once(pod: &Pod, calls: &[Vec<String>]) -> Vec<Outcome> {
    let start =
        |args: &Vec<String>| -> Child { pod.call(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap() };
    let children: Vec<_> = calls.iter().map(start).collect();
    children.into_iter().map(|c| Outcome::of(&c.wait_with_output().unwrap())).collect()
}

fn together(kind: Backend) {
    let done = in_pod(|pod| {
        // What one call alone leads to.
        let alone = [Deed::Apply, Deed::ApplyTproxy].map(|deed| {
            prepare(pod, kind, deed, true);
            pod.does(&deed.args(kind));
            pod.state().settled()
        });
        prepare(pod, kind, Deed::Apply, true);
        let same = at_once(pod, &vec![Deed::Apply.args(kind); CALLS]);
        assert!(same.iter().all(Outcome::succeeded), "{same:?}");
        let applied = same.iter().filter(|o| o.log.contains("applied:")).count();
        assert_eq!(applied, 1, "one applies, the others find it in place");
        let now = pod.state().settled();
        assert!(now == alone[0], "{}", now.against(&alone[0]));

        prepare(pod, kind, Deed::Apply, true);
        let two: Vec<_> = (0..CALLS).map(|n| [Deed::Apply, Deed::ApplyTproxy][n % 2].args(kind)).collect();
        let different = at_once(pod, &two);
        assert!(different.iter().all(Outcome::succeeded), "{different:?}");
        let now = pod.state().settled();
        assert!(alone.contains(&now), "{}", now.against(&alone[1]));
    });
    if done.is_some() {
        say(format_args!(
            "at once, {}: {CALLS} calls with the same flags and {CALLS} with two different ones, all with exit status 0, one rule set left",
            kind.name()
        ));
    }
}

#[test]
fn legacy_calls_at_once() {
    together(Backend::Legacy);
}

#[test]
fn nft_calls_at_once() {
    together(Backend::Nft);
}

#[test]
fn native_calls_at_once() {
    together(Backend::Native);
}
