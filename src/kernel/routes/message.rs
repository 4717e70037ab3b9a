//! Messages about policy rules, routes and addresses: how managed ones are written, and which of the kernel's look like
//! them.

use std::net::IpAddr;

use crate::capture::{LocalRoute, PolicyRule, RoutingItem};
use crate::net::{Family, Mark, PROXY_SOURCE_V6, RouteTable};
use crate::netlink::{Attributes, Message, attributes};

/// The index of `lo`, which is the first interface of every network namespace (`LOOPBACK_IFINDEX` of
/// `linux/net_namespace.h`).
pub(super) const LO: u32 = 1;

/// The mark of this program on a policy rule, a route or an address (`FRA_PROTOCOL`, `rtm_protocol`, `IFA_PROTO`;
/// the last since Linux 5.18). It identifies what is managed even if a call was killed that had removed the rules of
/// netfilter.
const MADE_BY_US: u8 = 133;

/// What messages are about. Their kinds come in fours: new, delete, get, set (`linux/rtnetlink.h`).
#[derive(Clone, Copy)]
pub(super) enum Object {
    Address = 20,
    Route = 24,
    Rule = 32,
}

impl Object {
    pub(super) const fn add(self) -> u16 {
        self as u16
    }
}

/// The number of a family (`AF_INET`, `AF_INET6`).
pub(super) fn number(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 2,
        Family::Ipv6 => 10,
    }
}

/// A message about one of the objects.
pub(super) struct ParsedMessage<'a> {
    /// `struct ifaddrmsg` of 8 bytes, `struct rtmsg` or `struct fib_rule_hdr` of 12.
    pub(super) header: &'a [u8],
    /// What attributes there are, and their values.
    attributes: Vec<(u16, &'a [u8])>,
}

/// `IFA_*` of `linux/if_addr.h`.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_PROTO: u16 = 11;
/// `RTA_*` of `linux/rtnetlink.h`.
pub(super) const RTA_OIF: u16 = 4;
const RTA_PRIORITY: u16 = 6;
const RTA_CACHEINFO: u16 = 12;
const RTA_PREF: u16 = 20;
/// `FRA_*` of `linux/fib_rules.h`.
const FRA_PRIORITY: u16 = 6;
const FRA_FWMARK: u16 = 10;
const FRA_SUPPRESS_PREFIXLEN: u16 = 14;
const FRA_FWMASK: u16 = 16;
const FRA_PROTOCOL: u16 = 21;
/// The table, which the headers have no room for if its number is above 255 (`FRA_TABLE`, `RTA_TABLE`).
const TABLE: u16 = 15;

/// `FR_ACT_TO_TBL` of `linux/fib_rules.h`.
const TO_TABLE: u8 = 1;
/// `RTN_LOCAL` of `linux/rtnetlink.h`.
const LOCAL: u8 = 2;
/// `RT_SCOPE_HOST`: IPv6 has no scopes.
const SCOPE_HOST: u8 = 254;
/// `IFA_F_NODAD` of `linux/if_addr.h`. No other host can have the address, and until the kernel has checked that,
/// the proxy could not bind it.
const NO_DAD: u8 = 2;
/// The metric that the kernel gives to IPv6 routes without one (`IP6_RT_PRIO_USER` of `linux/ipv6_route.h`).
const METRIC_V6: u32 = 1024;

impl<'a> ParsedMessage<'a> {
    pub(super) fn read(object: Object, bytes: &'a [u8]) -> Option<Self> {
        let length = match object {
            Object::Address => 8,
            Object::Route | Object::Rule => 12,
        };
        let (header, rest) = bytes.split_at_checked(length)?;
        let attributes = attributes(rest).map(|a| a.map(|a| (a.kind, a.bytes())));
        Some(Self { header, attributes: attributes.collect::<Result<_, _>>().ok()? })
    }

    /// The address that an attribute holds.
    pub(super) fn address(&self, kind: u16) -> Option<IpAddr> {
        let (_, value) = self.attributes.iter().find(|(k, _)| *k == kind)?;
        let v4 = <[u8; 4]>::try_from(*value).map(IpAddr::from);
        v4.or_else(|_| <[u8; 16]>::try_from(*value).map(IpAddr::from)).ok()
    }

    fn has(&self, kind: u16, value: &[u8]) -> bool {
        self.attributes.contains(&(kind, value))
    }

    pub(super) fn number(&self, kind: u16) -> Option<u32> {
        let (_, value) = self.attributes.iter().find(|(k, _)| *k == kind)?;
        Some(u32::from_ne_bytes((*value).try_into().ok()?))
    }

