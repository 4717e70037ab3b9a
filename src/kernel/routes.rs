//! Policy rules, routes and addresses, over rtnetlink (rtnetlink(7)).

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLM_F_CREATE, NLM_F_EXCL, NetlinkPayload, NlasIterator, Parseable, parse_u32,
};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::route::{RouteHeader, RouteProtocol, RouteScope, RouteType};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use netlink_sys::protocols::NETLINK_ROUTE;

use super::KernelError;
use super::netlink::{Message, Netlink};
use crate::capture::{LocalRoute, PolicyRule, Routing};
use crate::config::{Family, KernelId, PROXY_SOURCE_V6};
use crate::state::RoutingState;

/// The index of `lo`, which is the first interface of every network namespace (`LOOPBACK_IFINDEX` of
/// `linux/net_namespace.h`).
const LO: u32 = 1;

/// Tables of the kernel's own: those of ours are others (`RT_TABLE_DEFAULT` to `RT_TABLE_LOCAL` of
/// `linux/rtnetlink.h`).
const KERNEL_TABLES: std::ops::RangeInclusive<u32> = 253..=255;

/// What messages are about. Their kinds come in fours: new, delete, get, set (`linux/rtnetlink.h`).
#[derive(Clone, Copy)]
enum Object {
    Address,
    Route,
    Rule,
}

impl Object {
    const fn add(self) -> u16 {
        match self {
            Self::Address => 20,
            Self::Route => 24,
            Self::Rule => 32,
        }
    }

    const fn delete(self) -> u16 {
        self.add() + 1
    }

    const fn get(self) -> u16 {
        self.add() + 2
    }
}

/// Who made a policy rule (`FRA_PROTOCOL` of `linux/fib_rules.h`): this program. A rule of ours is known by
/// it even where a call was killed that had removed the rules of netfilter that gave the mark.
const MADE_BY_US: RouteProtocol = RouteProtocol::Other(133);

/// A connection to the kernel's routing.
#[derive(Debug)]
pub struct Routes {
    socket: Netlink,
}

impl Routes {
    /// Opens the connection.
    ///
    /// # Errors
    /// [`KernelError::Netlink`].
    pub fn open() -> Result<Self, KernelError> {
        let socket = Netlink::open(NETLINK_ROUTE).map_err(|e| failed("opening a netlink socket", e))?;
        Ok(Self { socket })
    }

    /// What there is of the shape that we make, and which of the policy rules are ours for certain.
    ///
    /// # Errors
    /// [`KernelError::Netlink`].
    pub fn read(&mut self) -> Result<(RoutingState, Vec<PolicyRule>), KernelError> {
        let mut state = RoutingState { addresses: self.addresses()?, ..RoutingState::default() };
        let mut certain = Vec::new();
        for family in Family::BOTH {
            for (rule, by_us) in self.rules(family)? {
                certain.extend(by_us.then_some(rule));
                state.rules.push(rule);
            }
        }
        for family in Family::BOTH {
            state.routes.extend(self.routes(family)?);
        }
        Ok((state, certain))
    }

    fn dump<M>(&mut self, what: &str, object: Object, request: &M) -> Result<Vec<M>, KernelError>
    where
        M: Emitable + Parseable<[u8]>,
    {
        let answers = self.socket.dump(&Message::new(object.get(), request));
        match answers.and_then(|all| all.iter().map(|a| a.contents(object.add())).collect::<io::Result<Vec<_>>>()) {
            Ok(answers) => Ok(answers.into_iter().flatten().collect()),
            // A kernel without a family has nothing of it.
            Err(error) if matches!(error.raw_os_error(), Some(nix::libc::EAFNOSUPPORT | nix::libc::EOPNOTSUPP)) => {
                Ok(Vec::new())
            }
            Err(error) => Err(failed(what, error)),
        }
    }

