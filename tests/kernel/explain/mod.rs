//! Holds the simulation against the kernel: random packets are sent for real, under random configurations and under
//! arbitrary rules, alone and among foreign rules and tables, with each variant of iptables and with nftables, and each
//! must arrive at the place that `explain` gives, and nowhere else.
//!
//! `EXPLAIN_SEED` repeats a run, `EXPLAIN_CONFIGURATIONS` makes it longer or shorter. Needs root, ip and
//! iptables of both variants; without them it fails in CI, and is reported elsewhere. All rules are loaded in
//! network namespaces of its own.

mod flags;
mod foreign;
mod live;
mod namespace;
mod packets;
mod rules;
mod send;
mod servers;
mod sockets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flags::Call;
use foreign::Foreign;
use harness::Backend;
use harness::ROOT;
use harness::Random;
use istio_iptables::capture::Plan;
use istio_iptables::explain::{Direction, Endpoint, Listeners, PacketProtocol, Place, Scene, Trace, Verdict};
use istio_iptables::net::Family;
use istio_iptables::netfilter::{ConntrackState, Layer, restore};
use namespace::{Net, option};
use packets::{Kinds, Parcel};
use servers::{Arrival, Log, Servers, Side};

/// How many configurations, as many with foreign rules, and how many sets of arbitrary rules, each backend gets.
const CONFIGURATIONS: usize = 40;
/// How many packets are sent under each.
const PACKETS: usize = 60;
/// How long a packet that is to arrive may take; this is only waited for if one does not.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Count {
    packets: usize,
    captured: usize,
    left_alone: usize,
    lost: usize,
    not_certain: usize,
    in_vain: usize,
    different: Vec<String>,
}

#[test]
fn the_kernel_does_what_explain_predicts() {
    if !can_run() {
        return;
    }
    let number = |name: &str| std::env::var(name).ok().map(|v| v.parse::<u64>().expect("a number"));
    let seed = number("EXPLAIN_SEED").unwrap_or(20_260_801);
    let configurations = number("EXPLAIN_CONFIGURATIONS").map_or(CONFIGURATIONS, |n| n as usize);
    let began = Instant::now();
    let counts: Vec<_> = std::thread::scope(|scope| {
        let run = |(number, backend)| scope.spawn(move || kernel_with(backend, seed ^ number, configurations));
        let runs: Vec<_> = (0..).zip(Backend::ALL).map(run).collect();
        runs.into_iter().map(|t| t.join().expect("no panic")).collect()
    });
    let mut different = Vec::new();
    for (backend, count) in Backend::ALL.into_iter().zip(counts) {
        eprintln!(
            "{}: {} packets under {configurations} configurations, as many with foreign rules, and as many sets of arbitrary rules ({} captured, {} not captured, {} lost, {} arrived in vain, {} not certain), {} different",
            backend.name(),
            count.packets,
            count.captured,
            count.left_alone,
            count.lost,
            count.in_vain,
            count.not_certain,
            count.different.len()
        );
        different.extend(count.different);
    }
    eprintln!("seed {seed}, {:.1} s", began.elapsed().as_secs_f64());
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}

/// Whether there is what the tests need.
fn can_run() -> bool {
    let programs = Backend::restores().into_iter().chain(["ip", "nft"].map(str::to_owned));
    harness::can_run(&programs.collect::<Vec<_>>())
}

fn kernel_with(backend: Backend, seed: u64, configurations: usize) -> Count {
    let mut random = Random::new(seed);
    let mut count = Count::default();
    for _ in 0..configurations {
        configuration(backend, &mut random, &mut count);
        foreign_rules(backend, &mut random, &mut count);
        arbitrary_rules(backend, &mut random, &mut count);
    }
    count
}

/// Sends some packets under one random configuration.
fn configuration(backend: Backend, random: &mut Random, count: &mut Count) {
    let call = Call::random(random);
    let (config, plan) = call.plan();
    let what = Batch { plan: &plan, listeners: Listeners::of(&config), kinds: Kinds::All, text: format!("{call:?}") };
    let net = Net::new();
    net.load(&plan, backend);
    batch(backend, &net, &[istio_iptables::explain::in_force(&plan.rules, option(backend))], random, &what, count);
}

