//! Leads a packet through the hooks and chains as netfilter does.

use super::chains::{Chains, ORDER, RuleAt};
use super::condition::Flight;
use super::packet::{Direction, Packet};
use super::pod::{Pod, localhost};
use super::trace::{Effect, Outcome, Skip, Step, Trace};
use super::verdict::{Capture, Decision, Listeners, Place, Verdict};
use crate::capture::Routing;
use crate::config::{Family, Interface};
use crate::netfilter::{Chain, ConntrackState, Hook, Rule, Ruleset, Table, Target};

/// All that decides about a packet.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The rules: planned ones, or those that the kernel has.
    pub rules: &'a Ruleset,
    /// Policy routing, and addresses on `lo`.
    pub routing: &'a Routing,
    /// The pod.
    pub pod: &'a Pod,
    /// Who listens for captured packets.
    pub listeners: Listeners,
}

impl Scene<'_> {
    /// Follows a packet to its end.
    pub fn follow(&self, packet: &Packet) -> Trace {
        let mut walk = Walk::new(self, packet);
        let decision = walk.run();
        let verdict = Verdict::new(decision, walk.decided_by, walk.no_rules, packet, &walk.flight, self.listeners);
        Trace {
            packet: packet.clone(),
            steps: walk.steps,
            destination: walk.flight.to,
            mark: walk.flight.mark,
            verdict,
        }
    }
}

/// How a chain was left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// At its end, or by RETURN.
    Back,
    /// With a decision for this table.
    Through,
    /// The packet is gone.
    Gone,
}

/// Deeper than this the kernel's own rules do not nest, since it refuses loops.
const DEEPEST: usize = 64;

struct Walk<'a> {
    scene: &'a Scene<'a>,
    packet: &'a Packet,
    chains: Chains<'a>,
    no_rules: bool,
    flight: Flight,
    steps: Vec<Step>,
    /// Whether nat has decided where the connection goes to.
    translated: bool,
    /// Whether conntrack has seen the packet.
    tracked: bool,
    captured_by: Option<Capture>,
    decided_by: Vec<RuleAt>,
    dropped_by: Option<RuleAt>,
}

impl<'a> Walk<'a> {
    fn new(scene: &'a Scene<'a>, packet: &'a Packet) -> Self {
        let chains = Chains::of(scene.rules, packet.family());
        let flight = Flight {
            transport: packet.transport,
            sender: packet.sender,
            from: packet.from,
            to: packet.to,
            in_interface: None,
            out_interface: None,
            state: ConntrackState::Invalid,
            mark: packet.mark,
            connection_mark: None,
            listener: None,
        };
        Self {
            scene,
            packet,
            no_rules: chains.is_empty(),
            chains,
            flight,
            steps: Vec::new(),
            translated: false,
            tracked: false,
            captured_by: None,
            decided_by: Vec::new(),
            dropped_by: None,
        }
    }

    fn run(&mut self) -> Decision {
        let interface = self.packet.interface.clone();
        let place = match self.packet.direction {
            Direction::Out => self.output(interface),
            Direction::In => {
                // What comes in by lo went through OUTPUT before, where nat left it as it is.
                let looped = interface == Interface::loopback();
                self.translated = looped && self.has_connection();
                if looped {
                    self.track();
                }
                self.input(interface, looped)
            }
        };
        match place {
            Some(place) => Decision::Arrives { place, captured: self.captured_by.take() },
            None => Decision::Dropped(self.dropped_by.take()),
        }
    }

