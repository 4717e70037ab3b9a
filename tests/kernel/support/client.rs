//! Clients, and where their calls land.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

use socket2::{Domain, Protocol, Socket, Type};

use harness::PATIENCE;

use super::Transparent;
use super::server::{END, Hop, bound};
use harness::{Namespace, Who, uninterrupted};

/// A caller.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    namespace: &'a Namespace,
    who: Who,
    source: Option<SocketAddr>,
    transparent: Transparent,
    mark: Option<u32>,
}

impl<'a> Client<'a> {
    /// A caller in the namespace.
    pub fn new(namespace: &'a Namespace, who: Who) -> Self {
        Self { namespace, who, source: None, transparent: Transparent::No, mark: None }
    }

    /// ... who calls from this address; port 0 is any.
    pub fn from(self, source: SocketAddr) -> Self {
        Self { source: Some(source), ..self }
    }

    /// ... who calls from an address that is not the host's.
    pub fn posing_as(self, source: SocketAddr) -> Self {
        Self { transparent: Transparent::Yes, ..self.from(source) }
    }

    /// ... whose packets have this mark.
    pub fn marked(self, mark: u32) -> Self {
        Self { mark: Some(mark), ..self }
    }

    fn socket(&self, to: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
        self.namespace.enter(self.who, || {
            let socket = match self.source {
                Some(source) => bound(kind, protocol, source, self.transparent)?,
                None => Socket::new(Domain::for_address(to), kind, Some(protocol))?,
            };
            if let Some(mark) = self.mark {
                socket.set_mark(mark)?;
            }
            socket.set_read_timeout(Some(PATIENCE))?;
            Ok(socket)
        })
    }

    /// A connection, nothing read from it.
    pub fn stream(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = self.socket(to, Type::STREAM, Protocol::TCP)?;
        socket.connect_timeout(&to.into(), PATIENCE)?;
        Ok(socket.into())
    }

    /// A connection, and the answers of the servers on its way.
    pub fn try_connect(&self, to: SocketAddr) -> io::Result<Connection> {
        let mut stream = BufReader::new(self.stream(to)?);
        let mut hops = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            match line.trim_end() {
                END => return Ok(Connection { to, hops, stream }),
                line => hops.push(line.parse().map_err(io::Error::other)?),
            }
        }
    }

    /// A connection that has to succeed.
    pub fn connect(&self, to: SocketAddr) -> Connection {
        self.try_connect(to).unwrap_or_else(|e| panic!("{}: {:?} to {to}: {e}", self.namespace.name(), self.who))
    }

    /// A question over UDP, and who answers it.
    pub fn try_ask(&self, to: SocketAddr) -> io::Result<Answer> {
        let socket = UdpSocket::from(self.socket(to, Type::DGRAM, Protocol::UDP)?);
        static TOKENS: AtomicU32 = AtomicU32::new(0);
        let token = format!("token-{}", TOKENS.fetch_add(1, Ordering::Relaxed));
        socket.send_to(token.as_bytes(), to)?;
        let mut buffer = [0; 512];
        let (length, from) = uninterrupted(|| socket.recv_from(&mut buffer))?;
        let text = String::from_utf8_lossy(&buffer[..length]);
        let words: Vec<_> = text.split(' ').collect();
        match words[..] {
            [name, repeated] if repeated == token => Ok(Answer { name: name.to_owned(), from }),
            _ => Err(io::Error::other(format!("{text:?} is no answer to {token}"))),
        }
    }

    /// A datagram, whether or not it is answered.
    pub fn tell(&self, to: SocketAddr) {
        let socket = UdpSocket::from(self.socket(to, Type::DGRAM, Protocol::UDP).expect("a socket"));
        socket.send_to(b"no-answer-wanted", to).expect("sent");
    }

    /// A question that has to be answered, from the address that was asked, as resolvers insist on.
    pub fn ask(&self, to: SocketAddr) -> Answer {
        let answer =
            self.try_ask(to).unwrap_or_else(|e| panic!("{}: {:?} asks {to}: {e}", self.namespace.name(), self.who));
        assert_eq!(answer.from, to, "the answer comes from somebody else: {answer:?}");
        answer
    }
}

/// An answer over UDP.
#[derive(Debug)]
pub struct Answer {
    name: String,
    from: SocketAddr,
}

impl Answer {
    /// Who answered.
    #[track_caller]
    pub fn comes_from(self, name: &str) -> Self {
        assert_eq!(self.name, name, "{self:?}");
        self
    }
}

/// A connection, and the server that accepted it.
pub struct Connection {
    to: SocketAddr,
    /// The servers that it went through, the one that accepted it first.
    pub hops: Vec<Hop>,
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Who accepted the connection.
    pub fn landing(&self) -> &Hop {
        self.hops.first().expect("a server tells at least about itself")
    }

    /// It was accepted by this server, which knows the original destination.
    #[track_caller]
    pub fn captured_by(self, name: &str) -> Self {
        assert_eq!(self.landing().name, name, "to {}: {:?}", self.to, self.hops);
        assert_eq!(self.landing().original, Some(self.to), "{:?}", self.hops);
        self
    }

    /// It was accepted by this server, at the address it was sent to.
    #[track_caller]
    pub fn reaches(self, name: &str) -> Self {
        assert_eq!(self.landing().name, name, "to {}: {:?}", self.to, self.hops);
        assert_eq!(self.landing().local, self.to, "{:?}", self.hops);
        self
    }

    /// It went through these servers.
    #[track_caller]
    pub fn passes(self, names: &[&str]) -> Self {
        let passed: Vec<_> = self.hops.iter().map(|hop| hop.name.as_str()).collect();
        assert_eq!(passed, names, "to {}: {:?}", self.to, self.hops);
        self
    }

    /// Something is sent, and echoed by the other end.
    pub fn try_talk(&mut self) -> io::Result<()> {
        self.stream.get_mut().write_all(b"are you there?\n")?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        if line == "are you there?\n" { Ok(()) } else { Err(io::Error::other(format!("heard {line:?}"))) }
    }

    /// As [`Self::try_talk`]; it has to succeed.
    #[track_caller]
    pub fn talk(&mut self) {
        self.try_talk().unwrap_or_else(|e| panic!("connection to {}: {e}; {:?}", self.to, self.hops));
    }

    /// Hangs up, and waits until the other end has done so too: no packet of the connection is under way then.
    pub fn end(mut self) {
        self.stream.get_ref().shutdown(Shutdown::Write).expect("an open connection");
        let rest = self.stream.read_to_end(&mut Vec::new());
        assert_eq!(rest.expect("the other end hangs up"), 0, "to {}", self.to);
    }

    /// The address that it comes from, as the client sees it.
    pub fn source(&self) -> SocketAddr {
        self.stream.get_ref().local_addr().expect("a connected socket has an address")
    }
}
