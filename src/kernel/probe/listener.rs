//! The listeners at which probes are to arrive.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::libc;
use nix::sys::socket::sockopt::{Ip6tOriginalDst, IpTransparent, Ipv6V6Only, Linger, OriginalDst, ReuseAddr};
use nix::sys::socket::{Backlog, SockaddrStorage, bind, getsockopt, listen, setsockopt};

use super::made_by::SocketKind;
use super::token::{LENGTH, Token};
use crate::kernel::sockets::SocketTable;
use crate::net::{Family, Port};
use crate::netfilter::Protocol;
use crate::validation::Seen;

/// A listener, or why there is none.
#[derive(Debug)]
pub struct Listener {
    /// Family and protocol.
    pub kind: SocketKind,
    pub port: Port,
    socket: Result<ListeningSocket, Seen>,
}

#[derive(Debug)]
enum ListeningSocket {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

/// A probe that has landed.
#[derive(Debug)]
pub struct Landing {
    /// What it has sent.
    pub said: Vec<u8>,
    /// Its original destination, from the kernel.
    pub original: Option<SocketAddr>,
}

impl Listener {
    /// Listens at the loopback address alone, to which connections that begin here are redirected;
    /// a transparent listener has to be at all addresses.
    pub fn open(kind: SocketKind, port: Port, transparent: bool, socket: io::Result<OwnedFd>) -> Self {
        let (family, protocol) = kind;
        let address: IpAddr = match (family, transparent) {
            (Family::Ipv4, false) => Ipv4Addr::LOCALHOST.into(),
            (Family::Ipv4, true) => Ipv4Addr::UNSPECIFIED.into(),
            (Family::Ipv6, false) => Ipv6Addr::LOCALHOST.into(),
            (Family::Ipv6, true) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let at = SocketAddr::new(address, port.number());
        let socket = socket.and_then(|s| open(s, kind, at, transparent)).map_err(|error| {
            if error.kind() == io::ErrorKind::AddrInUse {
                return Seen::Taken(SocketTable::look(protocol).holder(port.number(), protocol));
            }
            Seen::NotTried(format!("cannot listen on {at}: {error}"))
        });
        Self { kind, port, socket }
    }

    /// Why there is none.
    pub fn trouble(&self) -> Option<&Seen> {
        self.socket.as_ref().err()
    }

    /// For poll(2).
    pub fn handle(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().ok().map(|s| match s {
            ListeningSocket::Tcp(socket) => socket.as_fd(),
            ListeningSocket::Udp(socket) => socket.as_fd(),
        })
    }

    /// The next connection.
    pub fn accept(&self) -> Option<Accepted> {
        let Ok(ListeningSocket::Tcp(socket)) = &self.socket else { return None };
        let (stream, _) = socket.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        reset_when_dropped(&stream);
        let original = original_destination(&stream, self.kind.0).or_else(|| stream.local_addr().ok());
        Some(Accepted { port: self.port.number(), stream, landing: Landing { said: Vec::new(), original } })
    }

    /// The next query, which is answered.
    pub fn receive(&self) -> Option<Landing> {
        let Ok(ListeningSocket::Udp(socket)) = &self.socket else { return None };
        let mut buffer = [0; 512];
        let (length, from) = socket.recv_from(&mut buffer).ok()?;
        let said = buffer.get(..length)?.to_vec();
        // If the answer is lost, the caller reports that.
        let _ = socket.send_to(&Token::answer(said.clone()), from);
        Some(Landing { said, original: None })
    }
}

fn open(
    socket: OwnedFd,
    (family, protocol): SocketKind,
    at: SocketAddr,
    transparent: bool,
) -> io::Result<ListeningSocket> {
    setsockopt(&socket, ReuseAddr, &(protocol == Protocol::Tcp))?;
    if family == Family::Ipv6 {
        setsockopt(&socket, Ipv6V6Only, &true)?;
    }
    if transparent && protocol == Protocol::Tcp {
        // One flag for both families, which IPv6 sockets take by the option of IPv4 as well.
        setsockopt(&socket, IpTransparent, &true)?;
    }
    bind(socket.as_raw_fd(), &SockaddrStorage::from(at))?;
    Ok(match protocol {
        Protocol::Tcp => {
            listen(&socket, Backlog::new(64)?)?;
            ListeningSocket::Tcp(socket.into())
        }
        Protocol::Udp => ListeningSocket::Udp(socket.into()),
    })
}

/// A connection at a listener.
#[derive(Debug)]
pub struct Accepted {
    pub port: u16,
    stream: TcpStream,
    /// What is known of it so far.
    pub landing: Landing,
}

impl Accepted {
    /// Waits for a token, and repeats it; whether it has arrived.
    ///
    /// # Errors
    /// The connection's end.
    pub fn step(&mut self) -> io::Result<bool> {
        let mut buffer = [0; LENGTH];
        let room = LENGTH.saturating_sub(self.landing.said.len());
        match self.stream.read(buffer.get_mut(..room).unwrap_or_default()) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => self.landing.said.extend(buffer.iter().take(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        let said = self.landing.said.len() == LENGTH;
        if said {
            self.stream.write_all(&self.landing.said)?;
        }
        Ok(said)
    }

    /// For poll(2).
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// What conntrack remembers (`linux/netfilter_ipv4.h`, `linux/netfilter_ipv6/ip6_tables.h`).
fn original_destination(stream: &TcpStream, family: Family) -> Option<SocketAddr> {
    match family {
        Family::Ipv4 => {
            let found = getsockopt(stream, OriginalDst).ok()?;
            let address = Ipv4Addr::from(found.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddr::new(address.into(), u16::from_be(found.sin_port)))
        }
        Family::Ipv6 => {
            let found = getsockopt(stream, Ip6tOriginalDst).ok()?;
            let address = Ipv6Addr::from(found.sin6_addr.s6_addr);
            Some(SocketAddr::new(address.into(), u16::from_be(found.sin6_port)))
        }
    }
}

/// A connection that is reset leaves nothing that would keep the proxy from its port (`TIME_WAIT`).
pub(super) fn reset_when_dropped(stream: &TcpStream) {
    let _ = setsockopt(stream, Linger, &libc::linger { l_onoff: 1, l_linger: 0 });
}
