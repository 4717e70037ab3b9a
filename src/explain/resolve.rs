//! From the words about a packet to a packet with nothing left open.

use super::packet::{Direction, EPHEMERAL, Endpoint, PEER_V4, PEER_V6, Packet};
use super::pod::Pod;
use super::request::{Request, WordError};
use super::way::{Question, Way};
use crate::capture::Routing;
use crate::net::{Family, Interface};
use crate::netfilter::ConntrackState;

impl Packet {
    /// Fills what a request leaves open from what the pod is.
    ///
    /// # Errors
    /// What contradicts itself, or cannot be known.
    pub fn resolve(request: &Request, pod: &Pod, routing: &Routing) -> Result<Self, WordError> {
        let family = request.to.address.or(request.from.address).map_or(Family::Ipv4, Family::of);
        if let (Some(to), Some(from)) = (request.to.address, request.from.address)
            && Family::of(to) != Family::of(from)
        {
            return Err(WordError::TwoFamilies { from, to });
        }
        let own = || pod.address(family).ok_or(WordError::NoPodAddress { family });
        let mark = request.mark.unwrap_or(0);
        let port = |given: Option<u16>, default| given.filter(|_| request.transport.has_ports()).unwrap_or(default);
        let ephemeral = if request.transport.has_ports() { EPHEMERAL } else { 0 };
        let from_port = port(request.from.port, ephemeral);
        let to_port = port(request.to.port, 0);
        let (to, from, interface) = match request.direction {
            Direction::Out => {
                let to = request.to.address.ok_or(WordError::NoDestination)?;
                let question = Question {
                    to: Endpoint { address: to, port: to_port },
                    from: request.from.address.map(|address| Endpoint { address, port: from_port }),
                    transport: request.transport,
                    mark,
                    uid: request.sender().map(|s| s.uid),
                };
                let (interface, source) = match pod.way(&question, routing) {
                    Some(Way::Local) => (Interface::loopback(), None),
                    Some(Way::Out { interface, source }) => (interface, source),
                    Some(Way::Nowhere) | None => (pod.first_interface(), None),
                };
                let from = match (request.from.address, &request.interface) {
                    (Some(from), _) => from,
                    // It does not go the way that the routes lead: its socket is bound to an interface.
                    (None, Some(name)) if *name != interface && interface != Interface::loopback() => {
                        pod.primary_address(family, name).or_else(|| pod.source_for(to)).map_or_else(own, Ok)?
                    }
                    (None, _) => source.or_else(|| pod.source_for(to)).map_or_else(own, Ok)?,
                };
                (to, from, interface)
            }
            Direction::In => {
                let to = request.to.address.map_or_else(own, Ok)?;
                let peer = match family {
                    Family::Ipv4 => PEER_V4,
                    Family::Ipv6 => PEER_V6,
                };
                let from = request.from.address.unwrap_or(if to.is_loopback() { to } else { peer });
                let looped = to.is_loopback() || pod.owns(from, routing);
                (to, from, if looped { Interface::loopback() } else { pod.interface_with(to) })
            }
        };
        Ok(Self {
            direction: request.direction,
            transport: request.transport,
            sender: request.sender(),
            from: Endpoint { address: from, port: from_port },
            to: Endpoint { address: to, port: to_port },
            interface: request.interface.clone().unwrap_or(interface),
            state: request.state.unwrap_or(ConntrackState::New),
            mark,
            connection_mark: request.connection_mark.unwrap_or(0),
        })
    }
}
