//! Calls that are killed: at random moments, and at each request to the kernel. The next call gets there.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use nix::libc::c_int;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::pod::{Pod, State, in_pod, say, times};
use super::scenario::{Deed, prepare, states};
use harness::Random;
use harness::{Backend, Outcome};

/// The point at which a call is killed: a number of beginnings and ends of requests to the kernel, its own and
/// those of the programs that it starts. Between two of them, the moment of the kill makes no difference.
#[derive(Clone, Copy, Debug)]
struct Kill {
    at: u64,
    /// Whether what it started is killed too.
    all: bool,
}

/// Never.
const SPARED: Kill = Kill { at: u64::MAX, all: false };

/// Runs a call until it is killed; gives whether that was before its end, and how far it got.
fn killed(pod: &Pod, args: &[String], when: Kill) -> (bool, u64) {
    let mut call = pod.call(args);
    // SAFETY: the only thing done between fork and exec is one system call.
    unsafe { call.stdout(Stdio::null()).stderr(Stdio::null()).pre_exec(|| Ok(ptrace::traceme()?)) };
    let main = Pid::from_raw(call.spawn().unwrap().id().try_into().unwrap());
    // It has stopped, since it executed something.
    waitpid(main, None).unwrap();
    let with_children = [Options::PTRACE_O_TRACEFORK, Options::PTRACE_O_TRACEVFORK, Options::PTRACE_O_TRACECLONE];
    let events = [Options::PTRACE_O_TRACEEXEC, Options::PTRACE_O_TRACESYSGOOD, Options::PTRACE_O_EXITKILL];
    ptrace::setoptions(main, with_children.into_iter().chain(events).collect()).unwrap();
    let (mut running, mut passed, mut ended) = (BTreeSet::from([main]), 0, None);
    let mut stopped = Some((main, None));
    loop {
        if let Some((pid, signal)) = stopped.take() {
            running.insert(pid);
            if passed == when.at {
                for pid in running.iter().filter(|pid| when.all || **pid == main) {
                    let _ = kill(*pid, Signal::SIGKILL);
                }
            }
            // What outlives the call goes on by itself.
            let gone_on = match passed >= when.at {
                true => ptrace::detach(pid, signal),
                false => ptrace::syscall(pid, signal),
            };
            assert!(matches!(gone_on, Ok(()) | Err(nix::Error::ESRCH)), "{gone_on:?}");
        }
        // Of this thread alone: other tests have children too.
        match waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)) {
            Ok(WaitStatus::PtraceSyscall(pid)) => {
                passed += 1;
                stopped = Some((pid, None));
            }
            Ok(WaitStatus::PtraceEvent(pid, _, event)) => {
                assert_ne!(event, Event::PTRACE_EVENT_EXIT as c_int);
                stopped = Some((pid, None));
            }
            // A process that is traced from its start begins with this.
            Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)) => stopped = Some((pid, None)),
            Ok(WaitStatus::Stopped(pid, signal)) => stopped = Some((pid, Some(signal))),
            Ok(WaitStatus::Exited(pid, status)) => {
                running.remove(&pid);
                ended = ended.or((pid == main).then_some(status != 0));
            }
            Ok(WaitStatus::Signaled(pid, ..)) => {
                running.remove(&pid);
                ended = ended.or((pid == main).then_some(true));
            }
            Ok(WaitStatus::Continued(_) | WaitStatus::StillAlive) => {}
            Err(nix::Error::ECHILD) => return (ended.expect("the call has ended"), passed),
            Err(error) => panic!("{error}"),
        }
    }
}

/// The next call after a killed one.
fn converges(pod: &Pod, args: &[String], wanted: &State, what: &str) {
    let Outcome { status, log, .. } = pod.run(args);
    assert_eq!(status, Some(0), "{what}: {log}");
    let now = pod.state().settled();
    assert!(now == *wanted, "{what}: against the wanted state:\n{}{log}", now.against(wanted));
}

fn at_random(kind: Backend, seed: u64) {
    let figures = in_pod(|pod| {
        let mut dice = Random::new(seed);
        let (mut tried, mut struck) = (0, 0);
        let count = times(250, 25);
        for deed in Deed::ALL {
            let (_, wanted) = states(pod, kind, deed, true);
            let wanted = wanted.settled();
            prepare(pod, kind, deed, true);
            let (failed, length) = killed(pod, &deed.args(kind), SPARED);
            assert!(!failed, "{deed:?}");
            for number in 0..count / Deed::ALL.len() {
                prepare(pod, kind, deed, true);
                let when = Kill { at: dice.number_below(length), all: dice.one_in(2) };
                let times = 1 + dice.number_below(2);
                for _ in 0..times {
                    struck += usize::from(killed(pod, &deed.args(kind), when).0);
                }
                tried += 1;
                let what =
                    format!("seed {seed}, {kind:?} {deed:?} {number}, killed {times} times of {length}: {when:?}");
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
    at_random(Backend::Legacy, 4);
}

#[test]
fn nft_killed_at_random_moments() {
    at_random(Backend::Nft, 5);
}

#[test]
fn native_kills_at_random() {
    at_random(Backend::Native, 6);
}

/// Whatever call comes next, with other flags or to remove all: nothing of the killed one is left.
fn at_requests(kind: Backend) {
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
                    let mut strace = vec!["-qq", "-o", "/dev/null", "-e", &inject, crate::PROGRAM];
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
    at_requests(Backend::Legacy);
}

#[test]
fn nft_killed_at_each_request() {
    at_requests(Backend::Nft);
}

#[test]
fn native_kills_at_requests() {
    at_requests(Backend::Native);
}
