//! What the kernel has, what it should have, and how it gets from one to the other. Pure: the kernel is
//! read and changed in [`crate::kernel`].

use std::collections::BTreeMap;

use crate::capture::{Plan, Routing};
use crate::net::Family;
use crate::netfilter::Table;
use crate::netfilter::Variant;
use crate::netfilter::save::{SavedChain, SavedTable};

mod change;
mod differences;
mod live;
mod misread;
mod ours;
mod routing;
mod undo;
mod wanted;

pub use change::{Change, Nftables, Restore, Step, clean_script};
pub use differences::Difference;
pub use live::layer as live_layer;
pub use misread::lacks_port;
pub use ours::{lookalikes, tproxy_marks};
pub use routing::Evidence;

/// The tables of one kind and family that exist.
pub type Tables = BTreeMap<Table, SavedTable>;

/// What the kernel has, as far as it matters: tables with foreign rules and ours, and our routing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The tables of each kind and family that has any.
    pub tables: BTreeMap<(Variant, Family), Tables>,
    /// Policy rules, routes and addresses.
    pub routing: Routing,
}

impl Snapshot {
    /// Whether there is nothing of ours.
    pub fn is_clean(&self) -> bool {
        self.tables.keys().all(|(kind, family)| !self.has_ours(*kind, *family))
    }

    /// Whether a chain of ours is there in this kind and family.
    pub fn has_ours(&self, kind: Variant, family: Family) -> bool {
        let tables = self.tables.get(&(kind, family)).into_iter().flat_map(Tables::values);
        tables.flat_map(|t| &t.chains).any(SavedChain::is_ours)
    }
}

/// What is to become of the rules of ours.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// The plan, and nothing else.
    Apply {
        /// What is wanted.
        plan: &'a Plan,
        /// The kind of iptables that gets the rules; `None` where they go to nftables, and no kind has any.
        kind: Option<Variant>,
    },
    /// Nothing is left; the plan helps to tell rules of ours in built-in chains.
    Clean {
        /// What would be wanted.
        plan: &'a Plan,
    },
}

impl<'a> Goal<'a> {
    fn plan(self) -> &'a Plan {
        match self {
            Self::Apply { plan, .. } | Self::Clean { plan } => plan,
        }
    }

    /// What is wanted of the kernel's routing.
    pub fn routing(self) -> Routing {
        match self {
            Self::Apply { plan, .. } => plan.routing.clone(),
            Self::Clean { .. } => Routing::default(),
        }
    }
}

/// How what the kernel has differs from what it should have.
#[cfg(any(test, feature = "internals"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// There is nothing of ours.
    Clean,
    /// All of ours is as it should be.
    InPlace,
    /// Something of ours is, but not as it should be.
    Drifted(Vec<Difference>),
}

/// Compares what the kernel has with the goal.
#[cfg(any(test, feature = "internals"))]
pub fn compare(snapshot: &Snapshot, goal: Goal<'_>) -> Comparison {
    change(snapshot.clone(), goal).comparison()
}

/// The change that leads from what the kernel has to the goal.
pub fn change(snapshot: Snapshot, goal: Goal<'_>) -> Change {
    let after = wanted::snapshot(&snapshot, goal);
    Change::new(snapshot, after)
}

#[cfg(any(test, feature = "internals"))]
#[allow(clippy::panic, clippy::unwrap_used, reason = "a model for tests falls over where a program fails")]
pub mod model;
#[cfg(test)]
mod tests;
