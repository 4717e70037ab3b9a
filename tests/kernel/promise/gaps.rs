//! Connections while rules are changed: each lands at the proxy, none at a real server, none is lost.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread::{Scope, scope};
use std::time::{Duration, Instant};

use nix::libc;
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, unshare};
use nix::sys::socket::sockopt::{IpTransparent, Linger, ReuseAddr};
use nix::sys::socket::{
    AddressFamily, Backlog, Shutdown, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, shutdown, socket,
};

use nix::unistd::Pid;

use super::pod::{Pod, in_pod, say, times};
use harness::Random;
use harness::{Backend, thread_folder, wait_until};

const OUTBOUND: u8 = b'O';
const INBOUND: u8 = b'I';
const REAL: u8 = b'R';

const FLAGS: [&[&str]; 4] = [
    &["--ip-families", "dual", "-b", "*", "-i", "*"],
    &["--ip-families", "dual", "-b", "8080,8081", "-i", "10.0.0.0/8,fd00::/8", "-x", "172.16.0.0/12", "-o", "9"],
    &["--ip-families", "dual", "-b", "*", "-i", "*", "-m", "TPROXY", "--redirect-dns", "--capture-all-dns"],
    &["--ip-families", "dual", "-b", "8080,8081", "-i", "*", "-m", "TPROXY", "-c", "eth7"],
];

/// A listener that answers each connection with a letter, on all addresses of both families.
fn serve<'s>(within: &'s Scope<'s, '_>, servers: &Servers, port: u16, letter: u8, transparent: bool) {
    let file = socket(AddressFamily::Inet6, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    setsockopt(&file, ReuseAddr, &true).unwrap();
    if transparent {
        setsockopt(&file, IpTransparent, &true).unwrap();
    }
    let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    bind(file.as_raw_fd(), &SockaddrStorage::from(address)).unwrap();
    listen(&file, Backlog::MAXALLOWABLE).unwrap();
    let listener = TcpListener::from(file);
    servers.0.lock().unwrap().push(listener.try_clone().unwrap());
    within.spawn(move || {
        // Until it is shut down.
        while let Ok((mut connection, _)) = listener.accept() {
            let _ = connection.write_all(&[letter]);
        }
    });
}

/// Listeners.
#[derive(Default)]
struct Servers(Mutex<Vec<TcpListener>>);

impl Servers {
    /// Wakes up the threads that wait for connections.
    fn end(&self) {
        for listener in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = shutdown(listener.as_raw_fd(), Shutdown::Both);
        }
    }
}

/// How long a connection may take; only one that is lost takes as long.
const PATIENCE: Duration = Duration::from_secs(120);

/// What came of connections.
#[derive(Debug, Default)]
struct Seen {
    proxied: u32,
    wrong: Vec<String>,
}

/// What became of packets that were sent again.
const LOST: &str = "packets were lost";

/// Connects, and gives the letter that it was answered with. The folders are those of namespaces, for what their kernels
/// know of a connection that is lost.
fn connect(to: SocketAddr, nets: &[String]) -> Result<u8, String> {
    let mut connection = TcpStream::connect_timeout(&to, PATIENCE).map_err(|e| format!("connect: {e}"))?;
    match sent_again(&connection) {
        0 => {}
        count => return Err(format!("connect: {count} {LOST}")),
    }
    let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
    setsockopt(&connection, Linger, &at_once).map_err(|e| e.to_string())?;
    connection.set_read_timeout(Some(PATIENCE)).map_err(|e| e.to_string())?;
    let mut letter = [0];
    let port = connection.local_addr().map_err(|e| e.to_string())?.port();
    let known = || nets.iter().map(|net| known_of(net, port)).collect::<Vec<_>>();
    connection.read_exact(&mut letter).map_err(|e| format!("read: {e}; {:#?}", known()))?;
    Ok(letter[0])
}

