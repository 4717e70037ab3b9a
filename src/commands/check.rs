//! Says how what the kernel has differs from what is wanted. Changes nothing.

use std::io::Write;

use super::reconcile::bypasses;
use super::session::Session;
use super::{Call, Failure};
use crate::kernel::watch::Watch;
use crate::output::{Document, Outcome};
use crate::state::{Comparison, Difference, Goal, Stores};

/// Checks, and with `--watch` again whenever the kernel reports a change, until something differs, or SIGTERM
/// comes. The differences go to `out`, in order: `+` for what is missing, `-` for what is there and is not wanted.
///
/// # Errors
/// [`Failure`]: it could not be told.
pub fn check(call: Call<'_>, document: &mut Document, out: &mut dyn Write) -> Result<Outcome, Failure> {
    document.plan(call.plan, call.options.backend);
    // Notifications come from here on, so that no change falls between looking and waiting.
    let mut watch = if call.options.watch { Some(Watch::open()?) } else { None };
    let mut told = false;
    loop {
        let found = look(call, document)?;
        if !found.is_empty() || call.options.strict && !document.findings.is_empty() {
            document.differ(&found);
            for line in &found {
                writeln!(out, "{line}")?;
            }
            out.flush()?;
            return Ok(Outcome::Drifted);
        }
        let Some(watch) = &mut watch else {
            log::info!("in place: the kernel has what the flags want");
            return Ok(Outcome::InPlace);
        };
        if !told {
            told = true;
            watch.end_at_sigterm()?;
            tell(document);
        }
        if !watch.wait()? {
            log::info!("ended by SIGTERM; the rules were in place until then");
            return Ok(Outcome::InPlace);
        }
    }
}

/// Says that it waits, and for what it cannot.
fn tell(document: &mut Document) {
    if document.backend.as_deref() == Some("iptables-legacy") {
        document.warn(
            &"the kernel does not report changes of legacy rules: they are looked at only when routes, policy rules, addresses or nftables change",
        );
    }
    log::info!("in place; watching for changes");
}

/// All differences.
fn look(call: Call<'_>, document: &mut Document) -> Result<Vec<Difference>, Failure> {
    let mut session = Session::look(call)?;
    let kind = session.choose()?;
    document.backend = Some(super::backend(kind));
    let goal = Goal::Apply { plan: call.plan, variant: kind };
    let stores = Stores::new(session.observe(goal)?.observed, goal);
    if stores.comparison() == Comparison::Clean {
        log::info!("nothing of ours is there");
    }
    document.bypass(&bypasses(&stores, goal));
    Ok(stores.differences())
}
