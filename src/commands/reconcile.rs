//! The one loop that apply, clean, check and the kernel-checked dry run share, and its parts:
//!
//! observe all → actions, sorted by phase → run → observe → nothing left? done : go back to what was observed first

use super::Failure;
use super::session::Session;
use crate::explain;
use crate::kernel::KernelError;
use crate::kernel::iptables::Programs;
use crate::net::Family;
use crate::netfilter::Variant;
use crate::state::{Action, Difference, DifferingItem, Goal, Restore, Stores};

/// The foreign rules that decide, before managed ones, about what those would capture.
pub(super) fn bypasses(stores: &Stores<'_>, goal: Goal<'_>) -> Vec<DifferingItem> {
    let Goal::Apply { plan, variant: Some(variant) } = goal else { return Vec::new() };
    let mut found = Vec::new();
    for family in Family::BOTH {
        let tables = stores.iptables(variant).wanted(family);
        explain::bypasses(tables, &plan.rules, family, &mut |table, chain, rule| {
            found.push(DifferingItem::rule(variant, family, table, chain, rule));
        });
    }
    found
}

impl Session<'_> {
    /// Does what leads to the goal, and goes back to what was observed first if a part of it fails. With `force`, also
    /// what changes nothing.
    pub(super) fn reconcile(&mut self, stores: &Stores<'_>, goal: Goal<'_>, force: bool) -> Result<(), Failure> {
        let actions = stores.actions(force);
        let done = self.run(&actions).and_then(|()| self.verify(stores, goal, &actions));
        let Err(cause) = done else { return Ok(()) };
        log::warn!("rolling back, because part of the change failed");
        match self.go_back(stores) {
            Ok(()) => Err(Failure::Undone(Box::new(cause))),
            Err((undoing, left)) => Err(Failure::NotUndone { cause: Box::new(cause), undoing, left }),
        }
    }

    /// Looks whether programs made their change: exit status 0 is not taken for it. A first apply and a clean
    /// need no process for that; if managed rules were there before, all are read again.
    fn verify(&mut self, stores: &Stores<'_>, goal: Goal<'_>, actions: &[Action<'_>]) -> Result<(), KernelError> {
        let ran = |variant| actions.iter().any(|a| matches!(a, Action::Restore(r) if r.variant == variant));
        let variants: Vec<_> = Variant::BOTH.into_iter().filter(|variant| ran(*variant)).collect();
        for variant in &variants {
            self.netfilter.look_again(&mut self.detected, *variant)?;
        }
        for variant in variants {
            let mut changed = None;
            for family in Family::BOTH {
                let store = stores.iptables(variant);
                let (had, wanted) = store.has_managed(family);
                if self.detected.has_managed(variant, family) != wanted {
                    return Err(self.not_done(variant, family));
                }
                changed = changed.or((wanted && had && store.changes(family)).then_some(family));
            }
            let Some(family) = changed else { continue };
            let rest = Stores::new(self.observe(goal)?.observed, goal).differences();
            if !rest.is_empty() {
                return Err(self.not_done(variant, rest.iter().find_map(Difference::family).unwrap_or(family)));
            }
        }
        Ok(())
    }

    fn not_done(&self, variant: Variant, family: Family) -> KernelError {
        let program = self.programs.get(&variant).map(|p| p.restore_program(family).to_owned()).unwrap_or_default();
        KernelError::NotDone { program, family }
    }

    /// Brings the state back that was observed first, from whatever it is now: a program that reports a failure
    /// may have done its work anyway. So only a last look shows whether it worked; the error comes with what
    /// is left.
    fn go_back(&mut self, stores: &Stores<'_>) -> Result<(), (Box<KernelError>, Vec<Difference>)> {
        let unknown = |error| (Box::new(error), Vec::new());
        let all = Goal::Clean { plan: self.call.plan };
        let now = self.observe_anew(all).map_err(unknown)?.observed;
        let back = stores.back_from(&now);
        let mut failure = None;
        for action in back.actions(false) {
            // If one action cannot be rolled back, the remaining ones still are.
            failure = self.run(&[action]).err().or(failure);
        }
        if let Some(error) = failure {
            let now = self.observe_anew(all).map_err(unknown)?.observed;
            let left = stores.back_from(&now).differences();
            if !left.is_empty() {
                // Differences from the state before.
                let left = left.into_iter().map(|d| Difference { missing: !d.missing, ..d }).collect();
                return Err((Box::new(error), left));
            }
        }
        if let Err(error) = self.remove_new_tables() {
            log::debug!("cannot remove empty iptables-nft tables: {error}");
        }
        Ok(())
    }

    /// Removes tables that iptables-nft made during this call and that hold nothing.
    fn remove_new_tables(&mut self) -> Result<(), KernelError> {
        let new = self.netfilter.look()?.new_iptables_nft_tables(&self.before);
        Ok(self.netfilter.nftables()?.remove_empty(&new)?)
    }

    fn run(&mut self, actions: &[Action<'_>]) -> Result<(), KernelError> {
        for at_once in actions.chunk_by(|a, b| a.phase() == b.phase()) {
            let restores: Vec<_> = at_once
                .iter()
                .filter_map(|a| if let Action::Restore(restore) = a { Some(restore) } else { None })
                .collect();
            for action in at_once {
                match action {
                    Action::AddRouting(routing) => self.routes.add(routing)?,
                    Action::RemoveRouting(routing) => self.routes.remove(routing)?,
                    Action::Nftables(content) => self.netfilter.nftables()?.bring_to(content)?,
                    Action::Dormant(family, table, dormant) => {
                        if let Some(there) = self.detected.iptables_nft_table(*family, table.name()) {
                            self.netfilter.nftables()?.flag(there.family, &there.name, *dormant)?;
                        }
                    }
                    Action::Restore(_) => {}
                }
            }
            self.restore(&restores)?;
        }
        Ok(())
    }

    /// Runs the programs of both families of a variant at the same time: none depends on another.
    fn restore(&mut self, restores: &[&Restore]) -> Result<(), KernelError> {
        let mut result = Ok(());
        for (variant, programs) in &self.programs {
            let of_variant: Vec<_> = restores.iter().copied().filter(|r| r.variant == *variant).collect();
            if of_variant.is_empty() {
                continue;
            }
            let families: Vec<_> = of_variant.iter().map(|r| r.family).collect();
            let restoring = match self.restoring.take().filter(|r| r.is_for(*variant, &families)) {
                Some(started) => Ok(started),
                None => Programs::start_restore(programs, &families, self.manner),
            };
            result = result.and(restoring.and_then(|r| r.finish(&of_variant)));
        }
        result
    }
}