    fn addresses(&mut self) -> Result<Vec<Ipv6Addr>, KernelError> {
        let mut request = AddressMessage::default();
        request.header.family = AddressFamily::Inet6;
        let answers = self.dump("listing IPv6 addresses", Object::Address, &request)?.into_iter();
        let ours = AddressAttribute::Address(IpAddr::V6(PROXY_SOURCE_V6));
        let found =
            answers.filter(|a| a.header.index == LO && a.header.prefix_len == 128 && a.attributes.contains(&ours));
        Ok(found.map(|_| PROXY_SOURCE_V6).collect())
    }

    fn rules(&mut self, family: Family) -> Result<Vec<(PolicyRule, bool)>, KernelError> {
        let mut request = RuleMessage::default();
        request.header.family = address_family(family);
        let rules = self.dump(&format!("listing {family} policy rules"), Object::Rule, &request)?.into_iter();
        let by_us = |r: &RuleMessage| r.attributes.contains(&RuleAttribute::Protocol(MADE_BY_US));
        Ok(rules.filter_map(|r| Some((policy_rule(family, &r)?, by_us(&r)))).collect())
    }

    fn routes(&mut self, family: Family) -> Result<Vec<LocalRoute>, KernelError> {
        let mut request = RouteMessage::default();
        request.header.address_family = address_family(family);
        let routes = self.dump(&format!("listing {family} routes"), Object::Route, &request)?.into_iter();
        Ok(routes.filter_map(|r| local_route(family, &r)).collect())
    }

    /// Adds what is not there yet; what is there already is no error.
    ///
    /// # Errors
    /// [`KernelError::Netlink`].
    pub fn add(&mut self, routing: &Routing) -> Result<(), KernelError> {
        for address in &routing.addresses {
            let change = self
                .socket
                .change(&Message::new(Object::Address.add(), &address_message(*address)), NLM_F_CREATE | NLM_F_EXCL);
            unless(nix::libc::EEXIST, change)
                .map_err(|e| failed(&format!("adding the address {address}/128 to lo"), e))?;
        }
        for rule in &routing.rules {
            let mut message = rule_message(rule);
            message.attributes.push(RuleAttribute::Protocol(MADE_BY_US));
            let change = self.socket.change(&Message::new(Object::Rule.add(), &message), NLM_F_CREATE | NLM_F_EXCL);
            unless(nix::libc::EEXIST, change).map_err(|e| {
                failed(&format!("adding the {} policy rule fwmark {} lookup {}", rule.family, rule.mark, rule.table), e)
            })?;
        }
        for route in &routing.routes {
            let change = self
                .socket
                .change(&Message::new(Object::Route.add(), &route_message(route)), NLM_F_CREATE | NLM_F_EXCL);
            unless(nix::libc::EEXIST, change).map_err(|e| {
                failed(&format!("adding the {} route local default dev lo table {}", route.family, route.table), e)
            })?;
        }
        Ok(())
    }

    /// Removes these; what is not there any more is no error.
    ///
    /// # Errors
    /// [`KernelError::Netlink`].
    pub fn remove(&mut self, routing: &Routing) -> Result<(), KernelError> {
        // The rule goes after its route, which is known by it.
        for route in &routing.routes {
            let change = self.socket.change(&Message::new(Object::Route.delete(), &route_message(route)), 0);
            unless(nix::libc::ESRCH, change).map_err(|e| {
                failed(&format!("removing the {} route local default dev lo table {}", route.family, route.table), e)
            })?;
        }
        for rule in &routing.rules {
            let change = self.socket.change(&Message::new(Object::Rule.delete(), &rule_message(rule)), 0);
            unless(nix::libc::ENOENT, change).map_err(|e| {
                failed(
                    &format!("removing the {} policy rule fwmark {} lookup {}", rule.family, rule.mark, rule.table),
                    e,
                )
            })?;
        }
        for address in &routing.addresses {
            let change = self.socket.change(&Message::new(Object::Address.delete(), &address_message(*address)), 0);
            unless(nix::libc::EADDRNOTAVAIL, change)
                .map_err(|e| failed(&format!("removing the address {address}/128 from lo"), e))?;
        }
        Ok(())
    }
}

fn unless(passes: i32, result: io::Result<()>) -> io::Result<()> {
    result.or_else(|e| if e.raw_os_error() == Some(passes) { Ok(()) } else { Err(e) })
}

