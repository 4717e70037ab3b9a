//! Leads a packet through the hooks and chains as netfilter does.

use super::chains::{Chains, RuleAt};
use super::condition::Flight;
use super::packet::{Direction, Endpoint, Packet};
use super::pod::Pod;
use super::trace::{Skip, Step, Trace};
use super::verdict::{Capture, Decision, Dropper, Listeners, Place, Verdict};
use super::way::{Question, Way};
use crate::capture::Routing;
use crate::net::Interface;
use crate::netfilter::{ConntrackState, Hook, Layer, Table};

mod chain;
mod connection;
mod effect;
mod order;

use chain::Left;

/// All that decides about a packet.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The rules: planned ones, or those that the kernel has.
    pub layers: &'a [Layer],
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
        let layers: Vec<_> = self.layers.iter().map(|layer| Chains::of(layer, packet.family())).collect();
        let mut walk = Walk::new(self, &layers, packet);
        let decision = walk.in_any_order();
        let no_rules = layers.iter().all(Chains::is_empty);
        let decided_by = std::mem::take(&mut walk.decided_by);
        let mut verdict = Verdict::new(decision, decided_by, no_rules, packet, &walk.flight, self.listeners);
        let broken = walk.broken(&verdict);
        if let Some(doubt) = walk.doubt {
            verdict = Verdict::NotCertain { doubt, otherwise: Box::new(verdict) };
        }
        Trace {
            packet: packet.clone(),
            steps: walk.steps,
            destination: walk.flight.to,
            mark: walk.flight.mark,
            verdict,
            broken,
        }
    }
}

/// When connection tracking looks at a packet, among the chains of a hook (`NF_IP_PRI_CONNTRACK`).
const CONNTRACK: i32 = -200;

struct Walk<'a> {
    scene: &'a Scene<'a>,
    packet: &'a Packet,
    layers: &'a [Chains<'a>],
    flight: Flight,
    steps: Vec<Step>,
    /// Whether nat has decided the connection's destination.
    translated: bool,
    /// Whether of two chains at the same point the other one comes first.
    swapped: bool,
    /// The first chains at the same point whose order mattered.
    tie: Option<order::Tie>,
    /// The hook at which nat redirects the connection, and the new destination.
    redirected: Option<(Hook, Endpoint)>,
    /// Whether conntrack has seen the packet.
    tracked: bool,
    /// Whether it leaves by another interface than its destination is routed by: its socket is bound to it.
    bound: bool,
    captured_by: Option<Capture>,
    decided_by: Vec<RuleAt>,
    /// The first thing that could not be followed, and may have changed the packet's way.
    doubt: Option<String>,
    /// The first rule for an owner, met by a packet whose owner is not known.
    whose: Option<String>,
}

/// A table at a hook, and the chains it is among.
#[derive(Clone, Copy)]
struct ChainPlace<'a> {
    chains: &'a Chains<'a>,
    table: Table,
    hook: Hook,
}

