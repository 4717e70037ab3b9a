//! Says what becomes of packets, and why.

use std::io::{self, Write};

use super::pod;
use super::session::{Live, Session};
use super::{Call, Failure};
use crate::capture::Routing;
use crate::config::Output;
use crate::explain::json::{FindingView, TraceView};
use crate::explain::{self, Finding, Level, Listeners, Packet, Request, Scene};
use crate::kernel::capabilities::Capabilities;
use crate::kernel::detect::Netfilter;
use crate::net::Family;
use crate::netfilter::Layer;
use crate::output::{Document, Outcome};

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
    let (layers, routing) = match call.options.live {
        true => live(call, document)?,
        false => {
            warn_of_flags(call, document);
            (vec![explain::in_force(&call.plan.rules, call.options.backend)], call.plan.routing.clone())
        }
    };
    let pod = pod::look(call.config, true);
    document.layers(&layers, &routing);
    let first = layers.first().cloned().unwrap_or_default();
    let findings = explain::findings(call.config, &first, &pod);
    document.findings = findings.iter().map(FindingView::from).collect();
    let drawn = call.options.output == Output::Mermaid;
    let scene = Scene { layers: &layers, routing: &routing, pod: &pod, listeners: Listeners::of(call.config) };
    match request {
        Some(request) => {
            let packet = Packet::resolve(request, &pod, &routing)?;
            let trace = scene.follow(&packet);
            document.trace = Some(TraceView::from(&trace));
            match drawn {
                true => write!(out, "{}", explain::chart(&first, packet.family(), Some(&trace)))?,
                false => write!(out, "{trace}")?,
            }
        }
        None if drawn => chart(&first, out)?,
        None => {
            let summary = explain::summary(call.config, &scene);
            document.traffic = explain::json::summary(&summary);
            write!(out, "{summary}")?;
            print_findings(&findings, out)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Explained)
}

/// Warns where flags are explained, and perhaps the pod's rules were meant.
fn warn_of_flags(call: Call<'_>, document: &mut Document) {
    if call.config.captures_nothing() {
        document.warn(
            &"no flag names traffic to capture, such as -i '*' -b '*': the defaults are explained, which capture none",
        );
    }
    // Who may not look is told nothing.
    let look = || Netfilter::default().look().ok();
    if Capabilities::effective().net_admin() && look().is_some_and(|presence| presence.has_any_of_ours()) {
        document.warn(&"the flags of this call are explained, not the rules that this pod has: --live explains those");
    }
}

/// Draws the rules; those of IPv4 where there are both, since one document is one picture.
pub(super) fn chart(layer: &Layer, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}", explain::chart(layer, Family::Ipv4, None))?;
    if layer.rules.of(Family::Ipv6).next().is_some() {
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
    let findings = explain::findings(call.config, &explain::in_force(&call.plan.rules, call.options.backend), &pod);
    document.findings = findings.iter().map(FindingView::from).collect();
    let said = |finding: &Finding| match finding {
        Finding::LoopbackReturnedEarly { .. }
        | Finding::FamilyNotCaptured { rule: None, .. }
        | Finding::FamilyCapturedToo { .. } => true,
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

/// What the kernel has.
///
/// # Errors
/// [`Failure`]: what cannot be read is not taken for empty.
pub fn look(call: Call<'_>) -> Result<Live, Failure> {
    Ok(Session::look(call)?.live()?)
}

/// What the kernel has, in the place of what is planned.
fn live(call: Call<'_>, document: &mut Document) -> Result<(Vec<Layer>, Routing), Failure> {
    let Live { layers, routing, backends, left_out } = look(call)?;
    for line in &left_out {
        log::warn!("it cannot be followed: {line}");
    }
    match backends.as_slice() {
        [] => document.warn(&"the kernel has no rules of iptables, and none of ours in nftables"),
        [one] => log::info!("explaining the rules that the kernel has in {one}"),
        several => document.warn(&format!(
            "the kernel has rules in {}: which of them it asks first is not known",
            several.join(" and in ")
        )),
    }
    document.backend = (!backends.is_empty()).then(|| backends.join(", "));
    document.left_out = left_out;
    Ok((layers, routing))
}
