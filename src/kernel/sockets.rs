//! Who has which port, from `/proc/thread-self/net/tcp` (proc_net_tcp in the kernel's documentation), which needs no
//! rights.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::netfilter::Protocol;
use crate::validation::Holder;

/// A socket of this network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Its own end; an IPv4 one, if an IPv6 socket has an IPv4 connection.
    local: SocketAddr,
    remote: SocketAddr,
    /// `TCP_LISTEN` and so on.
    state: u8,
    uid: u32,
    /// The inode, 0 if no process has the socket yet.
    inode: u64,
}

/// `TCP_LISTEN` of `net/tcp_states.h`.
const LISTEN: u8 = 10;

/// All sockets of both families.
#[derive(Clone, Debug, Default)]
pub struct SocketTable(Vec<Entry>);

impl SocketTable {
    /// Looks. What cannot be read is not there.
    pub fn look(protocol: Protocol) -> Self {
        let paths = match protocol {
            Protocol::Tcp => ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"],
            Protocol::Udp => ["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"],
        };
        Self(paths.iter().flat_map(|path| parse(&fs::read_to_string(path).unwrap_or_default())).collect())
    }

    /// The port at which the other end of a client's connection is, if that is in this namespace.
    pub fn accepted_at(&self, client: SocketAddr) -> Option<u16> {
        self.0.iter().find(|e| e.remote == client && e.state != LISTEN).map(|e| e.local.port())
    }

    fn holding(&self, port: u16, protocol: Protocol) -> Option<&Entry> {
        self.0.iter().find(|e| e.local.port() == port && (protocol == Protocol::Udp || e.state == LISTEN))
    }

    /// Who has a port, except for the process, which takes longer to find.
    pub fn holder(&self, port: u16, protocol: Protocol) -> Holder {
        Holder { port, uid: self.holding(port, protocol).map(|e| e.uid), process: None }
    }

    /// The process that has a port, if this process may see it.
    pub fn process(&self, port: u16, protocol: Protocol) -> Option<String> {
        self.holding(port, protocol).and_then(|e| process(e.inode))
    }
}

/// Reads the lines below the heading.
fn parse(text: &str) -> Vec<Entry> {
    text.lines().skip(1).filter_map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, remote) = (address(words.next()?)?, address(words.next()?)?);
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    // Queues, timer and retransmissions come before the owner, timeouts before the inode.
    let uid = words.nth(3)?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    Some(Entry { local, remote, state, uid, inode })
}

/// `0100007F:3AA6`: words of the address as the machine has them, then the port as people write it.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let word = |at: usize| u32::from_str_radix(address.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, four) in bytes.chunks_mut(4).enumerate() {
                four.copy_from_slice(&word(at * 8)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

/// Name and number of the process that has a socket, if this process may see that.
fn process(inode: u64) -> Option<String> {
    let socket = format!("socket:[{inode}]");
    let is = |file: fs::DirEntry| fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == socket.as_str());
    let has = |number: &u32| fs::read_dir(format!("/proc/{number}/fd")).is_ok_and(|files| files.flatten().any(is));
    let mut numbers = fs::read_dir("/proc").ok()?.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    let number = numbers.find(has)?;
    let name = fs::read_to_string(format!("/proc/{number}/comm")).unwrap_or_default();
    Some(format!("{} (process {number})", name.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn lines() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            \x20  0: 0100007F:3A9E 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 77 1 0 100\n\
            \x20  1: 0000000000000000FFFF00000100007F:3A9E 0000000000000000FFFF00000600007F:C350 01 00000000:00000000 00:00000000 00000000  1337        0 0 1 0\n\
            broken\n";
        let sockets = SocketTable(parse(text));
        assert_eq!(sockets.0.len(), 2);
        assert_eq!(sockets.accepted_at("127.0.0.6:50000".parse().unwrap()), Some(15006));
        assert_eq!(sockets.accepted_at("0.0.0.0:0".parse().unwrap()), None);
        let holder = sockets.holder(15006, Protocol::Tcp);
        assert_eq!((holder.uid, holder.port), (Some(1337), 15006));
        assert_eq!(sockets.holder(15001, Protocol::Tcp).uid, None);
    }
}
