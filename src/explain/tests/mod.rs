use std::ffi::OsString;
use std::io;
use std::net::IpAddr;

use expect_test::Expect;

use super::*;
use crate::capture::{Plan, plan};
use crate::cli;
use crate::config::{Config, Host, Options, Problems, host};

mod connections;
mod forms;
mod order;
mod other_packets;
mod packets;
mod ways;

/// A host with these addresses and name servers.
struct Fake {
    addresses: Vec<IpAddr>,
    resolv_conf: String,
}

impl Host for Fake {
    fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        Ok(self.addresses.clone())
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        Ok(if path == host::RESOLV_CONF { self.resolv_conf.clone().into_bytes() } else { Vec::new() })
    }
}

/// The flags that Istio's injector gives, as in the README.
pub(super) const README: &str = "-p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x '' -b * -d 15090,15021,15020";

pub(super) fn planned(flags: &str, servers: &[&str]) -> (Config, Plan, Pod) {
    let words = flags.split_ascii_whitespace().map(|w| if w == "''" { "" } else { w });
    let (variables, flags): (Vec<_>, Vec<_>) = words.partition(|w| w.starts_with("ISTIO_"));
    let variable = |name: &str| {
        let found = variables.iter().find_map(|v| v.split_once('=').filter(|(n, _)| *n == name));
        found.map(|(_, value)| OsString::from(value))
    };
    let argv = ["istio-iptables"].into_iter().chain(flags).map(OsString::from).collect();
    let cli::Parsed::Call(call) = cli::parse(argv, &variable) else { panic!("not a call") };
    let mut problems = Problems::default();
    let options = Options::read(call.command, &call.flags, &mut problems);
    let pod = Pod { name_servers: servers.iter().map(|s| s.parse().unwrap()).collect(), ..Pod::default() };
    let addresses = pod.interfaces.iter().flat_map(|i| i.addresses.clone()).collect();
    let resolv_conf = servers.iter().map(|s| format!("nameserver {s}\n")).collect();
    let config = Config::resolve(&call.flags, &options, &Fake { addresses, resolv_conf }, &mut problems);
    assert!(call.errors.is_empty() && problems.errors.is_empty(), "{:?} {:?}", call.errors, problems.errors);
    let plan = plan(&config);
    (config, plan, pod)
}

pub(super) fn follow(flags: &str, packet: &str) -> Trace {
    let (config, plan, pod) = planned(flags, &["10.96.0.10"]);
    let request = Request::parse([packet]).unwrap();
    let packet = Packet::resolve(&request, &pod, &plan.routing).unwrap();
    let listeners = Listeners::of(&config);
    let layers = [plan.rules.into()];
    Scene { layers: &layers, routing: &plan.routing, pod: &pod, listeners }.follow(&packet)
}

fn check(flags: &str, packet: &str, expected: Expect) {
    expected.assert_eq(&follow(flags, packet).to_string());
}

fn sentence(flags: &str, packet: &str, expected: Expect) {
    expected.assert_eq(&follow(flags, packet).verdict.to_string());
}
