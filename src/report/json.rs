//! A report for other programs: one document. The names here are a promise to them: `docs/json.md` explains what they
//! mean, `docs/schema.json` what a document looks like, and a change that readers have to know of makes another
//! [`VERSION`].

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::{Outcome, Report, Script};
use crate::cli::Command;
use crate::config::DryRun;
use crate::explain::{
    Broken, Chains, Dropper, Fate, Finding, Level, ListenerRole, Lost, Packet, Place, RuleAt, RuleOutcome, Step,
    Summary, Trace, Verdict,
};
use crate::net::Family;
use crate::netfilter::{Layer, Purpose};
use crate::state::Difference;

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
///
/// # Errors
/// What writing gives.
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
        traffic: report.traffic.as_ref().map(summary).unwrap_or_default(),
        findings: report.findings.iter().map(FindingView::from).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

/// A rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleView {
    /// `nat` and so on; of a foreign chain of nftables, its family and name.
    pub table: Cow<'static, str>,
    /// The chain's name.
    pub chain: Cow<'static, str>,
    /// The rule's number in its chain, counted from 1.
    pub number: usize,
    /// Conditions and target, as iptables writes them.
    pub rule: String,
    /// The flags that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<&'static str>,
    /// Istio's annotation that sets the flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation: Option<&'static str>,
    /// The traffic that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// The rules of one family.
#[derive(Clone, Debug, Serialize)]
pub struct FamilyView {
    /// `IPv4` or `IPv6`.
    pub family: String,
    /// The rules, by chain and in order.
    pub rules: Vec<RuleView>,
}

/// A packet.
#[derive(Clone, Debug, Serialize)]
pub struct PacketView {
    /// As it can be typed.
    pub words: String,
    /// `out` or `in`.
    pub direction: &'static str,
    /// `tcp`, `udp` or `icmp`.
    pub protocol: &'static str,
    /// The sender's user.
    pub uid: Option<u32>,
    /// The sender's group.
    pub gid: Option<u32>,
    /// Source.
    pub from: String,
    /// Destination.
    pub to: String,
    /// The interface.
    pub interface: String,
    /// What conntrack makes of it.
    pub state: &'static str,
    /// Its mark, 0 for none.
    pub mark: u32,
    /// Its connection's mark, 0 for none.
    pub connection_mark: u32,
}

/// One thing met.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum StepView {
    /// A hook.
    Hook {
        /// Its name.
        hook: &'static str,
        /// The interface.
        interface: String,
        /// The packet's destination.
        to: String,
    },
    /// A table with rules for the hook.
    Table {
        /// Its name; of a foreign chain of nftables, all of its names.
        table: Cow<'static, str>,
        /// Why it is not asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        skipped: Option<String>,
    },
    /// A rule.
    Rule {
        /// The rule.
        #[serde(flatten)]
        rule: RuleView,
        /// How many jumps led here.
        depth: usize,
        /// Whether it matched.
        matched: bool,
        /// What it did, if it matched.
        #[serde(skip_serializing_if = "Option::is_none")]
        effect: Option<String>,
        /// The first condition that does not hold.
        #[serde(skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
        /// What the packet has in its place.
        #[serde(skip_serializing_if = "Option::is_none")]
        actual: Option<String>,
    },
    /// A rule that cannot be followed.
    NotFollowed {
        /// The rule and its place.
        rule: String,
        /// The condition for which it certainly does nothing.
        #[serde(skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
        /// What the packet has in its place.
        #[serde(skip_serializing_if = "Option::is_none")]
        actual: Option<String>,
    },
    /// The end of a chain.
    End {
        /// The table.
        table: Cow<'static, str>,
        /// The chain.
        chain: Cow<'static, str>,
    },
    /// Routed again.
    Rerouted {
        /// The interface that it goes out by now.
        interface: String,
        /// `mark` or `destination`.
        changed: &'static str,
    },
    /// Out by `lo` and in again.
    Looped,
}

