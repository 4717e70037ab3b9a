//! The way of a packet, and what became of it.

use std::borrow::Cow;

use serde::Serialize;

use super::RuleView;
use crate::explain::{
    Broken, Dropper, Fate, ListenerRole, Lost, Packet, Place, Row, RuleAt, RuleOutcome, Step, Summary, Trace, Verdict,
};

/// The whole way of a packet.
#[derive(Serialize)]
pub struct TraceView {
    packet: PacketView,
    steps: Vec<StepView>,
    /// Where it goes, and its mark, at the end.
    destination: String,
    mark: u32,
    verdict: VerdictView,
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<BrokenView>,
}

#[derive(Serialize)]
struct PacketView {
    /// As it can be typed.
    words: String,
    direction: &'static str,
    protocol: &'static str,
    uid: Option<u32>,
    gid: Option<u32>,
    from: String,
    to: String,
    interface: String,
    /// What conntrack makes of it.
    state: &'static str,
    /// 0 for none, as that of its connection.
    mark: u32,
    connection_mark: u32,
}

/// One thing met.
#[derive(Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
enum StepView {
    Hook {
        hook: &'static str,
        interface: String,
        to: String,
    },
    Table {
        /// Its name; of a foreign chain of nftables, all of its names.
        table: Cow<'static, str>,
        /// Why it is not asked.
        #[serde(skip_serializing_if = "Option::is_none")]
        skipped: Option<String>,
    },
    Rule {
        #[serde(flatten)]
        rule: RuleView,
        /// How many jumps led here.
        depth: usize,
        matched: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        effect: Option<String>,
        /// The first condition that does not hold, and what the packet has in its place.
        #[serde(skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        actual: Option<String>,
    },
    /// A rule that cannot be followed.
    NotFollowed {
        /// The rule and its place.
        rule: String,
        /// The condition for which it certainly does nothing, and what the packet has in its place.
        #[serde(skip_serializing_if = "Option::is_none")]
        failed: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        actual: Option<String>,
    },
    /// The end of a chain.
    End {
        table: Cow<'static, str>,
        chain: Cow<'static, str>,
    },
    Rerouted {
        /// The interface that it goes out by now.
        interface: String,
        /// `mark` or `destination`.
        changed: &'static str,
    },
    /// Out by `lo` and in again.
    Looped,
}

#[derive(Serialize)]
struct VerdictView {
    verdict: &'static str,
    /// Of `not-certain`: what cannot be followed, and its place. The other members are what happens to the packet if
    /// that lets it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// Its final place, if it was not captured: `pod`, `forwarded`, or the interface that it goes out by.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// The rules that decided.
    by: Vec<RuleView>,
    sentence: String,
}

/// Why no connection comes about although its first packet arrives.
#[derive(Serialize)]
struct BrokenView {
    /// What does not get through: `answer`, or `next`, which the same end sends after the packet.
    packet: &'static str,
    fate: &'static str,
    /// The rules that do it, in the order in which packets meet them.
    by: Vec<RuleView>,
    /// What it may meet that cannot be followed, and its place; then nothing of this is certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<String>,
    sentence: String,
}

/// A kind of traffic, with a packet of it.
#[derive(Serialize)]
pub(super) struct RowView {
    traffic: String,
    packet: PacketView,
    verdict: VerdictView,
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

/// The kinds of traffic.
pub(super) fn rows(summary: &Summary) -> Vec<RowView> {
    let row = |row: &Row| RowView {
        traffic: row.traffic.clone(),
        packet: (&row.packet).into(),
        verdict: (&row.verdict).into(),
    };
    summary.rows.iter().map(row).collect()
}
