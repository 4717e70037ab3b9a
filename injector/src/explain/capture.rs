//! What the init container captures: its arguments, and what becomes of the pod's traffic with them.

use istio_iptables::Traffic;

use crate::inject::rules_container;
use crate::value::{EcoString, Value};

/// How a pod's traffic is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The init container that makes the rules, or checks those of the CNI plugin.
    pub container: EcoString,
    /// Whether it only checks.
    pub checks: bool,
    /// The arguments for `istio-iptables`.
    pub arguments: Vec<String>,
    /// What becomes of each kind of traffic; what is wrong with the arguments, if they make no rules.
    pub traffic: Result<Vec<Traffic>, Vec<String>>,
    /// What becomes of a client's connection to each port that a container declares, or that was asked about.
    pub ports: Vec<Port>,
}

/// A port of the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// The port.
    pub port: u16,
    /// What becomes of a connection to it.
    pub traffic: Traffic,
}

impl Capture {
    /// The rules of an injected pod; nothing if no init container makes any. The user asks about the port `asked`.
    pub fn of(pod: &Value, asked: Option<u16>) -> Option<Self> {
        let (container, checks) = rules_container(pod)?;
        let words = container.list_at(&["args"]).iter().filter_map(Value::as_str);
        let arguments: Vec<_> = words.skip_while(|word| *word == "istio-iptables").map(str::to_owned).collect();
        let given: Vec<_> = arguments.iter().map(String::as_str).collect();
        let port = |port: u16| {
            let traffic =
                istio_iptables::traffic(&given, Some(&format!("in tcp to=:{port}"))).ok()?.into_iter().next()?;
            Some(Port { port, traffic })
        };
        let ports = match asked {
            Some(asked) => vec![asked],
            None => declared(pod),
        };
        Some(Capture {
            container: container.str_at(&["name"]).unwrap_or_default().into(),
            checks,
            ports: ports.into_iter().filter_map(port).collect(),
            traffic: istio_iptables::traffic(&given, None),
            arguments,
        })
    }
}

/// The TCP ports that the containers of a pod declare, in their order, without the proxy's.
fn declared(pod: &Value) -> Vec<u16> {
    let containers = pod.list_at(&["spec", "containers"]).iter();
    let own = containers.filter(|container| container.str_at(&["name"]) != Some("istio-proxy"));
    let ports = own.flat_map(|container| container.list_at(&["ports"]));
    let tcp = ports.filter(|port| matches!(port.str_at(&["protocol"]), None | Some("TCP" | "")));
    let numbers = tcp.filter_map(|port| u16::try_from(port.get("containerPort")?.as_i64()?).ok());
    let mut seen = Vec::new();
    for number in numbers {
        if !seen.contains(&number) {
            seen.push(number);
        }
    }
    seen
}
