//! Doing what has to be done, and undoing it.

use std::borrow::Cow;

use super::{Found, Session};
use crate::commands::Failure;
use crate::explain;
use crate::kernel::KernelError;
use crate::kernel::detect::Netfilter;
use crate::kernel::release::Release;
use crate::net::Family;
use crate::netfilter::Ruleset;
use crate::netfilter::Variant;
use crate::nftables::{self, Tables};
use crate::state::{self, Change, Difference, Goal, Restore, Step};

/// What is there, what is to be there, and what has to be done for it.
pub(in crate::commands) struct Work<'a> {
    goal: Goal<'a>,
    change: Change,
    native: Native,
}

/// The tables of ours that are not those of iptables.
struct Native {
    before: nftables::State,
    wanted: Tables,
    in_place: bool,
}

/// How what is there differs from the goal.
pub(in crate::commands) enum Compared {
    /// There is nothing of ours.
    Clean,
    /// All of ours is as it should be.
    InPlace,
    /// Something of ours is, but not as it should be.
    Drifted,
}

impl<'a> Work<'a> {
    /// What has to be done to get from what is there to the goal.
    pub(in crate::commands) fn new(found: Found, goal: Goal<'a>) -> Result<Self, KernelError> {
        let wanted = match goal {
            Goal::Apply { plan, kind: None } => Tables::of(&plan.rules.by_number()),
            Goal::Apply { kind: Some(_), .. } | Goal::Clean { .. } => Tables::default(),
        };
        // Where there is nothing, no difference has to be put in words to know.
        let in_place = match found.native.is_clean() {
            true => wanted.0.is_empty(),
            false => nftables::differences(&found.native, &wanted)?.is_empty(),
        };
        let native = Native { before: found.native, wanted, in_place };
        Ok(Self { goal, change: state::change(found.snapshot, goal), native })
    }

    /// How what is there differs from the goal.
    pub(in crate::commands) fn compared(&self) -> Compared {
        if self.change.is_empty() && self.native.in_place {
            Compared::InPlace
        } else if self.change.begins_clean() && self.native.before.is_clean() {
            Compared::Clean
        } else {
            Compared::Drifted
        }
    }

    /// The differences, also where there is nothing: lines for people, in order.
    pub(in crate::commands) fn differences(&self) -> Result<Vec<String>, KernelError> {
        let native = nftables::differences(&self.native.before, &self.native.wanted)?;
        let lines = self.change.differences().into_iter().map(|d| d.to_string());
        Ok(lines.chain(native.iter().map(ToString::to_string)).collect())
    }

    /// The foreign rules that decide, before ours, about what ours would capture: a line for each.
    pub(in crate::commands) fn bypasses(&self) -> Vec<String> {
        let Goal::Apply { plan, kind: Some(kind) } = self.goal else { return Vec::new() };
        let mut found = Vec::new();
        for family in Family::BOTH {
            let Some(tables) = self.change.after().tables.get(&(kind, family)) else { continue };
            explain::bypasses(tables, &plan.rules, family, &mut |table, chain, rule| {
                let arguments = format!("-A {} {}", chain.name, rule.text()).replace('\n', "\\n");
                let rule = Difference::Rule { add: false, kind, family, table, arguments };
                found.push(rule.to_string().trim_start_matches("- ").to_owned());
            });
        }
        found
    }

    /// The steps, in order. With `force`, also those that change nothing.
    pub(in crate::commands) fn steps(&self, force: bool) -> Vec<Step> {
        let rules = match self.goal {
            Goal::Apply { plan, kind: Some(_) } => plan.rules.by_number(),
            Goal::Apply { kind: None, .. } | Goal::Clean { .. } => Cow::Owned(Ruleset::default()),
        };
        self.change.steps(&rules, force, self.nftables(force))
    }

