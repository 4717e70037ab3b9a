//! What the target of a rule does with a packet.

use super::{ChainPlace, Walk};
use crate::explain::trace::Effect;
use crate::net::Family;
use crate::netfilter::{Chain, Hook, Rule, Target};

impl Walk<'_> {
    /// Executes the rule's target.
    pub(super) fn effect(&mut self, rule: &Rule, place: ChainPlace<'_>) -> Effect {
        let flight = &mut self.flight;
        match rule.target {
            Target::Jump(chain) => Effect::Jumped(chain),
            Target::Return => match rule.chain {
                Chain::Builtin(_) if place.chains.drops(place.table, place.hook) => Effect::DroppedByPolicy,
                Chain::Builtin(_) => Effect::LeftToPolicy,
                Chain::Istio(_) => Effect::Returned,
            },
            Target::Accept => Effect::Accepted,
            Target::Drop => Effect::Dropped,
            Target::Redirect(port) => {
                let family = Family::of(flight.to.address);
                let address = match (&flight.in_interface, place.hook) {
                    (Some(interface), Hook::Prerouting) => self.scene.pod.primary_address(family, interface),
                    (Some(_) | None, _) => Some(family.localhost()),
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
