//! Why no connection comes about although its first packet arrives: what follows it does not get through.

use std::fmt;

use super::Walk;
use crate::explain::chains::RuleAt;
use crate::explain::packet::{Direction, Packet, Transport};
use crate::explain::trace::{Effect, Outcome, Step};
use crate::explain::verdict::{Decision, Dropper, Place, Verdict};
use crate::explain::way::Way;
use crate::net::Interface;
use crate::netfilter::{ConntrackState, Target};

/// Why no connection comes about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What does not get through.
    pub packet: Lost,
    /// What becomes of it.
    pub fate: Fate,
    /// Its mark when that was decided.
    pub mark: u32,
    /// The rules that made its mark.
    pub marked_by: Markers,
    /// What it met first that cannot be followed.
    pub doubt: Option<String>,
}

/// A packet that does not get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The answer.
    Answer,
    /// What the same end sends after it.
    Next,
}

/// What becomes of a packet that does not get through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is dropped.
    Dropped(Option<Dropper>),
    /// It ends up here, in the wrong place.
    Misrouted(Place),
    /// It gets through if what cannot be followed lets it by.
    NotCertain,
}

/// The rules that made the mark of a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markers {
    /// The one that marked the first packet, if the connection has its mark.
    pub first: Option<RuleAt>,
    /// The one that marked the connection, if the packet has its mark.
    pub connection: Option<RuleAt>,
    /// The one that marked the packet.
    pub packet: Option<RuleAt>,
}

impl Walk<'_> {
    /// Follows what comes after the first packet of a connection that arrived.
    pub(super) fn broken(&self, verdict: &Verdict) -> Option<Broken> {
        let place = match verdict {
            Verdict::LeftAlone { place, .. } if *place != Place::Forwarded => place,
            Verdict::Captured { .. } => &Place::Pod,
            Verdict::LeftAlone { .. }
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
            Some(Way::Nowhere) => Fate::Dropped(Some(Dropper::NoRoute { to: answer.to, mark: 0 })),
            Some(Way::Local | Way::Out { .. }) | None => match walk.in_any_order() {
                Decision::Arrives { end: Place::Out(_), .. } if walk.doubt.is_none() => return None,
                Decision::Arrives { end: Place::Out(_), .. } => Fate::NotCertain,
                Decision::Arrives { end, .. } => Fate::Misrouted(end),
                Decision::Dropped(by) => Fate::Dropped(by),
            },
        };
        Some(walk.lost(Lost::Answer, fate, self))
    }

    /// What the same end sends after the first packet, which conntrack takes for ESTABLISHED.
    fn lost_next(&self, arrived: &Place) -> Option<Broken> {
        if self.packet.transport != Transport::Tcp {
            return None;
        }
        let connection_mark = self.flight.connection_mark.unwrap_or(0);
        let next = Packet { state: ConntrackState::Established, connection_mark, ..self.packet.clone() };
        let mut walk = Walk::new(self.scene, self.layers, &next);
        walk.redirected = self.redirected;
        let arrives = |end: &Place| std::mem::discriminant(end) == std::mem::discriminant(arrived);
        let fate = match walk.in_any_order() {
            Decision::Arrives { end, .. } if arrives(&end) && walk.doubt.is_none() => return None,
            Decision::Arrives { end, .. } if arrives(&end) => Fate::NotCertain,
            Decision::Arrives { end, .. } => Fate::Misrouted(end),
            Decision::Dropped(by) => Fate::Dropped(by),
        };
        Some(walk.lost(Lost::Next, fate, self))
    }

    /// What there is to say of this packet, which does not get through, and of the first of its connection.
    fn lost(self, packet: Lost, fate: Fate, first: &Self) -> Broken {
        // What marks it after it was routed to the wrong place is not what led it there.
        let routed = self.steps.iter().rposition(|step| matches!(step, Step::Rerouted { .. }));
        let met = match (&fate, packet) {
            (Fate::Misrouted(_), Lost::Answer) => self.steps.get(..routed.unwrap_or(0)).unwrap_or_default(),
            (Fate::NotCertain, Lost::Answer | Lost::Next) => &[],
            (Fate::Misrouted(_), Lost::Next) | (Fate::Dropped(_), Lost::Answer | Lost::Next) => &self.steps,
        };
        let (mark, marked_by) = Markers::of(&first.steps, met);
        let doubt = self.doubt.or(self.whose);
        Broken { packet, fate, mark: mark.unwrap_or(self.packet.mark), marked_by, doubt }
    }
}

