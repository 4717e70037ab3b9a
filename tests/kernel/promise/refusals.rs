//! Hosts that do not let a call do all it wants: capabilities, sysctls, file systems, locks.

use std::fs::{self, File};
use std::process::Command;

use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MsFlags, mount};

use super::pod::{Pod, finish, full, in_pod};
use super::scenario::{Deed, prepare, states};
use super::verdict::{Case, Tally};
use harness::{Backend, real, wait_until};

/// Does all deeds in a pod that something is wrong with.
fn suffer(
    name: &str,
    cause: &[&str],
    spoil: impl Fn(&Pod) + Sync,
    call: impl Fn(&Pod, Command) -> Command + Sync,
    mend: impl Fn(&Pod) + Sync,
) {
    let tally = in_pod(|pod| {
        let mut tally = Tally::default();
        for kind in Backend::IPTABLES {
            for deed in Deed::ALL {
                let (before, wanted) = states(pod, kind, deed, true);
                prepare(pod, kind, deed, true);
                spoil(pod);
                let outcome = finish(call(pod, pod.call(&deed.args(kind))));
                mend(pod);
                let now = pod.state();
                let name = format!("{name}: {} {deed:?}", kind.name());
                tally.judge(&Case { name, before: &before, wanted: &wanted, outcome, now, cause });
            }
        }
        tally
    });
    if let Some(tally) = tally {
        tally.say(name);
    }
}

/// The same call without a capability.
fn without(capability: &str, call: Command) -> Command {
    let mut command = Command::new(real("setpriv"));
    command.args([&format!("--bounding-set=-{capability}"), "--inh-caps=-all", "--", crate::PROGRAM]);
    command.args(call.get_args()).env_clear();
    command.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

#[test]
fn no_net_admin() {
    suffer("no CAP_NET_ADMIN", &["CAP_NET_ADMIN"], |_| (), |_, call| without("net_admin", call), |_| ());
}

#[test]
fn no_net_raw() {
    suffer("no CAP_NET_RAW", &["CAP_NET_RAW"], |_| (), |_, call| without("net_raw", call), |_| ());
}

#[test]
fn read_only_run() {
    let remount = |flags: MsFlags| {
        let none: Option<&str> = None;
        mount(none, "/run", none, MsFlags::MS_REMOUNT | flags, none).unwrap();
    };
    suffer(
        "read-only /run",
        &[],
        |_| {
            let _ = fs::remove_file(LOCK);
            remount(MsFlags::MS_RDONLY);
        },
        |_, call| call,
        |_| remount(MsFlags::empty()),
    );
}

/// IPv6 rules can be made if it is disabled, but its addresses and routes cannot.
#[test]
fn ipv6_disabled() {
    let tally = in_pod(|pod| {
        let mut tally = Tally::default();
        for kind in Backend::IPTABLES {
            for deed in [Deed::Apply, Deed::ApplyTproxy] {
                pod.renew();
                fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
                let before = pod.state();
                let outcome = pod.run(&deed.args(kind));
                assert!(!outcome.succeeded(), "{outcome:?}");
                let (name, now) = (format!("IPv6 disabled: {kind:?} {deed:?}"), pod.state());
                let cause = &["disable_ipv6"];
                tally.judge(&Case { name, before: &before, wanted: &before, outcome, now, cause });
            }
        }
        tally
    });
    if let Some(tally) = tally {
        tally.say("IPv6 disabled by sysctl");
    }
}

/// The lock of legacy iptables.
const LOCK: &str = "/run/xtables.lock";

/// Another program's lock on legacy iptables.
fn hold() -> Flock<File> {
    let file = File::options().create(true).write(true).truncate(false).open(LOCK).unwrap();
    Flock::lock(file, FlockArg::LockExclusive).unwrap()
}

/// The children of a process, by their number.
fn children(of: u32) -> impl Iterator<Item = String> {
    let text = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Whether a process has this file open.
fn has_open(process: &str, path: &str) -> bool {
    let Ok(mut entries) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    entries.any(|e| e.and_then(|e| fs::read_link(e.path())).is_ok_and(|to| to.as_os_str() == path))
}

#[test]
fn a_held_xtables_lock_is_waited_for_by_legacy_only() {
    in_pod(|pod| {
        for deed in Deed::ALL.into_iter().take(if full() { 5 } else { 1 }) {
            let (_, wanted) = states(pod, Backend::Nft, deed, true);
            prepare(pod, Backend::Nft, deed, true);
            // It ends while the lock is held.
            let lock = hold();
            pod.does(&deed.args(Backend::Nft));
            assert_eq!(pod.state(), wanted);
            drop(lock);

            let (before, wanted) = states(pod, Backend::Legacy, deed, true);
            prepare(pod, Backend::Legacy, deed, true);
            let lock = hold();
            let mut child = pod.call(&deed.args(Backend::Legacy)).spawn().unwrap();
            wait_until("a program has the lock's file open", || {
                assert_eq!(child.try_wait().unwrap(), None, "it did not wait");
                children(child.id()).any(|id| has_open(&id, LOCK))
            });
            assert!(pod.state().chains == before.chains && child.try_wait().unwrap().is_none(), "it did not wait");
            drop(lock);
            assert!(child.wait().unwrap().success());
            assert_eq!(pod.state(), wanted);
        }
    });
}

#[test]
fn a_lock_that_stays_held_is_named() {
    let tally = in_pod(|pod| {
        let mut tally = Tally::default();
        for deed in Deed::ALL {
            let (before, wanted) = states(pod, Backend::Legacy, deed, true);
            // The bound on a program is reached before iptables' own; if all is done, after it.
            let bounds = if full() && deed == Deed::ToTproxy { &["4s", "60s"][..] } else { &["4s"] };
            for bound in bounds {
                prepare(pod, Backend::Legacy, deed, true);
                let lock = hold();
                let mut call = pod.call(&deed.args(Backend::Legacy));
                call.env("ISTIO_IPTABLES_PROGRAM_TIMEOUT", bound);
                let outcome = finish(call);
                drop(lock);
                let (name, now) = (format!("lock held, {bound}: {deed:?}"), pod.state());
                let cause = &["xtables lock"];
                tally.judge(&Case { name, before: &before, wanted: &wanted, outcome, now, cause });
            }
        }
        tally
    });
    if let Some(tally) = tally {
        tally.say("xtables lock held for longer than the bound");
    }
}
