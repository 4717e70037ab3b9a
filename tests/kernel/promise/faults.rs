//! Programs that misbehave: each in turn, at its first call or at all of them.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::pod::{FAMILIES, Pod, finish, full, in_pod};
use super::scenario::{Deed, prepare, states};
use super::verdict::{Case, Tally};
use harness::{Backend, Outcome, real};

/// How a program misbehaves, as the lines of a script; `$REAL` is the real one.
#[derive(Clone, Debug)]
enum Fault {
    Missing,
    NotExecutable,
    Script { name: String, lines: String, always: bool },
}

fn faults(what: &str) -> Vec<Fault> {
    let mut scripts: Vec<(String, String)> = Vec::new();
    for status in 1..=4 {
        scripts.push((format!("exit {status} before"), format!("echo sabotage >&2; exit {status}")));
        scripts.push((format!("exit {status} after"), format!("\"$REAL\" \"$@\"; echo sabotage >&2; exit {status}")));
    }
    let mut add = |name: &str, lines: &str| scripts.push((name.to_owned(), lines.to_owned()));
    add("killed before", "kill -9 $$");
    add("killed after", "\"$REAL\" \"$@\"; kill -9 $$");
    add("terminated before", "kill -15 $$");
    add("hangs before", "/bin/sleep infinity");
    add("hangs after", "\"$REAL\" \"$@\"; /bin/sleep infinity");
    if what == "save" {
        add("prints garbage", "echo garbage; exit 0");
        add("prints binary garbage", "/usr/bin/head -c 5000 /dev/urandom; exit 0");
        add("prints nothing", "exit 0");
        add("prints half", "\"$REAL\" \"$@\" | /usr/bin/head -n 9; exit 0");
        add("garbage behind", "\"$REAL\" \"$@\"; echo garbage");
    } else {
        add("prints garbage", "\"$REAL\" \"$@\"; /usr/bin/head -c 200000 /dev/urandom; exit 0");
        add("does nothing", "exit 0");
    }
    let mut faults = vec![Fault::Missing, Fault::NotExecutable];
    for (name, lines) in scripts {
        for always in [false, true] {
            faults.push(Fault::Script { name: name.clone(), lines: lines.clone(), always });
        }
    }
    faults
}

impl Fault {
    fn strike(&self, pod: &Pod, program: &str) {
        match self {
            Self::Missing => pod.remove(program),
            Self::NotExecutable => {
                pod.replace(program, "#!/bin/sh\n");
                fs::set_permissions(pod.place(program), fs::Permissions::from_mode(0o644)).unwrap();
            }
            Self::Script { lines, always, .. } => {
                let count = pod.place("count");
                let _ = fs::remove_file(&count);
                let mut script = format!("#!/bin/sh\nREAL={}\n", real(program).display());
                if !always {
                    let count = count.display();
                    let _ = writeln!(script, "[ ! -e {count} ] || exec \"$REAL\" \"$@\"\n: >{count}");
                }
                pod.replace(program, &(script + lines + "\n"));
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Missing => "missing".to_owned(),
            Self::NotExecutable => "not executable".to_owned(),
            Self::Script { name, always, .. } => format!("{name}{}", if *always { ", always" } else { "" }),
        }
    }

    /// Whether it is tried when not everything is.
    fn is_chosen(&self, deed: Deed) -> bool {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        if self.hangs() {
            return deed == Deed::ToTproxy && matches!(self, Self::Script { always: false, .. });
        }
        COUNT.fetch_add(1, Ordering::Relaxed).is_multiple_of(8)
    }

    fn hangs(&self) -> bool {
        matches!(self, Self::Script { name, .. } if name.starts_with("hangs"))
    }

    /// Whether a program was ended that did not hang: the bound holds for each call, and was too short for the machine.
    fn others_were_late(&self, program: &str, outcome: &Outcome) -> bool {
        let errors = outcome.errors();
        let mut late: Vec<&str> = errors.split("` did not finish within").collect();
        late.pop();
        let hung =
            late.iter().filter(|text| text.rsplit('`').next().is_some_and(|call| call.contains(program))).count();
        hung < late.len() || (hung > 1 && !matches!(self, Self::Script { always: true, .. }))
    }
}

fn suffer(pod: &Pod, kind: Backend, deed: Deed, foreign: bool) -> Tally {
    let mut tally = Tally::default();
    let (before, wanted) = states(pod, kind, deed, foreign);
    let mut ready = false;
    for what in ["save", "restore"] {
        for family in FAMILIES {
            let program = kind.program(family, what);
            for fault in faults(what).into_iter().filter(|f| full() || f.is_chosen(deed)) {
                let mut attempt = |bound: &str| {
                    if !ready {
                        prepare(pod, kind, deed, foreign);
                    }
                    fault.strike(pod, &program);
                    let mut call = pod.call(&deed.args(kind));
                    call.env("ISTIO_IPTABLES_PROGRAM_TIMEOUT", bound);
                    let outcome = finish(call);
                    pod.mend(&program);
                    let now = pod.state();
                    ready = now == before;
                    (outcome, now)
                };
                // What does not hang needs a minute at most, on a busy machine and with releases before 1.8.8, which look
                // once a second whether the lock of legacy iptables is free.
                let (mut outcome, mut now) = attempt(if fault.hangs() { "4s" } else { "60s" });
                if fault.hangs() && fault.others_were_late(&program, &outcome) {
                    (outcome, now) = attempt("60s");
                }
                let name = format!("{} {deed:?}, foreign rules {foreign}: {program}: {}", kind.name(), fault.name());
                // If a program is missing, its pair is named.
                let pair = program.replace("-restore", "-save and -restore");
                let cause = &[program.as_str(), pair.as_str()];
                tally.judge(&Case { name, before: &before, wanted: &wanted, outcome, now, cause });
            }
        }
    }
    tally
}

fn all(kind: Backend) {
    let tally = in_pod(|pod| {
        let mut tally = Tally::default();
        for deed in Deed::ALL {
            tally.add(suffer(pod, kind, deed, true));
        }
        // Without foreign rules, tables come and go.
        tally.add(suffer(pod, kind, Deed::Apply, false));
        tally.add(suffer(pod, kind, Deed::Clean, false));
        tally
    });
    if let Some(tally) = tally {
        tally.say(&format!("misbehaving programs, {}", kind.name()));
    }
}

#[test]
fn legacy_programs_that_misbehave() {
    all(Backend::Legacy);
}

#[test]
fn nft_programs_that_misbehave() {
    all(Backend::Nft);
}

/// What a hanging program has started must not keep the lock of the namespace: the next call would wait, and fail.
#[test]
fn what_a_hanging_program_started_is_ended() {
    in_pod(|pod| {
        let program = Backend::Nft.program("ip", "restore");
        pod.replace(&program, "#!/bin/sh\n/bin/sleep infinity\n");
        let mut call = pod.call(&Deed::Apply.args(Backend::Nft));
        call.env("ISTIO_IPTABLES_PROGRAM_TIMEOUT", "200ms");
        let outcome = finish(call);
        assert_eq!(outcome.status, Some(1), "{outcome:?}");
        pod.mend(&program);
        pod.does(&Deed::Apply.args(Backend::Nft));
    });
}
