//! What the kernel has, what it should have, and how it gets from one to the other. Pure: the kernel is
//! read and changed in `kernel`.
//!
//! What the kernel holds lies in four stores: legacy iptables, iptables-nft, nf_tables without iptables, and
//! routing. All four answer the same questions ([`Store`]), and none knows another.

use std::collections::BTreeMap;

use crate::capture::{Plan, Routing};
use crate::net::Family;
use crate::netfilter::save::SavedTable;
use crate::netfilter::{Table, Variant};
use crate::nftables::State;

mod differences;
mod iptables;
mod live;
#[cfg(any(test, feature = "internals"))]
#[allow(clippy::panic, clippy::unwrap_used, reason = "a model for tests falls over where a program fails")]
pub mod model;
mod nftables;
mod ownership;
mod rollback;
mod routing;
mod script;
mod store;
mod wanted;

pub use differences::{Difference, DifferingItem};
pub use iptables::Iptables;
pub use live::layer as live_layer;
pub use nftables::{Content, Nftables};
pub use ownership::{lookalikes, tproxy_marks};
pub use routing::{Evidence, Routes};
pub use script::clean_script;
pub use store::{Action, Comparison, Phase, Restore, Store, Stores};

/// The tables of one variant and family that exist.
pub type SavedTables = BTreeMap<Table, SavedTable>;

/// What the kernel has, as far as it matters: tables with foreign rules and managed ones, and managed routing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The tables of each variant of iptables and family that has any.
    pub tables: BTreeMap<(Variant, Family), SavedTables>,
    /// nf_tables' own tables.
    pub nftables: State,
    /// Policy rules, routes and addresses.
    pub routing: Routing,
}

/// What is to become of what is managed.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// The plan, and nothing else.
    Apply {
        /// What is wanted.
        plan: &'a Plan,
        /// The variant of iptables that gets the rules; `None` if they go to nftables, and no variant has any.
        variant: Option<Variant>,
    },
    /// Nothing is left; the plan helps to recognise managed rules in built-in chains.
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

    /// The plan, if this variant of iptables gets the rules.
    pub fn plan_for(self, variant: Variant) -> Option<&'a Plan> {
        match self {
            Self::Apply { plan, variant: chosen } if chosen == Some(variant) => Some(plan),
            Self::Apply { .. } | Self::Clean { .. } => None,
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

#[cfg(test)]
mod tests;
