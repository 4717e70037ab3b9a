//! The places in which the kernel keeps rules and routing, and what has to be done in each.

use super::{Difference, Goal, Iptables, Nftables, Observed, Routes};
use crate::capture::Routing;
use crate::net::Family;
use crate::netfilter::{Table, Variant};

/// What was observed of one place, and what is wanted of it.
pub trait Store {
    /// Whether all that is managed is as wanted.
    fn is_in_place(&self) -> bool;

    /// The differences between the existing state and the wanted one.
    fn differences(&self) -> Vec<Difference>;

    /// What leads to what is wanted. With `force`, also if nothing differs.
    fn actions(&self, force: bool) -> Vec<Action<'_>>;

    /// The way back from what is observed now, perhaps half done, to what was observed first. Changes that other
    /// programs made meanwhile stay.
    fn back_from(&self, now: &Observed) -> Self
    where
        Self: Sized;
}

/// When something is done. In this order, traffic never bypasses the proxy: routes come before the rules that need
/// them, new rules before old ones of another store go, old routes go last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Routing is added.
    Route,
    /// Rules are put in place.
    Fill,
    /// What was filled while the kernel did not call it begins to work all at once.
    Wake,
    /// Stores that are to hold nothing are emptied.
    Empty,
    /// Routing is removed.
    Unroute,
}

/// A part of what has to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action<'a> {
    /// Add this routing, which is not there.
    AddRouting(Routing),
    /// Run a restore program.
    Restore(Restore),
    /// Have the kernel call the chains of this iptables-nft table, or, if the flag is set, not.
    Dormant(Family, Table, bool),
    /// Bring nf_tables' own tables to this.
    Nftables(&'a super::Content),
    /// Remove this routing.
    RemoveRouting(Routing),
}

/// Text for the restore program of a variant and family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// The variant.
    pub variant: Variant,
    /// The family.
    pub family: Family,
    /// The text.
    pub text: String,
    /// Whether there are managed rules afterwards.
    pub fills: bool,
}

impl Action<'_> {
    /// When it is done.
    pub fn phase(&self) -> Phase {
        let fills = |fills| if fills { Phase::Fill } else { Phase::Empty };
        match self {
            Self::AddRouting(_) => Phase::Route,
            Self::Restore(restore) => fills(restore.fills),
            Self::Dormant(..) => Phase::Wake,
            Self::Nftables(content) => fills(!content.is_empty()),
            Self::RemoveRouting(_) => Phase::Unroute,
        }
    }
}

/// How what the kernel has differs from the goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// There are no managed rules: nothing is captured.
    Clean,
    /// All that is managed is as it should be.
    InPlace,
    /// Something managed is there, but not as it should be.
    Drifted,
}

/// The four stores of a network namespace.
#[derive(Clone, Debug)]
pub struct Stores<'a> {
    /// Legacy iptables.
    pub legacy: Iptables<'a>,
    /// iptables-nft.
    pub nft: Iptables<'a>,
    /// nf_tables without iptables.
    pub nftables: Nftables,
    /// Policy routing and addresses.
    pub routing: Routes,
}

impl<'a> Stores<'a> {
    /// What was observed, and what the goal wants of it.
    pub fn new(observed: Observed, goal: Goal<'a>) -> Self {
        let Observed { mut tables, nftables, routing } = observed;
        let mut of = |variant| {
            Family::BOTH.map(|family| tables.get_mut(&(variant, family)).map(std::mem::take).unwrap_or_default())
        };
        Self {
            legacy: Iptables::new(Variant::Legacy, of(Variant::Legacy), goal),
            nft: Iptables::new(Variant::Nft, of(Variant::Nft), goal),
            nftables: Nftables::new(nftables, goal),
            routing: Routes::new(routing, goal),
        }
    }

    /// The store of a variant of iptables.
    pub fn iptables(&self, variant: Variant) -> &Iptables<'a> {
        match variant {
            Variant::Legacy => &self.legacy,
            Variant::Nft => &self.nft,
        }
    }

    fn all(&self) -> [&dyn Store; 4] {
        [&self.legacy, &self.nft, &self.nftables, &self.routing]
    }

    /// The differences between the existing state and the goal.
    pub fn comparison(&self) -> Comparison {
        if self.all().iter().all(|store| store.is_in_place()) {
            Comparison::InPlace
        } else if self.legacy.is_clean() && self.nft.is_clean() && self.nftables.is_clean() {
            Comparison::Clean
        } else {
            Comparison::Drifted
        }
    }

    /// All differences.
    pub fn differences(&self) -> Vec<Difference> {
        [&self.legacy as &dyn Store, &self.nft, &self.routing, &self.nftables]
            .into_iter()
            .flat_map(Store::differences)
            .collect()
    }

    /// What has to be done, in order.
    pub fn actions(&self, force: bool) -> Vec<Action<'_>> {
        let mut actions: Vec<Action<'_>> = Vec::new();
        for action in self.all().into_iter().flat_map(|store| store.actions(force)) {
            actions.insert(actions.partition_point(|a| a.phase() <= action.phase()), action);
        }
        actions
    }

    /// The way back from what is observed now to what was observed first.
    pub fn back_from(&self, now: &Observed) -> Self {
        Self {
            legacy: self.legacy.back_from(now),
            nft: self.nft.back_from(now),
            nftables: self.nftables.back_from(now),
            routing: self.routing.back_from(now),
        }
    }
}
