//! A call at work in its network namespace, which no other call of ours changes meanwhile.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Call, Failure, LOCK_BOUND};
use crate::capture::{Plan, Routing};
use crate::config::{Backend, Families, Family, IptablesKind};
use crate::kernel::detect::{Choice, Presence, choose};
use crate::kernel::iptables::{Manner, Programs};
use crate::kernel::lock::NamespaceLock;
use crate::kernel::nftables::{self, Nftables};
use crate::kernel::routes::Routes;
use crate::kernel::{KernelError, capabilities::Capabilities};
use crate::netfilter::Ruleset;
use crate::netfilter::nft::Tables;
use crate::state::{self, Change, Comparison, Goal, Restore, RoutingState, Snapshot, Step, tproxy_marks};

/// The namespace, locked, and the ways into its kernel.
pub(super) struct Session<'a> {
    call: Call<'a>,
    manner: Manner,
    presence: Presence,
    programs: BTreeMap<IptablesKind, Programs>,
    routes: Routes,
    _lock: NamespaceLock,
}

/// What is there.
pub(super) struct Found {
    snapshot: Snapshot,
    native: nftables::State,
    /// Tables that no program is there to read; nothing of ours is in them.
    unread: Vec<String>,
}

/// What is there, in the terms of what is planned.
pub(super) struct Live {
    /// Rules and routing.
    pub(super) plan: Plan,
    /// What has rules in it.
    pub(super) backends: Vec<String>,
    /// What of it has no such terms.
    pub(super) left_out: Vec<String>,
}

impl Found {
    /// What is there, in the terms of what is planned.
    pub(super) fn live(&self) -> Live {
        let mut live = Live { plan: Plan::default(), backends: Vec::new(), left_out: self.unread.clone() };
        for kind in IptablesKind::BOTH {
            let tables = self.snapshot.tables.iter().filter(|((k, _), _)| *k == kind);
            let snapshot = Snapshot { tables: tables.map(|(k, t)| (*k, t.clone())).collect(), ..Snapshot::default() };
            live.add(super::backend(Some(kind)), state::live_rules(&snapshot));
        }
        live.add(super::backend(None), self.native.raised());
        let RoutingState { addresses, rules, routes } = self.snapshot.routing.clone();
        live.plan.routing = Routing { addresses, rules, routes };
        live
    }
}

impl Live {
    fn add(&mut self, backend: String, (rules, left_out): (Ruleset, Vec<String>)) {
        if !rules.is_empty() {
            self.backends.push(backend);
        }
        rules.rules().for_each(|(scope, rule)| self.plan.rules.push(scope, rule.clone()));
        self.left_out.extend(left_out);
    }
}

/// What is to be done, and what it starts from.
pub(super) struct Work {
    found: Found,
    change: Change,
    /// What nftables are to hold.
    native: Tables,
    nftables: state::Nftables,
    rules: Ruleset,
    force: bool,
}

impl Work {
    /// The steps, in order.
    pub(super) fn steps(&self) -> Vec<Step> {
        self.change.steps(&self.rules, self.force, self.nftables)
    }

    /// What nftables are to hold, where they are changed.
    pub(super) fn native(&self) -> &Tables {
        &self.native
    }
}

impl<'a> Session<'a> {
    /// Waits until the namespace is ours to change, and looks what is there.
    pub(super) fn open(call: Call<'a>) -> Result<Self, KernelError> {
        Self::with_lock(call, NamespaceLock::take(LOCK_BOUND)?)
    }

    /// Waits until nobody changes the namespace, and looks what is there. Such a session is for reading.
    pub(super) fn look(call: Call<'a>) -> Result<Self, KernelError> {
        Self::with_lock(call, NamespaceLock::share(LOCK_BOUND)?)
    }

