//! Random packets, by the words that a user would type.

use std::sync::Arc;

use istio_iptables::capture::Plan;
use istio_iptables::explain::{Packet, Pod, PodInterface, Request};
use istio_iptables::kernel::routes::KernelWays;
use istio_iptables::net::{Family, Interface};

use super::flags::PORTS;
use super::namespace::{Net, POD};
use harness::ROOT;
use harness::Random;

/// The pod of the test.
pub fn pod(net: &Net) -> Pod {
    let ways = net.pod.enter(ROOT, KernelWays::open).expect("the kernel's routing");
    let interface = |(name, addresses): (&str, [&str; 2])| PodInterface {
        name: Interface::parse(name).unwrap(),
        addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
    };
    Pod { interfaces: POD.into_iter().map(interface).collect(), name_servers: Vec::new(), ways: Some(Arc::new(ways)) }
}

/// Hosts of the world that the pod reaches by `eth0`.
const HOSTS: [&[&str]; 2] = [
    &["10.96.0.10", "10.96.0.1", "10.1.2.3", "8.8.8.8", "172.20.1.1", "192.168.5.5", "200.1.1.1"],
    &["fd00:96::a", "fd00:1::1", "2001:db8::5", "2600::1"],
];
/// Those that it reaches by `eth1`.
const HOSTS_BY_ETH1: [&str; 2] = ["10.200.1.1", "fd02:200::1"];
/// The pod's own.
const OWN: [&[&str]; 2] =
    [&["10.66.0.2", "10.67.0.2", "127.0.0.1", "127.0.0.6", "127.1.2.3"], &["fd66::2", "fd67::2", "::1"]];
const POD_V4: [&str; 2] = ["10.66.0.2", "10.67.0.2"];
const POD_V6: [&str; 2] = ["fd66::2", "fd67::2"];
/// Neither the pod's own, nor anywhere but after it; by `eth0`, by `eth1`.
const BEHIND: [[&str; 2]; 2] = [["10.77.0.5", "10.78.0.5"], ["fd77::5", "fd78::5"]];
const IDS: [u32; 8] = [0, 5, 202, 1000, 1337, 1338, 2000, 5000];

/// A packet to send.
pub struct Parcel {
    pub words: String,
    pub packet: Packet,
    /// Whether source address and port are those of the packet; else the kernel chooses them.
    pub bound: bool,
}

/// Which packets to send.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// All there are.
    All,
    /// Those that arrive without an answer to them: connections of TCP do not come about.
    WithoutAnswer,
}

/// A random packet; its source port is `port`, so that no two are of the same connection.
pub fn random(random: &mut Random, kinds: Kinds, plan: &Plan, pod: &Pod, port: u16) -> Parcel {
    let family = usize::from(random.percent(35));
    let mut parcel = if random.percent(65) { outbound(random, family, port) } else { inbound(random, family, port) };
    let tcp = parcel.words.contains(" tcp ");
    if kinds == Kinds::WithoutAnswer && tcp && (!parcel.bound || random.percent(80)) {
        parcel.words = parcel.words.replace(" tcp ", " udp ");
    } else if tcp && parcel.bound && (kinds == Kinds::WithoutAnswer || random.percent(12)) {
        parcel.words.push_str(" state=invalid");
    }
    let request = Request::parse([&parcel.words]).unwrap_or_else(|e| panic!("{}: {e:?}", parcel.words));
    let packet = Packet::resolve(&request, pod, &plan.routing).unwrap();
    assert_eq!(packet.family(), Family::BOTH[family]);
    Parcel { words: packet.to_string(), packet, bound: parcel.bound }
}

struct Words {
    words: String,
    bound: bool,
}

fn end(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

fn protocol(random: &mut Random) -> &'static str {
    if random.percent(72) { "tcp" } else { "udp" }
}

fn outbound(random: &mut Random, family: usize, port: u16) -> Words {
    let to_port = random.one(&PORTS);
    let transport = protocol(random);
    let mark = random.percent(20).then(|| random.one(&[1337_u32, 1338, 77, 7]));
    let mut words = format!("out {transport} uid={} gid={}", random.one(&IDS), random.one(&IDS));
    // If only its mark makes a destination local, the kernel finds no source address.
    let routed = matches!(mark, Some(1337 | 77));
    let bound = routed || random.percent(75);
    if let Some(mark) = mark {
        words.push_str(&format!(" mark={mark}"));
    }
    match random.below(10) {
        0 => {
            let from = if bound { end(["10.67.0.2", "fd67::2"][family], port) } else { format!(":{port}") };
            words.push_str(&format!(" from={from} to={}", end(HOSTS_BY_ETH1[family], to_port)));
        }
        1..=5 => {
            let from = if family == 0 { random.one(&POD_V4) } else { random.one(&POD_V6) };
            let from = if bound { end(from, port) } else { format!(":{port}") };
            words.push_str(&format!(" from={from} to={}", end(random.one(HOSTS[family]), to_port)));
        }
        _ => {
            let to = random.one(OWN[family]);
            let from = if bound { end(random.one(OWN[family]), port) } else { format!(":{port}") };
            words.push_str(&format!(" from={from} to={}", end(to, to_port)));
        }
    }
    Words { words, bound }
}

fn inbound(random: &mut Random, family: usize, port: u16) -> Words {
    let by_eth1 = usize::from(random.percent(35));
    let transport = protocol(random);
    let to = match random.percent(80) {
        true => [POD_V4, POD_V6][family][by_eth1],
        false => BEHIND[family][by_eth1],
    };
    let port = if transport == "udp" && random.percent(15) { 53 } else { port };
    let from = end(random.one(HOSTS[family]), port);
    let words = format!("in {transport} from={from} to={} iface=eth{by_eth1}", end(to, random.one(&PORTS)));
    Words { words, bound: true }
}
