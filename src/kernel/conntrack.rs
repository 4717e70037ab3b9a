//! What conntrack remembers of connections that are closed or were never answered.
//!
//! NAT rules see only the first packet of a connection; their decision stays with conntrack's entry. The kernel takes
//! such an entry again if a first packet is repeated, or if a client takes the same port again for 10 seconds after the
//! other side has reset a connection. What was not redirected until now then bypasses the proxy, whatever the rules
//! are.

use std::io;

use netlink_sys::protocols::NETLINK_NETFILTER;
use nix::errno::Errno;

use super::netlink::{Netlink, Passing as _, retry};
use crate::netlink::{Attribute, Attributes, Message, of_kind};

// `linux/netfilter/nfnetlink_conntrack.h`, `nf_conntrack_common.h`, `nf_conntrack_tcp.h`.
const GET: u16 = 0x0101;
const DELETE: u16 = 0x0102;
const TUPLE: u16 = 1;
const STATUS: u16 = 3;
const PROTOCOL: u16 = 4;
const ID: u16 = 12;
const ZONE: u16 = 18;
const TCP: u16 = 1;
const TCP_STATE: u16 = 1;
const HAS_NAT: u32 = 1 << 4 | 1 << 5;
const SYN_SENT: u8 = 1;
const CLOSE: u8 = 8;

/// Has the kernel forget connections of TCP without NAT that are over or not answered. Returns how many.
pub(crate) fn forget() -> io::Result<usize> {
    let mut netlink = Netlink::open(NETLINK_NETFILTER)?;
    let all = retry(&mut netlink, |netlink| netlink, |netlink| netlink.dump(Message::new(GET, vec![0; 4])))?;
    let mut count = 0;
    for deletion in all.iter().filter_map(|entry| deletion(&entry.body)) {
        match netlink.ask(deletion) {
            Ok(_) => count += 1,
            // It has gone by itself.
            Err(error) if error.errno() == Some(Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(count)
}

/// What deletes this entry, if it is one to forget.
fn deletion(entry: &[u8]) -> Option<Message> {
    let (header, rest) = entry.split_at_checked(4)?;
    let get = |kind| of_kind(rest, kind);
    let state = of_kind(of_kind(get(PROTOCOL)?.bytes(), TCP)?.bytes(), TCP_STATE)?;
    let idle = matches!(state.bytes(), [SYN_SENT | CLOSE]);
    if !idle || get(STATUS)?.number().ok()? & HAS_NAT != 0 {
        return None;
    }
    let named: Vec<_> = [TUPLE, ID, ZONE].into_iter().filter_map(get).map(Attribute::raw).collect();
    let named = Attributes::new().raw(&named);
    Some(Message::new(DELETE, [header.get(..1)?, &[0; 3], named.bytes()?].concat()))
}