    pub(super) fn table(&self) -> u32 {
        let in_header = || self.header.get(4).copied().map_or(0, u32::from);
        self.number(TABLE).unwrap_or_else(in_header)
    }
}

/// The interface's index and its address, of a message about an address.
pub(super) fn interface_address(bytes: &[u8]) -> Option<(u32, IpAddr)> {
    let message = ParsedMessage::read(Object::Address, bytes)?;
    let index = message.header.get(4..).and_then(|index| index.try_into().ok()).map(u32::from_ne_bytes)?;
    // On a link between two, IFA_ADDRESS is the other one's (`linux/if_addr.h`).
    Some((index, message.address(IFA_LOCAL).or_else(|| message.address(IFA_ADDRESS))?))
}

/// What a message is about, if it is of the shape that this program makes, and whether it has its mark. Anything that
/// may have an effect makes it another one: a condition of a rule, a source address or a metric of a route.
pub(super) fn item(object: Object, family: Family, bytes: &[u8]) -> Option<(RoutingItem, bool)> {
    let message = ParsedMessage::read(object, bytes)?;
    let all =
        |is_plain: &dyn Fn(u16, &[u8]) -> bool| message.attributes.iter().all(|(kind, value)| is_plain(*kind, value));
    let table = || RouteTable::new(message.table());
    match (object, message.header) {
        (Object::Address, [_, 128, _, _, index @ ..]) => {
            let found = index == LO.to_ne_bytes() && message.has(IFA_ADDRESS, &PROXY_SOURCE_V6.octets());
            found.then(|| (RoutingItem::Address(PROXY_SOURCE_V6), message.has(IFA_PROTO, &[MADE_BY_US])))
        }
        (Object::Rule, [_, 0, 0, 0, _, _, _, TO_TABLE, 0, 0, 0, 0]) => {
            // No mask and no suppressed prefix are -1 each.
            let plain = all(&|kind, value| match kind {
                FRA_FWMARK | TABLE | FRA_PRIORITY | FRA_PROTOCOL => true,
                FRA_FWMASK | FRA_SUPPRESS_PREFIXLEN => value == [0xff; 4],
                _ => false,
            });
            let mark = message.number(FRA_FWMARK).and_then(Mark::new).filter(|_| plain)?;
            let rule = PolicyRule { family, mark, table: table()? };
            Some((RoutingItem::Rule(rule), message.has(FRA_PROTOCOL, &[MADE_BY_US])))
        }
        (Object::Route, [_, 0, 0, 0, _, protocol, _, LOCAL, ..]) => {
            let plain = all(&|kind, value| match kind {
                RTA_OIF => value == LO.to_ne_bytes(),
                RTA_PRIORITY => family == Family::Ipv6 && value == METRIC_V6.to_ne_bytes(),
                RTA_PREF => value == [0],
                TABLE | RTA_CACHEINFO => true,
                _ => false,
            });
            let table = table().filter(|_| plain && message.number(RTA_OIF).is_some())?;
            Some((RoutingItem::Route(LocalRoute { family, table }), *protocol == MADE_BY_US))
        }
        (Object::Address | Object::Rule | Object::Route, _) => None,
    }
}

/// The message that adds something with this program's mark.
pub(super) fn message(item: &RoutingItem) -> Message {
    let with = |table: RouteTable, kind, value: u32| {
        Attributes::new().value(TABLE, &table.number().to_ne_bytes()).value(kind, &value.to_ne_bytes())
    };
    let (object, header, attributes) = match item {
        RoutingItem::Address(address) => {
            let attributes =
                Attributes::new().value(IFA_ADDRESS, &address.octets()).value(IFA_LOCAL, &address.octets());
            let header = [[number(Family::Ipv6), 128, NO_DAD, 0], LO.to_ne_bytes()].concat();
            (Object::Address, header, attributes.value(IFA_PROTO, &[MADE_BY_US]))
        }
        RoutingItem::Rule(PolicyRule { family, mark, table }) => {
            let attributes = with(*table, FRA_FWMARK, mark.number()).value(FRA_PROTOCOL, &[MADE_BY_US]);
            (Object::Rule, vec![number(*family), 0, 0, 0, 0, 0, 0, TO_TABLE, 0, 0, 0, 0], attributes)
        }
        RoutingItem::Route(LocalRoute { family, table }) => {
            let scope = match family {
                Family::Ipv4 => SCOPE_HOST,
                Family::Ipv6 => 0,
            };
            let header = vec![number(*family), 0, 0, 0, 0, MADE_BY_US, scope, LOCAL, 0, 0, 0, 0];
            (Object::Route, header, with(*table, RTA_OIF, LO))
        }
    };
    Message::new(object.add(), [&header, attributes.bytes().unwrap_or_default()].concat())
}
