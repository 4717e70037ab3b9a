//! Which rules of a namespace are managed.

use std::collections::BTreeSet;

use super::{DifferingItem, Goal, Observed, SavedTables};
use crate::capture::{At, Plan, Recogniser, by_shape};
use crate::net::{Family, Interface, Mark};
use crate::netfilter::normal::Specification;
use crate::netfilter::save::{SavedChain, SavedRule, SavedTable};
use crate::netfilter::{Chain, Hook, IstioChain, Match, Negatable, Purpose, Table, Target};

/// Recognises managed rules in one family.
///
/// Managed are: chains named `ISTIO_*`; rules that lead to them; rules in built-in chains that are planned
/// now; and those in built-in chains that only an earlier plan of this program can have put there, or else a
/// change of flags would leave rules that let traffic past the proxy.
///
/// A rule that is planned may be there without any managed chain in its table: then another program has made it. To
/// apply, it will do, or else it would be there twice; to clean, it stays.
pub(super) struct Ownership {
    planned: Recogniser,
    cleans: bool,
}

impl Ownership {
    pub(super) fn new(goal: Goal<'_>, family: Family) -> Self {
        let in_builtin = goal.plan().rules.of(family).filter(|r| matches!(r.chain, Chain::Builtin(_)));
        Self { planned: Recogniser::of(in_builtin), cleans: matches!(goal, Goal::Clean { .. }) }
    }

    /// Whether this rule is managed.
    pub(super) fn holds(&self, table: Table, saved: &SavedTable, chain: &SavedChain, rule: &SavedRule) -> bool {
        if chain.is_managed() || rule.jumps_to_managed() {
            return true;
        }
        let (Some(meaning), Some(Chain::Builtin(hook))) = (rule.meaning(), Chain::named(&chain.name)) else {
            return false;
        };
        let planned = || self.planned.is_planned(table, hook.into(), meaning);
        match has_chains(saved) {
            true => planned() || of_earlier_plan(table, saved, hook, meaning),
            false => !self.cleans && planned(),
        }
    }
}

/// Whether a managed chain is in the table. Managed rules in its built-in chains come and go together with it.
fn has_chains(table: &SavedTable) -> bool {
    table.chains.iter().any(SavedChain::is_managed)
}

/// Rules that are as planned, but in tables without managed chains: foreign ones.
pub fn lookalikes(snapshot: &Observed, plan: &Plan) -> Vec<DifferingItem> {
    let mut found = Vec::new();
    for ((variant, family), tables) in &snapshot.tables {
        let ours = Ownership::new(Goal::Apply { plan, variant: None }, *family);
        for (table, saved) in tables.iter().filter(|(_, saved)| !has_chains(saved)) {
            for chain in &saved.chains {
                let rules = chain.rules.iter().filter(|r| ours.holds(*table, saved, chain, r));
                found.extend(rules.map(|rule| DifferingItem::rule(*variant, *family, *table, chain, rule)));
            }
        }
    }
    found
}

/// Whether the rule has the shape of one that the planner puts into a built-in chain, next to the rules
/// that it always comes with.
fn of_earlier_plan(table: Table, saved: &SavedTable, hook: Hook, rule: &Specification) -> bool {
    let has = |hook: Hook, condition: Match| {
        let wanted = Specification::new([condition], Target::Return);
        saved.chain(hook.name()).is_some_and(|c| c.rules.iter().any(|r| r.meaning() == Some(&wanted)))
    };
    // Other programs mark connections too. Managed chains name the mark of managed rules; otherwise a foreign rule
    // would become managed when this program applies its own; if they name none yet, the table is half made.
    let ours = || saved.chains.iter().filter(|c| c.is_managed()).flat_map(|c| &c.rules).filter_map(|r| r.meaning());
    let half_made = || saved.chain(IstioChain::Inbound.name()).is_some() && !ours().any(|r| mark_in(r).is_some());
    let known = |mark: Mark| ours().any(|r| mark_in(r) == Some(mark)) || half_made();
    match by_shape(At { table, chain: hook.into(), number: 0 }, rule) {
        // An excluded interface, both ways; or a virtual one, with its capture.
        Some(Purpose::ExcludedInterface) => match rule.matches() {
            [Match::InInterface(name)] => {
                has(Hook::Output, Match::OutInterface(name.clone()))
                    || saved.chain(hook.name()).is_some_and(|c| captures_from(c, name.value()))
            }
            [Match::OutInterface(name)] => has(Hook::Prerouting, Match::InInterface(name.clone())),
            _ => false,
        },
        // The marks of TPROXY mode.
        Some(Purpose::InHand) => mark_in(rule).is_some_and(known),
        Some(Purpose::OwnService) => true,
        Some(
            Purpose::VirtualInterface
            | Purpose::Invalid
            | Purpose::ExcludedInboundPort
            | Purpose::Tunnel
            | Purpose::Inbound
            | Purpose::ExcludedOutboundPort
            | Purpose::ToApplication
            | Purpose::WithinPod
            | Purpose::ProxyUser
            | Purpose::Group
            | Purpose::OtherGroups
            | Purpose::Dns
            | Purpose::Loopback
            | Purpose::ExcludedRange
            | Purpose::OutboundPort
            | Purpose::OutboundRange,
        )
        | None => false,
    }
}

/// The mark of captured packets, if a managed rule asks for it or gives it.
fn mark_in(rule: &Specification) -> Option<Mark> {
    match rule.target() {
        Target::SetMark(mark) | Target::Tproxy { mark, .. } => return Some(mark),
        Target::Jump(_)
        | Target::Return
        | Target::Accept
        | Target::Drop
        | Target::Redirect(_)
        | Target::SaveMark
        | Target::RestoreMark
        | Target::ConntrackZone(_) => {}
    }
    rule.matches().iter().find_map(|m| {
        if let Match::Mark(Negatable::Is(mark)) | Match::ConnectionMark(mark) = m { Some(*mark) } else { None }
    })
}

/// The interface that a rule's packets come in by.
pub(super) fn interface(rule: &SavedRule) -> Option<&Interface> {
    rule.meaning()?
        .matches()
        .iter()
        .find_map(|m| if let Match::InInterface(Negatable::Is(name)) = m { Some(name) } else { None })
}

/// Whether a managed rule is one for a virtual interface, whose traffic goes to a managed chain.
pub(super) fn of_virtual_interface(chain: &SavedChain, rule: &SavedRule) -> bool {
    interface(rule).is_some_and(|name| captures_from(chain, name))
}

fn captures_from(chain: &SavedChain, name: &Interface) -> bool {
    chain.rules.iter().any(|r| r.jumps_to_managed() && interface(r) == Some(name))
}

/// The marks that managed rules in the kernel give to packets for the transparent listener. They identify
/// policy rules of an earlier plan.
pub fn tproxy_marks(snapshot: &Observed) -> BTreeSet<Mark> {
    let rules = snapshot.tables.values().flat_map(SavedTables::values).flat_map(|t| &t.chains);
    let rules = rules.filter(|c| c.is_managed()).flat_map(|c| &c.rules).filter(|r| r.text().contains("TPROXY"));
    let targets = rules.filter_map(|r| Some(r.meaning()?.target()));
    let mut marks = BTreeSet::new();
    marks.extend(targets.filter_map(|t| if let Target::Tproxy { mark, .. } = t { Some(mark) } else { None }));
    marks.extend(snapshot.nftables.tproxy_marks());
    marks
}
