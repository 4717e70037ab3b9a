//! Doing what has to be done, and undoing it.

use super::{Found, Session};
use crate::commands::Failure;
use crate::config::{Family, IptablesKind};
use crate::kernel::KernelError;
use crate::kernel::detect::Presence;
use crate::kernel::nftables::{self, Nftables};
use crate::kernel::routes::Routes;
use crate::netfilter::Ruleset;
use crate::netfilter::nft::Tables;
use crate::state::{self, Change, Comparison, Difference, Goal, Restore, Step};

/// What is to be done, and what it starts from.
pub(in crate::commands) struct Work<'a> {
    goal: Goal<'a>,
    found: Found,
    change: Change,
    /// What nftables are to hold.
    native: Tables,
    nftables: state::Nftables,
    steps: Vec<Step>,
}

impl Work<'_> {
    /// The steps, in order.
    pub(in crate::commands) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What nftables are to hold, where they are changed.
    pub(in crate::commands) fn native(&self) -> &Tables {
        &self.native
    }
}

impl Session<'_> {
    /// What has to be done to get from what is there to the goal.
    pub(in crate::commands) fn work<'g>(&self, found: Found, goal: Goal<'g>, force: bool) -> Work<'g> {
        let change = state::change(&found.snapshot, goal);
        let native = self.native(goal);
        let same = matches!(nftables::compare(&found.native, &native), Ok(nftables::Comparison::InPlace));
        let nftables = match (native.0.is_empty(), found.native.is_clean()) {
            (true, true) => state::Nftables::Stay,
            (true, false) => state::Nftables::Removed,
            (false, _) if same && !force => state::Nftables::Stay,
            (false, _) => state::Nftables::Filled,
        };
        let rules = match goal {
            Goal::Apply { plan, kind: Some(_) } => plan.rules.clone().by_number(),
            Goal::Apply { kind: None, .. } | Goal::Clean { .. } => Ruleset::default(),
        };
        let steps = change.steps(&rules, force, nftables);
        Work { goal, found, change, native, nftables, steps }
    }

    /// Does the work, and undoes what was done where a part of it fails.
    pub(in crate::commands) fn carry_out(&mut self, work: &Work<'_>) -> Result<(), Failure> {
        let done = self.run(work.steps(), &work.native).and_then(|()| self.verify(work));
        let Err(cause) = done else { return Ok(()) };
        log::warn!("undoing what was done: {cause}");
        match self.undo(work) {
            Ok(()) => Err(Failure::Undone(Box::new(cause))),
            Err((undoing, left)) => {
                let left = left.iter().map(ToString::to_string).collect();
                Err(Failure::NotUndone { cause: Box::new(cause), undoing, left })
            }
        }
    }

    /// Looks whether a change was made: exit status 0 of a program is not taken for it. A first apply and a
    /// clean need no process for that; where rules of ours were there before, all are read again.
    fn verify(&mut self, work: &Work<'_>) -> Result<(), KernelError> {
        self.presence = Presence::look()?;
        let (before, after) = (work.change.before(), work.change.after());
        for kind in IptablesKind::BOTH {
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
            if let Comparison::Drifted(differences) = state::compare(&self.read(work.goal)?.snapshot, work.goal) {
                return Err(self.not_done(kind, differences.iter().find_map(Difference::family).unwrap_or(family)));
            }
        }
        Ok(())
    }

    fn not_done(&self, kind: IptablesKind, family: Family) -> KernelError {
        let program = self.programs.get(&kind).map(|p| p.restore_program(family).to_owned()).unwrap_or_default();
        KernelError::NotDone { program, family }
    }

    /// Brings the state back that was there before the work, from whatever it is now: a program that
    /// reports a failure may have done its work all the same. So only a last look tells whether it worked;
    /// the error comes with what is left. What captured before does so again before what was to take its
    /// place goes.
    fn undo(&mut self, work: &Work<'_>) -> Result<(), (Box<KernelError>, Vec<Difference>)> {
        let unknown = |error| (Box::new(error), Vec::new());
        let now = self.read_afterwards(&work.change).map_err(unknown)?;
        let back = work.change.back_from(now.snapshot);
        let mut trouble = None;
        if work.nftables == state::Nftables::Removed {
            trouble = restore_native(work).err();
        }
        for step in back.steps(&Ruleset::default(), false, state::Nftables::Stay) {
            // What cannot be undone keeps nothing else from being undone.
            trouble = self.run(&[step], &Tables::default()).err().or(trouble);
        }
        if work.nftables == state::Nftables::Filled {
            trouble = restore_native(work).err().or(trouble);
        }
        if let Some(error) = trouble {
            let now = self.read_afterwards(&work.change).map_err(unknown)?;
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

    fn read_afterwards(&mut self, change: &Change) -> Result<Found, KernelError> {
        self.presence = Presence::look()?;
        // The old connection may be in the middle of an answer that was not read to its end.
        self.routes = Routes::open()?;
        self.known = change.before().routing.clone();
        self.read(Goal::Clean { plan: self.call.plan })
    }

    /// Removes tables that iptables-nft made during this call and that hold nothing.
    fn remove_new_tables(&self) -> Result<(), KernelError> {
        let now = Presence::look()?;
        let new: Vec<_> = now.iptables_nft_tables().filter(|t| !self.before.has_table(t)).cloned().collect();
        Ok(Nftables::open()?.remove_empty(&new)?)
    }

    fn run(&mut self, steps: &[Step], native: &Tables) -> Result<(), KernelError> {
        for step in steps {
            match step {
                Step::AddRouting(routing) => self.routes.add(routing)?,
                Step::RemoveRouting(routing) => self.routes.remove(routing)?,
                Step::Restore(restores) => self.restore(restores)?,
                Step::Nftables => drop(Nftables::open()?.apply(native)?),
            }
        }
        Ok(())
    }

    fn restore(&self, restores: &[Restore]) -> Result<(), KernelError> {
        let mut result = Ok(());
        for (kind, programs) in &self.programs {
            let of_kind: Vec<_> = restores.iter().filter(|r| r.kind == *kind).collect();
            if !of_kind.is_empty() {
                result = result.and(programs.restore(&of_kind, self.manner));
            }
        }
        result
    }
}

fn restore_native(work: &Work<'_>) -> Result<(), KernelError> {
    Ok(Nftables::open()?.restore(&work.found.native)?)
}
