//! Says what becomes of packets, and why.

use std::io::{self, Write};

use super::pod;
use super::session::Session;
use super::{Call, Failure};
use crate::capture::Plan;
use crate::config::{Family, Output};
use crate::explain::json::{FindingView, TraceView};
use crate::explain::{self, Finding, Level, Listeners, Packet, Pod, Request, Scene};
use crate::output::{Document, Outcome};
use crate::state::Goal;

/// Prints the way of a packet, or where none is given, what becomes of each kind of traffic and what is odd
/// about the rules.
///
/// # Errors
/// [`Failure`].
pub fn explain(
    call: Call<'_>,
    request: Option<&Request>,
    document: &mut Document,
    out: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let live = if call.options.live { Some(live(call, document)?) } else { None };
    let plan = live.as_ref().unwrap_or(call.plan);
    let pod = pod::look(call.config, true);
    document.plan(plan);
    let findings = explain::findings(call.config, plan, &pod);
    document.findings = findings.iter().map(FindingView::from).collect();
    let drawn = call.options.output == Output::Mermaid;
    match request {
        Some(request) => packet(call, plan, &pod, request, document, drawn, out)?,
        None if drawn => chart(plan, out)?,
        None => {
            let summary = explain::summary(call.config, plan, &pod);
            document.traffic = explain::json::summary(&summary);
            write!(out, "{summary}")?;
            print_findings(&findings, out)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Explained)
}

fn packet(
    call: Call<'_>,
    plan: &Plan,
    pod: &Pod,
    request: &Request,
    document: &mut Document,
    drawn: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let packet = Packet::resolve(request, pod, &plan.routing)?;
    let listeners = Listeners::of(call.config);
    let trace = Scene { rules: &plan.rules, routing: &plan.routing, pod, listeners }.follow(&packet);
    document.trace = Some(TraceView::from(&trace));
    match drawn {
        true => write!(out, "{}", explain::chart(&plan.rules, packet.family(), Some(&trace)))?,
        false => write!(out, "{trace}")?,
    }
    Ok(())
}

/// Draws the rules; those of IPv4 where there are both, since one document is one picture.
pub(super) fn chart(plan: &Plan, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}", explain::chart(&plan.rules, Family::Ipv4, None))?;
    if plan.rules.of(Family::Ipv6).next().is_some() {
        writeln!(out, "%% The rules of IPv6 are drawn by: explain --output mermaid in tcp to=[::1]:80")?;
    }
    Ok(())
}

fn print_findings(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    if !findings.is_empty() {
        writeln!(out, "\nFindings:")?;
    }
    for finding in findings {
        let level = match finding.level() {
            Level::Note => "note",
            Level::Warning => "warning",
        };
        writeln!(out, "  {level}: {finding}")?;
    }
    Ok(())
}

/// Warns of what is odd about a configuration, as far as reading it did not say so.
pub(super) fn warn(call: Call<'_>, document: &mut Document) {
    let pod = pod::look(call.config, call.config.dns.is_on());
    let findings = explain::findings(call.config, call.plan, &pod);
    document.findings = findings.iter().map(FindingView::from).collect();
    let said = |finding: &Finding| match finding {
        Finding::LoopbackReturnedEarly { .. } | Finding::FamilyNotCaptured { rule: None, .. } => true,
        Finding::NeverMatches { .. }
        | Finding::ExclusionWithoutEffect { .. }
        | Finding::FamilyNotCaptured { rule: Some(_), .. }
        | Finding::DnsLoop { .. }
        | Finding::UdpNotCaptured { .. } => false,
    };
    let warnings: Vec<_> = findings.iter().filter(|f| f.level() == Level::Warning && !said(f)).collect();
    warnings.iter().take(MOST_WARNINGS).for_each(|f| document.warn(f));
    if let more @ 1.. = warnings.len().saturating_sub(MOST_WARNINGS) {
        document.warn(&format!("{more} more such findings are listed by the command explain"));
    }
}

/// How many findings a dry run warns of.
const MOST_WARNINGS: usize = 20;

/// What the kernel has, in the place of what is planned.
fn live(call: Call<'_>, document: &mut Document) -> Result<Plan, Failure> {
    let mut session = Session::look(call)?;
    let found = session.read(Goal::Clean { plan: call.plan })?;
    let live = found.live();
    for line in &live.left_out {
        log::warn!("left out, since it cannot be followed: {line}");
    }
    let backends: Vec<_> = live.backends.iter().map(String::as_str).collect();
    match backends.as_slice() {
        [] => document.warn(&"the kernel has no rules, or none that can be followed"),
        [one] => log::info!("explaining the rules that the kernel has in {one}"),
        several => document.warn(&format!(
            "the kernel has rules in {}: they are followed one behind the other, as if all were in the first",
            several.join(" and in ")
        )),
    }
    document.backend = (!backends.is_empty()).then(|| backends.join(", "));
    document.left_out = live.left_out;
    Ok(live.plan)
}
