//! Servers on many ports of both namespaces, which note what arrives.

use harness::ROOT;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::libc::{self, c_int};

use super::flags::PORTS;
use super::sockets;
use harness::Namespace;

/// Which namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Pod,
    World,
}

/// Where a packet arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub side: Side,
    /// The port of the server that got it.
    pub port: u16,
    /// For TCP, the original destination; for UDP and the rest, the last destination.
    pub destination: SocketAddr,
}

/// What arrived, by the packet's number.
#[derive(Default)]
pub struct Log {
    arrivals: Mutex<HashMap<u64, Vec<Arrival>>>,
    /// Packets that open connections, by their source port.
    opening: Mutex<HashMap<u16, Vec<Arrival>>>,
}

impl Log {
    fn note(&self, number: u64, arrival: Arrival) {
        add(self.arrivals.lock().unwrap().entry(number).or_default(), arrival);
    }

    /// Where a packet that opens a connection from this port arrived, and where the connection was established, which
    /// must not happen.
    pub fn in_vain(&self, number: u64, from: u16) -> Vec<Arrival> {
        let mut all = self.opening.lock().unwrap().get(&from).cloned().unwrap_or_default();
        all.extend(self.arrivals(number));
        all
    }

    /// Where a packet arrived: nowhere, in one place or, which must not happen, in several.
    pub fn arrivals(&self, number: u64) -> Vec<Arrival> {
        self.arrivals.lock().unwrap().get(&number).cloned().unwrap_or_default()
    }
}

fn add(seen: &mut Vec<Arrival>, arrival: Arrival) {
    if !seen.contains(&arrival) {
        seen.push(arrival);
    }
}

/// The servers of one namespace, in a thread of their own.
pub struct Servers {
    stop: Arc<AtomicBool>,
    passes: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Listener,
    Connection,
    Datagrams,
    /// All TCP packets, to see those that no server gets.
    Sniffer,
}

struct Server {
    kind: Kind,
    port: u16,
    ipv6: bool,
    socket: OwnedFd,
}

impl Servers {
    /// Starts them; when this returns, all of them listen.
    pub fn start(namespace: &Namespace, side: Side, log: &Arc<Log>) -> io::Result<Self> {
        let servers = namespace.enter(ROOT, open)?;
        let (stop, passes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, passed, log) = (Arc::clone(&stop), Arc::clone(&passes), Arc::clone(log));
        let thread = std::thread::spawn(move || serve(servers, side, (&stopped, &passed), &log));
        Ok(Self { stop, passes, thread: Some(thread) })
    }

