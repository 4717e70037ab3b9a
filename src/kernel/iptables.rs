//! The iptables programs.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use super::process::{self, Call};
use super::{KernelError, ProcessError};
use crate::config::{Families, Family, IptablesKind};
use crate::netfilter::save;
use crate::state::{Restore, Tables};

/// Where legacy iptables has its lock (iptables(8)).
pub(super) const XTABLES_LOCK: &str = "/run/xtables.lock";

/// How long a program waits for the xtables lock, in seconds.
const LOCK_WAIT: u32 = 30;

/// The programs of one kind that were found.
#[derive(Clone, Debug)]
pub struct Programs {
    kind: IptablesKind,
    ipv4: Pair,
    ipv6: Option<Pair>,
}

/// The programs of one kind and family.
#[derive(Clone, Debug)]
struct Pair {
    restore: PathBuf,
    save: PathBuf,
}

/// How programs are run.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The bound on one program.
    pub bound: Duration,
    /// Host file system, pod namespace.
    pub cni: bool,
}

impl Programs {
    /// Finds the programs of a kind for these families.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn find(kind: IptablesKind, families: Families) -> Result<Self, String> {
        let ipv4 = Pair::find(kind, Family::Ipv4)?;
        let ipv6 = match Pair::find(kind, Family::Ipv6) {
            Err(missing) if families.ipv6() => {
                return Err(format!("{missing}, which IPv6 rules need (--ip-families=ipv4 leaves them out)"));
            }
            pair => pair.ok(),
        };
        Ok(Self { kind, ipv4, ipv6 })
    }

    /// The kind.
    pub fn kind(&self) -> IptablesKind {
        self.kind
    }

    /// Whether the programs of this family are there.
    pub fn has(&self, family: Family) -> bool {
        match family {
            Family::Ipv4 => true,
            Family::Ipv6 => self.ipv6.is_some(),
        }
    }

    /// The restore program of IPv4, for the log.
    pub fn path(&self) -> &std::path::Path {
        &self.ipv4.restore
    }

    /// The restore program of a family.
    pub fn restore_program(&self, family: Family) -> &std::path::Path {
        self.pair(family).map_or(self.path(), |p| p.restore.as_path())
    }

    /// The save program of a family.
    pub fn save_program(&self, family: Family) -> &std::path::Path {
        self.pair(family).map_or(self.path(), |p| p.save.as_path())
    }

    fn pair(&self, family: Family) -> Result<&Pair, KernelError> {
        match family {
            Family::Ipv4 => Ok(&self.ipv4),
            Family::Ipv6 => {
                let missing =
                    || format!("ip6tables-{} is not there, and IPv6 tables have to be looked at", self.kind.name());
                self.ipv6.as_ref().ok_or_else(|| KernelError::NoIptables(missing()))
            }
        }
    }

    /// Reads all tables of some families, at the same time.
    ///
    /// # Errors
    /// [`KernelError`]: what cannot be read is not taken for empty.
    pub fn save(&self, families: &[Family], manner: Manner) -> Result<Vec<(Family, Tables)>, KernelError> {
        let calls: Result<Vec<_>, KernelError> = families
            .iter()
            .map(|f| Ok(self.call(self.pair(*f)?.save.clone(), Vec::new(), String::new(), manner)))
            .collect();
        let calls = calls?;
        let outputs = run_with_retries(&calls, manner.bound);
        let mut found = Vec::new();
        for ((family, call), output) in families.iter().zip(&calls).zip(outputs) {
            let text = output?;
            let error = |source| KernelError::Save { program: call.program.clone(), source };
            let tables = save::parse(&String::from_utf8_lossy(&text)).map_err(error)?;
            found.push((*family, tables.into_iter().collect()));
        }
        Ok(found)
    }

    /// Runs the restore program on these texts, at the same time.
    ///
    /// # Errors
    /// The first failure; the others may have done their work.
    pub fn restore(&self, texts: &[&Restore], manner: Manner) -> Result<(), KernelError> {
        let mut arguments = vec!["--noflush".to_owned()];
        if self.kind == IptablesKind::Legacy {
            arguments.push(format!("--wait={LOCK_WAIT}"));
        }
        let call = |r: &&Restore| {
            Ok(self.call(self.pair(r.family)?.restore.clone(), arguments.clone(), r.text.clone(), manner))
        };
        let calls: Result<Vec<_>, KernelError> = texts.iter().map(call).collect();
        let outputs = run_with_retries(&calls?, manner.bound);
        for output in outputs {
            output?;
        }
        Ok(())
    }

    fn call(&self, program: PathBuf, arguments: Vec<String>, input: String, manner: Manner) -> Call {
        let mut environment = Vec::new();
        if self.kind == IptablesKind::Legacy && (manner.cni || !lock_is_usable()) {
            environment.push(("XTABLES_LOCKFILE", OsString::from(PRIVATE_LOCK)));
        }
        Call { program, arguments, input, environment, without_name_service: manner.cni }
    }
}

