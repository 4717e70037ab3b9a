//! What the CNI plugin costs: each command as a container runtime calls it, for a namespace that is not its own.

use std::path::Path;

use crate::Result;
use crate::cases::{Prepared, Target};
use crate::programs::Program;

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
const TARGET: Target = Target { ratio: None, milliseconds: Some(3.0), kib: Some(4 * 1024) };

/// The rows. An `ADD` is compared with the init program that makes the same rules in the same way.
pub fn rows(plugin: &Path, init: &Program) -> Result<impl Iterator<Item = Prepared>> {
    let call = |command: &str| Program::at(plugin, &[]).reading("cni.json", CONFIGURATION).map(|p| p.calling(command));
    let (add, check, del, version) = (call("ADD")?, call("CHECK")?, call("DEL")?, call("VERSION")?);
    let flags = ["-u", "1337", "-i", "*", "-b", "*", "-d", "15020,15021,15090", "--ip-families=ipv4"];
    let init = init.with(&flags).with(&["--native-nftables"]);
    let ip = |arguments: &[&str]| Program::named("ip", arguments);
    let pod = [
        ip(&["-all", "netns", "delete"])?,
        ip(&["netns", "add", "pod"])?,
        ip(&["-n", "pod", "link", "set", "lo", "up"])?,
    ];
    let row = |name: &str, before: &[&Program], ours: Program, target| Prepared {
        name: format!("CNI {name}, IPv4"),
        before: pod.iter().chain(before.iter().copied()).map(|program| vec![program.clone()]).collect(),
        ours,
        bare: None,
        runs_programs: false,
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

impl Program {
    /// The same as a call of a plugin, with the variables of the CNI specification.
    fn calling(self, command: &str) -> Self {
        let variables = [
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "pod"),
            ("CNI_NETNS", "/run/netns/pod"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", "/opt/cni/bin"),
            ("CNI_ARGS", "K8S_POD_NAMESPACE=default;K8S_POD_NAME=web"),
        ];
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Program { environment, ..self }
    }
}
