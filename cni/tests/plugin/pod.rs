//! A look into a pod's network namespace, and connections from and to it.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use harness::{Namespace, PATIENCE, uninterrupted};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;

/// All nftables rules, IPv4 and IPv6 rules of iptables among them, and routing rules.
pub fn rules(namespace: &Namespace) -> String {
    let mut all = namespace.run("nft", &["list", "ruleset"], "");
    for family in ["-4", "-6"] {
        let routes = [family, "route", "show", "table", "all", "type", "local", "proto", "133"];
        all.push_str(&namespace.run("ip", &[family, "rule"], ""));
        all.push_str(&namespace.run("ip", &routes, ""));
    }
    all
}

/// A listener of the proxy, which sends each client the destination it wanted.
pub struct Listener(TcpListener);

impl Listener {
    /// One at this port of all addresses of its family, in the network namespace that the thread is in.
    pub fn new(port: u16, ipv6: bool, transparent: bool) -> Self {
        let any: IpAddr = if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        let listener = TcpListener::bind((any, port)).expect("nobody else listens there");
        // accept(2) waits as long as a read would.
        let seconds = PATIENCE.as_secs().try_into().expect("a few");
        setsockopt(&listener, sockopt::ReceiveTimeout, &TimeVal::new(seconds, 0)).expect("a bound");
        if transparent {
            // IP_TRANSPARENT after bind is enough: the port is of a wildcard address.
            setsockopt(&listener, sockopt::IpTransparent, &true).expect("root may");
        }
        Self(listener)
    }

    /// Serves one connection: sends its address on this side, which with REDIRECT is that of the listener and with
    /// TPROXY what was asked for.
    pub fn serve_one(self) -> SocketAddr {
        let (mut stream, _) = self.0.accept().expect("a connection");
        stream.write_all(b"proxy").expect("the client reads");
        stream.local_addr().expect("an address")
    }
}

/// Connects, and reads the reply.
pub fn greeting(to: SocketAddr) -> String {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE).unwrap_or_else(|e| panic!("{to}: {e}"));
    stream.set_read_timeout(Some(PATIENCE)).expect("a bound");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("a greeting");
    text
}

/// Sends a datagram to a name server, and gives what arrives at the agent's DNS port.
pub fn dns_query(server: SocketAddr) -> String {
    let agent = UdpSocket::bind(("127.0.0.1", 15053)).expect("nobody else listens there");
    agent.set_read_timeout(Some(PATIENCE)).expect("a bound");
    let client = UdpSocket::bind(("0.0.0.0", 0)).expect("a port");
    client.send_to(b"query", server).expect("it is sent");
    let mut text = [0; 16];
    let (length, _) = uninterrupted(|| agent.recv_from(&mut text)).expect("the query arrives");
    String::from_utf8_lossy(&text[..length]).into_owned()
}
