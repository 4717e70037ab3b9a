//! A report for other programs: one document. The names here are a promise to them: `docs/json.md` explains what they
//! mean, `docs/schema.json` what a document looks like, and a change that readers have to know of makes another
//! [`VERSION`].

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::{Outcome, Report, Script};
use crate::cli::Command;
use crate::config::DryRun;
use crate::explain::{Chains, Finding, RuleAt};
use crate::net::Family;
use crate::netfilter::{Layer, Purpose};
use crate::state::Difference;

mod trace;

pub use trace::TraceView;
use trace::{RowView, rows};

/// The version of the document.
pub const VERSION: u32 = 1;

/// The whole document.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    command: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<&'static str>,
    outcome: Outcome,
    status: u8,
    errors: &'a [String],
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<&'a str>,
    rules: Vec<FamilyView>,
    routing: Vec<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scripts: &'a [Script],
    differences: Vec<DifferenceView>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    left_out: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<TraceView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    traffic: Vec<RowView>,
    findings: Vec<FindingView>,
}

/// One difference between what the kernel has and what is wanted.
#[derive(Serialize)]
struct DifferenceView {
    /// `missing` from the kernel, or `unexpected` there.
    kind: &'static str,
    /// The rule, chain, table or route, in the notation of the program that shows it.
    what: String,
}

impl From<&Difference> for DifferenceView {
    fn from(difference: &Difference) -> Self {
        let kind = if difference.missing { "missing" } else { "unexpected" };
        Self { kind, what: difference.what.to_string() }
    }
}

/// Writes the document, and a line end after it.
pub(super) fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (layers, routing) = report.rules.layers();
    let dry_run = match (report.options.command, report.options.dry_run) {
        (Command::Check | Command::Explain, _) | (_, DryRun::No) => None,
        (Command::Apply | Command::Clean, DryRun::Print) => Some("print"),
        (Command::Apply | Command::Clean, DryRun::Kernel) => Some("kernel"),
    };
    let document = Document {
        version: VERSION,
        command: report.options.command.name(),
        dry_run,
        outcome: report.outcome,
        status: report.outcome.status(),
        errors: &report.errors,
        warnings: &report.warnings,
        backend: report.backend.as_deref(),
        rules: rules(&layers),
        routing: routing.items().map(|item| item.to_string()).collect(),
        scripts: &report.scripts,
        differences: report.differences.iter().map(DifferenceView::from).collect(),
        left_out: &report.left_out,
        trace: report.trace.as_ref().map(TraceView::from),
        traffic: report.traffic.as_ref().map(rows).unwrap_or_default(),
        findings: report.findings.iter().map(FindingView::from).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

/// A rule.
#[derive(Serialize)]
struct RuleView {
    /// `nat` and so on; of a foreign chain of nftables, its family and name.
    table: Cow<'static, str>,
    chain: Cow<'static, str>,
    /// Its number in its chain, counted from 1.
    number: usize,
    /// Conditions and target, as iptables writes them.
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    flag: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
}

/// The rules of one family, by chain and in order.
#[derive(Serialize)]
pub struct FamilyView {
    family: String,
    rules: Vec<RuleView>,
}

/// A finding.
#[derive(Serialize)]
pub struct FindingView {
    finding: &'static str,
    level: &'static str,
    flag: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleView>,
    message: String,
}

impl From<&RuleAt> for RuleView {
    fn from(at: &RuleAt) -> Self {
        Self {
            table: at.table.clone(),
            chain: at.chain.clone(),
            number: at.number,
            rule: at.rule.specification().to_string(),
            flag: at.rule.purpose.map(Purpose::flag),
            annotation: at.rule.purpose.and_then(Purpose::annotation),
            purpose: at.rule.purpose.map(|c| c.to_string()),
        }
    }
}

/// All rules, by family and chain, in the order in which packets meet them.
pub fn rules(layers: &[Layer]) -> Vec<FamilyView> {
    let of = |family: Family| {
        let of_layer = |layer| {
            let chains = Chains::of(layer, family);
            let of_chain = |(table, chain)| (0..).map_while(|index| chains.at(table, chain, index)).collect::<Vec<_>>();
            chains.all().into_iter().flat_map(of_chain).collect::<Vec<_>>()
        };
        let rules = layers.iter().flat_map(of_layer).map(|at| RuleView::from(&at)).collect();
        FamilyView { family: family.to_string(), rules }
    };
    Family::BOTH.into_iter().map(of).filter(|f| !f.rules.is_empty()).collect()
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            finding: finding.name(),
            level: super::level(finding),
            flag: finding.flag(),
            rule: finding.rule().map(RuleView::from),
            message: finding.to_string(),
        }
    }
}
