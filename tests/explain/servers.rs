//! Servers on many ports of both namespaces, which note what arrives.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::libc::{self, c_int};

use crate::flags::PORTS;
use crate::namespace::Namespace;
use crate::sockets;

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
    /// For TCP, the original destination; for others, the destination that it had at last.
    pub destination: SocketAddr,
}

/// What arrived, by the packet's number.
#[derive(Default)]
pub struct Log {
    arrivals: Mutex<HashMap<u64, Vec<Arrival>>>,
}

impl Log {
    fn note(&self, number: u64, arrival: Arrival) {
        let mut arrivals = self.arrivals.lock().unwrap();
        let seen = arrivals.entry(number).or_default();
        if !seen.contains(&arrival) {
            seen.push(arrival);
        }
    }

    /// Where a packet arrived: nowhere, or in one place, or, which must not be, in several.
    pub fn arrivals(&self, number: u64) -> Vec<Arrival> {
        self.arrivals.lock().unwrap().get(&number).cloned().unwrap_or_default()
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
        let servers = namespace.run(open)?;
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

/// Reads what there is; whether the server has more to do.
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
                sniff(&buffer[..length], ipv6, to, |number, destination| {
                    log.note(number, Arrival { side, port: destination.port(), destination });
                });
            }
            true
        }
    }
}

fn number(buffer: &[u8]) -> u64 {
    u64::from_be_bytes(buffer[..8].try_into().unwrap())
}

/// Finds our own senseless segments, which have SYN and FIN set and their number as sequence number.
fn sniff(packet: &[u8], ipv6: bool, to: Option<SocketAddr>, note: impl FnOnce(u64, SocketAddr)) {
    let (segment, address) = match ipv6 {
        false if packet.len() >= 40 => {
            let address: [u8; 4] = packet[16..20].try_into().unwrap();
            (&packet[usize::from(packet[0] & 15) * 4..], IpAddr::from(address))
        }
        true if packet.len() >= 20 => (packet, to.map_or(Ipv6Addr::UNSPECIFIED.into(), |t| t.ip())),
        _ => return,
    };
    if segment[13] == crate::send::SYN_AND_FIN {
        let port = u16::from_be_bytes([segment[2], segment[3]]);
        let number = u32::from_be_bytes(segment[4..8].try_into().unwrap());
        note(u64::from(number), SocketAddr::new(address, port));
    }
}
