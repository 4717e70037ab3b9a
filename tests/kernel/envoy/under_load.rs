//! Many requests, and rules that change meanwhile.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::for_all;
use super::sidecar::{Mesh, answer, ask, request};
use crate::support::{Client, Family};

for_all!(a_thousand_connections_each_way, rules_change_meanwhile);

const CONNECTIONS: usize = 1_000;

/// All are open at the same time before the first asks.
fn a_thousand_connections_each_way(mesh: Mesh) {
    // One at a time: each is enough for a machine.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    mesh.apply(&[]);
    let out = SocketAddr::new(Family::Ipv4.service(), 80);
    let inwards = SocketAddr::new(Family::Ipv4.pod(), 8080);
    for (name, client, to) in [("server", mesh.application(), out), ("app", mesh.caller(), inwards)] {
        let start = Instant::now();
        let open = |_| client.stream(to).expect("a connection");
        let mut streams: Vec<_> = (0..CONNECTIONS).map(open).collect();
        let opened = start.elapsed();
        for (number, stream) in streams.iter_mut().enumerate() {
            // The servers answer one after the other.
            stream.set_read_timeout(Some(Duration::from_secs(300))).unwrap();
            ask(stream, &format!("/{number}")).unwrap();
        }
        for (number, stream) in streams.iter_mut().enumerate() {
            let text = answer(stream).unwrap_or_else(|e| panic!("{name}, request {number}: {e}"));
            assert!(text.starts_with(name) && text.ends_with(&format!(" /{number}")), "{text}");
        }
        eprintln!("{CONNECTIONS} connections to {to}: open in {opened:?}, answered in {:?}", start.elapsed());
        drop(streams);
        let lines = mesh.wait_for_log("all in the log", CONNECTIONS, |l| l.to == to);
        assert_eq!(lines.len(), CONNECTIONS);
        assert!(lines.iter().all(|l| l.at == Some(to) && l.flags == "-"));
    }
}

/// Other rules and back again, while requests go both ways: none fails, and none passes Envoy by.
fn rules_change_meanwhile(mesh: Mesh) {
    const CHANGES: usize = 10;
    mesh.apply(&[]);
    let done = AtomicBool::new(false);
    let calls: Vec<_> = [Family::Ipv4, Family::Ipv6]
        .into_iter()
        .flat_map(|f| {
            let (out, inwards) = (SocketAddr::new(f.service(), 80), SocketAddr::new(f.pod(), 8080));
            [(mesh.application(), out), (mesh.caller(), inwards)]
        })
        .collect();
    let ask = |(client, to): (Client<'_>, SocketAddr)| {
        let mut count = 0;
        loop {
            request(client, to, "/").unwrap_or_else(|e| panic!("request {count} to {to}: {e}"));
            count += 1;
            if done.load(Ordering::Relaxed) {
                return (to, count);
            }
        }
    };
    thread::scope(|scope| {
        let asking: Vec<_> = calls.into_iter().map(|call| scope.spawn(move || ask(call))).collect();
        for _ in 0..CHANGES {
            mesh.apply(&["-o", "9090,9999", "-x", "10.88.0.0/16", "-d", "15090,15021,15020,7777"]);
            mesh.apply(&[]);
        }
        done.store(true, Ordering::Relaxed);
        for asking in asking {
            let (to, count) = asking.join().expect("no request failed");
            eprintln!("{count} requests to {to} during {} changes", 2 * CHANGES);
            let lines = mesh.wait_for_log("all in the log", count, |l| l.to == to);
            assert_eq!(lines.len(), count, "requests in the log");
        }
    });
}
