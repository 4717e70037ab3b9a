//! A call at work in its network namespace, which no other call of ours changes meanwhile.

use std::collections::BTreeMap;

use super::{Call, Failure, LOCK_BOUND};
use crate::capture::Routing;
use crate::config::{Backend, Families, Family, IptablesKind};
use crate::kernel::detect::{Choice, Presence, choose};
use crate::kernel::iptables::{Manner, Programs};
use crate::kernel::lock::NamespaceLock;
use crate::kernel::nftables;
use crate::kernel::routes::Routes;
use crate::kernel::{KernelError, capabilities::Capabilities};
use crate::netfilter::Ruleset;
use crate::state::{self, Change, Comparison, Difference, Goal, Restore, Snapshot, Step, Tables, tproxy_marks};

/// The namespace, locked, and the ways into its kernel.
pub(super) struct Session<'a> {
    call: Call<'a>,
    manner: Manner,
    /// What was there when the call began.
    before: Presence,
    presence: Presence,
    /// Routing that is known to be ours, besides the planned.
    known: Routing,
    programs: BTreeMap<IptablesKind, Programs>,
    routes: Routes,
    _lock: NamespaceLock,
}

impl<'a> Session<'a> {
    /// Waits for the namespace, and looks what is there.
    pub(super) fn open(call: Call<'a>) -> Result<Self, KernelError> {
        let lock = NamespaceLock::take(LOCK_BOUND)?;
        let manner = Manner { bound: call.options.program_timeout, cni: call.options.cni_mode };
        if manner.cni && !Capabilities::effective().sys_admin() {
            log::debug!(
                "without CAP_SYS_ADMIN, programs are not kept from the name service; rules name users by number"
            );
        }
        let presence = Presence::look()?;
        Ok(Self {
            call,
            manner,
            before: presence.clone(),
            presence,
            known: Routing::default(),
            programs: BTreeMap::new(),
            routes: Routes::open()?,
            _lock: lock,
        })
    }

    /// The kind of iptables to write with.
    pub(super) fn choose(&mut self) -> Result<IptablesKind, KernelError> {
        let forced = match self.call.options.backend {
            Backend::Iptables(kind) => kind,
            Backend::Nftables => None,
        };
        let Choice { programs, reason } = choose(&self.presence, forced, self.call.config.families)?;
        let kind = programs.kind();
        log::info!("using iptables of kind {} ({}): {reason}", kind.name(), programs.path().display());
        self.programs.insert(kind, programs);
        Ok(kind)
    }

    /// Reads what is there: in the chosen kind all there is; in the other one, where it may hold rules of
    /// ours. Where there are no tables, no program is run.
    pub(super) fn read(&mut self, chosen: Option<IptablesKind>) -> Result<Snapshot, KernelError> {
        let mut snapshot = Snapshot::default();
        for kind in IptablesKind::BOTH {
            let all = chosen.is_none_or(|c| c == kind);
            let wanted = |f: &Family| {
                if all { self.presence.has_tables(kind, *f) } else { self.presence.has_ours(kind, *f) }
            };
            let families: Vec<_> = Family::BOTH.into_iter().filter(wanted).collect();
            let families: Vec<_> =
                families.into_iter().filter_map(|f| self.readable(kind, f).transpose()).collect::<Result<_, _>>()?;
            if let Some(programs) = self.programs.get(&kind).filter(|_| !families.is_empty()) {
                let saved = programs.save(&families, self.manner)?;
                for (family, tables) in &saved {
                    self.all_there(programs, *family, tables)?;
                }
                snapshot.tables.extend(saved.into_iter().map(|(family, tables)| ((kind, family), tables)));
            }
        }
        let mut planned = self.call.plan.routing.clone();
        planned.add(&self.known);
        let (routing, certain) = self.routes.read(&planned)?;
        snapshot.routing = routing.ours(&planned, &certain, &tproxy_marks(&snapshot));
        Ok(snapshot)
    }

    /// What a program printed has to have the tables with chains of ours that the kernel has: iptables-nft
    /// leaves out a table that nft(8) has put something into, and what is cut may end after a table.
    fn all_there(&self, programs: &Programs, family: Family, saved: &Tables) -> Result<(), KernelError> {
        let has = |name: &str| {
            let table = saved.iter().find(|(t, _)| t.name() == name);
            table.is_some_and(|(_, t)| t.chains.iter().any(crate::netfilter::save::SavedChain::is_ours))
        };
        match self.presence.tables_with_ours(programs.kind(), family).find(|name| !has(name)) {
            Some(table) => {
                let program = programs.save_program(family).to_owned();
                Err(KernelError::SaveLacks { program, table: table.to_owned() })
            }
            None => Ok(()),
        }
    }

