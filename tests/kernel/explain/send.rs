//! Sends packets for real.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use istio_iptables::explain::{Direction, Packet, PacketProtocol};
use istio_iptables::netfilter::ConntrackState;
use nix::libc::{self, c_int};

use super::sockets;

/// No connection begins so: conntrack takes the segment for INVALID (`tcp_valid_flags`).
pub const SYN_AND_FIN: u8 = 0x03;

/// A packet on its way: its socket has to stay until it has arrived.
pub struct Sent {
    socket: OwnedFd,
    number: u64,
    connects: bool,
}

/// Sends a packet, or begins to connect. Without `bound`, the kernel chooses source address and port.
pub fn send(packet: &Packet, number: u64, bound: bool) -> io::Result<Sent> {
    let sender = packet.sender.map_or((0, 0), |s| (s.uid, s.gid));
    let ipv6 = packet.to.address.is_ipv6();
    let invalid = packet.state == ConntrackState::Invalid;
    let (kind, protocol) = match packet.transport {
        PacketProtocol::Tcp if invalid => (libc::SOCK_RAW, libc::IPPROTO_TCP),
        PacketProtocol::Tcp => (libc::SOCK_STREAM, 0),
        PacketProtocol::Udp | PacketProtocol::Icmp => (libc::SOCK_DGRAM, 0),
    };
    let socket = sockets::as_user(sender.0, sender.1, || sockets::socket(ipv6, kind, protocol))?;
    sockets::set(&socket, libc::SOL_SOCKET, libc::SO_MARK, packet.mark)?;
    sockets::set(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1 as c_int)?;
    if packet.direction == Direction::In {
        // The world speaks for all its hosts.
        sockets::set_transparent(&socket, ipv6)?;
    }
    let (from, to) = (address(packet.from), address(packet.to));
    if invalid {
        sockets::bind(&socket, SocketAddr::new(from.ip(), 0))?;
        sockets::connect(&socket, SocketAddr::new(to.ip(), 0))?;
        sockets::send(&socket, &segment(from, to, number as u32))?;
        return Ok(Sent { socket, number, connects: false });
    }
    // Closed with a reset, so that its ports are free again.
    sockets::set(&socket, libc::SOL_SOCKET, libc::SO_LINGER, libc::linger { l_onoff: 1, l_linger: 0 })?;
    if bound {
        sockets::bind(&socket, from)?;
    }
    sockets::connect(&socket, to)?;
    let connects = packet.transport == PacketProtocol::Tcp;
    if !connects {
        sockets::send(&socket, &number.to_be_bytes())?;
    }
    Ok(Sent { socket, number, connects })
}

/// Connections that were begun, and over which nothing was sent yet.
pub struct Begun<'a>(Vec<&'a Sent>);

impl<'a> Begun<'a> {
    /// Those among these.
    pub fn of(sent: &'a [Sent]) -> Self {
        Self(sent.iter().filter(|s| s.connects).collect())
    }

    /// Sends the numbers over those that have come about; waits at most this long for one.
    pub fn complete(&mut self, milliseconds: c_int) {
        let polled: Vec<_> = self.0.iter().map(|s| &s.socket).collect();
        let mut ready = sockets::wait(&polled, libc::POLLOUT, milliseconds).into_iter();
        self.0.retain(|s| {
            let ready = ready.next() == Some(true);
            if ready {
                // One that was refused returns its error here; it arrived nowhere.
                let _ = sockets::send(&s.socket, &s.number.to_be_bytes());
            }
            !ready
        });
    }
}

/// Waits until the kernel has delivered, or dropped, all that was sent: packets between namespaces and over `lo`
/// wait in a queue of the processor that sent them, and answers to them in the same one.
pub fn wait_until_delivered() {
    let mut busy: BTreeSet<usize> = queues().into_keys().collect();
    loop {
        let now = queues();
        busy.retain(|processor| now.get(processor) != Some(&0));
        if busy.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The lengths of these queues, by processor (`softnet_seq_show` in the kernel's net/core/net-procfs.c).
fn queues() -> BTreeMap<usize, u64> {
    let text = std::fs::read_to_string("/proc/net/softnet_stat").expect("the kernel's queues");
    let length = |line: &str| line.split(' ').nth(11).and_then(|word| u64::from_str_radix(word, 16).ok());
    text.lines().map(|line| length(line).expect("a kernel since 5.10")).enumerate().collect()
}

fn address(end: istio_iptables::explain::Endpoint) -> SocketAddr {
    SocketAddr::new(end.address, end.port)
}

/// A TCP header (RFC 9293, section 3.1) with its checksum.
fn segment(from: SocketAddr, to: SocketAddr, number: u32) -> [u8; 20] {
    let mut segment = [0; 20];
    segment[..2].copy_from_slice(&from.port().to_be_bytes());
    segment[2..4].copy_from_slice(&to.port().to_be_bytes());
    segment[4..8].copy_from_slice(&number.to_be_bytes());
    segment[12] = 5 << 4;
    segment[13] = SYN_AND_FIN;
    segment[14..16].copy_from_slice(&1024_u16.to_be_bytes());
    let mut summed: Vec<u8> = segment.to_vec();
    for address in [from.ip(), to.ip()] {
        match address {
            IpAddr::V4(a) => summed.extend(a.octets()),
            IpAddr::V6(a) => summed.extend(a.octets()),
        }
    }
    summed.extend([0, libc::IPPROTO_TCP as u8, 0, 20]);
    let mut sum: u32 = summed.chunks(2).map(|c| u32::from(u16::from_be_bytes([c[0], c[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    segment[16..18].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    segment
}
