//! Puts the rules in place, or removes them.

use std::mem::ManuallyDrop;
use std::time::Instant;

use super::session::{Compared, Session, Work};
use super::{Call, Failure, lines};
use crate::output::{Document, Outcome};
use crate::state::{Goal, Restore, Step};

/// Makes the kernel have the plan and nothing else of ours. Afterwards it does, or it is as it was.
///
/// # Errors
/// [`Failure`].
pub fn apply(call: Call<'_>, document: &mut Document) -> Result<Outcome, Failure> {
    document.plan(call.plan, call.options.backend);
    let start = Instant::now();
    let mut session = Session::open(call)?;
    let kind = session.choose()?;
    document.backend = Some(super::backend(kind));
    let goal = Goal::Apply { plan: call.plan, kind };
    session.start_early(kind)?;
    // Not given back: the process ends behind this.
    let work = ManuallyDrop::new(Work::new(session.read(goal)?, goal)?);
    document.bypass(&work.bypasses());
    if call.options.strict && !document.findings.is_empty() {
        log::error!("nothing was changed: --strict");
        return Ok(Outcome::Drifted);
    }
    match work.compared() {
        Compared::InPlace if call.options.force_apply => {
            log::info!("the rules are in place; --force-apply puts them there again");
        }
        Compared::InPlace => {
            log::info!("in place: the rules are there already, nothing was changed ({:.1?})", start.elapsed());
            return Ok(Outcome::InPlace);
        }
        Compared::Clean => {}
        Compared::Drifted => {
            let differences = work.differences()?;
            document.differ(&differences);
            if !call.options.reconcile {
                return Err(Failure::Drifted(differences));
            }
            if call.config.captures_nothing() && differences.iter().any(|line| captured(line)) {
                document.warn(&"no flag says what to capture: the capture that is in place here is removed. Give -b and -i as the pod's own call does, or the command clean to remove all");
            }
            log::info!("other rules of ours are there; changing them:\n{}", lines(&differences));
        }
    }
    let steps = work.steps(call.options.force_apply);
    log_steps(&work, &steps);
    session.carry_out(&work, &steps)?;
    log::info!("applied: the rules are in place ({:.1?})", start.elapsed());
    Ok(Outcome::Applied)
}

/// Whether a difference takes away a rule that leads traffic to the proxy, other than the proxy's own to itself.
fn captured(difference: &str) -> bool {
    difference.starts_with('-')
        && ["-j ISTIO_", "jump istio-"].iter().any(|jump| difference.contains(jump))
        && !["owner", " skuid", " skgid"].iter().any(|owner| difference.contains(owner))
}

/// Removes everything of ours, in both kinds and families. Nothing there is success.
///
/// # Errors
/// [`Failure`].
pub fn clean(call: Call<'_>, document: &mut Document) -> Result<Outcome, Failure> {
    let start = Instant::now();
    let mut session = Session::open(call)?;
    let goal = Goal::Clean { plan: call.plan };
    let (found, removed) = session.read_to_clean(goal)?;
    let lookalikes = found.lookalikes(call);
    if !lookalikes.is_empty() {
        document.warn(&format!(
            "these look as if this program had made them, but nothing shows that it has: they stay\n{}",
            lines(&lookalikes)
        ));
    }
    let work = Work::new(found, goal)?;
    document.differ(&work.differences()?);
    let steps = work.steps(false);
    if steps.is_empty() && !removed {
        log::info!("clean: there is nothing of ours ({:.1?})", start.elapsed());
        return Ok(Outcome::NothingThere);
    }
    log_steps(&work, &steps);
    session.carry_out(&work, &steps)?;
    log::info!("clean: everything of ours was removed ({:.1?})", start.elapsed());
    Ok(Outcome::Removed)
}

/// Shows what is about to be done.
fn log_steps(work: &Work<'_>, steps: &[Step]) {
    for step in steps {
        match step {
            Step::AddRouting(routing) => log::info!("adding:\n{routing}"),
            Step::RemoveRouting(routing) => log::info!("removing:\n{}", routing.to_string().replace(" add ", " del ")),
            Step::Dormant(family, table, dormant) => {
                log::info!("setting the flag dormant of the {family} table {table} to {dormant}");
            }
            Step::Nftables if work.native().0.is_empty() => log::info!("removing the tables inet istio-proxy-*"),
            Step::Nftables => log::info!("rules for nftables:\n{}", shown(&work.native().to_string())),
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
