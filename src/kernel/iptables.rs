//! The iptables programs.

use std::cell::OnceCell;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::KernelError;
use super::lock::XTABLES_LOCK;
use super::process::{self, ProcessError, ProgramCall, Started};
use crate::net::{Families, Family};
use crate::netfilter::Variant;
use crate::netfilter::quirks;
use crate::netfilter::save;
use crate::state::{Restore, SavedTables};

/// How long a program waits for the xtables lock, in seconds.
const LOCK_WAIT: u32 = 30;

/// The programs of one variant that were found.
#[derive(Clone, Debug)]
pub struct Programs {
    pub variant: Variant,
    ipv4: Pair,
    /// Looked for if they are needed.
    ipv6: OnceCell<Option<Pair>>,
}

/// The programs of one variant and family.
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
    /// Finds the programs of a variant for these families.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn find(variant: Variant, families: Families) -> Result<Self, String> {
        let ipv4 = Pair::find(variant, Family::Ipv4)?;
        let programs = Self { variant, ipv4, ipv6: OnceCell::new() };
        if families.ipv6() {
            let needed = |missing| format!("{missing}, which IPv6 rules need (--ip-families=ipv4 leaves them out)");
            let _ = programs.ipv6.set(Some(Pair::find(variant, Family::Ipv6).map_err(needed)?));
        }
        Ok(programs)
    }

    /// Whether the programs of this family are there.
    pub fn has(&self, family: Family) -> bool {
        match family {
            Family::Ipv4 => true,
            Family::Ipv6 => self.ipv6().is_some(),
        }
    }

    /// The restore program of IPv4, for the log.
    pub fn path(&self) -> &Path {
        &self.ipv4.restore
    }

    /// The restore program of a family.
    pub fn restore_program(&self, family: Family) -> &Path {
        self.pair(family).map_or(self.path(), |p| p.restore.as_path())
    }

    /// The save program of a family.
    pub fn save_program(&self, family: Family) -> &Path {
        self.pair(family).map_or(self.path(), |p| p.save.as_path())
    }

    fn pair(&self, family: Family) -> Result<&Pair, KernelError> {
        match family {
            Family::Ipv4 => Ok(&self.ipv4),
            Family::Ipv6 => {
                let missing = || {
                    format!("ip6tables-{} is not available, but IPv6 tables have to be inspected", self.variant.name())
                };
                self.ipv6().ok_or_else(|| KernelError::NoIptables(missing()))
            }
        }
    }

    fn ipv6(&self) -> Option<&Pair> {
        self.ipv6.get_or_init(|| Pair::find(self.variant, Family::Ipv6).ok()).as_ref()
    }

    /// Starts to read all tables of some families, at the same time.
    ///
    /// # Errors
    /// [`KernelError::NoIptables`] if a program is not there.
    pub fn start_save(&self, families: &[Family], manner: Manner) -> Result<Saving, KernelError> {
        let work = self.start(families, |pair| &pair.save, &[], manner)?;
        Ok(Saving { families: families.to_vec(), work })
    }

    /// Starts the restore programs of some families, at the same time. They do nothing before they are given
    /// a text.
    ///
    /// # Errors
    /// [`KernelError::NoIptables`] if a program is not there.
    pub fn start_restore(&self, families: &[Family], manner: Manner) -> Result<Restoring, KernelError> {
        let mut arguments = vec!["--noflush".to_owned()];
        if self.variant == Variant::Legacy {
            arguments.push(format!("--wait={LOCK_WAIT}"));
        }
        let work = self.start(families, |pair| &pair.restore, &arguments, manner)?;
        Ok(Restoring { variant: self.variant, families: families.to_vec(), work })
    }

    fn start(
        &self,
        families: &[Family],
        program: fn(&Pair) -> &PathBuf,
        arguments: &[String],
        manner: Manner,
    ) -> Result<AtWork, KernelError> {
        let mut calls = Vec::new();
        for family in families {
            let program = program(self.pair(*family)?).clone();
            let has_own_lock = self.variant == Variant::Legacy && (manner.cni || !lock_is_usable());
            calls.push(ProgramCall {
                program,
                arguments: arguments.to_vec(),
                environment: has_own_lock.then_some(("XTABLES_LOCKFILE", PRIVATE_LOCK)),
                without_name_service: manner.cni,
            });
        }
        Ok(AtWork { started: Started::new(calls), bound: manner.bound })
    }
}

/// A lock file that is the program's own: the lock that matters is that of the network namespace, which a
/// call of this program holds while its programs run. Some file has to be there to be locked, even if nothing
/// can be written.
const PRIVATE_LOCK: &str = "/proc/self/status";

