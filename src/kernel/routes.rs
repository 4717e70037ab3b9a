//! Policy rules, routes and addresses, over rtnetlink (rtnetlink(7)).
//!
//! What the kernel lists is kept as it is: a request to delete something names no more than it holds, and the kernel
//! takes the first that matches, so all that was read goes back to it.

use std::io;
use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_sys::protocols::NETLINK_ROUTE;

use super::KernelError;
use super::netlink::{Netlink, NetlinkError, retry};
use crate::capture::{LocalRoute, Routing, RoutingItem};
use crate::config::host;
use crate::net::Family;
use crate::netlink::Message;
use crate::state::Evidence;

mod message;
mod ways;

use message::{LO, Object, ParsedMessage, interface_address, item, message, number};
pub use ways::KernelWays;

/// From a message that adds something to the one that deletes it.
const DELETE: u16 = 1;
/// From a message that adds something to the one that lists all of its kind.
const GET: u16 = 2;

/// `AF_UNSPEC`.
const ANY_FAMILY: u8 = 0;

/// What is looked at, in the order in which it is added.
const LISTS: [(Object, Family); 5] = [
    (Object::Address, Family::Ipv6),
    (Object::Rule, Family::Ipv4),
    (Object::Rule, Family::Ipv6),
    (Object::Route, Family::Ipv4),
    (Object::Route, Family::Ipv6),
];

/// Something of the shape that this program makes, as the kernel lists it.
#[derive(Clone, Debug)]
struct ListedItem {
    item: RoutingItem,
    /// Whether it has this program's mark, or was found to be managed before in this call.
    marked: bool,
    message: Message,
}

/// A connection to the kernel's routing.
#[derive(Debug)]
pub struct RoutingClient {
    socket: Netlink,
    listed: Vec<ListedItem>,
    /// What was removed, to be put back as it was.
    removed: Vec<ListedItem>,
    /// What was found to be managed.
    managed: Vec<Message>,
}

impl RoutingClient {
    /// Opens the connection.
    pub fn open() -> Result<Self, KernelError> {
        Ok(Self { socket: connect()?, listed: Vec::new(), removed: Vec::new(), managed: Vec::new() })
    }

    /// Opens the connection anew: the old one may be in the middle of an answer.
    pub fn reopen(&mut self) -> Result<(), KernelError> {
        self.socket = connect()?;
        Ok(())
    }

    /// Reads what exists of the shape that this program makes.
    pub fn look(&mut self) -> Result<(), KernelError> {
        self.listed.clear();
        for (object, family) in LISTS {
            for message in self.dump(object, family)? {
                if let Some((item, by_us)) = item(object, family, &message.body) {
                    let marked = by_us || self.managed.contains(&message);
                    self.listed.push(ListedItem { item, marked, message });
                }
            }
        }
        Ok(())
    }

    /// What of it is managed, and what is not.
    pub fn managed(&mut self, evidence: &Evidence) -> (Routing, Routing) {
        let listed: Vec<_> = self.listed.iter().map(|l| (l.item, l.marked)).collect();
        for (at, one) in self.listed.iter_mut().enumerate() {
            one.marked = evidence.holds(&listed, at);
        }
        let (managed, foreign): (Vec<_>, Vec<_>) = self.listed.iter().partition(|l| l.marked);
        self.managed.extend(managed.iter().map(|l| l.message.clone()));
        let items = |listed: Vec<&ListedItem>| listed.iter().map(|l| l.item).collect();
        (items(managed), items(foreign))
    }

    fn dump(&mut self, object: Object, family: Family) -> Result<Vec<Message>, KernelError> {
        match list(&mut self.socket, object, number(family)) {
            Ok(answers) => Ok(answers),
            // A kernel without a family has nothing of it.
            Err(error) if matches!(error.raw_os_error(), Some(nix::libc::EAFNOSUPPORT | nix::libc::EOPNOTSUPP)) => {
                Ok(Vec::new())
            }
            Err(error) => {
                let what = match object {
                    Object::Address => "addresses",
                    Object::Route => "routes",
                    Object::Rule => "policy rules",
                };
                Err(failed(format!("listing {family} {what}"), error))
            }
        }
    }

    /// Adds what is not there yet, and looks whether it is there then.
    pub fn add(&mut self, routing: &Routing) -> Result<(), KernelError> {
        for item in routing.items() {
            let removed = self.removed.iter().position(|r| r.item == item);
            let message = removed.map_or_else(|| message(&item), |at| self.removed.swap_remove(at).message);
            let added = self.socket.change(message, NLM_F_CREATE | NLM_F_EXCL);
            unless(&[nix::libc::EEXIST], added).map_err(|e| failed(format!("`{item}`"), e))?;
        }
        self.look()?;
        match routing.items().find(|item| !self.listed.iter().any(|l| l.item == *item)) {
            None => Ok(()),
            Some(item) => Err(KernelError::Routing { command: item.to_string(), reason: self.in_the_way_of(item)? }),
        }
    }

    /// Why something was not added, although the kernel has no complaint but that it is there.
    fn in_the_way_of(&mut self, item: RoutingItem) -> Result<String, KernelError> {
        let RoutingItem::Route(LocalRoute { family, table }) = item else { return Ok(OTHERS.to_owned()) };
        for message in self.dump(Object::Route, family)? {
            let Some(route) = ParsedMessage::read(Object::Route, &message.body) else { continue };
            let [_, 0, 0, _, _, _, _, kind, ..] = *route.header else { continue };
            if route.table() == table.number() {
                let kind = match kind {
                    2 => "local",
                    6 => "blackhole",
                    7 => "unreachable",
                    8 => "prohibit",
                    9 => "throw",
                    _ => "unicast",
                };
                return Ok(format!(
                    "the routing table {table} already has a route `{kind} default`: remove it, or choose another table with --istio-inbound-tproxy-route-table"
                ));
            }
        }
        Ok(OTHERS.to_owned())
    }

