//! A report for people, and for the programs that load rules.

use std::io::{self, Write};

use super::{Outcome, Report, Script};
use crate::cli::Command;
use crate::explain;
use crate::net::Family;

/// Writes what a command prints. What it did, it logs.
pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    match report.options.command {
        Command::Apply | Command::Clean => scripts(report, out),
        Command::Check if report.outcome == Outcome::Drifted => {
            report.differences.iter().try_for_each(|difference| writeln!(out, "{difference}"))
        }
        Command::Check => Ok(()),
        Command::Explain => explanation(report, out),
    }
}

/// The rules for the programs that load them, the routing as comments, and whether the kernel takes them.
fn scripts(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    if report.scripts.is_empty() && report.comments.is_empty() {
        return Ok(());
    }
    for Script { program, text } in &report.scripts {
        write!(out, "# {program}\n{text}")?;
    }
    report.comments.lines().try_for_each(|line| writeln!(out, "# {line}"))?;
    if let Some(time) = report.taken {
        let with = report.backend.as_deref().unwrap_or_default();
        writeln!(out, "# the kernel accepts these rules ({with}, {time:.1?})")?;
    }
    Ok(())
}

fn explanation(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    if let Some(trace) = &report.trace {
        return write!(out, "{trace}");
    }
    let Some(traffic) = &report.traffic else { return Ok(()) };
    write!(out, "{traffic}")?;
    if !report.findings.is_empty() {
        writeln!(out, "\nFindings:")?;
    }
    for finding in &report.findings {
        writeln!(out, "  {}: {finding}", super::level(finding))?;
    }
    Ok(())
}

/// Draws the rules, with the way of a packet if there is one; those of IPv4 if there are both, since one document is
/// one picture.
pub(super) fn chart(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (layers, _) = report.rules.layers();
    let Some(layer) = layers.first().filter(|_| report.outcome.status() == 0) else { return Ok(()) };
    if let Some(trace) = &report.trace {
        return write!(out, "{}", explain::chart(layer, trace.packet.family(), Some(trace)));
    }
    write!(out, "{}", explain::chart(layer, Family::Ipv4, None))?;
    if layer.rules.of(Family::Ipv6).next().is_some() {
        writeln!(out, "%% To draw the IPv6 rules: explain --output mermaid in tcp to=[::1]:80")?;
    }
    Ok(())
}
