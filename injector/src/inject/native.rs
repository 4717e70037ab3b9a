//! Whether the proxy becomes a native sidecar: an init container that keeps running, which kubelets know from 1.33 on.

use crate::value::EcoString;

/// The first minor version of Kubernetes whose kubelets have native sidecars for good.
const FIRST_MINOR: u64 = 33;

/// `ENABLE_NATIVE_SIDECARS`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Always.
    Enabled,
    /// Never.
    Disabled,
    /// If the nodes are new enough.
    #[default]
    Auto,
}

impl Mode {
    /// Reads the variable; nothing for a text that is none of the three (Istio then takes it for `false`).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "true" => Some(Mode::Enabled),
            "false" => Some(Mode::Disabled),
            "auto" => Some(Mode::Auto),
            _ => None,
        }
    }
}

/// A node: its name, and the version of its kubelet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The name; may be empty if only versions are known.
    pub name: EcoString,
    /// The version: `v1.33.2-gke.100`.
    pub kubelet_version: EcoString,
}

/// Whether a pod gets a native sidecar. `nodes` is `None` if the nodes are unknown; `node` is the node that the pod is
/// bound to.
pub fn detect(mode: Mode, nodes: Option<&[Node]>, node: Option<&str>) -> bool {
    match (mode, nodes) {
        (Mode::Enabled, _) => true,
        (Mode::Disabled, _) | (Mode::Auto, None) => false,
        (Mode::Auto, Some(nodes)) => {
            let bound = node.filter(|name| !name.is_empty()).and_then(|name| nodes.iter().find(|n| n.name == name));
            match bound {
                Some(node) => is_new_enough(&node.kubelet_version),
                // One old node disables them everywhere: the pod could be scheduled on it.
                None => nodes.iter().all(|node| is_new_enough(&node.kubelet_version)),
            }
        }
    }
}

/// A version that cannot be parsed counts as old.
fn is_new_enough(version: &str) -> bool {
    minor(version).is_some_and(|minor| minor >= FIRST_MINOR)
}

fn minor(version: &str) -> Option<u64> {
    let version = version.strip_prefix('v').unwrap_or(version);
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    let (numbers, rest) = version.split_at(end);
    let suffix = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '~' | '.' | '+');
    if !rest.chars().all(suffix) || rest.ends_with(['-', '+', '.']) {
        return None;
    }
    let mut numbers = numbers.split('.').map(|n| n.parse::<u64>().ok());
    numbers.next()??;
    let minor = numbers.next().unwrap_or(Some(0))?;
    numbers.all(|n| n.is_some()).then_some(minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(versions: &[&str]) -> Vec<Node> {
        let node = |(i, version): (usize, &&str)| Node {
            name: format!("node-{i}").into(),
            kubelet_version: (*version).into(),
        };
        versions.iter().enumerate().map(node).collect()
    }

    #[test]
    fn versions_of_kubelets_are_read() {
        let new =
            ["v1.33.0", "1.33", "v1.34.1+k3s1", "v1.33.0-eks-abc123", "v1.33.4-gke.1245000", "v1.40.0-rc.1", "v2.33"];
        let old = ["v1.32.9", "v1.28.0", "v1", "", "x", "v1.x", "v1.33.", "v1.33.0-", "1.33.0 beta"];
        new.iter().for_each(|v| assert!(is_new_enough(v), "{v:?}"));
        old.iter().for_each(|v| assert!(!is_new_enough(v), "{v:?}"));
    }

    #[test]
    fn the_mode_decides_then_the_pods_node_then_all_nodes() {
        let mixed = nodes(&["v1.28.0", "v1.34.0"]);
        let new = nodes(&["v1.33.0", "v1.34.0"]);
        let cases = [
            (Mode::Enabled, None, None, true),
            (Mode::Disabled, Some(&new), None, false),
            (Mode::Auto, None, None, false),
            (Mode::Auto, Some(&new), None, true),
            (Mode::Auto, Some(&mixed), None, false),
            (Mode::Auto, Some(&mixed), Some("node-1"), true),
            (Mode::Auto, Some(&mixed), Some("node-0"), false),
            (Mode::Auto, Some(&new), Some("unknown"), true),
            (Mode::Auto, Some(&mixed), Some(""), false),
        ];
        for (mode, nodes, node, want) in cases {
            assert_eq!(detect(mode, nodes.map(Vec::as_slice), node), want, "{mode:?} {nodes:?} {node:?}");
        }
        assert!(detect(Mode::Auto, Some(&[]), None), "without nodes there is no old one");
    }

    #[test]
    fn the_variable_has_three_values() {
        let values = [("true", Mode::Enabled), ("false", Mode::Disabled), ("auto", Mode::Auto)];
        values.into_iter().for_each(|(text, mode)| assert_eq!(Mode::parse(text), Some(mode)));
        assert_eq!(Mode::parse("1"), None);
    }
}