/// What a namespace knows of a client's port: sockets and tracked connections; and all counters of its TCP, and the
/// queues of listeners. `net` is a folder such as `/proc/1/net`.
fn known_of(net: &str, port: u16) -> Vec<String> {
    let read = |file: &str| std::fs::read_to_string(format!("{net}/{file}")).unwrap_or_default();
    let (hexadecimal, decimal) = (format!(":{port:04X} "), format!("port={port} "));
    let listens = |line: &&str| line.split_whitespace().nth(3) == Some("0A");
    let sockets = read("tcp") + &read("tcp6");
    let sockets = sockets.lines().filter(|line| listens(line) || line.contains(&hexadecimal));
    let tracked = read("nf_conntrack");
    let tracked = tracked.lines().filter(|line| line.contains(&decimal));
    sockets.chain(tracked).map(str::to_owned).chain([counters(net, |_| true)]).collect()
}

/// How many packets the kernel has retransmitted for lack of an answer: those of a connection that is
/// established anyway.
fn sent_again(connection: &TcpStream) -> u32 {
    // SAFETY: all zeroes are a valid value of a struct of numbers.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    let at = (&raw mut info).cast();
    // SAFETY: the pointer is to `length` bytes that live through the call.
    let result =
        unsafe { libc::getsockopt(connection.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, at, &raw mut length) };
    assert_eq!(result, 0, "TCP_INFO");
    info.tcpi_total_retrans
}

/// Why packets may have been lost in a namespace so far: the counters of its stack and of its conntrack that say so.
/// `net` is a folder such as `/proc/1/net`.
fn losses(net: &str) -> String {
    let tells = ["drop", "fail", "err", "discard", "noroute", "overflow", "retrans", "spurious", "challenge"];
    counters(net, |name| tells.iter().any(|part| name.to_lowercase().contains(part)))
}

/// The counters of a namespace that are not zero, of its stack and of its conntrack.
fn counters(net: &str, wanted: impl Fn(&str) -> bool) -> String {
    let read = |file: &str| std::fs::read_to_string(format!("{net}/{file}")).unwrap_or_default();
    let (stack, conntrack) = (read("snmp") + &read("netstat"), read("stat/nf_conntrack"));
    let mut found = Vec::new();
    let mut note = |names: &str, values: &str, base: u32| {
        for (name, value) in names.split_whitespace().zip(values.split_whitespace()) {
            let value = u64::from_str_radix(value, base).unwrap_or_default();
            if value > 0 && wanted(name) {
                found.push(format!("{name} {value}"));
            }
        }
    };
    let stack: Vec<_> = stack.lines().collect();
    stack.chunks_exact(2).for_each(|lines| note(lines[0], lines[1], 10));
    // One line for each processor.
    let mut lines = conntrack.lines();
    let names = lines.next().unwrap_or_default();
    lines.for_each(|values| note(names, values, 16));
    found.join(", ")
}

/// What is going on.
#[derive(Default)]
struct Progress {
    /// The folders of both namespaces in /proc, such as `/proc/1/net`.
    nets: Mutex<Vec<String>>,
    /// The number of the change.
    change: AtomicU32,
    /// Connections made, outbound and inbound.
    out: AtomicU32,
    inwards: AtomicU32,
    /// No more are wanted.
    enough: AtomicBool,
    processors: Vec<Processor>,
}

/// What is known of a processor. A hypervisor may take one away for longer than the second for which TCP waits for the
/// first answer. What was sent just before is then sent again, and was not lost.
#[derive(Default)]
struct Processor {
    /// How often it was seen at work.
    seen: AtomicU32,
    /// How often it was gone for [`LONG`].
    gone: AtomicU32,
}

/// How long a processor is gone if TCP may have noticed.
const LONG: Duration = Duration::from_millis(500);

impl Progress {
    fn new() -> Self {
        let processors = std::thread::available_parallelism().unwrap().get();
        Progress { processors: (0..processors).map(|_| Processor::default()).collect(), ..Progress::default() }
    }

