//! Two chains at the same point of a hook: the one that was made last comes first, and the kernel does not show which
//! that is.

use super::{ChainPlace, Walk};
use crate::explain::condition::Flight;
use crate::explain::verdict::Decision;
use crate::netfilter::{ConntrackState, Hook, Table};

/// A chain that the kernel calls at a hook, and when.
pub(super) type HookedPlace<'a> = ([i32; 2], ChainPlace<'a>);

/// Chains whose order mattered to the packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tie {
    /// The place: the hook, and the priority.
    point: (Hook, i32),
    /// Whether there are more orders than two.
    several: bool,
    /// What to report if their result is unknown.
    pub(super) doubt: String,
}

/// Chains in the order in which they are called. All chains of nat have one point at a hook, and are called
/// together by their priorities (`nf_nat_register_fn`).
pub(super) fn sorted<'a>(called: impl Iterator<Item = HookedPlace<'a>>, swapped: bool) -> Vec<HookedPlace<'a>> {
    let key = |(at, place): &HookedPlace<'_>| (at.first().copied(), (place.table == Table::Nat) != swapped, *at);
    let mut all: Vec<_> = called.collect();
    // The first layer comes last, so that the effects of earlier chains are visible to it.
    if !swapped {
        all.reverse();
    }
    all.sort_by_key(key);
    all
}

impl Walk<'_> {
    /// Notes whether the order of this chain and another one matters to what it just did.
    pub(super) fn note_tie(&mut self, all: &[HookedPlace<'_>], index: usize, before: &Flight, dropped: bool) {
        let Some((at, place)) = all.get(index) else { return };
        let [point, _] = *at;
        let is_nat = place.table == Table::Nat;
        let matters = |(other, (at_other, place_other)): &(usize, &HookedPlace<'_>)| {
            let other_is_nat = place_other.table == Table::Nat;
            let beside = if is_nat == other_is_nat { at_other == at } else { at_other.first() == at.first() };
            // What was through with nat before does not come again.
            let comes = *other > index || *other < index && !(is_nat && other_is_nat);
            let skipped = other_is_nat && self.skips_nat(place.hook).is_some();
            // What nat decided for a connection before, it does whichever of its chains comes first.
            if is_nat && skipped && before.state != ConntrackState::New {
                return false;
            }
            let otherwise = *other > index && !skipped && place_other.chains.alters(place_other.table);
            beside && comes && (self.flight != *before || dropped && (is_nat || otherwise))
        };
        let Some((_, (_, other))) = all.iter().enumerate().find(matters) else { return };
        let [name, other] = [place, other].map(|place| {
            let (table, chain) = place.chains.names(place.table, place.hook.into());
            format!("{table} {chain}")
        });
        let here = || all.iter().filter(|(at, _)| at.first() == Some(&point));
        let nat: Vec<_> = here().filter(|(_, place)| place.table == Table::Nat).map(|(at, _)| at).collect();
        let together = nat.windows(2).all(|pair| pair.first() != pair.last());
        let units = here().count() - if together { nat.len().saturating_sub(1) } else { 0 };
        let point = (place.hook, point);
        let doubt = format!("the order of {name} and {other} is unknown");
        let tie = self.tie.get_or_insert(Tie { point, several: units > 2, doubt });
        tie.several |= tie.point != point;
    }

    /// Goes the whole way; if the order of chains matters that is not known, it is a doubt.
    pub(super) fn in_any_order(&mut self) -> Decision {
        let decision = self.run();
        if let Some(doubt) = self.order_matters(&decision) {
            self.doubt.get_or_insert(doubt);
        }
        decision
    }

    /// What to report about chains whose order matters, if the packet would fare differently in the other order.
    fn order_matters(&self, decision: &Decision) -> Option<String> {
        let tie = self.tie.as_ref()?;
        let mut other = Walk::new(self.scene, self.layers, self.packet);
        other.swapped = true;
        (other.redirected, other.flight.of_anyone) = (self.redirected, self.flight.of_anyone);
        let same = match (other.run(), decision) {
            (Decision::Dropped(_), Decision::Dropped(_)) => true,
            (one, two) => one == *two,
        };
        let end = |walk: &Walk<'_>| (walk.flight.to, walk.flight.mark, walk.flight.connection_mark);
        let alone = |tie_other: &Tie| tie_other.point == tie.point && !tie_other.several;
        let certain = !tie.several && other.doubt.is_none() && other.tie.as_ref().is_none_or(alone);
        (!certain || !same || end(self) != end(&other)).then(|| tie.doubt.clone())
    }
}
