//! Who calls.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::socket::{SockaddrStorage, bind, connect};

use super::listener::{Landing, reset_when_dropped};
use super::token::{LENGTH, Token};
use crate::kernel::host;
use crate::kernel::sockets::SocketTable;
use crate::net::{Family, Interface};
use crate::netfilter::Protocol;
use crate::validation::{Observation, Probe, Seen};

/// A probe under way.
#[derive(Debug)]
pub struct Client<'a> {
    pub probe: &'a Probe,
    to: Option<SocketAddr>,
    socket: Option<ClientSocket>,
    token: Token,
    start: Instant,
    /// Whether another process has the port that it should reach. The probe sends it nothing: the end of a connection
    /// that is closed with unread data is gone at once, and with it the trace of its port.
    mute: bool,
    /// Whether there is a connection, and the token was sent.
    said: bool,
    /// Whether the other end has closed it.
    closed: bool,
    heard: usize,
    landed: Option<(u16, Option<SocketAddr>)>,
    pub end: Option<Observation>,
}

#[derive(Debug)]
enum ClientSocket {
    Tcp(TcpStream),
    Udp(UdpSocket),
}

impl<'a> Client<'a> {
    /// Calls the address, if there is one.
    pub fn call(probe: &'a Probe, to: Result<SocketAddr, Seen>, mute: bool, socket: io::Result<OwnedFd>) -> Self {
        let mut client = Self {
            probe,
            to: to.as_ref().ok().copied(),
            socket: None,
            token: Token::new(),
            start: Instant::now(),
            mute,
            said: false,
            closed: false,
            heard: 0,
            landed: None,
            end: None,
        };
        match (to, socket) {
            (Err(seen), _) => client.finish(seen),
            (_, Err(error)) => {
                let who = probe.caller.map_or_else(|| "this process".to_owned(), |ids| ids.to_string());
                client.finish(Seen::NotTried(format!("{who} cannot create a socket: {error}")));
            }
            (Ok(to), Ok(socket)) => {
                if let Err(error) = client.connect(to, socket) {
                    client.refused(&error);
                }
            }
        }
        client
    }

    fn connect(&mut self, to: SocketAddr, socket: OwnedFd) -> io::Result<()> {
        if let Some(from) = self.probe.from {
            bind(socket.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(from, 0)))?;
        }
        match connect(socket.as_raw_fd(), &SockaddrStorage::from(to)) {
            Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        self.socket = Some(match self.probe.protocol {
            Protocol::Tcp => {
                let stream = TcpStream::from(socket);
                reset_when_dropped(&stream);
                ClientSocket::Tcp(stream)
            }
            Protocol::Udp => {
                let socket = UdpSocket::from(socket);
                socket.send(&self.token.query())?;
                self.said = true;
                ClientSocket::Udp(socket)
            }
        });
        Ok(())
    }

