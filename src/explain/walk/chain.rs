//! Leads a packet through the rules of one chain, and of those that they jump to.

use super::{ChainPlace, Walk};
use crate::explain::chains::RuleAt;
use crate::explain::trace::{Effect, RuleOutcome, Step, Then};
use crate::explain::verdict::{Capture, Dropper};
use crate::netfilter::{Chain, Gap, Hook, Purpose, Table};
use crate::text::Printable;

/// How a chain was left.
#[derive(PartialEq, Eq)]
pub(super) enum Left {
    /// At its end, or by RETURN.
    Back,
    /// With a decision for this table.
    Through,
    /// The packet is gone.
    Gone(Dropper),
}

/// Deeper than this the kernel's own rules do not nest, since it refuses loops.
const DEEPEST: usize = 64;

impl<'a> Walk<'a> {
    /// One chain; `purpose` is what the rule was for that led here.
    pub(super) fn chain(
        &mut self,
        place: ChainPlace<'a>,
        chain: Chain,
        depth: usize,
        purpose: Option<Purpose>,
    ) -> Left {
        let ChainPlace { chains, table, hook } = place;
        let mut gaps = chains.gaps(table, chain).zip(1..).peekable();
        for index in 0.. {
            while let Some(((before, gap), number)) = gaps.next_if(|((before, _), _)| *before <= index) {
                self.gap(place, gap, before + number, depth);
            }
            let Some(at) = chains.at(table, chain, index) else { break };
            if let Some(mismatch) = self.flight.misses(&at.rule.matches) {
                self.steps.push(Step::Rule { at, depth, outcome: RuleOutcome::Missed(mismatch) });
                continue;
            }
            if self.flight.of_anyone && at.rule.owners().next().is_some() {
                self.whose
                    .get_or_insert_with(|| format!("it is unknown whether rule {at} matches the process that answers"));
            }
            let effect = self.effect(&at.rule, place);
            self.steps.push(Step::Rule { at: at.clone(), depth, outcome: RuleOutcome::Matched(effect) });
            let purpose = at.rule.purpose.or(purpose);
            let left = match effect {
                Effect::Jumped(_) if depth >= DEEPEST => None,
                Effect::Jumped(to) => {
                    Some(self.chain(place, to.into(), depth + 1, purpose)).filter(|l| *l != Left::Back)
                }
                Effect::Returned | Effect::LeftToPolicy => {
                    self.decide(at, place);
                    Some(Left::Back)
                }
                Effect::Accepted => {
                    self.decide(at, place);
                    Some(Left::Through)
                }
                Effect::DroppedByPolicy => Some(dropped_by_policy(place)),
                Effect::Dropped | Effect::NoAddress => Some(Left::Gone(Dropper::Rule(at))),
                Effect::Redirected(to) => {
                    self.translated = true;
                    self.redirected = Some((place.hook, to));
                    // A socket that was assigned before is kept, and gets the packet.
                    self.captured_by.get_or_insert(Capture { by: at, purpose, assigned: None });
                    Some(Left::Through)
                }
                Effect::Assigned { port, .. } => {
                    self.captured_by = Some(Capture { by: at, purpose, assigned: Some(port) });
                    Some(Left::Through)
                }
                Effect::Marked(_)
                | Effect::ConnectionMarked(_)
                | Effect::MarkRestored(_)
                | Effect::Zone(_)
                | Effect::Nothing => None,
            };
            if let Some(left) = left {
                return left;
            }
        }
        let (then, left) = match chain {
            Chain::Istio(_) => (Then::Back, Left::Back),
            Chain::Builtin(_) if chains.drops(table, hook) => (Then::Drop, dropped_by_policy(place)),
            Chain::Builtin(_) => (Then::Accept, Left::Back),
        };
        let (table, chain) = chains.names(table, chain);
        self.steps.push(Step::End { table, chain, then, depth });
        left
    }

    /// A rule that cannot be followed: unless it certainly does nothing, nothing is certain from here on.
    fn gap(&mut self, place: ChainPlace<'_>, gap: &Gap, number: usize, depth: usize) {
        let Some(text) = &gap.text else { return };
        let (table, chain) = place.chains.names(gap.table, gap.chain);
        let at = format!("{table} {chain} {number} ({})", Printable(&text.replace('\n', "\\n")));
        let missed = self.flight.misses(&gap.matches);
        if missed.is_none() {
            self.doubt.get_or_insert_with(|| format!("rule {at} cannot be followed"));
        }
        self.steps.push(Step::Gap { at, depth, missed });
    }

    /// Notes the rule that ended the packet's way through a table in which it could have been captured.
    fn decide(&mut self, at: RuleAt, place: ChainPlace<'_>) {
        let could = match (place.table, place.hook) {
            (Table::Nat, Hook::Output | Hook::Prerouting) | (Table::Mangle, Hook::Prerouting) => true,
            (Table::Nat | Table::Mangle | Table::Raw | Table::Filter, _) => false,
        };
        if could {
            self.decided_by.retain(|d| d.table != at.table);
            self.decided_by.push(at);
        }
    }
}

fn dropped_by_policy(place: ChainPlace<'_>) -> Left {
    let (table, chain) = place.chains.names(place.table, place.hook.into());
    Left::Gone(Dropper::Policy(format!("{table} {chain}")))
}