    /// The family, where the programs to read it are there; `None` where they are not, and nothing of ours
    /// is there either.
    fn readable(&mut self, kind: IptablesKind, family: Family) -> Result<Option<Family>, KernelError> {
        if let std::collections::btree_map::Entry::Vacant(entry) = self.programs.entry(kind)
            && let Ok(programs) = Programs::find(kind, Families::Ipv4)
        {
            entry.insert(programs);
        }
        if self.programs.get(&kind).is_some_and(|p| p.has(family)) {
            return Ok(Some(family));
        }
        if self.presence.has_ours(kind, family) {
            let lacks = format!(
                "{family} rules of ours are there in the kind {0}, and the programs of that kind ({1}tables-{0}-save and -restore) are not on PATH: they are needed to change or remove those rules",
                kind.name(),
                if family == Family::Ipv6 { "ip6" } else { "ip" }
            );
            return Err(KernelError::NoIptables(lacks));
        }
        Ok(None)
    }

    /// Carries out a change, and undoes what was done where a part of it fails.
    pub(super) fn carry_out(
        &mut self,
        goal: Goal<'_>,
        change: &Change,
        rules: &Ruleset,
        force: bool,
    ) -> Result<(), Failure> {
        let done = self.run(change.steps(rules, force)).and_then(|()| self.verify(goal, change));
        let Err(cause) = done else { return Ok(()) };
        log::warn!("undoing what was done: {cause}");
        match self.undo(change) {
            Ok(()) => Err(Failure::Undone(Box::new(cause))),
            Err((undoing, left)) => Err(Failure::NotUndone { cause: Box::new(cause), undoing, left }),
        }
    }

    /// Looks whether a change was made: exit status 0 of a program is not taken for it. A first apply and a
    /// clean need no process for that; where rules of ours were there before, all are read again.
    fn verify(&mut self, goal: Goal<'_>, change: &Change) -> Result<(), KernelError> {
        self.presence = Presence::look()?;
        let (before, after) = (change.before(), change.after());
        for kind in IptablesKind::BOTH {
            let mut changed = None;
            for family in Family::BOTH {
                let wanted = after.has_ours(kind, family);
                if self.presence.has_ours(kind, family) != wanted {
                    return Err(self.not_done(kind, family));
                }
                changed = changed.or((wanted && before.has_ours(kind, family)).then_some(family));
            }
            let Some(family) = changed else { continue };
            if let Comparison::Drifted(differences) = state::compare(&self.read(Some(kind))?, goal) {
                return Err(self.not_done(kind, differences.iter().find_map(Difference::family).unwrap_or(family)));
            }
        }
        Ok(())
    }

    fn not_done(&self, kind: IptablesKind, family: Family) -> KernelError {
        let program = self.programs.get(&kind).map(|p| p.restore_program(family).to_owned()).unwrap_or_default();
        KernelError::NotDone { program, family }
    }

    /// Brings the state back that was there before the change, from whatever it is now: a program that
    /// reports a failure may have done its work all the same. So only a last look tells whether it worked;
    /// the error comes with what is left.
    fn undo(&mut self, change: &Change) -> Result<(), (Box<KernelError>, Vec<Difference>)> {
        let unknown = |error| (Box::new(error), Vec::new());
        let back = change.back_from(self.read_afterwards(change).map_err(unknown)?);
        let mut trouble = None;
        for step in back.steps(&Ruleset::default(), false) {
            // What cannot be undone keeps nothing else from being undone.
            trouble = self.run(vec![step]).err().or(trouble);
        }
        if let Some(error) = trouble {
            let now = self.read_afterwards(change).map_err(unknown)?;
            let left = change.back_from(now).inverse().differences();
            if !left.is_empty() {
                return Err((Box::new(error), left));
            }
        }
        if let Err(error) = self.remove_new_tables() {
            log::debug!("empty tables of iptables-nft stay: {error}");
        }
        Ok(())
    }

    fn read_afterwards(&mut self, change: &Change) -> Result<Snapshot, KernelError> {
        self.presence = Presence::look()?;
        // The old connection may be in the middle of an answer that was not read to its end.
        self.routes = Routes::open()?;
        self.known = change.before().routing.clone().into();
        self.read(None)
    }

    /// Removes tables that iptables-nft made during this call and that hold nothing.
    fn remove_new_tables(&self) -> std::io::Result<()> {
        let now = Presence::look().map_err(std::io::Error::other)?;
        let new: Vec<_> = now.iptables_nft_tables().filter(|t| !self.before.has_table(t)).cloned().collect();
        nftables::remove_empty(&new)
    }

    fn run(&mut self, steps: Vec<Step>) -> Result<(), KernelError> {
        for step in steps {
            match step {
                Step::AddRouting(routing) => self.routes.add(&routing)?,
                Step::RemoveRouting(routing) => self.routes.remove(&routing)?,
                Step::Restore(restores) => self.restore(&restores)?,
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