    /// Watches each processor from a thread of its own.
    fn watch<'s>(&'s self, within: &'s Scope<'s, '_>) {
        for (number, processor) in self.processors.iter().enumerate() {
            within.spawn(move || {
                let mut only = CpuSet::new();
                only.set(number).unwrap();
                // If this process may not use that one, the kernel chooses another.
                let _ = sched_setaffinity(Pid::from_raw(0), &only);
                let mut last = Instant::now();
                while !self.enough.load(Ordering::Relaxed) {
                    std::thread::sleep(LONG / 50);
                    processor.gone.fetch_add(u32::from(last.elapsed() > LONG), Ordering::Relaxed);
                    processor.seen.fetch_add(1, Ordering::Relaxed);
                    last = Instant::now();
                }
            });
        }
    }

    /// How often processors were gone, as far as it has been noticed.
    fn gone(&self) -> u32 {
        self.processors.iter().map(|processor| processor.gone.load(Ordering::Relaxed)).sum()
    }

    /// The same, with all that happened before the call.
    fn gone_by_now(&self) -> u32 {
        let seen = || self.processors.iter().map(|processor| processor.seen.load(Ordering::Relaxed));
        let before: Vec<_> = seen().collect();
        // The first time may have begun to be noted before.
        while !self.enough.load(Ordering::Relaxed) && seen().zip(&before).any(|(now, before)| now < before + 2) {
            std::thread::sleep(LONG / 50);
        }
        self.gone()
    }
}

/// Connects until it is stopped, as the application's user.
fn client(progress: &Progress, made: &AtomicU32, wanted: u8, to: impl Fn(u32) -> SocketAddr) -> Seen {
    nix::unistd::setfsuid(nix::unistd::Uid::from_raw(1000));
    let nets = progress.nets.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut seen = Seen::default();
    for number in 0.. {
        if progress.enough.load(Ordering::Relaxed) {
            break;
        }
        let change = || progress.change.load(Ordering::Relaxed);
        let (began, to, gone) = (change(), to(number), progress.gone());
        match connect(to, &nets) {
            Ok(letter) if letter == wanted => seen.proxied += 1,
            other => {
                let losses: Vec<_> = nets.iter().map(|net| losses(net)).collect();
                let what = format!("{to}, change {began} to {}: {other:?}; counters: {losses:?}", change());
                if other.is_err_and(|error| error.ends_with(LOST)) && progress.gone_by_now() > gone {
                    say(format_args!("{what}, but a processor was gone"));
                } else {
                    seen.wrong.push(what);
                }
            }
        }
        made.store(number + 1, Ordering::Relaxed);
    }
    seen
}

fn outside(number: u32) -> SocketAddr {
    let [_, _, a, b] = number.to_be_bytes();
    let address: IpAddr = if number.is_multiple_of(2) {
        Ipv4Addr::new(10, 98, a, b).into()
    } else {
        Ipv6Addr::new(0xfd98, 0, 0, 0, 0, 0, 1, (number & 0xffff) as u16).into()
    };
    SocketAddr::from((address, 80))
}

fn pod_address(number: u32) -> SocketAddr {
    let address: IpAddr =
        if number.is_multiple_of(2) { Ipv4Addr::new(10, 0, 0, 2).into() } else { "fd00::2".parse().unwrap() };
    SocketAddr::from((address, 8080 + (number / 2 % 2) as u16))
}

const OUTSIDE: &str = "link set lo up
link set peer0 addrgenmode none
link set peer0 up
addr add 10.0.0.1/24 dev peer0
addr add fd00::1/64 dev peer0 nodad
route add local 10.98.0.0/16 dev lo
route add local fd98::/64 dev lo
";

fn change(pod: &Pod, kind: Backend, flags: &[&str]) {
    pod.does(&[flags, &[kind.flag()]].concat());
}

