//! Connections while rules are changed: each lands at the proxy, none at a real server, none is lost.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::thread::{Scope, scope};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::sockopt::{IpTransparent, Linger, ReuseAddr};
use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket};

use crate::generate::Dice;
use crate::pod::{Kind, Pod, in_pod, say, times};

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
fn serve<'s>(within: &'s Scope<'s, '_>, stop: &'s AtomicBool, port: u16, letter: u8, transparent: bool) {
    let file = socket(AddressFamily::Inet6, SockType::Stream, SockFlag::SOCK_NONBLOCK, None).unwrap();
    setsockopt(&file, ReuseAddr, &true).unwrap();
    if transparent {
        setsockopt(&file, IpTransparent, &true).unwrap();
    }
    let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    bind(file.as_raw_fd(), &SockaddrStorage::from(address)).unwrap();
    listen(&file, Backlog::new(4096).unwrap()).unwrap();
    let listener = TcpListener::from(file);
    within.spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((mut connection, _)) => {
                    let _ = connection.write_all(&[letter]);
                }
                Err(_) => std::thread::sleep(Duration::from_micros(200)),
            }
        }
    });
}

/// What came of connections.
#[derive(Debug, Default)]
struct Seen {
    proxied: u32,
    wrong: Vec<String>,
}

/// Connects, and gives the letter that it was answered with.
fn connect(to: SocketAddr) -> Result<u8, String> {
    let start = Instant::now();
    let mut connection =
        TcpStream::connect_timeout(&to, Duration::from_secs(3)).map_err(|e| format!("connect: {e}"))?;
    // The kernel sends a lost packet again after a second: it was dropped then.
    if start.elapsed() > Duration::from_millis(950) {
        return Err(format!("connect took {:?}", start.elapsed()));
    }
    let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    setsockopt(&connection, Linger, &at_once).map_err(|e| e.to_string())?;
    connection.set_read_timeout(Some(Duration::from_secs(3))).map_err(|e| e.to_string())?;
    let mut letter = [0];
    connection.read_exact(&mut letter).map_err(|e| format!("read: {e}"))?;
    Ok(letter[0])
}

/// Connects until it is told to stop, as the application's user.
fn client(stop: &AtomicBool, round: &AtomicU32, wanted: u8, to: impl Fn(u32) -> SocketAddr) -> Seen {
    nix::unistd::setfsuid(nix::unistd::Uid::from_raw(1000));
    let mut seen = Seen::default();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (began, to) = (round.load(Ordering::Relaxed), to(number));
        match connect(to) {
            Ok(letter) if letter == wanted => seen.proxied += 1,
            other => seen.wrong.push(format!("{to}, change {began} to {}: {other:?}", round.load(Ordering::Relaxed))),
        }
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

fn change(pod: &Pod, kind: Kind, flags: &[&str]) {
    pod.does(&[flags, &[kind.flag()]].concat());
}

/// Changes rules back and forth while connections are made; gives what was seen outbound and inbound.
fn detect(pod: &Pod, kind: Kind, changes: usize, seed: u64) -> (Seen, Seen, usize) {
    // Clients end first, then the servers that they talk to.
    let (enough, stop, round) = (&AtomicBool::new(false), &AtomicBool::new(false), &AtomicU32::new(0));
    let (inbound, outbound) = (Mutex::new(Seen::default()), Mutex::new(Seen::default()));
    let mut moved = 0;
    scope(|within| {
        // Whatever fails in here, the other threads are to end.
        let _end = (End(enough), End(stop));
        let (tell, told) = channel();
        let (go, gone) = channel::<()>();
        let inbound = &inbound;
        within.spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            tell.send(format!("/proc/{}/task/{}/ns/net", std::process::id(), nix::unistd::gettid())).unwrap();
            if gone.recv().is_err() {
                return;
            }
            assert!(pod.feed("ip", &["-batch", "-"], OUTSIDE).succeeded());
            serve(within, stop, 80, REAL, false);
            tell.send(String::new()).unwrap();
            if gone.recv().is_ok() {
                let _end = tell;
                *inbound.lock().unwrap() = client(enough, round, INBOUND, pod_address);
            }
        });
        let there = told.recv().unwrap();
        let moving = pod.feed("ip", &["link", "set", "peer0", "netns", &there], "");
        assert!(moving.succeeded(), "{moving:?}");
        go.send(()).unwrap();
        told.recv().unwrap();
        let routed = pod.feed("ip", &["-6", "route", "add", "fd98::/64", "via", "fd00::1"], "");
        assert!(routed.succeeded(), "{routed:?}");
        serve(within, stop, 15001, OUTBOUND, false);
        serve(within, stop, 15006, INBOUND, true);
        serve(within, stop, 8080, REAL, false);
        serve(within, stop, 8081, REAL, false);
        // Without rules, connections reach the real servers.
        for number in 0..2 {
            // The link has just come up: the first packets may be lost.
            let real = (0..5).map(|_| connect(outside(number))).find(|answer| *answer == Ok(REAL));
            assert_eq!(real, Some(Ok(REAL)));
        }
        change(pod, kind, FLAGS[0]);
        go.send(()).unwrap();
        let outbound = &outbound;
        let out = within.spawn(move || *outbound.lock().unwrap() = client(enough, round, OUTBOUND, outside));
        let mut dice = Dice::new(seed);
        let (mut now, mut place) = (0, kind);
        for number in 0..changes {
            round.store(number as u32 + 1, Ordering::Relaxed);
            now = (now + 1 + dice.below(3) as usize) % FLAGS.len();
            if dice.one_in(8) {
                moved += usize::from(place != place.other());
                place = place.other();
            }
            change(pod, place, FLAGS[now]);
        }
        enough.store(true, Ordering::Relaxed);
        // The other client ends by hanging up.
        let _ = told.recv();
        out.join().unwrap();
    });
    (outbound.into_inner().unwrap(), inbound.into_inner().unwrap(), moved)
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn no_gap(kind: Kind, seed: u64) {
    let changes = times(200, 20);
    let Some((outbound, inbound, moved)) = in_pod(|pod| detect(pod, kind, changes, seed)) else { return };
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
    assert!(outbound.proxied > 100 && inbound.proxied > 100);
}

#[test]
fn legacy_changes_have_no_gap() {
    no_gap(Kind::Legacy, 6);
}

#[test]
fn nft_changes_have_no_gap() {
    no_gap(Kind::Nft, 7);
}

#[test]
fn native_changes_leave_no_gap() {
    no_gap(Kind::Native, 8);
}
