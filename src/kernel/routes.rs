//! Policy rules, routes and addresses, over rtnetlink (rtnetlink(7)).

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use netlink_packet_core::{Emitable, NLM_F_CREATE, NLM_F_EXCL, Parseable};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::route::{RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType};
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

fn route_message(route: &LocalRoute) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: address_family(route.family),
        protocol: RouteProtocol::Boot,
        scope: match route.family {
            Family::Ipv4 => RouteScope::Host,
            Family::Ipv6 => RouteScope::Universe,
        },
        kind: RouteType::Local,
        ..RouteHeader::default()
    };
    message.attributes = vec![RouteAttribute::Table(route.table.number()), RouteAttribute::Oif(LO)];
    message
}

/// The route, where it is of the shape that we make: `local default dev lo`, not in a table of the kernel's.
fn local_route(family: Family, message: &RouteMessage) -> Option<LocalRoute> {
    let header = &message.header;
    if header.kind != RouteType::Local || header.destination_prefix_length != 0 || header.source_prefix_length != 0 {
        return None;
    }
    let (mut on_lo, mut table) = (false, u32::from(header.table));
    for attribute in &message.attributes {
        if let RouteAttribute::Oif(index) = attribute {
            on_lo = *index == LO;
        } else if let RouteAttribute::Table(number) = attribute {
            table = *number;
        }
    }
    let table = KernelId::new(table).filter(|t| !KERNEL_TABLES.contains(&t.number()))?;
    on_lo.then_some(LocalRoute { family, table })
}