    fn nftables(&self, force: bool) -> state::Nftables {
        match (self.native.wanted.0.is_empty(), self.native.before.is_clean()) {
            (true, true) => state::Nftables::Stay,
            (true, false) => state::Nftables::Removed,
            (false, _) if self.native.in_place && !force => state::Nftables::Stay,
            (false, _) => state::Nftables::Filled,
        }
    }

    /// What nftables are to hold, where they are changed.
    pub(in crate::commands) fn native(&self) -> &Tables {
        &self.native.wanted
    }
}

impl Session<'_> {
    /// Does the work, and undoes what was done where a part of it fails. Where that may be because programs got in
    /// each other's way, it is done once more, one after the other.
    pub(in crate::commands) fn carry_out(&mut self, work: &Work<'_>, steps: &[Step]) -> Result<(), Failure> {
        let done = self.run(steps, work.native()).and_then(|()| self.verify(work, steps));
        let Err(cause) = done else { return Ok(()) };
        log::warn!("undoing what was done, since a part of it failed");
        let one_by_one = std::mem::replace(&mut self.one_by_one, true);
        match self.undo(work, steps.contains(&Step::Nftables)) {
            Ok(()) if !one_by_one && self.may_have_disturbed_each_other(steps) => {
                log::info!(
                    "doing it again, one family after the other: this iptables cannot do both at once ({cause})"
                );
                let found = self.read_afterwards(work.goal)?;
                let work = Work::new(found, work.goal)?;
                self.carry_out(&work, &work.steps(false))
            }
            Ok(()) => Err(Failure::Undone(Box::new(cause))),
            Err((undoing, left)) => {
                let left = left.iter().map(ToString::to_string).collect();
                Err(Failure::NotUndone { cause: Box::new(cause), undoing, left })
            }
        }
    }

    /// Whether programs were run at the same time that do not bear it.
    fn may_have_disturbed_each_other(&self, steps: &[Step]) -> bool {
        let of_nft = |r: &&Restore| r.kind == Variant::Nft;
        let at_once = |s: &Step| matches!(s, Step::Restore(all) if all.iter().filter(of_nft).count() > 1);
        let program = self.programs.get(&Variant::Nft).map(|p| p.restore_program(Family::Ipv4));
        steps.iter().any(at_once) && program.and_then(Release::of).is_some_and(|release| release < Release::UNDISTURBED)
    }

    /// Looks whether programs made their change: exit status 0 is not taken for it. A first apply and a clean
    /// need no process for that; where rules of ours were there before, all are read again.
    fn verify(&mut self, work: &Work<'_>, steps: &[Step]) -> Result<(), KernelError> {
        let ran = |kind| steps.iter().any(|s| matches!(s, Step::Restore(all) if all.iter().any(|r| r.kind == kind)));
        let (before, after) = (work.change.before(), work.change.after());
        let kinds: Vec<_> = Variant::BOTH.into_iter().filter(|kind| ran(*kind)).collect();
        for kind in &kinds {
            self.netfilter.look_again(&mut self.presence, *kind)?;
        }
        for kind in kinds {
            let mut changed = None;
            for family in Family::BOTH {
                let wanted = after.has_ours(kind, family);
                if self.presence.has_ours(kind, family) != wanted {
                    return Err(self.not_done(kind, family));
                }
                let differs = before.tables.get(&(kind, family)) != after.tables.get(&(kind, family));
                changed = changed.or((wanted && differs && before.has_ours(kind, family)).then_some(family));
            }
            let Some(family) = changed else { continue };
            let rest = state::change(self.read(work.goal)?.snapshot, work.goal);
            if !rest.is_empty() {
                let family = rest.differences().iter().find_map(Difference::family).unwrap_or(family);
                return Err(self.not_done(kind, family));
            }
        }
        Ok(())
    }

    fn not_done(&self, kind: Variant, family: Family) -> KernelError {
        let program = self.programs.get(&kind).map(|p| p.restore_program(family).to_owned()).unwrap_or_default();
        KernelError::NotDone { program, family }
    }

    /// Brings the state back that was there before the work, from whatever it is now: a program that
    /// reports a failure may have done its work all the same. So only a last look tells whether it worked;
    /// the error comes with what is left. What captured before does so again before what was to take its
    /// place goes.
    fn undo(&mut self, work: &Work<'_>, nftables: bool) -> Result<(), (Box<KernelError>, Vec<Difference>)> {
        let unknown = |error| (Box::new(error), Vec::new());
        let all = Goal::Clean { plan: self.call.plan };
        let now = self.read_afterwards(all).map_err(unknown)?;
        let back = work.change.back_from(now.snapshot);
        let mut trouble = None;
        let filled = !work.native.wanted.0.is_empty();
        if nftables && !filled {
            trouble = self.restore_native(work).err();
        }
        for step in back.steps(&Ruleset::default(), false, state::Nftables::Stay) {
            // What cannot be undone keeps nothing else from being undone.
            trouble = self.run(&[step], &Tables::default()).err().or(trouble);
        }
        if nftables && filled {
            trouble = self.restore_native(work).err().or(trouble);
        }
        if let Some(error) = trouble {
            let now = self.read_afterwards(all).map_err(unknown)?;
            let left = work.change.back_from(now.snapshot).inverse().differences();
            if !left.is_empty() || matches!(error, KernelError::Nftables(_)) {
                return Err((Box::new(error), left));
            }
        }
        if let Err(error) = self.remove_new_tables() {
            log::debug!("empty tables of iptables-nft stay: {error}");
        }
        Ok(())
    }

    fn read_afterwards(&mut self, goal: Goal<'_>) -> Result<Found, KernelError> {
        // The old connections may be in the middle of an answer that was not read to its end.
        self.netfilter = Netfilter::default();
        self.routes.reopen()?;
        self.presence = self.netfilter.look()?;
        self.read(goal)
    }

    /// Removes tables that iptables-nft made during this call and that hold nothing.
    fn remove_new_tables(&mut self) -> Result<(), KernelError> {
        let now = self.netfilter.look()?;
        let new: Vec<_> = now.iptables_nft_tables().filter(|t| !self.before.has_table(t)).cloned().collect();
        Ok(self.netfilter.nftables()?.remove_empty(&new)?)
    }

    fn run(&mut self, steps: &[Step], native: &Tables) -> Result<(), KernelError> {
        for step in steps {
            match step {
                Step::AddRouting(routing) => self.routes.add(routing)?,
                Step::RemoveRouting(routing) => self.routes.remove(routing)?,
                Step::Restore(restores) => self.restore(restores)?,
                Step::Dormant(family, table, dormant) => {
                    if let Some(there) = self.presence.iptables_nft_table(*family, table.name()) {
                        self.netfilter.nftables()?.flag(there.family, &there.name, *dormant)?;
                    }
                }
                Step::Nftables => drop(self.netfilter.nftables()?.apply(native)?),
            }
        }
        Ok(())
    }

    fn restore(&mut self, restores: &[Restore]) -> Result<(), KernelError> {
        let mut result = Ok(());
        for (kind, programs) in &self.programs {
            let of_kind: Vec<_> = restores.iter().filter(|r| r.kind == *kind).collect();
            if of_kind.is_empty() {
                continue;
            }
            for at_once in of_kind.chunks(if self.one_by_one { 1 } else { of_kind.len() }) {
                let families: Vec<_> = at_once.iter().map(|r| r.family).collect();
                let restoring = match self.restoring.take().filter(|r| r.is_for(*kind, &families)) {
                    Some(started) => Ok(started),
                    None => programs.start_restore(&families, self.manner),
                };
                result = result.and(restoring.and_then(|r| r.finish(at_once)));
            }
        }
        result
    }

    fn restore_native(&mut self, work: &Work<'_>) -> Result<(), KernelError> {
        Ok(self.netfilter.nftables()?.restore(&work.native.before)?)
    }
}
