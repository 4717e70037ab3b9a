//! Works out what happens to a packet, and why. Pure: from rules, routing and a packet to a [`Trace`]; where the packet
//! is routed, only the kernel knows, which [`Ways`] stands for.
//!
//! ```text
//! words ──Request──▶ Packet ─┐
//! Ruleset ───────────────────┼─ Scene::follow ─▶ Trace { steps, verdict } ─▶ text, JSON, mermaid
//! Routing, Pod ──────────────┘
//! Config + Plan + Pod ──▶ summary (the kinds of traffic), findings (what is odd)
//! ```
//!
//! The rules may be planned ones or those that the kernel has. What the simulation knows of netfilter is
//! in `walk` and `condition`, each with the kernel's function that it is taken from; the differential
//! test in `tests/kernel/explain` holds it against the kernel.

use crate::netfilter::{Backend, Layer, Ruleset};
use crate::nftables;

mod broken;
mod bypass;
mod chains;
mod condition;
mod cover;
mod findings;
mod mermaid;
mod packet;
mod pod;
mod resolve;
mod table;
mod text;
mod trace;
mod verdict;
mod walk;
mod way;
mod words;

pub use broken::{Broken, Fate, Lost, Markers};
pub use bypass::bypasses;
pub use chains::{Chains, RuleAt};
pub use condition::{Actual, Mismatch};
pub use findings::{Finding, Level, findings};
pub use mermaid::chart;
pub use packet::{Direction, Endpoint, Packet, Sender, Transport};
pub use pod::{Pod, PodInterface};
pub use table::{Row, Summary, summary};
pub use trace::{Effect, Outcome, Skip, Step, Then, Trace};
pub use verdict::{Dropper, Listener, Listeners, Place, Verdict};
pub use walk::Scene;
pub use way::{Question, Way, Ways};
pub use words::{ALLOWED, EXAMPLE, End, Request, WordError};

/// Planned rules as they are in force once this backend has them.
pub fn in_force(rules: &Ruleset, backend: Backend) -> Layer {
    match backend {
        Backend::Iptables(_) => rules.clone().into(),
        Backend::Nftables => nftables::in_force(rules),
    }
}

#[cfg(test)]
mod tests;
