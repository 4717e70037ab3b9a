//! nf_tables' own tables.

use super::{Action, Difference, Goal, Observed, Store};
use crate::nftables::{self, State, Tables};

/// What nf_tables' own tables are to hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// The planned rules.
    Planned(Tables),
    /// What they held before.
    Earlier(State),
}

impl Content {
    /// Whether no table is to be there.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Planned(tables) => tables.0.is_empty(),
            Self::Earlier(state) => state.is_clean(),
        }
    }
}

/// nf_tables' own tables.
#[derive(Clone, Debug)]
pub struct Nftables {
    before: State,
    wanted: Content,
    in_place: bool,
}

impl Nftables {
    pub(super) fn new(before: State, goal: Goal<'_>) -> Self {
        let wanted = match goal {
            Goal::Apply { plan, variant: None } => Tables::of(&plan.rules.by_number()),
            Goal::Apply { variant: Some(_), .. } | Goal::Clean { .. } => Tables::default(),
        };
        Self::leading_to(before, Content::Planned(wanted))
    }

    fn leading_to(before: State, wanted: Content) -> Self {
        // If there is nothing, no difference has to be put in words to know.
        let in_place = if before.is_clean() { wanted.is_empty() } else { differences(&before, &wanted).is_empty() };
        Self { before, wanted, in_place }
    }

    /// Whether there are no managed rules.
    pub(super) fn is_clean(&self) -> bool {
        self.before.is_clean()
    }
}

fn differences(before: &State, wanted: &Content) -> Vec<nftables::TableDifference> {
    match wanted {
        Content::Planned(tables) => nftables::differences(before, tables),
        Content::Earlier(state) => nftables::differences_from(before, state),
    }
}

impl Store for Nftables {
    fn is_in_place(&self) -> bool {
        self.in_place
    }

    fn differences(&self) -> Vec<Difference> {
        differences(&self.before, &self.wanted).into_iter().map(Difference::of_nftables).collect()
    }

    fn actions(&self, force: bool) -> Vec<Action<'_>> {
        let needed = !self.in_place || force && !self.wanted.is_empty();
        needed.then_some(Action::Nftables(&self.wanted)).into_iter().collect()
    }

    fn back_from(&self, now: &Observed) -> Self {
        Self::leading_to(now.nftables.clone(), Content::Earlier(self.before.clone()))
    }
}