impl Broken {
    /// The rules that do it, in the order in which packets meet them.
    pub fn rules(&self) -> impl Iterator<Item = &RuleAt> {
        let dropper = match &self.fate {
            Fate::Dropped(Some(Dropper::Rule(by))) => Some(by),
            Fate::Dropped(Some(Dropper::Policy(_) | Dropper::NoRoute { .. }) | None)
            | Fate::Misrouted(_)
            | Fate::NotCertain => None,
        };
        let Markers { first, connection, packet } = &self.marked_by;
        [first, connection, packet].into_iter().flatten().chain(dropper)
    }
}

impl Markers {
    /// The mark of a packet and the rules that made it, by what the first packet of its connection and it met.
    fn of(first: &[Step], steps: &[Step]) -> (Option<u32>, Self) {
        let last = |steps: &[Step], mark: &dyn Fn(Effect) -> Option<u32>| {
            let marker = |step: &Step| {
                let Step::Rule { at, outcome: Outcome::Matched(effect), .. } = step else { return None };
                mark(*effect).map(|mark| (at.clone(), mark))
            };
            steps.iter().rev().find_map(marker)
        };
        let set = |effect| if let Effect::Marked(mark) = effect { Some(mark.number()) } else { None };
        let saved = |effect| if let Effect::ConnectionMarked(mark) = effect { Some(mark) } else { None };
        let restored = |effect| if let Effect::MarkRestored(mark) = effect { Some(mark) } else { None };
        let Some((rule, mark)) = last(steps, &|e| set(e).or(restored(e))) else { return (None, Self::default()) };
        let mut markers = Self::default();
        if last(steps, &restored).is_some_and(|(restoring, _)| restoring == rule) {
            let with_it = |e: Option<u32>| e.filter(|m| *m == mark);
            markers.connection = last(first, &|e| with_it(saved(e))).map(|(rule, _)| rule);
            markers.first = last(first, &|e| with_it(set(e))).map(|(rule, _)| rule);
        }
        markers.packet = Some(rule);
        (Some(mark), markers)
    }
}

/// Some sentences: what does not get through, why, and what to do.
impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whose, lost) = match self.packet {
            Lost::Answer => ("the answer", " does not get back"),
            Lost::Next => ("the next packet", ", which is ESTABLISHED, does not get there"),
        };
        match &self.doubt {
            None => write!(f, "no connection comes about, since {whose}{lost}: ")?,
            Some(doubt) if self.fate == Fate::NotCertain => {
                return write!(f, "perhaps no connection comes about: {whose} may not get through, since {doubt}.");
            }
            Some(doubt) => write!(f, "perhaps no connection comes about ({doubt}), since {whose}{lost}: ")?,
        }
        match (&self.fate, self.mark) {
            (Fate::Dropped(Some(by)), _) => write!(f, "it is dropped {by}.")?,
            (Fate::NotCertain, _) => {}
            (Fate::Dropped(None), _) => f.write_str("it is dropped.")?,
            (Fate::Misrouted(place), mark) => {
                match mark {
                    0 => f.write_str("without a mark")?,
                    mark => write!(f, "with mark {mark}")?,
                }
                match place {
                    Place::Pod => f.write_str(", it is routed to the pod itself (ip rule, ip route).")?,
                    Place::Out(_) | Place::Forwarded => write!(f, ", {place} (ip rule, ip route).")?,
                }
            }
        }
        let Markers { first, connection, packet } = &self.marked_by;
        let marked = [(first, "the first packet"), (connection, "the connection"), (packet, whose)];
        for (rule, what) in marked {
            if let Some(rule) = rule {
                write!(f, " Rule {rule} marks {what}.")?;
            }
        }
        match first {
            Some(rule) if rule.cause.is_none() && matches!(rule.rule.target, Target::SetMark(_)) => f.write_str(
                " Let the first of these use another mark, or choose another with --istio-inbound-tproxy-mark.",
            ),
            Some(_) | None => Ok(()),
        }
    }
}