/// What became of a packet.
#[derive(Clone, Debug, Serialize)]
pub struct VerdictView {
    /// `captured`, `not-routed`, `not-captured`, `follows-connection`, `dropped` or `not-certain`.
    pub verdict: &'static str,
    /// Of `not-certain`: what cannot be followed, and its place. The other members are what happens to the packet if
    /// that lets it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// `outbound`, `inbound`, `dns` or `other`, if it was captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<&'static str>,
    /// The listener's port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Its final place, if it was not captured: `pod`, `forwarded`, or the interface that it goes out by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The rules that decided.
    pub by: Vec<RuleView>,
    /// The whole in one sentence.
    pub sentence: String,
}

/// The whole way of a packet.
#[derive(Clone, Debug, Serialize)]
pub struct TraceView {
    /// The packet.
    pub packet: PacketView,
    /// What it met.
    pub steps: Vec<StepView>,
    /// Its destination at the end.
    pub destination: String,
    /// Its mark at the end.
    pub mark: u32,
    /// What became of it.
    pub verdict: VerdictView,
    /// Why no connection comes about, if it arrives in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<BrokenView>,
}

/// Why no connection comes about although its first packet arrives.
#[derive(Clone, Debug, Serialize)]
pub struct BrokenView {
    /// What does not get through: `answer`, or `next`, which the same end sends after the packet.
    pub packet: &'static str,
    /// `dropped`, `misrouted` or `not-certain`.
    pub fate: &'static str,
    /// The rules that do it, in the order in which packets meet them.
    pub by: Vec<RuleView>,
    /// What it may meet that cannot be followed, and its place; then nothing of this is certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// The whole in words.
    pub sentence: String,
}

/// A kind of traffic.
#[derive(Clone, Debug, Serialize)]
pub struct RowView {
    /// What it is.
    pub traffic: String,
    /// A packet of it.
    pub packet: PacketView,
    /// What becomes of it.
    pub verdict: VerdictView,
}

/// A finding.
#[derive(Clone, Debug, Serialize)]
pub struct FindingView {
    /// Its short name.
    pub finding: &'static str,
    /// `note` or `warning`.
    pub level: &'static str,
    /// The flags that cause it.
    pub flag: &'static str,
    /// The rule that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleView>,
    /// The text.
    pub message: String,
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

impl From<&Packet> for PacketView {
    fn from(packet: &Packet) -> Self {
        Self {
            words: packet.to_string(),
            direction: packet.direction.word(),
            protocol: packet.transport.word(),
            uid: packet.sender.map(|s| s.uid),
            gid: packet.sender.map(|s| s.gid),
            from: packet.from.to_string(),
            to: packet.to.to_string(),
            interface: packet.interface.to_string(),
            state: packet.state.name(),
            mark: packet.mark,
            connection_mark: packet.connection_mark,
        }
    }
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        match step {
            Step::Hook { hook, interface, destination } => {
                Self::Hook { hook: hook.name(), interface: interface.to_string(), to: destination.to_string() }
            }
            Step::Table { table, skipped } => {
                Self::Table { table: table.clone(), skipped: skipped.map(|s| s.to_string()) }
            }
            Step::Gap { at, missed, .. } => Self::NotFollowed {
                rule: at.clone(),
                failed: missed.as_ref().map(|m| m.condition.to_string()),
                actual: missed.as_ref().map(|m| m.actual.to_string()),
            },
            Step::Rule { at, depth, outcome } => {
                let (effect, missed) = match outcome {
                    RuleOutcome::Matched(effect) => (Some(effect.to_string()), None),
                    RuleOutcome::Missed(mismatch) => (None, Some(mismatch)),
                };
                Self::Rule {
                    rule: at.into(),
                    depth: *depth,
                    matched: outcome.matched(),
                    effect,
                    failed: missed.map(|m| m.condition.to_string()),
                    actual: missed.map(|m| m.actual.to_string()),
                }
            }
            Step::End { table, chain, .. } => Self::End { table: table.clone(), chain: chain.clone() },
            Step::Rerouted { interface, by_mark } => Self::Rerouted {
                interface: interface.to_string(),
                changed: if *by_mark { "mark" } else { "destination" },
            },
            Step::Looped => Self::Looped,
        }
    }
}