    /// Waits until all that has been delivered is noted: the pass that is under way may be past it already, the
    /// next one accepts connections, and the one after that reads from them.
    pub fn wait(&self) {
        let enough = self.passes.load(Ordering::Acquire) + 3;
        while self.passes.load(Ordering::Acquire) < enough {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn open() -> io::Result<Vec<Server>> {
    let mut servers = Vec::new();
    for ipv6 in [false, true] {
        let any: IpAddr = if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        for port in PORTS {
            for (kind, kind_of_socket) in [(Kind::Listener, libc::SOCK_STREAM), (Kind::Datagrams, libc::SOCK_DGRAM)] {
                let socket = sockets::socket(ipv6, kind_of_socket, 0)?;
                if ipv6 {
                    sockets::set(&socket, libc::SOL_IPV6, libc::IPV6_V6ONLY, 1 as c_int)?;
                }
                sockets::set(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1 as c_int)?;
                // A transparent listener can answer from whatever address a packet was sent to.
                sockets::set_transparent(&socket, ipv6)?;
                if kind == Kind::Datagrams {
                    let (level, option) = match ipv6 {
                        true => (libc::SOL_IPV6, sockets::IPV6_ORIGDSTADDR),
                        false => (libc::SOL_IP, libc::IP_RECVORIGDSTADDR),
                    };
                    sockets::set(&socket, level, option, 1 as c_int)?;
                }
                sockets::bind(&socket, SocketAddr::new(any, port))?;
                if kind == Kind::Listener {
                    sockets::listen(&socket)?;
                }
                servers.push(Server { kind, port, ipv6, socket });
            }
        }
        let socket = sockets::socket(ipv6, libc::SOCK_RAW, libc::IPPROTO_TCP)?;
        // The header of IPv6 does not come with the packet, so its destination has to.
        if ipv6 {
            sockets::set(&socket, libc::SOL_IPV6, sockets::IPV6_ORIGDSTADDR, 1 as c_int)?;
        }
        servers.push(Server { kind: Kind::Sniffer, port: 0, ipv6, socket });
    }
    Ok(servers)
}

fn serve(mut servers: Vec<Server>, side: Side, (stop, passes): (&AtomicBool, &AtomicU64), log: &Log) {
    while !stop.load(Ordering::Relaxed) {
        let ready = {
            let polled: Vec<_> = servers.iter().map(|s| &s.socket).collect();
            sockets::wait(&polled, libc::POLLIN, 5)
        };
        let mut index = 0;
        let mut accepted = Vec::new();
        servers.retain(|server| {
            let keep = !ready[index] || serve_one(server, side, log, &mut accepted);
            index += 1;
            keep
        });
        servers.append(&mut accepted);
        passes.fetch_add(1, Ordering::Release);
    }
}

/// Reads what has arrived; returns whether the server has more to do.
fn serve_one(server: &Server, side: Side, log: &Log, accepted: &mut Vec<Server>) -> bool {
    let mut buffer = [0; 256];
    let Server { kind, port, ipv6, socket } = server;
    let (port, ipv6) = (*port, *ipv6);
    match kind {
        Kind::Listener => {
            while let Ok(socket) = sockets::accept(socket) {
                accepted.push(Server { kind: Kind::Connection, port, ipv6, socket });
            }
            true
        }
        Kind::Connection => {
            if let (Ok((8, _)), Some(destination)) =
                (sockets::receive(socket, &mut buffer), sockets::original(socket, ipv6))
            {
                log.note(number(&buffer), Arrival { side, port, destination });
            }
            false
        }
        Kind::Datagrams => {
            while let Ok((length, destination)) = sockets::receive(socket, &mut buffer) {
                if let (8, Some(destination)) = (length, destination) {
                    log.note(number(&buffer), Arrival { side, port, destination });
                }
            }
            true
        }
        Kind::Sniffer => {
            while let Ok((length, to)) = sockets::receive(socket, &mut buffer) {
                let Some(segment) = Segment::read(&buffer[..length], ipv6, to) else { continue };
                let destination = segment.destination;
                let arrival = Arrival { side, port: destination.port(), destination };
                match segment.flags & !ECN {
                    super::send::SYN_AND_FIN => log.note(u64::from(segment.sequence), arrival),
                    SYN => add(log.opening.lock().unwrap().entry(segment.from).or_default(), arrival),
                    _ => {}
                }
            }
            true
        }
    }
}

fn number(buffer: &[u8]) -> u64 {
    u64::from_be_bytes(buffer[..8].try_into().unwrap())
}

/// What a TCP header has (RFC 9293, section 3.1; RFC 3168).
const SYN: u8 = 0x02;
const ECN: u8 = 0xc0;

/// A segment of TCP.
struct Segment {
    from: u16,
    destination: SocketAddr,
    /// In the test's own senseless segments, which have SYN and FIN set, their number.
    sequence: u32,
    flags: u8,
}

impl Segment {
    fn read(packet: &[u8], ipv6: bool, to: Option<SocketAddr>) -> Option<Self> {
        let (segment, address) = match ipv6 {
            false if packet.len() >= 40 => {
                let address: [u8; 4] = packet[16..20].try_into().unwrap();
                (&packet[usize::from(packet[0] & 15) * 4..], IpAddr::from(address))
            }
            true if packet.len() >= 20 => (packet, to.map_or(Ipv6Addr::UNSPECIFIED.into(), |t| t.ip())),
            _ => return None,
        };
        let port = |at: usize| u16::from_be_bytes([segment[at], segment[at + 1]]);
        Some(Self {
            from: port(0),
            destination: SocketAddr::new(address, port(2)),
            sequence: u32::from_be_bytes(segment[4..8].try_into().unwrap()),
            flags: segment[13],
        })
    }
}
