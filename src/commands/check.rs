//! Reports how the kernel's rules differ from the wanted ones. Changes nothing.

use super::reconcile::bypasses;
use super::session::Session;
use super::{Call, Failure};
use crate::kernel::watch::Watch;
use crate::report::{Outcome, Report};
use crate::state::{Comparison, Difference, Goal, Stores};

/// Checks, and with `--watch` again whenever the kernel reports a change, until something differs, or SIGTERM
/// comes.
pub fn check(call: Call<'_>, report: &mut Report<'_>) -> Result<Outcome, Failure> {
    // Notifications come from here on, so that no change falls between looking and waiting.
    let mut watch = if call.options.watch { Some(Watch::open()?) } else { None };
    let mut told = false;
    loop {
        let found = look(call, report)?;
        if !found.is_empty() || call.options.strict && !report.findings.is_empty() {
            report.differences = found;
            return Ok(Outcome::Drifted);
        }
        let Some(watch) = &mut watch else {
            log::info!("in place: the kernel has the rules that the flags ask for");
            return Ok(Outcome::InPlace);
        };
        if !told {
            told = true;
            watch.end_at_sigterm()?;
            tell(report);
        }
        if !watch.wait()? {
            log::info!("ended by SIGTERM; the rules were in place until then");
            return Ok(Outcome::InPlace);
        }
    }
}

/// Logs that it waits, and warns of what it cannot see.
fn tell(report: &mut Report<'_>) {
    if report.backend.as_deref() == Some("iptables-legacy") {
        report.warn(
            &"--watch cannot see changes to legacy rules: they are checked only when routes, policy rules, addresses or nftables change",
        );
    }
    log::info!("in place; watching for changes");
}

/// All differences.
fn look(call: Call<'_>, report: &mut Report<'_>) -> Result<Vec<Difference>, Failure> {
    let mut session = Session::look(call)?;
    let variant = session.choose()?;
    report.backend = Some(super::backend(variant));
    let goal = Goal::Apply { plan: call.plan, variant };
    let stores = Stores::new(session.observe(goal)?.observed, goal);
    if stores.comparison() == Comparison::Clean {
        log::info!("no managed rules exist");
    }
    report.bypass(bypasses(&stores, goal));
    Ok(stores.differences())
}
