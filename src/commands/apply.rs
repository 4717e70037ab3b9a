//! Puts the rules in place, or removes them.

use std::time::Instant;

use super::session::Session;
use super::{Call, Failure, lines};
use crate::state::{self, Comparison, Goal, Restore, Step};

/// Makes the kernel have the plan and nothing else of ours. Afterwards it does, or it is as it was.
///
/// # Errors
/// [`Failure`].
pub fn apply(call: Call<'_>) -> Result<(), Failure> {
    let start = Instant::now();
    let mut session = Session::open(call)?;
    let kind = session.choose()?;
    let snapshot = session.read(Some(kind))?;
    let goal = Goal::Apply { plan: call.plan, kind };
    match state::compare(&snapshot, goal) {
        Comparison::InPlace if call.options.force_apply => {
            log::info!("the rules are in place; --force-apply puts them there again")
        }
        Comparison::InPlace => {
            log::info!("in place: the rules are there already, nothing was changed ({:.1?})", start.elapsed());
            return Ok(());
        }
        Comparison::Clean => {}
        Comparison::Drifted(differences) if !call.options.reconcile => return Err(Failure::Drifted(differences)),
        Comparison::Drifted(differences) => {
            log::info!("other rules of ours are there; changing them:\n{}", lines(&differences));
        }
    }
    let change = state::change(&snapshot, goal);
    let rules = call.plan.rules.clone().by_number();
    log_steps(&change.steps(&rules, call.options.force_apply));
    session.carry_out(goal, &change, &rules, call.options.force_apply)?;
    log::info!("applied: the rules are in place ({:.1?})", start.elapsed());
    Ok(())
}

/// Removes everything of ours, in both kinds and families. Nothing there is success.
///
/// # Errors
/// [`Failure`].
pub fn clean(call: Call<'_>) -> Result<(), Failure> {
    let start = Instant::now();
    let mut session = Session::open(call)?;
    let snapshot = session.read(None)?;
    let goal = Goal::Clean { plan: call.plan };
    let change = state::change(&snapshot, goal);
    if change.is_empty() {
        log::info!("clean: there is nothing of ours ({:.1?})", start.elapsed());
        return Ok(());
    }
    let none = crate::netfilter::Ruleset::default();
    log_steps(&change.steps(&none, false));
    session.carry_out(goal, &change, &none, false)?;
    log::info!("clean: everything of ours was removed ({:.1?})", start.elapsed());
    Ok(())
}

/// Shows what is about to be done.
fn log_steps(steps: &[Step]) {
    for step in steps {
        match step {
            Step::AddRouting(routing) => log::info!("adding:\n{routing}"),
            Step::RemoveRouting(routing) => log::info!("removing:\n{}", routing.to_string().replace(" add ", " del ")),
            Step::Restore(restores) => {
                for Restore { kind, family, text } in restores {
                    log::info!("{family} rules for the kind {}:\n{}", kind.name(), shown(text));
                }
            }
        }
    }
}

/// How many lines of rules the log shows.
const MOST_SHOWN: usize = 1_000;

fn shown(text: &str) -> String {
    match text.match_indices('\n').nth(MOST_SHOWN) {
        Some((end, _)) => format!(
            "{}\n(and {} more lines)",
            text.get(..end).unwrap_or_default(),
            text.lines().count() - MOST_SHOWN - 1
        ),
        None => text.trim_end().to_owned(),
    }
}