    /// From a process of the pod; `None` where the packet is dropped.
    fn output(&mut self, interface: Interface) -> Option<Place> {
        self.hook(Hook::Output, &interface);
        self.flight.out_interface = Some(interface.clone());
        let mut way = interface;
        for table in ORDER {
            let (mark, to) = (self.flight.mark, self.flight.to);
            self.table(table, Hook::Output)?;
            let by_mark = self.flight.mark != mark && table == Table::Mangle;
            if by_mark || self.flight.to.address != to.address {
                // The rules of later tables still see the interface that the packet had at first
                // (`nf_hook_state` is filled once for the hook).
                way = self.route(&way);
                self.steps.push(Step::Rerouted { interface: way.clone(), by_mark });
            }
        }
        self.hook(Hook::Postrouting, &way);
        self.flight.out_interface = Some(way.clone());
        for table in [Table::Mangle, Table::Nat] {
            self.table(table, Hook::Postrouting)?;
        }
        if way != Interface::loopback() {
            return Some(Place::Out(way));
        }
        self.steps.push(Step::Looped);
        // A packet loses its sender on lo (`loopback_xmit` calls `skb_orphan`), and keeps its connection.
        self.flight.sender = None;
        self.input(way, true)
    }

    /// In by an interface; `None` where the packet is dropped.
    fn input(&mut self, interface: Interface, looped: bool) -> Option<Place> {
        self.hook(Hook::Prerouting, &interface);
        self.flight.in_interface = Some(interface);
        self.flight.out_interface = None;
        for table in [Table::Raw, Table::Mangle, Table::Nat] {
            self.table(table, Hook::Prerouting)?;
        }
        // What looped keeps the route that it went out by, which was a local one.
        let local = looped || self.scene.pod.is_local(self.flight.to.address, self.flight.mark, self.scene.routing);
        let (hook, place) = if local { (Hook::Input, Place::Pod) } else { (Hook::Forward, Place::Forwarded) };
        for table in [Table::Mangle, Table::Filter, Table::Nat] {
            if !self.chains.rules(table, hook).is_empty() {
                self.table(table, hook)?;
            }
        }
        Some(place)
    }

    /// The interface that the packet goes out by now.
    fn route(&self, before: &Interface) -> Interface {
        let (pod, lo) = (self.scene.pod, Interface::loopback());
        if pod.is_local(self.flight.to.address, self.flight.mark, self.scene.routing) {
            lo
        } else if *before == lo {
            pod.first_interface()
        } else {
            before.clone()
        }
    }

    fn hook(&mut self, hook: Hook, interface: &Interface) {
        self.steps.push(Step::Hook { hook, interface: interface.clone(), destination: self.flight.to });
    }

    /// One table at a hook; conntrack is between raw and mangle. `None` where the packet is dropped.
    fn table(&mut self, table: Table, hook: Hook) -> Option<()> {
        if table != Table::Raw {
            self.track();
        }
        let dst = matches!(hook, Hook::Prerouting | Hook::Output);
        let skipped = if table == Table::Nat { self.skips_nat(dst) } else { None };
        if !self.chains.rules(table, hook).is_empty() {
            self.steps.push(Step::Table { table, hook, skipped });
            if skipped.is_none() && self.chain(table, hook.into(), hook, 0) == Left::Gone {
                return None;
            }
        }
        // Whatever its rules said, nat has decided for the connection, where there is a nat table.
        if table == Table::Nat && dst && skipped.is_none() && self.chains.has(Table::Nat) {
            self.translated = true;
        }
        Some(())
    }

    fn track(&mut self) {
        if !self.tracked {
            self.tracked = true;
            self.flight.state = self.packet.state;
            self.flight.connection_mark = self.has_connection().then_some(self.packet.connection_mark);
        }
    }

    fn has_connection(&self) -> bool {
        !matches!(self.packet.state, ConntrackState::Invalid | ConntrackState::Untracked)
    }

    /// Why nat is not asked (`nf_nat_inet_fn`).
    fn skips_nat(&self, destination: bool) -> Option<Skip> {
        match self.packet.state {
            state @ (ConntrackState::Invalid | ConntrackState::Untracked) => Some(Skip::NoConnection(state)),
            state @ ConntrackState::Established => Some(Skip::NotFirst(state)),
            // Of a protocol without ports, what is RELATED is an error message about a connection.
            state @ ConntrackState::Related if !self.packet.transport.has_ports() => Some(Skip::NotFirst(state)),
            ConntrackState::Related | ConntrackState::New => (destination && self.translated).then_some(Skip::Decided),
        }
    }

