//! A call at work in its network namespace, which no other call of ours changes meanwhile.

use std::collections::BTreeMap;

use super::{Call, Failure, LOCK_BOUND};
use crate::config::{Backend, Families, Family, IptablesKind};
use crate::kernel::detect::{Choice, Presence, choose};
use crate::kernel::iptables::{Manner, Programs};
use crate::kernel::lock::NamespaceLock;
use crate::kernel::routes::Routes;
use crate::kernel::{KernelError, capabilities::Capabilities};
use crate::netfilter::Ruleset;
use crate::state::{Change, Restore, Snapshot, Step, tproxy_marks};

/// The namespace, locked, and the ways into its kernel.
pub(super) struct Session<'a> {
    call: Call<'a>,
    manner: Manner,
    presence: Presence,
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
        Ok(Self { call, manner, presence, programs: BTreeMap::new(), routes: Routes::open()?, _lock: lock })
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
                snapshot.tables.extend(saved.into_iter().map(|(family, tables)| ((kind, family), tables)));
            }
        }
        let planned = &self.call.plan.routing;
        snapshot.routing = self.routes.read(planned)?.ours(planned, &tproxy_marks(&snapshot));
        Ok(snapshot)
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
    pub(super) fn carry_out(&mut self, change: &Change, rules: &Ruleset, force: bool) -> Result<(), Failure> {
        let Err(cause) = self.run(change.steps(rules, force)) else { return Ok(()) };
        log::warn!("undoing what was done: {cause}");
        match self.undo(change) {
            Ok(()) => Err(Failure::Undone(Box::new(cause))),
            Err(undoing) => {
                let now = Presence::look().and_then(|p| {
                    self.presence = p;
                    self.read(None)
                });
                let left = now.map(|now| change.back_from(now).inverse().differences()).unwrap_or_default();
                Err(Failure::NotUndone { cause: Box::new(cause), undoing: Box::new(undoing), left })
            }
        }
    }

    /// Brings the state back that was there before the change, from whatever it is now: a program that
    /// reports a failure may have done its work all the same.
    fn undo(&mut self, change: &Change) -> Result<(), KernelError> {
        self.presence = Presence::look()?;
        let now = self.read(None)?;
        let back = change.back_from(now);
        self.run(back.steps(&Ruleset::default(), false))
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
        for (kind, programs) in &self.programs {
            let of_kind: Vec<_> = restores.iter().filter(|r| r.kind == *kind).collect();
            if !of_kind.is_empty() {
                programs.restore(&of_kind, self.manner)?;
            }
        }
        Ok(())
    }
}
