//! What x_tables holds, the kernel's side of legacy iptables (`linux/netfilter_ipv4/ip_tables.h`), found
//! out without a process and without making a table.

use std::fs;
use std::io;

use nix::libc::{self, c_int, c_void};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::net::Family;
use crate::netfilter::{IstioChain, Table};

/// A table that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyTable {
    pub name: String,
    /// Whether it holds a rule, or a chain that is not built in. An empty one may be left over from a probe.
    pub in_use: bool,
    /// Whether a managed chain is in it.
    pub has_managed: bool,
}

/// The tables of one family that exist in the network namespace. If the kernel has no x_tables, none.
pub fn tables(family: Family) -> io::Result<Vec<LegacyTable>> {
    let list = match family {
        Family::Ipv4 => "/proc/thread-self/net/ip_tables_names",
        Family::Ipv6 => "/proc/thread-self/net/ip6_tables_names",
    };
    let names = match fs::read_to_string(list) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    names.lines().map(|name| table(family, name)).collect()
}

/// `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES`; IPv6 has the same numbers.
const GET_INFO: c_int = 64;
const GET_ENTRIES: c_int = 65;

/// `struct ipt_getinfo`.
#[repr(C)]
struct Info {
    name: [u8; 32],
    valid_hooks: u32,
    hook_entry: [u32; 5],
    underflow: [u32; 5],
    num_entries: u32,
    size: u32,
}

fn table(family: Family, name: &str) -> io::Result<LegacyTable> {
    let domain = match family {
        Family::Ipv4 => AddressFamily::Inet,
        Family::Ipv6 => AddressFamily::Inet6,
    };
    // Any socket of the family will do: the option is the protocol's, and the privilege to read is NET_ADMIN.
    let socket = socket(domain, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut table = [0; 32];
    for (to, from) in table.iter_mut().zip(name.bytes().take(31)) {
        *to = from;
    }
    let mut info = Info { name: table, valid_hooks: 0, hook_entry: [0; 5], underflow: [0; 5], num_entries: 0, size: 0 };
    // SAFETY: the kernel reads the name and fills the rest of the structure, whose layout is C's, and
    // writes no more than the given length.
    unsafe { option(&socket, family, GET_INFO, (&raw mut info).cast(), size_of::<Info>())? };
    // A table without rules has one entry for the policy of each hook, and one that ends it.
    let in_use = info.num_entries > info.valid_hooks.count_ones() + 1;
    // Nothing managed can be in other tables, such as `security`, whatever chains they have.
    let known = Table::ALL.into_iter().any(|t| t.name() == name);
    let has_managed = in_use && known && has_managed(&socket, family, &info)?;
    Ok(LegacyTable { name: name.to_owned(), in_use, has_managed })
}

/// Whether a managed chain begins in the table's entries (`struct ipt_get_entries`). A chain begins with an
/// entry whose target is `ERROR` and has the chain's name (`struct xt_error_target`).
fn has_managed(socket: &OwnedFd, family: Family, info: &Info) -> io::Result<bool> {
    const HEADER: usize = 40;
    let mut buffer = vec![0_u8; HEADER + info.size as usize];
    let size = info.size.to_ne_bytes();
    for (to, from) in buffer.iter_mut().zip(info.name.iter().chain(&size)) {
        *to = *from;
    }
    let length = buffer.len();
    // SAFETY: the buffer is as long as its header and the size in it; the kernel refuses any other.
    unsafe { option(socket, family, GET_ENTRIES, buffer.as_mut_ptr().cast(), length)? };
    Ok(buffer.get(HEADER..).is_some_and(|entries| chains(family, entries).any(|c| c.starts_with(OURS))))
}

const OURS: &[u8] = IstioChain::PREFIX.as_bytes();

/// The names that chains begin with, as bytes with what comes after them, in the entries of a table (`struct
/// ipt_entry`, `struct ip6t_entry`), each of which has the offset of its target and of the next one.
fn chains(family: Family, mut entries: &[u8]) -> impl Iterator<Item = &[u8]> {
    // The offset of `target_offset` and, after it, `next_offset`.
    let offsets = match family {
        Family::Ipv4 => 88,
        Family::Ipv6 => 140,
    };
    /// The length of a target's header: its length, its name with the revision (`struct xt_entry_target`).
    const TARGET_HEADER: usize = 32;
    std::iter::from_fn(move || {
        loop {
            let at = |place: usize| {
                let bytes = entries.get(place..place + 2)?.try_into().ok()?;
                Some(usize::from(u16::from_ne_bytes(bytes)))
            };
            let (target, next) = (entries.get(at(offsets)?..)?, at(offsets + 2)?);
            entries = entries.get(next.max(1)..)?;
            if target.get(2..).is_some_and(|name| name.starts_with(b"ERROR\0")) {
                return target.get(TARGET_HEADER..);
            }
        }
    })
}

/// getsockopt(2).
///
/// # Safety
/// `value` points to `length` bytes that the kernel may read and write.
unsafe fn option(socket: &OwnedFd, family: Family, name: c_int, value: *mut c_void, length: usize) -> io::Result<()> {
    let level = match family {
        Family::Ipv4 => libc::IPPROTO_IP,
        Family::Ipv6 => libc::IPPROTO_IPV6,
    };
    let mut length = length as libc::socklen_t;
    // SAFETY: as the caller guarantees.
    match unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, value, &raw mut length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