    fn chain(&mut self, table: Table, chain: Chain, hook: Hook, depth: usize) -> Left {
        let rules = self.chains.rules(table, chain).to_vec();
        for (number, rule) in (1..).zip(rules) {
            let at = RuleAt { number, rule: rule.clone() };
            if let Some(mismatch) = self.flight.misses(&rule.matches) {
                self.steps.push(Step::Rule { at, depth, outcome: Outcome::Missed(mismatch) });
                continue;
            }
            let effect = self.effect(rule, hook);
            self.steps.push(Step::Rule { at: at.clone(), depth, outcome: Outcome::Matched(effect) });
            let left = match effect {
                Effect::Jumped(_) if depth >= DEEPEST => None,
                Effect::Jumped(to) => Some(self.chain(table, to.into(), hook, depth + 1)).filter(|l| *l != Left::Back),
                Effect::Returned | Effect::LeftToPolicy => {
                    self.decide(at, hook);
                    Some(Left::Back)
                }
                Effect::Accepted => {
                    self.decide(at, hook);
                    Some(Left::Through)
                }
                Effect::Dropped | Effect::NoAddress => {
                    self.dropped_by = Some(at);
                    Some(Left::Gone)
                }
                Effect::Redirected(_) => {
                    // A socket that was assigned before is kept, and gets the packet.
                    self.captured_by.get_or_insert(Capture::Redirected(at));
                    Some(Left::Through)
                }
                Effect::Assigned { port, .. } => {
                    self.captured_by = Some(Capture::Assigned(at, port));
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
        self.steps.push(Step::End { table, chain, depth });
        Left::Back
    }

    /// Notes the rule that ended the packet's way through a table in which it could have been captured.
    fn decide(&mut self, at: RuleAt, hook: Hook) {
        let could = match (at.rule.table, hook) {
            (Table::Nat, Hook::Output | Hook::Prerouting) | (Table::Mangle, Hook::Prerouting) => true,
            (Table::Nat | Table::Mangle | Table::Raw | Table::Filter, _) => false,
        };
        if could {
            self.decided_by.retain(|d| d.rule.table != at.rule.table);
            self.decided_by.push(at);
        }
    }

    /// Does what the rule's target says.
    fn effect(&mut self, rule: &Rule, hook: Hook) -> Effect {
        let flight = &mut self.flight;
        match rule.target {
            Target::Jump(chain) => Effect::Jumped(chain),
            Target::Return => match rule.chain {
                Chain::Builtin(_) => Effect::LeftToPolicy,
                Chain::Istio(_) => Effect::Returned,
            },
            Target::Accept => Effect::Accepted,
            Target::Drop => Effect::Dropped,
            Target::Redirect(port) => {
                let family = Family::of(flight.to.address);
                let address = match (&flight.in_interface, hook) {
                    (Some(interface), Hook::Prerouting) => self.scene.pod.primary_address(family, interface),
                    (Some(_) | None, _) => Some(localhost(family)),
                };
                let Some(address) = address else { return Effect::NoAddress };
                flight.to.address = address;
                flight.to.port = if flight.transport.has_ports() { port.number() } else { 0 };
                Effect::Redirected(flight.to)
            }
            Target::Tproxy { port, mark } => {
                flight.mark = mark.number();
                flight.listener = Some(port);
                Effect::Assigned { port, mark }
            }
            Target::SetMark(mark) => {
                flight.mark = mark.number();
                Effect::Marked(mark)
            }
            Target::SaveMark => match &mut flight.connection_mark {
                Some(connection) => {
                    *connection = flight.mark;
                    Effect::ConnectionMarked(flight.mark)
                }
                None => Effect::Nothing,
            },
            Target::RestoreMark => match flight.connection_mark {
                Some(connection) => {
                    flight.mark = connection;
                    Effect::MarkRestored(connection)
                }
                None => Effect::Nothing,
            },
            Target::ConntrackZone(_) if self.tracked => Effect::Nothing,
            Target::ConntrackZone(zone) => Effect::Zone(zone),
        }
    }
}
