//! What an apply makes is what the bare programs make of the dry run; it reads as what was planned, a second
//! apply finds it in place, and a clean without flags leaves nothing.
//!
//! The configurations are random, and the same for the same seeds: `PROMISE_SEED` is the first one's, and
//! `PROMISE_COUNT` their number.

use istio_iptables::net::Family;

use super::generate::Configuration;
use super::pod::{FAMILIES, Pod, State, finish, full, in_pod, say, times};
use super::round_trip::{Case, planned, read};
use harness::{Backend, Outcome};

/// A number of the environment.
fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// The result of a call with a configuration.
fn call(pod: &Pod, kind: Backend, configuration: &Configuration, words: &[&str]) -> Outcome {
    let args = words.iter().copied().chain(configuration.args.iter().map(String::as_str));
    let mut call = pod.call(&args.chain([kind.flag()]).collect::<Vec<_>>());
    call.envs(configuration.environment.iter().map(|(name, value)| (name, value)));
    finish(call)
}

/// What matters of the namespace; with nftables the order of rules as well, which is a listing's.
///
/// The dry run does not print for ip(8) what only this program needs: managed policy rules are marked as such.
fn state(pod: &Pod, kind: Backend) -> (State, String) {
    let listing = match kind {
        Backend::Native => pod.feed("nft", &["-s", "list", "ruleset"], "").out,
        Backend::Legacy | Backend::Nft => String::new(),
    };
    let mut state = pod.state();
    state.routing.iter_mut().for_each(|line| *line = line.replace(" proto 133", ""));
    (state, listing)
}

/// The section of a dry run for a program: the lines up to the next one's.
fn section<'a>(dry_run: &'a str, program: &str) -> impl Iterator<Item = &'a str> {
    let (_, rest) = dry_run.split_once(&format!("# {program}\n")).unwrap_or_default();
    rest.lines().take_while(|l| !l.starts_with('#'))
}

/// Has the bare programs do what a dry run prints.
fn load(pod: &Pod, kind: Backend, dry_run: &str) {
    for family in FAMILIES {
        let text: String =
            section(dry_run, &format!("{family}tables-restore --noflush")).map(|l| format!("{l}\n")).collect();
        pod.load(kind, family, &text);
    }
    let script: String = section(dry_run, "nft -f -").map(|l| format!("{l}\n")).collect();
    let loaded = pod.feed("nft", &["-f", "-"], &script);
    assert!(loaded.succeeded(), "{loaded:?} of {script}");
    let routing = dry_run.lines().filter_map(|l| l.strip_prefix("# ")).filter(|l| l.starts_with("ip "));
    // No host on `lo` uses these addresses already; without this word, the kernel takes a moment to find out.
    let routing = routing.map(|l| if l.contains(" addr") { format!("{l} nodad\n") } else { format!("{l}\n") });
    let routed = pod.feed("sh", &["-e"], &routing.collect::<String>());
    assert!(routed.succeeded(), "{routed:?} of {dry_run}");
}

fn differ(pod: &Pod, kind: Backend, configuration: &Configuration) {
    let succeeds = |words: &[&str]| {
        let outcome = call(pod, kind, configuration, words);
        assert!(outcome.succeeded(), "{words:?}: {outcome:?}");
        outcome
    };
    pod.renew();
    harness::resolve_with(&configuration.resolv_conf);
    load(pod, kind, &succeeds(&["--dry-run"]).out);
    let bare = state(pod, kind);
    if kind != Backend::Native {
        let plan = Case::from(configuration).plan();
        for (family, name) in [(Family::Ipv4, FAMILIES[0]), (Family::Ipv6, FAMILIES[1])] {
            assert_eq!(read(&pod.saved(kind, name)), planned(&plan, family));
        }
    }

    pod.renew();
    let before = pod.state().settled();
    succeeds(&[]);
    let made = state(pod, kind);
    assert!(made.0 == bare.0, "against the bare programs' state:\n{}", made.0.against(&bare.0));
    assert_eq!(made.1, bare.1);
    let again = succeeds(&[]);
    assert!(again.log.contains("in place"), "{again:?}");
    assert!(state(pod, kind) == made, "a second apply changes something: {again:?}");

    // The rule for a virtual interface from which nothing is captured could be foreign: the flags decide.
    let given = format!("{configuration:?}").to_lowercase().replace('_', "-");
    if given.contains("kube-virt-interfaces") {
        succeeds(&["clean"]);
    } else {
        pod.does(&["clean"]);
    }
    let now = pod.state().settled();
    assert!(now == before, "clean leaves:\n{}", now.against(&before));
}

fn all(kind: Backend) {
    let first = variable("PROMISE_SEED").unwrap_or(0);
    let count = variable("PROMISE_COUNT").unwrap_or(times(1000, 25) as u64);
    let began = std::time::Instant::now();
    let done = in_pod(|pod| {
        for number in 0..count {
            let configuration = Configuration::new(first + number);
            let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| differ(pod, kind, &configuration)));
            if let Err(panic) = tried {
                let (seed, why) = (first + number, panic.downcast_ref::<String>());
                say(format_args!("{}, PROMISE_SEED={seed} PROMISE_COUNT=1: {configuration:#?}: {why:#?}", kind.name()));
                std::panic::resume_unwind(panic);
            }
            if full() && (number + 1).is_multiple_of(100) {
                let took = began.elapsed().as_secs();
                say(format_args!("against the bare programs, {}: {} of {count} in {took} s", kind.name(), number + 1));
            }
        }
    });
    if done.is_some() {
        say(format_args!(
            "against the bare programs, {}: {count} random configurations from seed {first}: equal, in place, and gone after clean",
            kind.name()
        ));
    }
}

#[test]
fn legacy_makes_what_bare_programs_make() {
    all(Backend::Legacy);
}

#[test]
fn nft_makes_what_bare_programs_make() {
    all(Backend::Nft);
}

#[test]
fn native_makes_what_nft_makes() {
    all(Backend::Native);
}
