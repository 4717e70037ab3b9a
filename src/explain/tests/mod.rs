use expect_test::Expect;

use super::*;
use crate::capture::{Plan, Routing, plan};
use crate::config::Config;
use crate::config::fake::{FakeHost, resolve};

mod connections;
mod forms;
mod order;
mod other_packets;
mod packets;
mod ways;

/// The flags that Istio's injector gives, as in the README.
pub(super) const README: &str = "-p 15001 -z 15006 -u 1337 -m REDIRECT -i * -x '' -b * -d 15090,15021,15020";

pub(super) fn planned(flags: &str, servers: &[&str]) -> (Config, Plan, Pod) {
    let words = flags.split_ascii_whitespace().map(|w| if w == "''" { "" } else { w });
    let (variables, flags): (Vec<_>, Vec<_>) = words.partition(|w| w.starts_with("ISTIO_"));
    let environment: Vec<_> = variables.iter().filter_map(|v| v.split_once('=')).collect();
    let pod = Pod { name_servers: servers.iter().map(|s| s.parse().unwrap()).collect(), ..Pod::default() };
    let addresses: Vec<_> = pod.interfaces.iter().flat_map(|i| &i.addresses).map(ToString::to_string).collect();
    let host = FakeHost::with(&addresses).name_servers(servers);
    let config = resolve(&flags, &environment, &host).valid().config;
    let plan = plan(&config);
    (config, plan, pod)
}

/// Follows a packet through these layers.
pub(super) fn through(layers: &[Layer], config: &Config, routing: &Routing, pod: &Pod, packet: &str) -> Trace {
    let packet = Packet::resolve(&Request::parse([packet]).unwrap(), pod, routing).unwrap();
    Scene { layers, routing, pod, listeners: Listeners::of(config) }.follow(&packet)
}

pub(super) fn follow(flags: &str, packet: &str) -> Trace {
    let (config, plan, pod) = planned(flags, &["10.96.0.10"]);
    through(&[plan.rules.into()], &config, &plan.routing, &pod, packet)
}

fn check(flags: &str, packet: &str, expected: Expect) {
    expected.assert_eq(&follow(flags, packet).to_string());
}

fn sentence(flags: &str, packet: &str, expected: Expect) {
    expected.assert_eq(&follow(flags, packet).verdict.to_string());
}
