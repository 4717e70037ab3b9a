//! Puts the rules in place, or removes them.

use std::time::Instant;

use super::reconcile::bypasses;
use super::session::Session;
use super::{Call, Failure, lines};
use crate::config::InterceptionMode;
use crate::kernel::conntrack;
use crate::report::{Outcome, Report};
use crate::state::{Action, Comparison, Content, Goal, Restore, Stores, tproxy_marks};

/// Makes the kernel have the plan and nothing else managed. Afterwards it does, or it is as it was.
pub fn apply(call: Call<'_>, report: &mut Report<'_>) -> Result<Outcome, Failure> {
    let start = Instant::now();
    let mut session = Session::open(call)?;
    let variant = session.choose()?;
    report.backend = Some(super::backend(variant));
    let goal = Goal::Apply { plan: call.plan, variant };
    session.start_early(variant)?;
    let observed = session.observe(goal)?.observed;
    // The kernel has one table for all namespaces, and to go through it takes 15 ms.
    let leaves_tproxy = call.config.mode == InterceptionMode::Redirect && !tproxy_marks(&observed).is_empty();
    let stores = Stores::new(observed, goal);
    report.bypass(bypasses(&stores, goal));
    if call.options.strict && !report.findings.is_empty() {
        log::error!("nothing was changed: --strict");
        return Ok(Outcome::Drifted);
    }
    match stores.comparison() {
        Comparison::InPlace if call.options.force_apply => {
            log::info!("the rules are already in place; --force-apply applies them again");
        }
        Comparison::InPlace => {
            log::info!("in place: the rules already exist, nothing was changed ({:.1?})", start.elapsed());
            return Ok(Outcome::InPlace);
        }
        Comparison::Clean => {}
        Comparison::Drifted => {
            let differences = stores.differences();
            report.differences.clone_from(&differences);
            if !call.options.reconcile {
                return Err(Failure::Drifted(differences));
            }
            if call.config.captures_nothing() && differences.iter().any(|d| d.captures && !d.missing) {
                report.warn(&"no flag selects traffic to capture: removing the existing capture. Pass -b and -i as the pod's init container does, or run clean to remove everything");
            }
            log::info!("different managed rules exist; changing them:\n{}", lines(&differences));
        }
    }
    log_actions(&stores.actions(call.options.force_apply));
    session.reconcile(&stores, goal, call.options.force_apply)?;
    if leaves_tproxy {
        forget();
    }
    log::info!("applied: the rules are in place ({:.1?})", start.elapsed());
    Ok(Outcome::Applied)
}

/// Deletes conntrack entries that the old rules led to, if no connection needs them. If that fails, they expire by
/// themselves.
fn forget() {
    match conntrack::forget() {
        Ok(0) => {}
        Ok(count) => log::debug!("deleted {count} conntrack entries of closed or unanswered connections"),
        Err(error) => log::debug!("cannot delete the conntrack entries of closed connections: {error}"),
    }
}

/// Removes everything managed, in both variants and families. If there is nothing to remove, that is success.
pub fn clean(call: Call<'_>, report: &mut Report<'_>) -> Result<Outcome, Failure> {
    let start = Instant::now();
    let mut session = Session::open(call)?;
    let goal = Goal::Clean { plan: call.plan };
    let (found, removed) = session.observe_to_clean(goal)?;
    let lookalikes = found.lookalikes(call);
    if !lookalikes.is_empty() {
        report.warn(&format!(
            "these look managed, but nothing proves that this program made them; keeping them:\n{}",
            lines(&lookalikes)
        ));
    }
    let stores = Stores::new(found.observed, goal);
    report.differences = stores.differences();
    let actions = stores.actions(false);
    if actions.is_empty() && !removed {
        log::info!("clean: nothing to remove ({:.1?})", start.elapsed());
        return Ok(Outcome::NothingThere);
    }
    log_actions(&actions);
    session.reconcile(&stores, goal, false)?;
    log::info!("clean: all managed rules and routes were removed ({:.1?})", start.elapsed());
    Ok(Outcome::Removed)
}

/// Shows what is about to be done.
fn log_actions(actions: &[Action<'_>]) {
    for action in actions {
        match action {
            Action::AddRouting(routing) => log::info!("adding:\n{routing}"),
            Action::RemoveRouting(routing) => log::info!("removing:\n{}", routing.removal()),
            Action::Dormant(family, table, dormant) => {
                log::info!("setting the flag dormant of the {family} table {table} to {dormant}");
            }
            Action::Nftables(Content::Planned(tables)) if !tables.0.is_empty() => {
                log::info!("rules for nftables:\n{}", shown(&tables.to_string()));
            }
            Action::Nftables(Content::Planned(_) | Content::Earlier(_)) => {
                log::info!("removing the tables inet istio-proxy-*");
            }
            Action::Restore(Restore { variant, family, text, .. }) => {
                log::info!("{family} rules for iptables ({}):\n{}", variant.name(), shown(text));
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
