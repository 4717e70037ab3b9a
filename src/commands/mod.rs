//! What the program does: each a short recipe over the rest.

use std::time::Duration;

use crate::capture::Plan;
use crate::cli::Command;
use crate::config::{Config, DryRun, Options};
use crate::explain::{Request, WordError};
use crate::kernel::KernelError;
use crate::netfilter::Variant;
use crate::report::{Outcome, Report, Rules};
use crate::state::Difference;

mod apply;
mod check;
mod dry_run;
pub mod explain;
mod pod;
mod reconcile;
mod session;
mod trial;
mod validate;

pub use session::Live;

/// Why a call failed. Nothing is changed, unless noted; exit status 1.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The kernel, or a program that talks to it.
    #[error(transparent)]
    Kernel(Box<KernelError>),
    /// The kernel or a program failed during a change, and the changes were rolled back.
    #[error("{0}. All changes were rolled back")]
    Undone(#[source] Box<KernelError>),
    /// The rollback failed too.
    #[error("{cause}. Rolling back the changes failed: {undoing}. {}", remains(.left))]
    NotUndone {
        /// The failure.
        cause: Box<KernelError>,
        /// The failure of undoing.
        undoing: Box<KernelError>,
        /// How the kernel differs from what it was, if known.
        left: Vec<Difference>,
    },
    /// Other managed rules are there, and are not to be changed.
    #[error("different istio-iptables rules already exist, and --reconcile=false prevents changing them. Changes needed:\n{}", lines(.0))]
    Drifted(Vec<Difference>),
    /// Connections do not arrive at the expected place; exit status 126.
    #[error("the validation failed:\n{0}")]
    Validation(String),
    /// The kernel, asked in a namespace of its own, does not take the rules.
    #[error(
        "the kernel rejects these rules (tried in a throwaway network namespace; nothing was changed in this one): {0}"
    )]
    NotTaken(#[source] Box<Failure>),
    /// The packet to explain cannot be.
    #[error(transparent)]
    Packet(#[from] WordError),
}

impl From<KernelError> for Failure {
    fn from(error: KernelError) -> Self {
        Self::Kernel(Box::new(error))
    }
}

impl Failure {
    /// The result of the call.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Packet(_) => Outcome::WrongUsage,
            Self::Validation(_) => Outcome::NotValid,
            Self::Kernel(_) | Self::Undone(_) | Self::NotUndone { .. } | Self::Drifted(_) | Self::NotTaken(_) => {
                Outcome::Failed
            }
        }
    }
}

/// What rules are written with: a variant of iptables, or nftables.
fn backend(variant: Option<Variant>) -> String {
    variant.map_or_else(|| "nftables".to_owned(), |variant| format!("iptables-{}", variant.name()))
}

fn remains(differences: &[Difference]) -> String {
    match differences {
        [] => "The current state is unknown: `iptables-save` shows it; the next successful call repairs it".to_owned(),
        differences => {
            format!("Differences from the state before:\n{}\nThe next successful call repairs them", lines(differences))
        }
    }
}

/// How many lines of a difference are shown.
const MOST_LINES: usize = 200;

fn lines(differences: &[impl ToString]) -> String {
    let mut lines: Vec<_> = differences.iter().take(MOST_LINES).map(ToString::to_string).collect();
    if differences.len() > MOST_LINES {
        lines.push(format!("(and {} more)", differences.len() - MOST_LINES));
    }
    lines.join("\n")
}

/// What a call works with.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What is wanted.
    pub config: &'a Config,
    /// What follows from it.
    pub plan: &'a Plan,
    /// How to go about it.
    pub options: &'a Options,
}

/// The time limit for waiting for another call in the same namespace: two calls' work, with the bound on
/// each of their programs.
const LOCK_BOUND: Duration = Duration::from_secs(120);

/// Does what a call asks for.
pub fn run<'a>(call: Call<'a>, packet: Option<&Request>, report: &mut Report<'a>) -> Result<Outcome, Failure> {
    let is_about_the_plan = match (call.options.command, call.options.dry_run) {
        (Command::Explain, _) | (Command::Clean, DryRun::No) => false,
        (Command::Apply, DryRun::No) => !call.options.skip_apply,
        (Command::Check, _) | (Command::Apply | Command::Clean, DryRun::Print | DryRun::Kernel) => true,
    };
    if is_about_the_plan {
        report.rules = Rules::Planned(call.plan, call.options.backend);
    }
    let outcome = match (call.options.command, call.options.dry_run) {
        (Command::Explain, _) => explain::explain(call, packet, report),
        (Command::Check, _) => check::check(call, report),
        (Command::Apply | Command::Clean, DryRun::Print) => Ok(dry_run::dry_run(call, report)),
        (Command::Apply | Command::Clean, DryRun::Kernel) => trial::trial(call, report),
        (Command::Apply | Command::Clean, DryRun::No) if call.options.skip_apply => {
            log::info!("nothing is changed: --skip-rule-apply");
            Ok(Outcome::Skipped)
        }
        (Command::Clean, DryRun::No) => apply::clean(call, report),
        (Command::Apply, DryRun::No) => apply::apply(call, report),
    }?;
    if call.options.run_validation && matches!(outcome, Outcome::Applied | Outcome::InPlace | Outcome::Skipped) {
        validate::validate(call)?;
    }
    Ok(outcome)
}
