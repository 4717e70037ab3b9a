//! Follows what comes after the first packet of a connection.

use super::Walk;
use crate::explain::broken::{Broken, Fate, Lost, Markers};
use crate::explain::packet::{Direction, Packet, PacketProtocol};
use crate::explain::trace::{Effect, RuleOutcome, Step};
use crate::explain::verdict::{Decision, Dropper, Place, Verdict};
use crate::explain::way::Way;
use crate::net::Interface;
use crate::netfilter::ConntrackState;

impl Walk<'_> {
    /// Follows what comes after the first packet of a connection that arrived.
    pub(super) fn broken(&self, verdict: &Verdict) -> Option<Broken> {
        let place = match verdict {
            Verdict::NotCaptured { place, .. } if *place != Place::Forwarded => place,
            Verdict::Captured { .. } => &Place::Pod,
            Verdict::NotCaptured { .. }
            | Verdict::NotRouted { .. }
            | Verdict::FollowsConnection { .. }
            | Verdict::Dropped { .. }
            | Verdict::NotCertain { .. } => return None,
        };
        if self.packet.state != ConntrackState::New || self.doubt.is_some() {
            return None;
        }
        self.lost_answer().or_else(|| self.lost_next(place))
    }

    /// The answer to what came from outside.
    fn lost_answer(&self) -> Option<Broken> {
        let (packet, pod, routing) = (self.packet, self.scene.pod, self.scene.routing);
        let from_outside = packet.direction == Direction::In && packet.interface != Interface::loopback();
        if !from_outside || !packet.transport.has_ports() || pod.owns(packet.from.address, routing) {
            return None;
        }
        let mut answer = Packet {
            direction: Direction::Out,
            from: self.flight.to,
            to: packet.from,
            state: ConntrackState::Established,
            mark: 0,
            connection_mark: self.flight.connection_mark.unwrap_or(0),
            ..packet.clone()
        };
        answer.interface = pod.leaves_by(&answer.question(), routing);
        let mut walk = Walk::new(self.scene, self.layers, &answer);
        walk.flight.of_anyone = true;
        let fate = match pod.way(&answer.question(), routing) {
            // A pod without a default route has peers nevertheless.
            Some(Way::Nowhere) if packet.is_from_anyone() => return None,
            Some(Way::Nowhere) => Fate::Dropped(Dropper::NoRoute { to: answer.to, mark: 0 }),
            Some(Way::Local | Way::Out { .. }) | None => walk.fate(|end| matches!(end, Place::Out(_)))?,
        };
        Some(walk.lost(Lost::Answer, fate, self))
    }

    /// What the same end sends after the first packet, which conntrack takes for ESTABLISHED.
    fn lost_next(&self, arrived: &Place) -> Option<Broken> {
        if self.packet.transport != PacketProtocol::Tcp {
            return None;
        }
        let connection_mark = self.flight.connection_mark.unwrap_or(0);
        let next = Packet { state: ConntrackState::Established, connection_mark, ..self.packet.clone() };
        let mut walk = Walk::new(self.scene, self.layers, &next);
        walk.redirected = self.redirected;
        let fate = walk.fate(|end| std::mem::discriminant(end) == std::mem::discriminant(arrived))?;
        Some(walk.lost(Lost::Next, fate, self))
    }

    /// What becomes of this packet; `None` if it certainly arrives where it should.
    fn fate(&mut self, is_right: impl Fn(&Place) -> bool) -> Option<Fate> {
        match self.in_any_order() {
            Decision::Arrives { end, .. } if is_right(&end) => self.doubt.is_some().then_some(Fate::NotCertain),
            Decision::Arrives { end, .. } => Some(Fate::Misrouted(end)),
            Decision::Dropped(by) => Some(Fate::Dropped(by)),
        }
    }

    /// Why this packet does not get through, with what happened to the first of its connection.
    fn lost(self, packet: Lost, fate: Fate, first: &Self) -> Broken {
        // What marks it after it was routed to the wrong place is not what led it there.
        let routed = self.steps.iter().rposition(|step| matches!(step, Step::Rerouted { .. }));
        let met = match (&fate, packet) {
            (Fate::Misrouted(_), Lost::Answer) => self.steps.get(..routed.unwrap_or(0)).unwrap_or_default(),
            (Fate::NotCertain, Lost::Answer | Lost::Next) => &[],
            (Fate::Misrouted(_), Lost::Next) | (Fate::Dropped(_), Lost::Answer | Lost::Next) => &self.steps,
        };
        let (mark, marked_by) = markers(&first.steps, met);
        let doubt = self.doubt.or(self.whose);
        Broken { packet, fate, mark: mark.unwrap_or(self.packet.mark), marked_by, doubt }
    }
}

/// The mark of a packet and the rules that made it, by what the first packet of its connection and it met.
fn markers(first: &[Step], steps: &[Step]) -> (Option<u32>, Markers) {
    let last = |steps: &[Step], mark: &dyn Fn(Effect) -> Option<u32>| {
        let marker = |step: &Step| {
            let Step::Rule { at, outcome: RuleOutcome::Matched(effect), .. } = step else { return None };
            mark(*effect).map(|mark| (at.clone(), mark))
        };
        steps.iter().rev().find_map(marker)
    };
    let set = |effect| if let Effect::Marked(mark) = effect { Some(mark.number()) } else { None };
    let saved = |effect| if let Effect::ConnectionMarked(mark) = effect { Some(mark) } else { None };
    let restored = |effect| if let Effect::MarkRestored(mark) = effect { Some(mark) } else { None };
    let Some((rule, mark)) = last(steps, &|e| set(e).or(restored(e))) else { return (None, Markers::default()) };
    let mut markers = Markers::default();
    if last(steps, &restored).is_some_and(|(restoring, _)| restoring == rule) {
        let with_it = |e: Option<u32>| e.filter(|m| *m == mark);
        markers.connection = last(first, &|e| with_it(saved(e))).map(|(rule, _)| rule);
        markers.first = last(first, &|e| with_it(set(e))).map(|(rule, _)| rule);
    }
    markers.packet = Some(rule);
    (Some(mark), markers)
}