    fn with_lock(call: Call<'a>, lock: NamespaceLock) -> Result<Self, KernelError> {
        let manner = Manner { bound: call.options.program_timeout, cni: call.options.cni_mode };
        if manner.cni && !Capabilities::effective().sys_admin() {
            log::debug!("without CAP_SYS_ADMIN, iptables is not kept from asking the name service");
        }
        let presence = Presence::look()?;
        Ok(Self { call, manner, presence, programs: BTreeMap::new(), routes: Routes::open()?, _lock: lock })
    }

    /// The kind of iptables to write with; `None` for nftables.
    pub(super) fn choose(&mut self) -> Result<Option<IptablesKind>, KernelError> {
        let forced = match self.call.options.backend {
            Backend::Iptables(kind) => kind,
            Backend::Nftables => {
                log::info!("using nftables, in process: --native-nftables says so");
                return Ok(None);
            }
        };
        let Choice { programs, reason } = choose(&self.presence, forced, self.call.config.families)?;
        let kind = programs.kind();
        log::info!("using iptables of kind {} ({}): {reason}", kind.name(), programs.path().display());
        self.programs.insert(kind, programs);
        Ok(Some(kind))
    }

    /// Reads what is there: in the kinds of iptables that may hold rules of ours, all there is. Where there
    /// are no tables, no program is run.
    pub(super) fn read(&mut self, goal: Goal<'_>) -> Result<Found, KernelError> {
        let mut snapshot = Snapshot::default();
        let mut unread = Vec::new();
        for kind in IptablesKind::BOTH {
            let all = match goal {
                Goal::Apply { kind: chosen, .. } => chosen == Some(kind),
                Goal::Clean { .. } => true,
            };
            let mut families = Vec::new();
            for family in Family::BOTH {
                let there =
                    if all { self.presence.has_tables(kind, family) } else { self.presence.has_ours(kind, family) };
                match there && self.readable(kind, family)? {
                    true => families.push(family),
                    false if there => unread.push(format!("{family} tables of the kind {}", kind.name())),
                    false => {}
                }
            }
            if let Some(programs) = self.programs.get(&kind).filter(|_| !families.is_empty()) {
                let saved = programs.save(&families, self.manner)?;
                snapshot.tables.extend(saved.into_iter().map(|(family, tables)| ((kind, family), tables)));
            }
        }
        let native = if self.presence.has_native() { Nftables::open()?.dump()? } else { nftables::State::default() };
        let mut marks = tproxy_marks(&snapshot);
        marks.extend(native.tproxy_marks());
        snapshot.routing = self.routes.read()?.ours(self.call.config, &marks);
        Ok(Found { snapshot, native, unread })
    }

    /// Whether the programs to read a kind and family are there. Where they are not, and nothing of ours is
    /// there either, it is left alone.
    fn readable(&mut self, kind: IptablesKind, family: Family) -> Result<bool, KernelError> {
        if let Entry::Vacant(entry) = self.programs.entry(kind)
            && let Ok(programs) = Programs::find(kind, Families::Ipv4)
        {
            entry.insert(programs);
        }
        if self.programs.get(&kind).is_some_and(|p| p.has(family)) {
            return Ok(true);
        }
        if self.presence.has_ours(kind, family) {
            return Err(KernelError::NoIptables(format!(
                "{family} rules of ours are there in the kind {0}, and the programs of that kind ({1}tables-{0}-save and -restore) are not on PATH: they are needed to change or remove those rules",
                kind.name(),
                if family == Family::Ipv6 { "ip6" } else { "ip" }
            )));
        }
        Ok(false)
    }

