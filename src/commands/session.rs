//! A call that works in its network namespace, which no other call changes meanwhile.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Call, LOCK_BOUND};
use crate::capture::{At, Recogniser, Routing, RoutingItem};
use crate::cli::Command;
use crate::kernel::detect::{self, Detected, Netfilter, choose};
use crate::kernel::iptables::{self, Manner, Programs, Restoring};
use crate::kernel::lock::NamespaceLock;
use crate::kernel::routes::RoutingClient;
use crate::kernel::{KernelError, capabilities::Capabilities};
use crate::net::{Families, Family};
use crate::netfilter::quirks::Version;
use crate::netfilter::save::{SavedChain, SavedTable};
use crate::netfilter::{Backend, Chain, Hook, Layer, Rule, Scope, Table, Variant};
use crate::nftables::{self, NamedTable};
use crate::state::{self, DifferingItem, Evidence, Goal, Observed, tproxy_marks};

/// The namespace, locked, and the ways into its kernel.
pub(super) struct Session<'a> {
    pub(super) call: Call<'a>,
    pub(super) manner: Manner,
    pub(super) netfilter: Netfilter,
    /// What was there when the call began.
    pub(super) before: Detected,
    pub(super) detected: Detected,
    pub(super) programs: BTreeMap<Variant, Programs>,
    /// Programs that were started before it was known what they are to do.
    pub(super) restoring: Option<Restoring>,
    /// Tables of iptables-nft with managed chains that were not printed.
    unprinted: Vec<NamedTable>,
    pub(super) routes: RoutingClient,
    _lock: NamespaceLock,
}

/// What was read.
pub(super) struct Found {
    pub(super) observed: Observed,
    /// Tables that no program is there to read; nothing managed is in them.
    unread: Vec<Family>,
    /// Routing that looks managed, but is not.
    foreign: Routing,
}

/// What the kernel has, managed and foreign, in the terms of what is planned.
#[derive(Debug)]
pub struct Live {
    /// Rules, those of each backend and of each foreign chain by themselves. The first layer is the one that
    /// findings are about.
    pub layers: Vec<Layer>,
    /// Managed routing.
    pub routing: Routing,
    /// The backends that have rules.
    pub backends: Vec<String>,
    /// What has no such terms.
    pub left_out: Vec<String>,
}

impl Session<'_> {
    /// Reads the existing rules.
    pub(super) fn live(&mut self) -> Result<Live, KernelError> {
        self.detected.count_unused();
        let Found { observed, unread, foreign } = self.observe(Goal::Clean { plan: self.call.plan })?;
        let known = Recogniser::of(self.call.plan.rules.rules().map(|(_, rule)| rule));
        let of_native = |number, rule: &Rule| {
            known.purpose(At { table: rule.table, chain: rule.chain, number }, &rule.matches, rule.target)
        };
        let mut layers = Vec::new();
        let mut backends = Vec::new();
        let variants = Variant::BOTH.map(|variant| (Some(variant), state::live_layer(&observed, variant, &known)));
        for (variant, mut layer) in variants.into_iter().chain([(None, observed.nftables.layer(&of_native))]) {
            if !layer.is_empty() {
                known.tell_virtual(&mut layer);
                let backend = super::backend(variant);
                layer.name = Some(backend.clone());
                // The first is the one that findings are about.
                layers.insert(if layer.has_managed() { 0 } else { layers.len() }, layer);
                backends.push(backend);
            }
        }
        match layers.first_mut() {
            Some(first) => first.name = None,
            None => layers.push(Layer::default()),
        }
        for family in Family::BOTH {
            let unread = unread.iter().filter(|f| **f == family).map(|_| "of all names");
            for name in unread.chain(self.detected.unread(family)) {
                let name = Some(format!("{family} table {name} of iptables-legacy"));
                let mut unseen = Layer { name, priority: Some(0), ..Layer::default() };
                for hook in Hook::ALL {
                    let text = Some("what is in it".to_owned());
                    unseen.gap(Scope::Only(family), (Table::Filter, hook.into()), Vec::new(), text);
                }
                layers.push(unseen);
            }
        }
        if self.detected.has_nft() {
            let detected = &self.detected;
            let left_out = |number: u8, name: &str, chain: &str| {
                let tables = |family| observed.tables.get(&(Variant::Nft, family));
                // Another chain of that table that the kernel calls is one of nft(8).
                let built_in = matches!(Chain::named(chain), Some(Chain::Builtin(_)));
                let printed =
                    |family| built_in && tables(family).is_some_and(|all| all.keys().any(|t| t.name() == name));
                !detected.is_called(number, name, printed)
            };
            layers.extend(self.netfilter.nftables()?.foreign(&left_out)?);
        }
        let mut left_out = Vec::new();
        layers.iter().for_each(|layer| layer.add_left_out(&mut left_out));
        // Packets are routed by all that is there, managed and foreign.
        let routing = observed.routing.items().chain(foreign.items()).collect();
        Ok(Live { layers, routing, backends, left_out })
    }
}

