//! Asks the kernel which way packets go, as `ip route get` does: only the kernel knows all rules and tables.

use std::io;
use std::sync::{Mutex, PoisonError};

use netlink_sys::protocols::NETLINK_ROUTE;
use nix::libc;

use super::message::{Object, ParsedMessage, RTA_OIF, number};
use crate::explain::{Endpoint, PacketProtocol, Question, Way};
use crate::kernel::netlink::Netlink;
use crate::net::{Family, Interface};
use crate::netlink::{Attributes, Message, octets};

/// `RTA_*` of `linux/rtnetlink.h`.
const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_PREFSRC: u16 = 7;
const RTA_MARK: u16 = 16;
const RTA_UID: u16 = 25;
const RTA_IP_PROTO: u16 = 27;
const RTA_SPORT: u16 = 28;
const RTA_DPORT: u16 = 29;
/// `RTN_LOCAL`.
const LOCAL: u8 = 2;

/// The routes of the network namespace in which it was opened.
#[derive(Debug)]
pub struct KernelWays {
    socket: Mutex<Netlink>,
    /// The interfaces by their numbers.
    names: Vec<(u32, Interface)>,
}

impl KernelWays {
    /// Opens a connection to the kernel's routing.
    pub fn open() -> io::Result<Self> {
        let socket = Mutex::new(Netlink::open(NETLINK_ROUTE)?);
        let all = nix::net::if_::if_nameindex()?;
        let named = |i: &nix::net::if_::Interface| Some((i.index(), Interface::parse(i.name().to_str().ok()?).ok()?));
        Ok(Self { socket, names: all.into_iter().filter_map(named).collect() })
    }

    fn ask(&self, question: &Question) -> io::Result<Option<Way>> {
        let request = request(question);
        let answers = self.socket.lock().unwrap_or_else(PoisonError::into_inner).ask(request)?;
        let answer = answers.iter().find(|a| a.kind == Object::Route.add());
        Ok(answer.and_then(|a| self.read(&a.body)))
    }

    fn read(&self, bytes: &[u8]) -> Option<Way> {
        let route = ParsedMessage::read(Object::Route, bytes)?;
        if route.header.get(7) == Some(&LOCAL) {
            return Some(Way::Local);
        }
        let index = route.number(RTA_OIF)?;
        let (_, interface) = self.names.iter().find(|(i, _)| *i == index)?;
        Some(Way::Out { interface: interface.clone(), source: route.address(RTA_PREFSRC) })
    }
}

impl crate::explain::Ways for KernelWays {
    fn way(&self, question: &Question) -> Option<Way> {
        match self.ask(question) {
            Ok(way) => way,
            Err(error) => match error.raw_os_error() {
                Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES) => Some(Way::Nowhere),
                _ => {
                    log::info!("cannot look up the route to {}: {error}", question.to);
                    None
                }
            },
        }
    }
}

/// The request for a route.
fn request(question: &Question) -> Message {
    let Question { to, from, transport, mark, uid } = *question;
    let bits = |end: Endpoint| if end.address.is_ipv4() { 32 } else { 128 };
    let family = number(Family::of(to.address));
    let header = [family, bits(to), from.map_or(0, bits), 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut attributes = Attributes::new()
        .value(RTA_DST, &octets(to.address))
        .value(RTA_MARK, &mark.to_ne_bytes())
        // What the kernel sends by itself counts as root's (`sock_net_uid`).
        .value(RTA_UID, &uid.unwrap_or(0).to_ne_bytes());
    if let Some(from) = from {
        attributes = attributes.value(RTA_SRC, &octets(from.address));
    }
    let protocol = match transport {
        PacketProtocol::Tcp => libc::IPPROTO_TCP,
        PacketProtocol::Udp => libc::IPPROTO_UDP,
        PacketProtocol::Icmp if to.address.is_ipv4() => libc::IPPROTO_ICMP,
        PacketProtocol::Icmp => libc::IPPROTO_ICMPV6,
    };
    attributes = attributes.value(RTA_IP_PROTO, &[u8::try_from(protocol).unwrap_or(0)]);
    for (kind, port) in [(RTA_DPORT, Some(to.port)), (RTA_SPORT, from.map(|f| f.port))] {
        // The kernel takes 0 for an error.
        if let Some(port @ 1..) = port.filter(|_| transport.has_ports()) {
            attributes = attributes.value(kind, &port.to_be_bytes());
        }
    }
    Message::new(Object::Route.add() + super::GET, [&header, attributes.bytes().unwrap_or_default()].concat())
}
