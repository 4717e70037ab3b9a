//! Why no connection comes about although its first packet arrives: what follows it does not get through.

use std::fmt;

use super::chains::RuleAt;
use super::verdict::{Dropper, Place};
use crate::netfilter::Target;

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
    Dropped(Dropper),
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

impl Broken {
    /// The rules that do it, in the order in which packets meet them.
    pub fn rules(&self) -> impl Iterator<Item = &RuleAt> {
        let dropper = match &self.fate {
            Fate::Dropped(Dropper::Rule(by)) => Some(by),
            Fate::Dropped(Dropper::Policy(_) | Dropper::NoRoute { .. }) | Fate::Misrouted(_) | Fate::NotCertain => None,
        };
        let Markers { first, connection, packet } = &self.marked_by;
        [first, connection, packet].into_iter().flatten().chain(dropper)
    }
}

/// Some sentences: what does not get through, why, and what to do.
impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whose, lost) = match self.packet {
            Lost::Answer => ("the answer", " does not get back"),
            Lost::Next => ("the next packet", ", which is ESTABLISHED, does not get through"),
        };
        match &self.doubt {
            None => write!(f, "no connection is established: {whose}{lost}: ")?,
            Some(doubt) if self.fate == Fate::NotCertain => {
                return write!(f, "a connection may not be established: {whose} may not get through, because {doubt}.");
            }
            Some(doubt) => write!(f, "a connection may not be established ({doubt}): {whose}{lost}: ")?,
        }
        match (&self.fate, self.mark) {
            (Fate::Dropped(by), _) => write!(f, "it is dropped {by}.")?,
            (Fate::NotCertain, _) => {}
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
            Some(rule) if rule.rule.purpose.is_none() && matches!(rule.rule.target, Target::SetMark(_)) => f.write_str(
                " Change the mark in the first of these rules, or set another one with --istio-inbound-tproxy-mark.",
            ),
            Some(_) | None => Ok(()),
        }
    }
}