    /// Goes on as far as it can.
    pub fn step(&mut self) {
        if self.end.is_some() {
            return;
        }
        let moved = match &mut self.socket {
            Some(ClientSocket::Tcp(stream)) if !self.said => {
                say(stream, &self.token, self.mute).map(|said| self.said = said)
            }
            Some(ClientSocket::Tcp(stream)) => hear(stream).map(|length| self.heard += length),
            Some(ClientSocket::Udp(socket)) => match socket.recv(&mut [0; 512]) {
                Ok(_) => {
                    self.heard = LENGTH;
                    Ok(())
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
                Err(error) => Err(error),
            },
            None => Ok(()),
        };
        match (moved, self.landed) {
            // The program that accepted it has closed it again: which one is still to be found out.
            (Err(_), None) if self.said && self.probe.protocol == Protocol::Tcp => self.closed = true,
            (Err(error), _) => self.refused(&error),
            (Ok(()), Some((port, original))) if self.heard >= LENGTH => {
                self.finish(Seen::Captured { port, original, answered: true });
            }
            (Ok(()), None) if self.heard > 0 && self.probe.protocol == Protocol::Udp => self.finish(Seen::Outside),
            (Ok(()), _) => {}
        }
    }

    /// Whether this is what landed there.
    pub fn notice(&mut self, landing: &Landing, port: u16) {
        if self.token.is_in(&landing.said) {
            self.landed = Some((port, landing.original));
        }
    }

    /// Finds the other end of the connection, once there is one, unless it is one of this program's own listeners
    /// (`ours`), which will see it.
    pub fn look_unless(&mut self, ours: impl Fn(u16) -> bool, sockets: &impl Deref<Target = SocketTable>) {
        let Some(ClientSocket::Tcp(stream)) = &self.socket else { return };
        if self.end.is_some() || !self.said || self.landed.is_some() {
            return;
        }
        let here = stream.local_addr().ok().and_then(|a| sockets.accepted_at(a));
        match here {
            Some(port) if ours(port) && !self.closed => {}
            Some(port) => {
                let holder = sockets.holder(port, Protocol::Tcp);
                // A transparent listener's connections have the port that was called, on which nothing listens.
                let transparent = || sockets.holder(self.probe.expected.port().number(), Protocol::Tcp);
                self.finish(Seen::Accepted(if holder.uid.is_none() { transparent() } else { holder }));
            }
            None if self.closed => self.finish(Seen::Refused("it was closed at once".to_owned())),
            None => self.finish(Seen::Outside),
        }
    }

    fn refused(&mut self, error: &io::Error) {
        let text = match error.raw_os_error() {
            Some(number) => Errno::from_raw(number).desc().to_owned(),
            None => error.to_string(),
        };
        self.finish(Seen::Refused(text));
    }

    /// The time is over.
    pub fn give_up(&mut self) {
        if self.end.is_none() {
            self.finish(match self.landed {
                Some((port, original)) => Seen::Captured { port, original, answered: false },
                None => Seen::Silence,
            });
        }
    }

    fn finish(&mut self, seen: Seen) {
        self.end = Some(Observation { to: self.to, seen, time: self.start.elapsed() });
        self.socket = None;
    }

    /// For poll(2), with whether it waits for the connection to be there.
    pub fn handle(&self) -> Option<(BorrowedFd<'_>, bool)> {
        self.socket.as_ref().map(|s| match s {
            ClientSocket::Tcp(socket) => (socket.as_fd(), !self.said),
            ClientSocket::Udp(socket) => (socket.as_fd(), false),
        })
    }
}

/// Sends the token, once there is a connection.
fn say(stream: &mut TcpStream, token: &Token, mute: bool) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    if stream.peer_addr().is_err() {
        return Ok(false);
    }
    if !mute {
        // A new connection's buffer has room for it.
        stream.write_all(token.bytes())?;
    }
    Ok(true)
}

fn hear(stream: &mut TcpStream) -> io::Result<usize> {
    match stream.read(&mut [0; LENGTH]) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        read => read,
    }
}

/// The first destination of a probe that can be reached, and not via an excluded interface. No
/// packet is sent.
pub fn destination(probe: &Probe, left_alone: &[Interface]) -> Result<SocketAddr, Seen> {
    let mut why = "there is no address to connect to".to_owned();
    for to in &probe.to {
        let source = match source(*to) {
            Ok(source) => source,
            Err(error) => {
                why = format!("no route to {}: {error}", to.ip());
                continue;
            }
        };
        let local = source == to.ip() || source.is_loopback();
        match (probe.from, local) {
            (Some(_), true) => return Ok(*to),
            (Some(_), false) => return Err(Seen::NoSuchAddress),
            (None, true) if !to.ip().is_loopback() && probe.protocol == Protocol::Tcp && to.port() != 53 => {
                why = format!("{} is an address of the pod itself", to.ip());
            }
            (None, _) => match interface(source).filter(|name| left_alone.iter().any(|i| i.matches(name))) {
                Some(name) => why = format!("{} is reached via {name}, which is excluded", to.ip()),
                None => return Ok(*to),
            },
        }
    }
    match probe.from {
        Some(IpAddr::V6(_)) => Err(Seen::NoSuchAddress),
        Some(IpAddr::V4(_)) | None => Err(Seen::NotTried(why)),
    }
}

/// The address that the kernel calls a destination from.
fn source(to: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match Family::of(to.ip()) {
        Family::Ipv4 => std::net::Ipv4Addr::UNSPECIFIED.into(),
        Family::Ipv6 => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(to)?;
    Ok(socket.local_addr()?.ip())
}

/// The interface that has an address.
fn interface(address: IpAddr) -> Option<String> {
    host::interfaces().ok()?.into_iter().find(|(_, a)| *a == address).map(|(name, _)| name)
}
