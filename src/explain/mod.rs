//! Works out what happens to a packet, and why. Pure: from rules, routing and a packet to a [`Trace`]. Only the kernel
//! knows the routes of packets, which is why they come from [`Ways`].
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
mod request;
mod resolve;
mod table;
mod text;
mod trace;
mod verdict;
mod walk;
mod way;

pub use broken::{Broken, Fate, Lost, Markers};
pub use bypass::bypasses;
pub use chains::{Chains, RuleAt};
pub use condition::{Actual, Mismatch};
pub use findings::{Finding, Level, findings};
pub use mermaid::chart;
pub use packet::{Direction, Endpoint, Packet, PacketProtocol, Sender};
pub use pod::{Pod, PodInterface};
pub use request::{ALLOWED, EXAMPLE, GivenEnd, Request, WordError};
pub use table::{Row, Summary, summary};
pub use trace::{Effect, RuleOutcome, Skip, Step, Then, Trace};
pub use verdict::{Dropper, ListenerRole, Listeners, Place, Verdict};
pub use walk::Scene;
pub use way::{Question, Way, Ways};

/// Planned rules as they are in force once this backend has them.
pub fn in_force(rules: &Ruleset, backend: Backend) -> Layer {
    match backend {
        Backend::Iptables(_) => rules.clone().into(),
        Backend::Nftables => nftables::in_force(rules),
    }
}

#[cfg(test)]
mod tests;