fn failed(what: &str, error: io::Error) -> KernelError {
    let hint = match error.raw_os_error() {
        Some(nix::libc::EPERM) => {
            format!(" (it needs CAP_NET_ADMIN; {})", super::capabilities::Capabilities::effective().describe())
        }
        Some(nix::libc::ENETDOWN) => " (lo is down: bring it up with `ip link set lo up`; for pods, the runtime does it)".to_owned(),
        Some(nix::libc::EACCES) | Some(nix::libc::EADDRNOTAVAIL) | Some(nix::libc::EOPNOTSUPP) | Some(nix::libc::EAFNOSUPPORT) => {
            " (is IPv6 disabled here by the sysctl net.ipv6.conf.*.disable_ipv6 or the boot option ipv6.disable? Then --ip-families=ipv4 leaves it out)"
                .to_owned()
        }
        _ => String::new(),
    };
    KernelError::Netlink { what: what.to_owned(), error, hint }
}

fn address_family(family: Family) -> AddressFamily {
    match family {
        Family::Ipv4 => AddressFamily::Inet,
        Family::Ipv6 => AddressFamily::Inet6,
    }
}

fn address_message(address: Ipv6Addr) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet6;
    message.header.prefix_len = 128;
    message.header.index = LO;
    // Nobody else can have it, and until the kernel has made sure of that, the proxy could not bind it.
    message.header.flags = AddressHeaderFlags::Nodad;
    message.attributes =
        vec![AddressAttribute::Address(IpAddr::V6(address)), AddressAttribute::Local(IpAddr::V6(address))];
    message
}

fn rule_message(rule: &PolicyRule) -> RuleMessage {
    let mut message = RuleMessage::default();
    message.header.family = address_family(rule.family);
    message.header.action = RuleAction::ToTable;
    message.attributes = vec![RuleAttribute::FwMark(rule.mark.number()), RuleAttribute::Table(rule.table.number())];
    message
}

/// The rule, where it is of the shape that we make: a mark without a mask, a table, and nothing else that
/// a packet must have.
fn policy_rule(family: Family, message: &RuleMessage) -> Option<PolicyRule> {
    let header = &message.header;
    if header.action != RuleAction::ToTable || header.dst_len != 0 || header.src_len != 0 || header.tos != 0 {
        return None;
    }
    let (mut mark, mut table) = (0, u32::from(header.table));
    for attribute in &message.attributes {
        use RuleAttribute::{FwMark, FwMask, Priority, Protocol, SuppressPrefixLen, Table};
        if let FwMark(number) = attribute {
            mark = *number;
        } else if let Table(number) = attribute {
            table = *number;
        } else if !matches!(attribute, FwMask(u32::MAX) | SuppressPrefixLen(u32::MAX) | Priority(_) | Protocol(_)) {
            return None;
        }
    }
    Some(PolicyRule { family, mark: KernelId::new(mark)?, table: KernelId::new(table)? })
}

/// A route, with those of its attributes that are a number. The crate's type can read all that a route may
/// have, down to tunnels and MPLS, which is a good part of this program's size.
#[derive(Default)]
struct RouteMessage {
    header: RouteHeader,
    attributes: Vec<(u16, u32)>,
}

/// The interface (`linux/rtnetlink.h`).
const RTA_OIF: u16 = 4;
/// The table, which the header has no room for where its number is above 255.
const RTA_TABLE: u16 = 15;

impl RouteMessage {
    fn encoded(&self) -> Vec<DefaultNla> {
        self.attributes.iter().map(|(kind, number)| DefaultNla::new(*kind, number.to_ne_bytes().to_vec())).collect()
    }
}

impl Emitable for RouteMessage {
    fn buffer_len(&self) -> usize {
        self.header.buffer_len() + self.encoded().as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        let (header, attributes) = buffer.split_at_mut(self.header.buffer_len());
        self.header.emit(header);
        self.encoded().as_slice().emit(attributes);
    }
}

