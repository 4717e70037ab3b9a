//! A call at work in its network namespace, which no other call of ours changes meanwhile.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Call, LOCK_BOUND};
use crate::config::{Backend, Families, Family, IptablesKind};
use crate::kernel::detect::{Choice, Presence, choose};
use crate::kernel::iptables::{Manner, Programs};
use crate::kernel::lock::NamespaceLock;
use crate::kernel::nftables::{self, Nftables};
use crate::kernel::routes::Routes;
use crate::kernel::{KernelError, capabilities::Capabilities};
use crate::netfilter::nft::Tables;
use crate::netfilter::save::SavedChain;
use crate::state::{self, Comparison, Goal, RoutingState, Snapshot, tproxy_marks};

mod work;

pub(super) use work::Work;

/// The namespace, locked, and the ways into its kernel.
pub(super) struct Session<'a> {
    call: Call<'a>,
    manner: Manner,
    /// What was there when the call began.
    before: Presence,
    presence: Presence,
    /// Routing that is known to be ours, besides the configured.
    known: RoutingState,
    programs: BTreeMap<IptablesKind, Programs>,
    routes: Routes,
    _lock: NamespaceLock,
}

/// What is there.
pub(super) struct Found {
    snapshot: Snapshot,
    native: nftables::State,
}

impl<'a> Session<'a> {
    /// Waits for the namespace, and looks what is there.
    pub(super) fn open(call: Call<'a>) -> Result<Self, KernelError> {
        let lock = NamespaceLock::take(LOCK_BOUND)?;
        let manner = Manner { bound: call.options.program_timeout, cni: call.options.cni_mode };
        if manner.cni && !Capabilities::effective().sys_admin() {
            log::debug!("without CAP_SYS_ADMIN, iptables is not kept from asking the name service");
        }
        let presence = Presence::look()?;
        Ok(Self {
            call,
            manner,
            before: presence.clone(),
            presence,
            known: RoutingState::default(),
            programs: BTreeMap::new(),
            routes: Routes::open()?,
            _lock: lock,
        })
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
        for kind in IptablesKind::BOTH {
            let all = match goal {
                Goal::Apply { kind: chosen, .. } => chosen == Some(kind),
                Goal::Clean { .. } => true,
            };
            let mut families = Vec::new();
            for family in Family::BOTH {
                let there =
                    if all { self.presence.has_tables(kind, family) } else { self.presence.has_ours(kind, family) };
                if there && self.readable(kind, family)? {
                    families.push(family);
                }
            }
            if let Some(programs) = self.programs.get(&kind).filter(|_| !families.is_empty()) {
                let saved = programs.save(&families, self.manner)?;
                for (family, tables) in &saved {
                    self.all_there(programs, *family, tables)?;
                }
                for (family, tables) in &saved {
                    self.all_there(programs, *family, tables)?;
                }
                snapshot.tables.extend(saved.into_iter().map(|(family, tables)| ((kind, family), tables)));
            }
        }
        let native = if self.presence.has_native() { Nftables::open()?.dump()? } else { nftables::State::default() };
        let mut marks = tproxy_marks(&snapshot);
        marks.extend(native.tproxy_marks());
        let (routing, certain) = self.routes.read()?;
        snapshot.routing = routing.ours(self.call.config, &self.known, &certain, &marks);
        Ok(Found { snapshot, native })
    }

    /// What a program printed has to have the tables with chains of ours that the kernel has: iptables-nft
    /// leaves out a table that nft(8) has put something into, and what is cut may end after a table.
    fn all_there(&self, programs: &Programs, family: Family, saved: &state::Tables) -> Result<(), KernelError> {
        let has = |name: &str| {
            let table = saved.iter().find(|(t, _)| t.name() == name);
            table.is_some_and(|(_, t)| t.chains.iter().any(SavedChain::is_ours))
        };
        match self.presence.tables_with_ours(programs.kind(), family).find(|name| !has(name)) {
            Some(table) => {
                let program = programs.save_program(family).to_owned();
                Err(KernelError::SaveLacks { program, table: table.to_owned() })
            }
            None => Ok(()),
        }
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
        let mut lines = Vec::new();
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
        let differences = state::change(&found.snapshot, goal).differences();
        lines.extend(differences.iter().map(ToString::to_string));
        if let nftables::Comparison::Drifted(differences) = native {
            lines.extend(differences.iter().map(ToString::to_string));
        }
        Ok(Compared::Drifted(lines))
    }

    /// What nftables are to hold.
    fn native(&self, goal: Goal<'_>) -> Tables {
        match goal {
            Goal::Apply { plan, kind: None } => Tables::of(&plan.rules.clone().by_number()),
            Goal::Apply { kind: Some(_), .. } | Goal::Clean { .. } => Tables::default(),
        }
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