    /// Removes what is managed of this, and looks whether it is gone then; what is not there any more is no error.
    pub fn remove(&mut self, routing: &Routing) -> Result<(), KernelError> {
        self.look()?;
        let mut gone = Vec::new();
        for item in routing.items().rev() {
            let Some(at) = self.listed.iter().position(|l| l.item == item && l.marked) else { continue };
            let listed = self.listed.swap_remove(at);
            let (kind, body) = (listed.message.kind + DELETE, listed.message.body.clone());
            let deleted = self.socket.change(Message::new(kind, body), 0);
            let no_more = [nix::libc::ESRCH, nix::libc::ENOENT, nix::libc::EADDRNOTAVAIL];
            unless(&no_more, deleted).map_err(|e| failed(format!("`{}`", item.removal()), e))?;
            self.removed.push(listed.clone());
            gone.push(listed);
        }
        self.look()?;
        match gone.iter().find(|g| self.listed.iter().any(|l| l.message == g.message)) {
            None => Ok(()),
            Some(g) => Err(KernelError::Routing { command: g.item.removal(), reason: OTHERS.to_owned() }),
        }
    }
}

/// Why the kernel has something else than it confirmed.
const OTHERS: &str =
    "the kernel confirmed the change, but now has something else: is another program changing the routing?";

/// The addresses of all interfaces of the network namespace, in the kernel's order, with the interface's index.
///
/// # Errors
/// The system's.
pub(super) fn addresses() -> io::Result<Vec<(u32, IpAddr)>> {
    let answers = list(&mut Netlink::open(NETLINK_ROUTE)?, Object::Address, ANY_FAMILY)?;
    Ok(answers.iter().filter_map(|answer| interface_address(&answer.body)).collect())
}

/// All that the kernel has of something, of a family by its number.
fn list(socket: &mut Netlink, object: Object, family: u8) -> io::Result<Vec<Message>> {
    // As long as the longest header of the three; 0 is any.
    let header = [family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let question = Message::new(object.add() + GET, header.to_vec());
    let mut answers = retry(socket, |s| s, |s| s.dump(question.clone()))?;
    answers.retain(|a| a.kind == object.add());
    Ok(answers)
}

fn connect() -> Result<Netlink, KernelError> {
    Netlink::open(NETLINK_ROUTE).map_err(|e| failed("opening a netlink socket".to_owned(), e))
}

fn unless(passes: &[i32], result: Result<(), NetlinkError>) -> io::Result<()> {
    result
        .map_err(io::Error::from)
        .or_else(|e| if e.raw_os_error().is_some_and(|n| passes.contains(&n)) { Ok(()) } else { Err(e) })
}

fn failed(what: String, error: io::Error) -> KernelError {
    let hint = hint(&error);
    KernelError::Netlink { what, error, hint }
}

/// What usually causes an error.
fn hint(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(nix::libc::EPERM) => {
            format!(" (it needs CAP_NET_ADMIN; {})", super::capabilities::Capabilities::effective().describe())
        }
        Some(nix::libc::ENETDOWN) => {
            " (lo is down: bring it up with `ip link set lo up`; for pods, the runtime does it)".to_owned()
        }
        Some(nix::libc::EACCES | nix::libc::EADDRNOTAVAIL | nix::libc::EOPNOTSUPP | nix::libc::EAFNOSUPPORT) => {
            match std::fs::read_to_string(host::DISABLE_IPV6) {
                Ok(off) if off.starts_with('0') => String::new(),
                Ok(_) => " (IPv6 is disabled here: the sysctl net.ipv6.conf.lo.disable_ipv6, which net.ipv6.conf.all.disable_ipv6 sets too, is 1: set it to 0, or leave IPv6 out with --ip-families=ipv4)".to_owned(),
                Err(_) => " (there is no IPv6 here, as with the boot option ipv6.disable=1: leave it out with --ip-families=ipv4)".to_owned(),
            }
        }
        _ => super::shortage(error, "").to_owned(),
    }
}

/// Reads bytes as the kernel's answers, for fuzzing: what is read of the shape that this program makes can be written,
/// and is read as the same again.
///
/// # Errors
/// What does not hold.
#[cfg(any(test, feature = "internals"))]
pub fn read_anything(bytes: &[u8]) -> Result<(), String> {
    for answer in crate::netlink::contents(bytes).unwrap_or_default() {
        for (object, family) in LISTS.into_iter().filter(|(object, _)| object.add() == answer.kind) {
            if let Some((read, _)) = item(object, family, &answer.body) {
                let again = item(object, family, &message(&read).body);
                if again != Some((read, true)) {
                    return Err(format!("{read:?}, written and read, is {again:?}"));
                }
            }
        }
    }
    Ok(())
}

/// Sets `lo` up, which routes over it need.
pub(super) fn loopback_up() -> io::Result<()> {
    /// `RTM_NEWLINK` of `linux/rtnetlink.h`.
    const NEW_LINK: u16 = 16;
    const IFF_UP: u32 = 1;
    // `struct ifinfomsg`: family, padding and type; index; flags; which of them to change.
    let body = [0, LO, IFF_UP, IFF_UP].map(u32::to_ne_bytes).concat();
    Ok(Netlink::open(NETLINK_ROUTE)?.change(Message::new(NEW_LINK, body), 0)?)
}