/// A lock file that is the program's own: the lock that matters is that of the network namespace, which a
/// call of ours holds while its programs run. Some file has to be there to be locked, even where nothing
/// can be written.
const PRIVATE_LOCK: &str = "/proc/self/status";

/// Whether iptables will be able to open its lock file, which it does as here.
fn lock_is_usable() -> bool {
    OpenOptions::new().read(true).mode(0o600).custom_flags(nix::libc::O_CREAT).open(XTABLES_LOCK).is_ok()
}

impl Pair {
    fn find(kind: IptablesKind, family: Family) -> Result<Self, String> {
        let prefix = match family {
            Family::Ipv4 => "iptables",
            Family::Ipv6 => "ip6tables",
        };
        let path = || std::env::var_os("PATH");
        let named = |infix: &str, what: &str| process::find(&format!("{prefix}{infix}-{what}"), path());
        let infix = format!("-{}", kind.name());
        if let Some((restore, save)) = named(&infix, "restore").zip(named(&infix, "save")) {
            return Ok(Self { restore, save });
        }
        match named("", "restore").zip(named("", "save")) {
            Some((restore, save)) if kind_of(&restore) == Some(kind) => Ok(Self { restore, save }),
            Some((restore, _)) => Err(format!(
                "{prefix}-{0}-restore and {prefix}-{0}-save are not on PATH, and {1} is of the other kind",
                kind.name(),
                restore.display()
            )),
            None => Err(format!("{prefix}-{0}-restore and {prefix}-{0}-save are not on PATH", kind.name())),
        }
    }
}

/// The kind of a program, as its version says: releases before 1.8 have one kind and say nothing.
fn kind_of(program: &std::path::Path) -> Option<IptablesKind> {
    let call = Call {
        program: program.to_owned(),
        arguments: vec!["--version".to_owned()],
        input: String::new(),
        environment: Vec::new(),
        without_name_service: false,
    };
    let output = process::run_all(&[call], Duration::from_secs(10)).pop()?.ok()?;
    let kind =
        if String::from_utf8_lossy(&output).contains("nf_tables") { IptablesKind::Nft } else { IptablesKind::Legacy };
    Some(kind)
}

/// Runs the calls, and those again that failed for a reason that passes.
fn run_with_retries(calls: &[Call], bound: Duration) -> Vec<Result<process::Output, ProcessError>> {
    const TRIES: u32 = 5;
    let mut results = process::run_all(calls, bound);
    for try_ in 1..TRIES {
        let again: Vec<_> = results
            .iter()
            .enumerate()
            .filter(|(_, r)| r.as_ref().is_err_and(ProcessError::passes))
            .map(|(i, _)| i)
            .collect();
        if again.is_empty() {
            break;
        }
        log::debug!("trying again {} of {} programs, whose failure may pass", again.len(), calls.len());
        std::thread::sleep(Duration::from_millis(10) * (1 << try_));
        let repeated: Vec<_> = again.iter().filter_map(|i| calls.get(*i).cloned()).collect();
        for (i, result) in again.into_iter().zip(process::run_all(&repeated, bound)) {
            if let Some(slot) = results.get_mut(i) {
                *slot = result;
            }
        }
    }
    results
}