impl Parseable<[u8]> for RouteMessage {
    fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let header = RouteHeader::parse(bytes)?;
        let mut attributes = Vec::new();
        for attribute in NlasIterator::new(bytes.get(header.buffer_len()..).unwrap_or_default()) {
            let attribute = attribute?;
            if matches!(attribute.kind(), RTA_OIF | RTA_TABLE) {
                attributes.push((attribute.kind(), parse_u32(attribute.value())?));
            }
        }
        Ok(Self { header, attributes })
    }
}

fn route_message(route: &LocalRoute) -> RouteMessage {
    let header = RouteHeader {
        address_family: address_family(route.family),
        protocol: RouteProtocol::Boot,
        scope: match route.family {
            Family::Ipv4 => RouteScope::Host,
            Family::Ipv6 => RouteScope::Universe,
        },
        kind: RouteType::Local,
        ..RouteHeader::default()
    };
    RouteMessage { header, attributes: vec![(RTA_TABLE, route.table.number()), (RTA_OIF, LO)] }
}

/// The route, where it is of the shape that we make: `local default dev lo`, not in a table of the kernel's.
fn local_route(family: Family, message: &RouteMessage) -> Option<LocalRoute> {
    let header = &message.header;
    if header.kind != RouteType::Local || header.destination_prefix_length != 0 || header.source_prefix_length != 0 {
        return None;
    }
    let (mut on_lo, mut table) = (false, u32::from(header.table));
    for attribute in &message.attributes {
        match *attribute {
            (RTA_OIF, index) => on_lo = index == LO,
            (RTA_TABLE, number) => table = number,
            _ => {}
        }
    }
    let table = KernelId::new(table).filter(|t| !KERNEL_TABLES.contains(&t.number()))?;
    on_lo.then_some(LocalRoute { family, table })
}

/// Reads bytes as the kernel's answers, for fuzzing: what is read of the shape that we make can be written, and
/// is read as the same again.
///
/// # Errors
/// What does not hold.
#[doc(hidden)]
pub fn read_anything(bytes: &[u8]) -> Result<(), String> {
    let messages = super::netlink::messages::<Message>(bytes).unwrap_or_default().into_iter();
    let answers =
        messages.filter_map(|m| if let NetlinkPayload::InnerMessage(answer) = m.payload { Some(answer) } else { None });
    for answer in answers {
        let _ = answer.contents::<AddressMessage>(Object::Address.add());
        for family in Family::BOTH {
            if let Ok(Some(message)) = answer.contents(Object::Rule.add())
                && let Some(rule) = policy_rule(family, &message)
            {
                let written = Message::new(Object::Rule.add(), &rule_message(&rule)).contents(Object::Rule.add());
                let again = written.ok().flatten().and_then(|m| policy_rule(family, &m));
                same(&rule, again)?;
            }
            if let Ok(Some(message)) = answer.contents(Object::Route.add())
                && let Some(route) = local_route(family, &message)
            {
                let written = Message::new(Object::Route.add(), &route_message(&route)).contents(Object::Route.add());
                let again = written.ok().flatten().and_then(|m| local_route(family, &m));
                same(&route, again)?;
            }
        }
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug>(read: &T, again: Option<T>) -> Result<(), String> {
    if again.as_ref() == Some(read) { Ok(()) } else { Err(format!("{read:?}, written and read, is {again:?}")) }
}

/// Sets `lo` up, which routes over it need.
///
/// # Errors
/// The kernel's answer.
pub(super) fn loopback_up() -> io::Result<()> {
    /// `RTM_NEWLINK` of `linux/rtnetlink.h`.
    const NEW_LINK: u16 = 16;
    Netlink::open(NETLINK_ROUTE)?.change(&Message::new(NEW_LINK, &LoopbackUp), 0)
}

/// `struct ifinfomsg` of `linux/rtnetlink.h` that sets `IFF_UP` of `lo`.
struct LoopbackUp;

impl Emitable for LoopbackUp {
    fn buffer_len(&self) -> usize {
        16
    }

    fn emit(&self, buffer: &mut [u8]) {
        const IFF_UP: u32 = 1;
        // Family, padding and type; index; flags; which of them to change.
        let words = [0, LO, IFF_UP, IFF_UP];
        for (place, word) in buffer.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
    }
}
