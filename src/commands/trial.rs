//! Has the kernel try the rules in a network namespace of its own, which goes with the process.

use std::time::Instant;

use super::session::Session;
use super::{Call, Failure, apply, check, dry_run};
use crate::cli::Command;
use crate::config::Options;
use crate::kernel::netns;
use crate::netfilter::Backend;
use crate::report::{Outcome, Report};

/// Prints the rules, puts them in place in a new network namespace as [`apply::apply`] would in this one, and
/// looks whether they are there; with `clean`, removes them there again. This namespace is only looked at, for
/// the variant of iptables to use.
///
/// # Errors
/// [`Failure::NotTaken`], with the error of the kernel or the program; [`Failure::Kernel`] if it cannot be
/// tried.
pub fn trial(call: Call<'_>, report: &mut Report<'_>) -> Result<Outcome, Failure> {
    let start = Instant::now();
    if call.options.command == Command::Apply {
        super::explain::warn(call, report);
    }
    dry_run::print(call, report);
    let options = Options { backend: chosen_here(call), ..call.options.clone() };
    let call = Call { options: &options, ..call };
    netns::throwaway(&call.plan.rules)?;
    load(call, report).map_err(|failure| Failure::NotTaken(Box::new(failure)))?;
    report.taken = Some(start.elapsed());
    Ok(Outcome::Accepted)
}

/// What apply would use in this namespace; if that is unknown, what it would use in a fresh one.
fn chosen_here(call: Call<'_>) -> Backend {
    let asked = call.options.backend;
    match Session::look(call).and_then(|mut session| session.choose()) {
        Ok(Some(variant)) => Backend::Iptables(Some(variant)),
        Ok(None) => asked,
        Err(error) => {
            log::info!("cannot tell what is in use in this network namespace: {error}");
            asked
        }
    }
}

fn load(call: Call<'_>, report: &mut Report<'_>) -> Result<(), Failure> {
    apply::apply(call, report)?;
    // A program that reports success need not have done its work.
    if check::check(call, report)? == Outcome::Drifted {
        return Err(Failure::Drifted(report.differences.clone()));
    }
    if call.options.command == Command::Clean {
        apply::clean(call, report)?;
    }
    Ok(())
}