impl From<&Verdict> for VerdictView {
    fn from(verdict: &Verdict) -> Self {
        let sentence = verdict.to_string();
        let name = |place: &Place| match place {
            Place::Pod => "pod".to_owned(),
            Place::Out(interface) => interface.to_string(),
            Place::Forwarded => "forwarded".to_owned(),
        };
        let uncaptured = |verdict, place, by: &[RuleAt]| Self {
            verdict,
            doubt: None,
            listener: None,
            port: None,
            place,
            by: by.iter().map(RuleView::from).collect(),
            sentence: sentence.clone(),
        };
        match verdict {
            Verdict::Captured { listener, port, by, .. } => {
                let listener = match listener {
                    ListenerRole::Outbound => "outbound",
                    ListenerRole::Inbound => "inbound",
                    ListenerRole::Dns => "dns",
                    ListenerRole::Other => "other",
                };
                let by = std::slice::from_ref(by);
                Self { listener: Some(listener), port: Some(*port), ..uncaptured("captured", None, by) }
            }
            Verdict::NotRouted { port, by, .. } => {
                Self { port: Some(*port), ..uncaptured("not-routed", None, std::slice::from_ref(by)) }
            }
            Verdict::NotCaptured { place, by, .. } => uncaptured("not-captured", Some(name(place)), by),
            Verdict::FollowsConnection { place, .. } => uncaptured("follows-connection", Some(name(place)), &[]),
            Verdict::Dropped { by: Dropper::Rule(by) } => uncaptured("dropped", None, std::slice::from_ref(by)),
            Verdict::Dropped { by: Dropper::Policy(_) | Dropper::NoRoute { .. } } => uncaptured("dropped", None, &[]),
            Verdict::NotCertain { doubt, otherwise } => Self {
                verdict: "not-certain",
                doubt: Some(doubt.clone()),
                sentence: sentence.clone(),
                ..Self::from(&**otherwise)
            },
        }
    }
}

impl From<&Trace> for TraceView {
    fn from(trace: &Trace) -> Self {
        Self {
            packet: (&trace.packet).into(),
            steps: trace.steps.iter().map(StepView::from).collect(),
            destination: trace.destination.to_string(),
            mark: trace.mark,
            verdict: (&trace.verdict).into(),
            broken: trace.broken.as_ref().map(BrokenView::from),
        }
    }
}

impl From<&Broken> for BrokenView {
    fn from(broken: &Broken) -> Self {
        Self {
            packet: match broken.packet {
                Lost::Answer => "answer",
                Lost::Next => "next",
            },
            fate: match broken.fate {
                Fate::Dropped(_) => "dropped",
                Fate::Misrouted(_) => "misrouted",
                Fate::NotCertain => "not-certain",
            },
            by: broken.rules().map(RuleView::from).collect(),
            doubt: broken.doubt.clone(),
            sentence: broken.to_string(),
        }
    }
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            finding: finding.name(),
            level: match finding.level() {
                Level::Note => "note",
                Level::Warning => "warning",
            },
            flag: finding.flag(),
            rule: finding.rule().map(RuleView::from),
            message: finding.to_string(),
        }
    }
}

/// The kinds of traffic.
fn summary(summary: &Summary) -> Vec<RowView> {
    let row = |row: &crate::explain::Row| RowView {
        traffic: row.traffic.clone(),
        packet: (&row.packet).into(),
        verdict: (&row.verdict).into(),
    };
    summary.rows.iter().map(row).collect()
}