impl<'a> Walk<'a> {
    fn new(scene: &'a Scene<'a>, layers: &'a [Chains<'a>], packet: &'a Packet) -> Self {
        let flight = Flight {
            transport: packet.transport,
            sender: packet.sender,
            of_anyone: false,
            from: packet.from,
            to: packet.to,
            in_interface: None,
            out_interface: None,
            state: ConntrackState::Invalid,
            mark: packet.mark,
            connection_mark: None,
            listener: None,
            native: false,
        };
        Self {
            scene,
            packet,
            layers,
            flight,
            steps: Vec::new(),
            translated: false,
            redirected: None,
            swapped: false,
            tie: None,
            tracked: false,
            bound: false,
            captured_by: None,
            decided_by: Vec::new(),
            doubt: None,
            whose: None,
        }
    }

    fn run(&mut self) -> Decision {
        match self.way() {
            Ok(end) => Decision::Arrives { end, captured: self.captured_by.take() },
            Err(by) => Decision::Dropped(by),
        }
    }

    /// The whole way, to its end or to what drops the packet.
    fn way(&mut self) -> Result<Place, Dropper> {
        let interface = self.packet.interface.clone();
        match self.packet.direction {
            Direction::Out => self.output(interface),
            Direction::In => {
                // What comes in via lo went through OUTPUT before; nat left it as it is there.
                let looped = interface == Interface::loopback();
                self.translated = looped && self.has_connection();
                if looped {
                    self.track();
                }
                self.input(interface, looped)
            }
        }
    }

    /// From a process of the pod.
    fn output(&mut self, interface: Interface) -> Result<Place, Dropper> {
        self.flight.out_interface = Some(interface.clone());
        self.bound = self.scene.pod.leaves_by(&self.packet.question(), self.scene.routing) != interface;
        let way = self.hook(Hook::Output, interface)?;
        self.flight.out_interface = Some(way.clone());
        let way = self.hook(Hook::Postrouting, way)?;
        if way != Interface::loopback() {
            return Ok(Place::Out(way));
        }
        self.steps.push(Step::Looped);
        // A packet loses its sender on lo (`loopback_xmit` calls `skb_orphan`), and keeps its connection.
        (self.flight.sender, self.flight.of_anyone) = (None, false);
        self.input(way, true)
    }

    /// In by an interface.
    fn input(&mut self, interface: Interface, looped: bool) -> Result<Place, Dropper> {
        self.flight.in_interface = Some(interface.clone());
        self.flight.out_interface = None;
        self.hook(Hook::Prerouting, interface)?;
        // What looped keeps the route that it went out by, which was a local one.
        let local = looped || self.scene.pod.is_local(self.flight.to.address, self.flight.mark, self.scene.routing);
        let (hook, end) = if local { (Hook::Input, Place::Pod) } else { (Hook::Forward, Place::Forwarded) };
        self.tables(hook, &mut Interface::loopback())?;
        Ok(end)
    }

    /// The interface that the packet goes out by now (`ip_route_me_harder`).
    fn route(&mut self, before: &Interface) -> Result<Interface, Dropper> {
        let Flight { to, mark, .. } = self.flight;
        let (pod, question) = (self.scene.pod, Question { to, mark, ..self.packet.question() });
        match pod.way(&question, self.scene.routing) {
            Some(Way::Local) => Ok(Interface::loopback()),
            Some(Way::Out { .. } | Way::Nowhere) if self.bound => Ok(before.clone()),
            Some(Way::Out { interface, .. }) => Ok(interface),
            Some(Way::Nowhere) => Err(Dropper::NoRoute { to, mark }),
            None if *before == Interface::loopback() => {
                let doubt = || format!("the interface that leads to {to} with mark {mark} is unknown");
                self.doubt.get_or_insert_with(doubt);
                Ok(pod.first_interface())
            }
            None => Ok(before.clone()),
        }
    }

    /// A hook: all chains that the kernel calls there. Gives the interface that the packet goes out by at its end,
    /// which for what comes in is that it came by.
    fn hook(&mut self, hook: Hook, mut interface: Interface) -> Result<Interface, Dropper> {
        self.steps.push(Step::Hook { hook, interface: interface.clone(), destination: self.flight.to });
        self.tables(hook, &mut interface)?;
        Ok(interface)
    }

    fn tables(&mut self, hook: Hook, way: &mut Interface) -> Result<(), Dropper> {
        let layers = self.layers;
        let called = |chains: &'a Chains<'a>| {
            chains.called(hook).map(move |(at, table)| (at, ChainPlace { chains, table, hook }))
        };
        let all = order::sorted(layers.iter().flat_map(called), self.swapped);
        for (index, (at, place)) in all.iter().enumerate() {
            if *at >= [CONNTRACK; 2] {
                self.track();
            }
            self.flight.native = place.chains.is_native();
            let before = self.flight.clone();
            let passed = self.table(*place);
            let (mark, address) = (self.flight.mark != before.mark, self.flight.to.address != before.to.address);
            self.note_tie(&all, index, &before, passed.is_err());
            passed?;
            if hook == Hook::Output && (mark && place.table == Table::Mangle || address) {
                // The rules of later tables still see the interface that the packet had at first
                // (`nf_hook_state` is filled once for the hook).
                *way = self.route(way)?;
                self.steps.push(Step::Rerouted { interface: way.clone(), by_mark: !address });
            }
        }
        self.track();
        // Whatever its rules were, nat has decided for the connection, if there is a nat table.
        let decides = is_destination(hook) && self.skips_nat(hook).is_none();
        self.translated |= decides && layers.iter().any(Chains::has_nat);
        Ok(())
    }

    /// One table at a hook, or one foreign chain.
    fn table(&mut self, place: ChainPlace<'a>) -> Result<(), Dropper> {
        let ChainPlace { chains, table, hook } = place;
        let skipped = if table == Table::Nat { self.skips_nat(hook) } else { None };
        let (mut name, chain) = chains.names(table, hook.into());
        if chains.is_foreign() {
            name = format!("{name} {chain}").into();
        }
        self.steps.push(Step::Table { table: name, skipped });
        if skipped.is_some() {
            // What nat decided for the first packet of a connection holds for all of them (`nf_nat_packet`).
            if let Some((_, to)) =
                self.redirected.filter(|(at, _)| *at == hook && self.packet.state != ConntrackState::New)
            {
                self.flight.to = to;
            }
            return Ok(());
        }
        match self.chain(place, hook.into(), 0, None) {
            Left::Back | Left::Through => Ok(()),
            Left::Gone(by) => Err(by),
        }
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
    fn skips_nat(&self, hook: Hook) -> Option<Skip> {
        match self.packet.state {
            state @ (ConntrackState::Invalid | ConntrackState::Untracked) => Some(Skip::NoConnection(state)),
            state @ ConntrackState::Established => Some(Skip::NotFirst(state)),
            // Of a protocol without ports, what is RELATED is an error message about a connection.
            state @ ConntrackState::Related if !self.packet.transport.has_ports() => Some(Skip::NotFirst(state)),
            ConntrackState::Related | ConntrackState::New => {
                (is_destination(hook) && self.translated).then_some(Skip::Decided)
            }
        }
    }
}

/// Whether nat decides a connection's destination at the hook.
const fn is_destination(hook: Hook) -> bool {
    matches!(hook, Hook::Prerouting | Hook::Output)
}