/// Sends some packets under one random configuration among foreign rules, as they are read from the kernel.
fn foreign_rules(backend: Backend, random: &mut Random, count: &mut Count) {
    let call = Call::random(random);
    let (config, plan, options) = call.call();
    let foreign = Foreign::random(random, backend);
    let net = Net::new();
    net.load(&plan, backend);
    foreign.load(&net);
    let called = istio_iptables::commands::Call { config: &config, plan: &plan, options: &options };
    let live = net.pod.enter(ROOT, || istio_iptables::commands::explain::look(called)).expect("the rules can be read");
    let kinds = if foreign.stops_answers { Kinds::WithoutAnswer } else { Kinds::All };
    let text = format!("{call:?}\n{foreign:#?}\n{:#?}", live.left_out);
    let what = Batch { plan: &plan, listeners: Listeners::of(&config), kinds, text };
    batch(backend, &net, &live.layers, random, &what, count);
}

/// Sends some packets under random rules, which no configuration makes. Since they may stop answers too, no
/// packet here needs one.
fn arbitrary_rules(backend: Backend, random: &mut Random, count: &mut Count) {
    let plan = rules::plan(random);
    let (config, _) = Call::default().plan();
    let mut text = String::new();
    for family in Family::BOTH {
        text.push_str(&restore::script(&plan.rules, family));
    }
    let what = Batch { plan: &plan, listeners: Listeners::of(&config), kinds: Kinds::WithoutAnswer, text };
    let net = Net::new();
    net.load(&plan, backend);
    batch(backend, &net, &[istio_iptables::explain::in_force(&plan.rules, option(backend))], random, &what, count);
}

/// What packets are sent under.
struct Batch<'a> {
    plan: &'a Plan,
    listeners: Listeners,
    kinds: Kinds,
    /// For a reader of failures.
    text: String,
}