/// Changes rules back and forth while connections are made, at least this number of times; gives what was seen outbound
/// and inbound, how many changes there were, and how many of them to the other variant.
fn detect(pod: &Pod, kind: Backend, changes: u32, seed: u64) -> (Seen, Seen, u32, u32) {
    let (progress, servers) = (&Progress::new(), &Servers::default());
    let (inbound, outbound) = (Mutex::new(Seen::default()), Mutex::new(Seen::default()));
    let (mut changed, mut moved) = (0, 0);
    progress.nets.lock().unwrap().push(format!("{}/net", thread_folder()));
    scope(|within| {
        // Whatever fails in here, the other threads are to end: clients first, then the servers that they talk to.
        let _end = End(progress, servers);
        progress.watch(within);
        let (tell, told) = channel();
        let (go, gone) = channel::<()>();
        let inbound = &inbound;
        within.spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            progress.nets.lock().unwrap().push(format!("{}/net", thread_folder()));
            tell.send(format!("{}/ns/net", thread_folder())).unwrap();
            if gone.recv().is_err() {
                return;
            }
            assert!(pod.feed("ip", &["-batch", "-"], OUTSIDE).succeeded());
            serve(within, servers, 80, REAL, false);
            tell.send(String::new()).unwrap();
            if gone.recv().is_ok() {
                let _end = tell;
                *inbound.lock().unwrap() = client(progress, &progress.inwards, INBOUND, pod_address);
            }
        });
        let there = told.recv().unwrap();
        let moving = pod.feed("ip", &["link", "set", "peer0", "netns", &there], "");
        assert!(moving.succeeded(), "{moving:?}");
        go.send(()).unwrap();
        told.recv().unwrap();
        let routed = pod.feed("ip", &["-6", "route", "add", "fd98::/64", "via", "fd00::1"], "");
        assert!(routed.succeeded(), "{routed:?}");
        serve(within, servers, 15001, OUTBOUND, false);
        serve(within, servers, 15006, INBOUND, true);
        serve(within, servers, 8080, REAL, false);
        serve(within, servers, 8081, REAL, false);
        // Without rules, connections reach the real servers.
        for number in 0..2 {
            // The link has just come up: the first packets may be lost.
            wait_until("the real server answers", || connect(outside(number), &[]) == Ok(REAL));
        }
        change(pod, kind, FLAGS[0]);
        go.send(()).unwrap();
        let outbound = &outbound;
        let out = within.spawn(move || *outbound.lock().unwrap() = client(progress, &progress.out, OUTBOUND, outside));
        let mut dice = Random::new(seed);
        let (mut now, mut place) = (0, kind);
        let few = || [&progress.out, &progress.inwards].iter().any(|made| made.load(Ordering::Relaxed) <= FEW);
        while changed < changes || few() {
            changed += 1;
            progress.change.store(changed, Ordering::Relaxed);
            let before = now;
            now = (now + 1 + dice.number_below(3) as usize) % FLAGS.len();
            // A move of TPROXY may cost a connection: see docs/operating.md.
            let of_tproxy = |flags: usize| FLAGS[flags].contains(&"TPROXY");
            if dice.one_in(8) && !(of_tproxy(before) && of_tproxy(now)) {
                moved += u32::from(place != place.other());
                place = place.other();
            }
            change(pod, place, FLAGS[now]);
        }
        progress.enough.store(true, Ordering::Relaxed);
        // The other client ends by hanging up.
        let _ = told.recv();
        out.join().unwrap();
    });
    (outbound.into_inner().unwrap(), inbound.into_inner().unwrap(), changed, moved)
}

/// Fewer connections than this prove little about the changes.
const FEW: u32 = 100;

struct End<'a>(&'a Progress, &'a Servers);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.enough.store(true, Ordering::Relaxed);
        self.1.end();
    }
}

fn no_gap(kind: Backend, seed: u64) {
    let wanted = times(200, 20) as u32;
    let Some((outbound, inbound, changes, moved)) = in_pod(|pod| detect(pod, kind, wanted, seed)) else { return };
    say(format_args!(
        "gaps, {}, seed {seed}: {changes} changes ({moved} to the other kind), {} connections out and {} in were the proxy's; {} and {} were not",
        kind.name(),
        outbound.proxied,
        inbound.proxied,
        outbound.wrong.len(),
        inbound.wrong.len()
    ));
    let wrong: Vec<_> = outbound.wrong.iter().chain(&inbound.wrong).take(20).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn legacy_changes_have_no_gap() {
    no_gap(Backend::Legacy, 6);
}

#[test]
fn nft_changes_have_no_gap() {
    no_gap(Backend::Nft, 7);
}

#[test]
fn native_changes_leave_no_gap() {
    no_gap(Backend::Native, 8);
}