impl Found {
    /// What is as the flags want it, and yet not certain to be managed: `clean` leaves it.
    pub(super) fn lookalikes(&self, call: Call<'_>) -> Vec<DifferingItem> {
        let (mark, table) = (call.config.tproxy_mark, call.config.tproxy_table);
        let routing = self.foreign.items().filter(|item| match item {
            RoutingItem::Address(_) => true,
            RoutingItem::Rule(rule) => (rule.mark, rule.table) == (mark, table),
            RoutingItem::Route(route) => route.table == table,
        });
        let rules = state::lookalikes(&self.observed, call.plan);
        rules.into_iter().chain(routing.map(DifferingItem::Routing)).collect()
    }
}

impl<'a> Session<'a> {
    /// Waits until this call may change the namespace, and reads the existing rules.
    pub(super) fn open(call: Call<'a>) -> Result<Self, KernelError> {
        Self::with_lock(call, NamespaceLock::take(LOCK_BOUND)?)
    }

    /// Waits until no other call changes the namespace, and reads the existing rules. Such a session is for reading.
    pub(super) fn look(call: Call<'a>) -> Result<Self, KernelError> {
        Self::with_lock(call, NamespaceLock::share(LOCK_BOUND)?)
    }

    fn with_lock(call: Call<'a>, lock: NamespaceLock) -> Result<Self, KernelError> {
        let manner = Manner { bound: call.options.program_timeout, cni: call.options.cni_mode };
        if manner.cni && !Capabilities::effective().sys_admin() {
            log::debug!("without CAP_SYS_ADMIN, iptables may query the name service");
        }
        let mut netfilter = Netfilter::default();
        let detected = netfilter.look()?;
        Ok(Self {
            call,
            manner,
            netfilter,
            before: detected.clone(),
            detected,
            programs: BTreeMap::new(),
            restoring: None,
            unprinted: Vec::new(),
            routes: RoutingClient::open()?,
            _lock: lock,
        })
    }

    /// The variant of iptables to write with; `None` for nftables.
    pub(super) fn choose(&mut self) -> Result<Option<Variant>, KernelError> {
        let forced = match self.call.options.backend {
            Backend::Iptables(variant) => variant,
            Backend::Nftables => {
                log::info!("using nftables, in process (--native-nftables)");
                return Ok(None);
            }
        };
        let (programs, reason) =
            choose(&self.detected, forced, self.call.config.families, self.call.options.command == Command::Check)?;
        let variant = programs.variant;
        log::info!("using iptables-{} ({}): {reason}", variant.name(), programs.path().display());
        self.programs.insert(variant, programs);
        Ok(Some(variant))
    }

    /// Starts the programs that will have to be run in any case: if nothing managed is there, and nothing has to be
    /// read first. They come up while the rest is looked at, which takes 4 to 8 % off a first apply with legacy
    /// iptables, and up to 4 % with iptables-nft.
    pub(super) fn start_early(&mut self, variant: Option<Variant>) -> Result<(), KernelError> {
        let Some((variant, programs)) = variant.and_then(|variant| Some((variant, self.programs.get(&variant)?)))
        else {
            return Ok(());
        };
        let nothing = |family: &Family| {
            let none_managed = Variant::BOTH.into_iter().all(|k| !self.detected.has_managed(k, *family));
            none_managed && !self.detected.has_tables(variant, *family)
        };
        let has_rules = |family: &Family| self.call.plan.rules.of(*family).next().is_some();
        let families: Vec<_> = Family::BOTH.into_iter().filter(has_rules).collect();
        if !families.is_empty() && Family::BOTH.iter().all(nothing) && !self.detected.has_native() {
            self.restoring = Some(programs.start_restore(&families, self.manner)?);
        }
        Ok(())
    }

    /// Reads the existing rules: in the variants of iptables that may hold managed rules, all rules. If there
    /// are no tables, no program is run.
    pub(super) fn observe(&mut self, goal: Goal<'_>) -> Result<Found, KernelError> {
        let mut unread = Vec::new();
        let mut saving = Vec::new();
        for variant in Variant::BOTH {
            let all = matches!(goal, Goal::Clean { .. }) || goal.plan_for(variant).is_some();
            let mut families = Vec::new();
            for family in Family::BOTH {
                let there = if all {
                    self.detected.has_tables(variant, family)
                } else {
                    self.detected.has_managed(variant, family)
                };
                match there && self.readable(variant, family)? {
                    true => families.push(family),
                    false if there && variant == Variant::Legacy => unread.push(family),
                    false => {}
                }
            }
            if let Some(programs) = self.programs.get(&variant).filter(|_| !families.is_empty()) {
                saving.push((variant, programs.start_save(&families, self.manner)?));
            }
        }
        // While they print, this program looks itself.
        let native = match self.detected.has_native() {
            true => self.netfilter.nftables()?.dump()?,
            false => nftables::State::default(),
        };
        self.routes.look()?;
        let mut observed = Observed { nftables: native, ..Observed::default() };
        let mut lacks = None;
        for (variant, saving) in saving {
            let mut saved = saving.finish()?;
            for (family, tables) in &mut saved {
                match self.all_there(variant, *family, tables, goal) {
                    // All of these have to be known before any is changed.
                    Err(error @ KernelError::SaveLacks { .. }) if variant == Variant::Nft => {
                        lacks.get_or_insert(error);
                        let names = Table::ALL.into_iter().filter(|name| !tables.contains_key(name));
                        let there = names.filter_map(|name| self.detected.iptables_nft_table(*family, name.name()));
                        self.unprinted.extend(there.filter(|t| detect::has_managed(t)).cloned());
                    }
                    result => result?,
                }
                for (name, table) in tables.iter_mut().filter(|_| variant == Variant::Nft) {
                    let there = self.detected.iptables_nft_table(*family, name.name());
                    table.dormant = there.is_some_and(|t| t.dormant);
                }
            }
            observed.tables.extend(saved.into_iter().map(|(family, tables)| ((variant, family), tables)));
        }
        if let Some(error) = lacks {
            return Err(error);
        }
        let marks = tproxy_marks(&observed);
        let has_managed = |variant| self.detected.has_managed(variant, Family::Ipv6);
        let ipv6 = !observed.nftables.is_clean() || Variant::BOTH.into_iter().any(has_managed);
        let (routing, foreign) = self.routes.managed(&Evidence { wanted: goal.routing(), marks, ipv6 });
        observed.routing = routing;
        Ok(Found { observed, unread, foreign })
    }

