//! What the CNI plugin costs: each command as a container runtime calls it, for a namespace that is not its own.

use std::path::Path;
use std::thread;
use std::time::Instant;

use serde::Serialize;

use crate::cases::{Prepared, Target};
use crate::measure::Times;
use crate::programs::{Program, Took, run};
use crate::{Result, namespace};

/// What a runtime writes to standard input for a pod of Istio's injector, after another plugin has made its network.
const CONFIGURATION: &str = r#"{
  "cniVersion": "1.0.0", "name": "pod", "type": "istio-cni",
  "capabilities": {"io.kubernetes.cri.pod-annotations": true},
  "runtimeConfig": {"io.kubernetes.cri.pod-annotations": {
    "sidecar.istio.io/status": "{\"initContainers\":[\"istio-validation\"],\"containers\":[\"istio-proxy\"]}"
  }},
  "prevResult": {"cniVersion": "1.0.0", "ips": [{"address": "10.88.0.2/24"}], "dns": {}}
}"#;

/// The most that an `ADD` should take.
const TARGET: Target = Target { milliseconds: Some(3.0), kib: Some(4 * 1024), of_floor: None, above_floor: None };

/// The rows. An `ADD` is compared with the init program that makes the same rules in the same way.
pub fn rows(plugin: &Path, init: &Program) -> Result<impl Iterator<Item = Prepared>> {
    let call = |command: &str| called(plugin, command, "pod");
    let (add, check, del, version) = (call("ADD")?, call("CHECK")?, call("DEL")?, call("VERSION")?);
    let flags = ["-u", "1337", "-i", "*", "-b", "*", "-d", "15020,15021,15090", "--ip-families=ipv4"];
    let init = init.with(&flags).with(&["--native-nftables"]);
    let ip = |arguments: &[&str]| Program::named("ip", arguments);
    let pod = [ip(&["-all", "netns", "delete"])?].into_iter().chain(namespace_of("pod")?).collect::<Vec<_>>();
    let row = |name: &str, before: &[&Program], ours: Program, target| Prepared {
        name: format!("CNI {name}, IPv4"),
        before: pod.iter().chain(before.iter().copied()).map(|program| vec![program.clone()]).collect(),
        ours,
        bare: None,
        floor: None,
        target,
    };
    let none = Target::default();
    let bare = Some((vec![vec![init]], "istio-iptables, native"));
    Ok([
        Prepared { bare, ..row("ADD", &[], add.clone(), TARGET) },
        row("CHECK", &[&add], check, none),
        row("DEL", &[&add], del, none),
        row("VERSION", &[], version, none),
    ]
    .into_iter())
}

/// What makes the network namespace of a pod, as far as the plugin needs it.
fn namespace_of(pod: &str) -> Result<[Program; 2]> {
    Ok([Program::named("ip", &["netns", "add", pod])?, Program::named("ip", &["-n", pod, "link", "set", "lo", "up"])?])
}

/// A call of the plugin for a pod.
fn called(plugin: &Path, command: &str, pod: &str) -> Result<Program> {
    Ok(Program::at(plugin, &[]).reading("cni.json", CONFIGURATION)?.calling(command, pod))
}

/// What `ADD` takes on a node with many pods, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Crowd {
    pub name: &'static str,
    pub pods: usize,
    /// From the first start to the last end.
    pub all: f64,
    /// The median of the first tenth of the pods, and of the last.
    pub first: f64,
    pub last: f64,
    pub slowest: f64,
}

/// A node that starts this many pods at once, and then one that starts this many one after the other.
const AT_ONCE: usize = 100;
const IN_A_ROW: usize = 500;

/// Measures both.
pub fn crowds(plugin: &Path) -> Result<[Crowd; 2]> {
    let took = |add: &Program| run(&vec![vec![add.clone()]]);
    let at_once = |adds: &[Program]| -> Result<Vec<Took>> {
        thread::scope(|scope| {
            let threads: Vec<_> = adds.iter().map(|add| scope.spawn(|| took(add).map_err(|e| e.to_string()))).collect();
            threads.into_iter().map(|thread| Ok(thread.join().map_err(|_| "a call panicked")??)).collect()
        })
    };
    let in_a_row = |adds: &[Program]| adds.iter().map(took).collect();
    Ok([
        crowd("CNI ADD, at once", plugin, AT_ONCE, at_once)?,
        crowd("CNI ADD, one after the other", plugin, IN_A_ROW, in_a_row)?,
    ])
}

fn crowd(
    name: &'static str,
    plugin: &Path,
    pods: usize,
    add_all: impl Fn(&[Program]) -> Result<Vec<Took>>,
) -> Result<Crowd> {
    namespace::fresh()?;
    run(&vec![vec![Program::named("ip", &["-all", "netns", "delete"])?]])?;
    let mut adds = Vec::new();
    for pod in (0..pods).map(|number| format!("pod-{number}")) {
        run(&namespace_of(&pod)?.map(|program| vec![program]).into())?;
        adds.push(called(plugin, "ADD", &pod)?);
    }
    namespace::settle();
    let start = Instant::now();
    let times = add_all(&adds)?;
    let all = start.elapsed().as_secs_f64() * 1e3;
    let median = |times: Option<&[Took]>| Times::of(times.unwrap_or_default()).median;
    let (first, last) = (median(times.get(..pods / 10)), median(times.get(pods - pods / 10..)));
    let slowest = times.iter().map(|took| took.time.as_secs_f64() * 1e3).fold(0.0, f64::max);
    Ok(Crowd { name, pods, all, first, last, slowest })
}

impl Program {
    /// The same as a call of a plugin for a pod, with the variables of the CNI specification.
    fn calling(self, command: &str, pod: &str) -> Self {
        let namespace = format!("/run/netns/{pod}");
        let variables = [
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", pod),
            ("CNI_NETNS", &namespace),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", "/opt/cni/bin"),
            ("CNI_ARGS", "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web"),
        ];
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Program { environment, ..self }
    }
}