/// Whether iptables will be able to open its lock file, which it does as here; but it waits if that is a FIFO.
fn lock_is_usable() -> bool {
    let flags = nix::libc::O_CREAT | nix::libc::O_NONBLOCK;
    let lock = OpenOptions::new().read(true).mode(0o600).custom_flags(flags).open(XTABLES_LOCK);
    lock.and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.is_file())
}

impl Pair {
    fn find(variant: Variant, family: Family) -> Result<Self, String> {
        let prefix = family.program();
        let path = || std::env::var_os("PATH");
        let named = |infix: &str, what: &str| process::find(&format!("{prefix}{infix}-{what}"), path());
        let infix = format!("-{}", variant.name());
        if let Some((restore, save)) = named(&infix, "restore").zip(named(&infix, "save")) {
            return Ok(Self { restore, save });
        }
        match named("", "restore").zip(named("", "save")) {
            Some((restore, save)) if version(&restore).is_some_and(|printed| quirks::variant(&printed) == variant) => {
                Ok(Self { restore, save })
            }
            Some((restore, _)) => Err(format!(
                "{prefix}-{0}-restore and {prefix}-{0}-save are not on PATH, and {1} is the other variant",
                variant.name(),
                restore.display()
            )),
            None => Err(format!("{prefix}-{0}-restore and {prefix}-{0}-save are not on PATH", variant.name())),
        }
    }
}

/// What a program prints of its version.
pub fn version(program: &Path) -> Option<String> {
    let arguments = vec!["--version".to_owned()];
    let call = ProgramCall { program: program.to_owned(), arguments, ..ProgramCall::default() };
    let output = process::run_all(&[(&call, "")], Duration::from_secs(10)).pop()?.ok()?;
    Some(String::from_utf8_lossy(&output).into_owned())
}

/// Programs that read the tables of some families.
#[derive(Debug)]
pub struct Saving {
    families: Vec<Family>,
    work: AtWork,
}

impl Saving {
    /// What they print.
    ///
    /// # Errors
    /// [`KernelError`]: what cannot be read is not taken for empty.
    pub fn finish(mut self) -> Result<Vec<(Family, SavedTables)>, KernelError> {
        let outputs = self.work.finish(&[]);
        let mut found = Vec::new();
        for ((family, call), output) in self.families.into_iter().zip(&self.work.started.calls).zip(outputs) {
            let tables = save::parse(&String::from_utf8_lossy(&output?));
            let tables = tables.map_err(|source| KernelError::Save { program: call.program.clone(), source })?;
            let mut by_name = SavedTables::new();
            by_name.extend(tables);
            found.push((family, by_name));
        }
        Ok(found)
    }
}

/// Programs that wait for a text with rules for some families.
#[derive(Debug)]
pub struct Restoring {
    variant: Variant,
    families: Vec<Family>,
    work: AtWork,
}

impl Restoring {
    /// Whether these are the programs for texts of this variant and these families.
    pub fn is_for(&self, variant: Variant, families: &[Family]) -> bool {
        self.variant == variant && self.families == families
    }

    /// Gives them the texts, in the order of the families, and waits until they have done it.
    ///
    /// # Errors
    /// The first failure; the remaining ones may have done their work.
    pub fn finish(mut self, texts: &[&Restore]) -> Result<(), KernelError> {
        let texts: Vec<_> = texts.iter().map(|r| r.text.as_str()).collect();
        for output in self.work.finish(&texts) {
            output?;
        }
        Ok(())
    }
}

/// Running programs, which are run again if they fail for a temporary reason.
#[derive(Debug)]
struct AtWork {
    started: Started,
    bound: Duration,
}

impl AtWork {
    fn finish(&mut self, inputs: &[&str]) -> Vec<Result<process::Output, ProcessError>> {
        const TRIES: u32 = 5;
        let mut results = self.started.finish(inputs, self.bound);
        let inputs = inputs.iter().copied().chain(std::iter::repeat(""));
        let runs: Vec<_> = self.started.calls.iter().zip(inputs).collect();
        for try_ in 1..TRIES {
            let passes = |r: &Result<_, ProcessError>| r.as_ref().is_err_and(ProcessError::passes);
            let again: Vec<_> = results.iter_mut().zip(&runs).filter(|(r, _)| passes(r)).collect();
            if again.is_empty() {
                break;
            }
            log::debug!("retrying {} of {} programs, whose failure may be temporary", again.len(), runs.len());
            std::thread::sleep(Duration::from_millis(10) * (1 << try_));
            let (slots, repeated): (Vec<_>, Vec<_>) = again.into_iter().map(|(slot, run)| (slot, *run)).unzip();
            for (slot, result) in slots.into_iter().zip(process::run_all(&repeated, self.bound)) {
                *slot = result;
            }
        }
        results
    }
}