/// Sends some packets.
fn batch(backend: Backend, net: &Net, layers: &[Layer], random: &mut Random, what: &Batch<'_>, count: &mut Count) {
    let pod = packets::pod(net);
    let scene = Scene { layers, routing: &what.plan.routing, pod: &pod, listeners: what.listeners };
    let log = Arc::new(Log::default());
    let servers = [(&net.pod, Side::Pod), (&net.world, Side::World)]
        .map(|(namespace, side)| Servers::start(namespace, side, &log).expect("the servers start"));
    let parcels: Vec<_> = (0..PACKETS)
        .map(|number| packets::random(random, what.kinds, what.plan, &pod, 20_000 + number as u16))
        .filter(|parcel| {
            let trace = scene.follow(&parcel.packet);
            let doubtful = in_vain(&trace) && trace.broken.as_ref().is_some_and(|broken| broken.doubt.is_some());
            let certain = !matches!(trace.verdict, Verdict::NotCertain { .. }) && !doubtful;
            count.not_certain += usize::from(!certain);
            certain && !is_martian(parcel, &trace)
        })
        .collect();
    let traces: Vec<_> = parcels.iter().map(|p| scene.follow(&p.packet)).collect();
    let expected: Vec<_> = traces.iter().map(expected).collect();
    let arrivals = |number: u64, parcel: &Parcel, trace: &Trace| match in_vain(trace) {
        true => log.in_vain(number, parcel.packet.from.port),
        false => log.arrivals(number),
    };
    let sent: Vec<_> = (0..).zip(parcels.iter().zip(&traces)).collect();
    let awaited: Vec<_> = sent.iter().zip(&expected).filter(|(_, e)| e.is_some()).map(|(sent, _)| *sent).collect();
    let done = || awaited.iter().all(|(number, (parcel, trace))| !arrivals(*number, parcel, trace).is_empty());
    let patience = Instant::now() + PATIENCE;
    std::thread::scope(|scope| {
        for (namespace, direction) in [(&net.pod, Direction::Out), (&net.world, Direction::In)] {
            let (sent, servers) = (&sent, &servers);
            scope.spawn(move || {
                namespace.join();
                let mine = sent.iter().filter(|(_, (p, _))| p.packet.direction == direction);
                // What arrives in vain is known by its source port.
                let mine = mine.map(|(number, (p, trace))| (*number, *p, p.bound || in_vain(trace)));
                let sent: Vec<_> = mine
                    .filter_map(|(number, p, bound)| match send::send(&p.packet, number, bound) {
                        // A rule at OUTPUT dropped it: the sender gets an error, and nothing arrives.
                        Err(error) if error.raw_os_error() == Some(nix::libc::EPERM) => None,
                        sent => Some(sent.unwrap_or_else(|e| panic!("{}: {e}", p.words))),
                    })
                    .collect();
                let mut begun = send::Begun::of(&sent);
                while !done() && Instant::now() < patience {
                    begun.complete(5);
                }
                // What should not arrive has done so nevertheless once nothing is under way any more.
                send::wait_until_delivered();
                begun.complete(0);
                send::wait_until_delivered();
                servers.iter().for_each(Servers::wait);
            });
        }
    });
    for (number, ((parcel, trace), expected)) in (0..).zip(parcels.iter().zip(&traces).zip(expected)) {
        count.packets += 1;
        match (&trace.verdict, &expected) {
            (Verdict::Captured { .. }, _) => count.captured += 1,
            (_, Some(_)) => count.left_alone += 1,
            (_, None) => count.lost += 1,
        }
        let arrived = arrivals(number, parcel, trace);
        count.in_vain += usize::from(in_vain(trace));
        if arrived != expected.iter().cloned().collect::<Vec<_>>() {
            let rest =
                format!("expected {expected:?}\narrived  {arrived:?}\n{}\nbound: {}\n{trace}", what.text, parcel.bound);
            count.different.push(format!("{} {}\n{rest}", backend.name(), parcel.words));
        }
    }
}

/// Where the packet arrives if the simulation is right.
fn expected(trace: &Trace) -> Option<Arrival> {
    let address = |end: Endpoint| SocketAddr::new(end.address, end.port);
    let (side, port) = match &trace.verdict {
        Verdict::Captured { port, .. } => (Side::Pod, *port),
        Verdict::NotCaptured { place: Place::Pod, to, .. } => (Side::Pod, to.port),
        Verdict::NotCaptured { place: Place::Out(_), to, .. } => (Side::World, to.port),
        Verdict::NotCaptured { place: Place::Forwarded, .. } | Verdict::NotRouted { .. } | Verdict::Dropped { .. } => {
            return None;
        }
        Verdict::FollowsConnection { .. } => unreachable!("no packet here belongs to a connection"),
        Verdict::NotCertain { .. } => unreachable!("such a packet is not sent"),
    };
    // A packet of no connection is seen on the wire, whichever host receives it.
    let on_wire = trace.packet.transport != PacketProtocol::Tcp
        || trace.packet.state == ConntrackState::Invalid
        || in_vain(trace);
    match on_wire {
        false => Some(Arrival { side, port, destination: address(trace.packet.to) }),
        true => {
            let destination = address(trace.destination);
            let port = if trace.packet.transport == PacketProtocol::Tcp { destination.port() } else { port };
            Some(Arrival { side, port, destination })
        }
    }
}

/// Whether the packet opens a connection that is never established: then it is seen to arrive, and nothing accepts it.
fn in_vain(trace: &Trace) -> bool {
    trace.broken.is_some() && trace.packet.transport == PacketProtocol::Tcp
}

/// What no rule decides: the kernel does not let a loopback address out, or in from outside.
fn is_martian(parcel: &Parcel, trace: &Trace) -> bool {
    let leaves = trace.verdict.brief() != "dropped"
        && matches!(&trace.verdict, Verdict::NotCaptured { place: Place::Out(_), .. });
    leaves && parcel.packet.from.address.is_loopback()
}
