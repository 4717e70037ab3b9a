//! TCP segments that no connection would send.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use super::Family;
use harness::{Namespace, PATIENCE, ROOT, uninterrupted};

/// Flags of a TCP header (RFC 9293, section 3.1).
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const ACK: u8 = 0x10;

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: u8,
    /// Of the data. What is sent has none.
    pub length: u32,
}

impl Segment {
    /// Header, with checksum.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(20);
        bytes.extend(self.source.port().to_be_bytes());
        bytes.extend(self.destination.port().to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledgment.to_be_bytes());
        // Five words of header, the flags, the window, no checksum yet, no urgent pointer.
        bytes.extend([0x50, self.flags, 0x20, 0, 0, 0, 0, 0]);
        let sum = checksum(&[&octets(self.source.ip()), &octets(self.destination.ip()), &[0, 6, 0, 20], &bytes]);
        bytes[16..18].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    /// From what came in.
    fn read(bytes: &[u8], from: IpAddr, to: IpAddr) -> Option<Self> {
        let word = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
        let ports = word(0)?;
        let header = usize::from(bytes.get(12)? >> 4) * 4;
        Some(Self {
            source: SocketAddr::new(from, (ports >> 16) as u16),
            destination: SocketAddr::new(to, ports as u16),
            sequence: word(4)?,
            acknowledgment: word(8)?,
            flags: *bytes.get(13)?,
            length: bytes.len().checked_sub(header)?.try_into().ok()?,
        })
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

/// RFC 1071.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2)).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

/// Sends segments, and sees all that come in.
pub struct RawTcp {
    socket: Socket,
    family: Family,
    here: IpAddr,
}

impl RawTcp {
    /// In a namespace, with an address of it.
    pub fn new(namespace: &Namespace, here: IpAddr) -> Self {
        let at = SocketAddr::new(here, 0);
        let socket = namespace.enter(ROOT, || {
            let socket = Socket::new(Domain::for_address(at), Type::RAW, Some(Protocol::TCP)).expect("a raw socket");
            socket.bind(&at.into()).expect("an address of the namespace");
            socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            socket
        });
        Self { socket, family: Family::of(&at), here }
    }

    /// Sends a segment.
    pub fn send(&self, segment: &Segment) {
        let to = SocketAddr::new(segment.destination.ip(), 0);
        self.socket.send_to(&segment.bytes(), &to.into()).expect("sent");
    }

    /// The next segment from this port to that port of this host.
    pub fn receive(&self, from: SocketAddr, port: u16) -> io::Result<Segment> {
        let socket = std::net::UdpSocket::from(self.socket.try_clone()?);
        let mut buffer = [0; 2048];
        loop {
            let (length, sender) = uninterrupted(|| socket.recv_from(&mut buffer))?;
            // IPv4 comes with its header, IPv6 without.
            let header = match self.family {
                Family::Ipv4 => usize::from(buffer[0] & 0x0f) * 4,
                Family::Ipv6 => 0,
            };
            let segment = Segment::read(&buffer[header..length], sender.ip(), self.here);
            if let Some(segment) = segment.filter(|s| s.source == from && s.destination.port() == port) {
                return Ok(segment);
            }
        }
    }

    /// Such a segment, if one has come in already.
    pub fn poll(&self, from: SocketAddr, port: u16) -> Option<Segment> {
        self.socket.set_nonblocking(true).expect("nonblocking");
        let received = self.receive(from, port);
        self.socket.set_nonblocking(false).expect("blocking");
        received.ok()
    }
}