    /// Observes again, over new connections: the old ones may be in the middle of an answer that was not read to its
    /// end.
    pub(super) fn observe_anew(&mut self, goal: Goal<'_>) -> Result<Found, KernelError> {
        self.netfilter = Netfilter::default();
        self.routes.reopen()?;
        self.detected = self.netfilter.look()?;
        self.observe(goal)
    }

    /// What a program printed has to have the tables of the kernel that have managed chains, or are to get some:
    /// iptables-nft leaves out a table that nft(8) has put something into, and what is cut may end after a table.
    /// And it has to have all conditions of rules, which it omits if a later version of iptables-nft made them.
    fn all_there(
        &self,
        variant: Variant,
        family: Family,
        saved: &state::SavedTables,
        goal: Goal<'_>,
    ) -> Result<(), KernelError> {
        let planned = goal.plan_for(variant);
        let is_planned = |name: &str| planned.is_some_and(|p| p.rules.of(family).any(|r| r.table.name() == name));
        let lacks = |(name, has_managed): &(&str, bool)| match saved.iter().find(|(t, _)| t.name() == *name) {
            Some((_, table)) => *has_managed && !table.chains.iter().any(SavedChain::is_managed),
            None => *has_managed || is_planned(name),
        };
        let program = || self.programs.get(&variant).map(|p| p.save_program(family).to_owned()).unwrap_or_default();
        if let Some((table, _)) = self.detected.tables(variant, family).find(lacks) {
            return Err(KernelError::SaveLacks { program: program(), family, table: table.to_owned() });
        }
        if variant == Variant::Nft && saved.get(&Table::Nat).is_some_and(SavedTable::lacks_port) {
            let (program, needed) = (program(), Version::PRINTS_ALL);
            // In a later version's notation, the port was removed by another program.
            let version = iptables::version(&program).and_then(|printed| Version::read(&printed));
            if let Some(release) = version.filter(|version| *version < needed) {
                return Err(KernelError::SaveTooOld { program, release, needed, family });
            }
        }
        Ok(())
    }

    /// Reads the existing rules, to remove the managed ones. From tables of iptables-nft that cannot be printed these
    /// are removed over netlink, before anything else, if it is safe; the result shows whether there are such tables.
    pub(super) fn observe_to_clean(&mut self, goal: Goal<'_>) -> Result<(Found, bool), KernelError> {
        let error = match self.observe(goal) {
            Ok(found) => return Ok((found, false)),
            Err(error) => error,
        };
        let tables = std::mem::take(&mut self.unprinted);
        let safe = matches!(error, KernelError::SaveLacks { .. }) && !tables.is_empty();
        if !safe || !self.netfilter.nftables()?.remove_managed(&tables)? {
            return Err(error);
        }
        log::warn!(
            "{error}. Its chains ISTIO_* and the rules that jump to them were removed; the rest of the table was kept"
        );
        self.detected = self.netfilter.look()?;
        Ok((self.observe(goal)?, true))
    }

    /// Whether the programs to read a variant and family are there. If they are not, and nothing managed is
    /// there either, it is left alone.
    fn readable(&mut self, variant: Variant, family: Family) -> Result<bool, KernelError> {
        if let Entry::Vacant(entry) = self.programs.entry(variant)
            && let Ok(programs) = Programs::find(variant, Families::Ipv4)
        {
            entry.insert(programs);
        }
        if self.programs.get(&variant).is_some_and(|p| p.has(family)) {
            return Ok(true);
        }
        if self.detected.has_managed(variant, family) {
            return Err(KernelError::NoIptables(format!(
                "managed {family} rules exist in iptables-{0}, but {1}-{0}-save and {1}-{0}-restore, which are needed to change or remove them, are not on PATH",
                variant.name(),
                family.program()
            )));
        }
        Ok(false)
    }
}
