//! The servers. A server sends each client its own name and what it sees of the connection, so that a
//! client learns where it landed; then it echoes what the client sends.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::str::FromStr;
use std::sync::Arc;
use std::thread;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::Family;
use super::client::Client;
use harness::PATIENCE;
use harness::{Namespace, Who, wait_until};

/// What a server reports about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The server's name.
    pub name: String,
    /// Who it believes the client is.
    pub peer: SocketAddr,
    /// The address that it was reached at.
    pub local: SocketAddr,
    /// What the connection was for, according to the kernel (`SO_ORIGINAL_DST`), if it knows it.
    pub original: Option<SocketAddr>,
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let original = self.original.map_or_else(|| "-".to_owned(), |a| a.to_string());
        write!(f, "{} {} {} {original}", self.name, self.peer, self.local)
    }
}

impl FromStr for Hop {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut words = line.split_ascii_whitespace();
        let mut word = || words.next().ok_or_else(|| format!("what a server tells is cut off: {line:?}"));
        let (name, peer, local) = (word()?.to_owned(), word()?.parse()?, word()?.parse()?);
        let original = match word()? {
            "-" => None,
            address => Some(address.parse()?),
        };
        Ok(Self { name, peer, local, original })
    }
}

/// Whether a listener accepts connections to addresses that are not the host's (`IP_TRANSPARENT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transparent {
    No,
    Yes,
}

/// A proxy's listener, which connects to the destination that the client wanted.
#[derive(Clone, Copy, Debug)]
pub struct Relay {
    /// The destination, if it is not the one that the client wanted.
    pub to: Option<SocketAddr>,
    /// The source address of its calls.
    pub source: Source,
}

/// The source address of a relay's calls.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// What the kernel picks.
    Any,
    /// This address.
    Address(IpAddr),
    /// The client's address, with this mark; another port, as Envoy's `original_src` does, since the client's
    /// own connection has these addresses and ports already.
    Client { mark: u32 },
}

/// A listener, closed when dropped.
pub struct Server {
    socket: Arc<Socket>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Wakes up the thread that waits in accept or recv. A UDP socket without a peer returns an error that it is not
        // connected, and wakes up too.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Server {
    /// A listener for TCP, run by this user.
    pub fn tcp(namespace: &Arc<Namespace>, who: Who, name: &str, at: SocketAddr, transparent: Transparent) -> Self {
        Self::listen(namespace, who, name, at, transparent, None)
    }

    /// A listener for TCP that passes connections on.
    pub fn relay(
        namespace: &Arc<Namespace>,
        who: Who,
        name: &str,
        at: SocketAddr,
        transparent: Transparent,
        relay: Relay,
    ) -> Self {
        Self::listen(namespace, who, name, at, transparent, Some(relay))
    }

    fn listen(
        namespace: &Arc<Namespace>,
        who: Who,
        name: &str,
        at: SocketAddr,
        transparent: Transparent,
        relay: Option<Relay>,
    ) -> Self {
        let socket = Arc::new(namespace.enter(who, || listening(at, transparent)));
        let listener = TcpListener::from(socket.try_clone().expect("a second handle"));
        let (name, namespace) = (name.to_owned(), Arc::clone(namespace));
        thread::spawn(move || {
            // Accepted sockets belong to the thread that accepts them, so it has to be the user's.
            namespace.clone().enter(who, || {
                while let Ok((stream, _)) = listener.accept() {
                    let (name, namespace) = (name.clone(), Arc::clone(&namespace));
                    // A client that went away is nothing to report: the client does.
                    thread::spawn(move || {
                        let _ = serve(stream, &name, relay.map(|relay| (&*namespace, who, relay)));
                    });
                }
            });
        });
        Self { socket }
    }

    /// A server for UDP, run by this user: each datagram is answered with the server's name and the datagram.
    pub fn udp(namespace: &Arc<Namespace>, who: Who, name: &str, at: SocketAddr) -> Self {
        let socket = Arc::new(namespace.enter(who, || {
            bound(Type::DGRAM, Protocol::UDP, at, Transparent::No).unwrap_or_else(|e| panic!("{at}/udp: {e}"))
        }));
        let listener = UdpSocket::from(socket.try_clone().expect("a second handle"));
        let name = name.to_owned();
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((length, peer)) = listener.recv_from(&mut buffer) {
                let answer = format!("{name} {}", String::from_utf8_lossy(&buffer[..length]));
                let _ = listener.send_to(answer.as_bytes(), peer);
            }
        });
        Self { socket }
    }
}

/// A socket that listens. A port that was just given up may be held for a moment more, by a child that another test
/// starts: it has the descriptors of all tests until it executes its program.
fn listening(at: SocketAddr, transparent: Transparent) -> Socket {
    let mut socket = None;
    wait_until("the port is free", || {
        let listening = bound(Type::STREAM, Protocol::TCP, at, transparent).and_then(|s| s.listen(64).map(|()| s));
        match listening {
            Ok(listening) => socket = Some(listening),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => panic!("{at}: {error}"),
        }
        socket.is_some()
    });
    socket.expect("it listens")
}

/// A socket with an address.
pub fn bound(kind: Type, protocol: Protocol, at: SocketAddr, transparent: Transparent) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), kind, Some(protocol))?;
    socket.set_reuse_address(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if transparent == Transparent::Yes {
        match Family::of(&at) {
            Family::Ipv4 => socket.set_ip_transparent_v4(true)?,
            Family::Ipv6 => socket.set_ip_transparent_v6(true)?,
        }
    }
    socket.bind(&at.into())?;
    Ok(socket)
}

/// What the connection was for, if known.
fn original_destination(stream: &TcpStream, peer: &SocketAddr) -> Option<SocketAddr> {
    let socket = SockRef::from(stream);
    let original = match Family::of(peer) {
        Family::Ipv4 => socket.original_dst_v4(),
        Family::Ipv6 => socket.original_dst_v6(),
    };
    original.ok()?.as_socket()
}

fn serve(stream: TcpStream, name: &str, relay: Option<(&Namespace, Who, Relay)>) -> io::Result<()> {
    let (peer, local) = (stream.peer_addr()?, stream.local_addr()?);
    let original = original_destination(&stream, &peer);
    let hop = Hop { name: name.to_owned(), peer, local, original };
    stream.set_read_timeout(Some(PATIENCE))?;
    let Some((namespace, who, relay)) = relay else {
        (&stream).write_all(format!("{hop}\n{END}\n").as_bytes())?;
        return repeat(&stream);
    };
    (&stream).write_all(format!("{hop}\n").as_bytes())?;
    let client = Client::new(namespace, who);
    let client = match relay.source {
        Source::Any => client,
        Source::Address(address) => client.from(SocketAddr::new(address, 0)),
        Source::Client { mark } => client.posing_as(SocketAddr::new(peer.ip(), 0)).marked(mark),
    };
    let upstream = client.stream(relay.to.or(original).unwrap_or(local))?;
    let (mut from_client, mut to_upstream) = (stream.try_clone()?, upstream.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_upstream);
        let _ = to_upstream.shutdown(Shutdown::Write);
    });
    io::copy(&mut &upstream, &mut &stream)?;
    stream.shutdown(Shutdown::Both)
}

/// What comes after the servers' answers.
pub const END: &str = ".";

fn repeat(stream: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        (&*stream).write_all(line.as_bytes())?;
        line.clear();
    }
    Ok(())
}
