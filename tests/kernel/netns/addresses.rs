//! Which addresses a network namespace has, as the program reads them.

use std::net::IpAddr;

use harness::{Namespace, ROOT, can_run};
use istio_iptables::kernel::host::interfaces;
use nix::ifaddrs::getifaddrs;

#[test]
fn the_addresses_are_those_that_the_c_library_finds() {
    if !can_run(&["ip"]) {
        return;
    }
    let pod = Namespace::new("pod");
    // The two interfaces stay down: the kernel would give them more addresses, some time later.
    pod.ip("link set lo up
         link add eth0 type veth peer name a-long-name-15b
         address add 10.0.0.1/24 dev eth0
         address add 10.0.0.2/24 dev eth0
         address add fd00::1/64 dev eth0 nodad
         address add 10.1.0.1 peer 10.1.0.2 dev a-long-name-15b
         address add fd01::1 peer fd01::2 dev a-long-name-15b nodad");
    let (ours, known) = pod.enter(ROOT, || (interfaces().unwrap(), by_the_c_library()));
    assert_eq!(ours, known);
    let has = |name: &str, address: &str| ours.contains(&(name.to_owned(), address.parse().unwrap()));
    assert!(has("lo", "127.0.0.1") && has("eth0", "10.0.0.2") && has("eth0", "fd00::1"), "{ours:?}");
    assert!(has("a-long-name-15b", "10.1.0.1") && has("a-long-name-15b", "fd01::1"), "{ours:?}");
}

fn by_the_c_library() -> Vec<(String, IpAddr)> {
    let known = getifaddrs().unwrap().filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
        let address = v4.or_else(|| address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))?;
        Some((interface.interface_name, address))
    });
    known.collect()
}