    /// Compares what is there with the goal. The differences are lines for people.
    pub(super) fn compare(&self, found: &Found, goal: Goal<'_>) -> Result<Compared, KernelError> {
        let native = nftables::compare(&found.native, &self.native(goal))?;
        let nothing_native = found.native.is_clean() && self.native(goal).0.is_empty();
        let iptables = state::compare(&found.snapshot, goal);
        match (&iptables, &native) {
            (Comparison::InPlace, nftables::Comparison::InPlace) => return Ok(Compared::InPlace),
            (Comparison::InPlace, nftables::Comparison::Clean) if nothing_native => return Ok(Compared::InPlace),
            (Comparison::Clean | Comparison::InPlace, nftables::Comparison::Clean)
                if found.snapshot.is_clean(self.call.plan) =>
            {
                return Ok(Compared::Clean);
            }
            _ => {}
        }
        Ok(Compared::Drifted(self.differences(found, goal)?))
    }

    /// How what is there differs from the goal, also where there is nothing: lines for people, in order.
    pub(super) fn differences(&self, found: &Found, goal: Goal<'_>) -> Result<Vec<String>, KernelError> {
        let differences = state::change(&found.snapshot, goal).differences();
        let native = nftables::differences(&found.native, &self.native(goal))?;
        let lines = differences.iter().map(ToString::to_string);
        Ok(lines.chain(native.iter().map(ToString::to_string)).collect())
    }

    /// What nftables are to hold.
    fn native(&self, goal: Goal<'_>) -> Tables {
        match goal {
            Goal::Apply { plan, kind: None } => Tables::of(&plan.rules.clone().by_number()),
            Goal::Apply { kind: Some(_), .. } | Goal::Clean { .. } => Tables::default(),
        }
    }

    /// What has to be done to get from what is there to the goal.
    pub(super) fn work(&self, found: Found, goal: Goal<'_>, force: bool) -> Work {
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
        Work { found, change, native, nftables, rules, force }
    }

    /// Does the work, and undoes what was done where a part of it fails.
    pub(super) fn carry_out(&mut self, work: &Work) -> Result<(), Failure> {
        let Err(cause) = self.run(work.steps(), &work.native) else { return Ok(()) };
        log::warn!("undoing what was done: {cause}");
        match self.undo(work) {
            Ok(()) => Err(Failure::Undone(Box::new(cause))),
            Err(undoing) => {
                let left = self.look_again().map(|now| work.change.back_from(now.snapshot).inverse().differences());
                let left = left.unwrap_or_default().iter().map(ToString::to_string).collect();
                Err(Failure::NotUndone { cause: Box::new(cause), undoing: Box::new(undoing), left })
            }
        }
    }

    fn look_again(&mut self) -> Result<Found, KernelError> {
        self.presence = Presence::look()?;
        self.read(Goal::Clean { plan: self.call.plan })
    }

    /// Brings the state back that was there before the work, from whatever it is now: a program that
    /// reports a failure may have done its work all the same. What captured before does so again before
    /// what was to take its place goes.
    fn undo(&mut self, work: &Work) -> Result<(), KernelError> {
        let now = self.look_again()?;
        let back = work.change.back_from(now.snapshot).steps(&Ruleset::default(), false, state::Nftables::Stay);
        match work.nftables {
            state::Nftables::Stay => self.run(back, &Tables::default()),
            state::Nftables::Filled => {
                self.run(back, &Tables::default())?;
                Ok(Nftables::open()?.restore(&work.found.native)?)
            }
            state::Nftables::Removed => {
                Nftables::open()?.restore(&work.found.native)?;
                self.run(back, &Tables::default())
            }
        }
    }

    fn run(&mut self, steps: Vec<Step>, native: &Tables) -> Result<(), KernelError> {
        for step in steps {
            match step {
                Step::AddRouting(routing) => self.routes.add(&routing)?,
                Step::RemoveRouting(routing) => self.routes.remove(&routing)?,
                Step::Restore(restores) => self.restore(&restores)?,
                Step::Nftables => drop(Nftables::open()?.apply(native)?),
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

/// How what is there differs from the goal.
pub(super) enum Compared {
    /// There is nothing of ours.
    Clean,
    /// All of ours is as it should be.
    InPlace,
    /// Something of ours is, but not as it should be.
    Drifted(Vec<String>),
}
