//! The pod that packets are followed in: this network namespace, as far as it is set up.

use std::net::IpAddr;
use std::sync::Arc;

use crate::config::Config;
use crate::config::host::{self, Host};
use crate::explain::{Pod, PodInterface};
use crate::kernel::host::{ThisHost, default_interface, interfaces};
use crate::kernel::routes::KernelWays;
use crate::net::{Family, Interface};

/// The pod as this network namespace is; a usual one if there is no address yet. Its name servers are read
/// if they matter.
pub(super) fn look(config: &Config, name_servers: bool) -> Pod {
    let mut pod = Pod { interfaces: Vec::new(), name_servers: Vec::new(), ways: None };
    for (name, address) in interfaces().unwrap_or_default() {
        let Ok(name) = Interface::parse(&name) else { continue };
        if name == Interface::loopback() || !host::is_global(&address) {
            continue;
        }
        match pod.interfaces.iter_mut().find(|i| i.name == name) {
            Some(interface) => interface.addresses.push(address),
            None => pod.interfaces.push(PodInterface { name, addresses: vec![address] }),
        }
    }
    let default = default_interface();
    if let Some(at) = pod.interfaces.iter().position(|i| Some(i.name.as_str()) == default.as_deref())
        && let Some(first) = pod.interfaces.get_mut(..=at)
    {
        first.rotate_right(1);
    }
    match KernelWays::open() {
        Ok(ways) => pod.ways = Some(Arc::new(ways)),
        Err(error) => log::info!("cannot read the routes: {error}"),
    }
    if pod.interfaces.is_empty() {
        log::info!("this network namespace has no address: assuming a pod with eth0");
        let usual = Pod::default().interfaces.into_iter().flat_map(|i| i.addresses);
        pod = Pod::with_addresses(usual.filter(|a: &IpAddr| config.families.contains(Family::of(*a))));
    }
    if name_servers {
        pod.name_servers = ThisHost.read(host::RESOLV_CONF).map(|t| host::name_servers(&t)).unwrap_or_default();
    }
    pod
}
