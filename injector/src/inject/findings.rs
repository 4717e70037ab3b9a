//! Effects of an injection that the pod's user did not intend.

use std::fmt;

use super::has_agent;
use super::pod::{self, PROXY, Place, name};
use super::probes::{SLOTS, handler, is_wanted, kind};
use crate::annotations::{MERGE_METRICS, REWRITE_PROBES, STATUS};
use crate::go;
use crate::value::{EcoString, Map, Value};

/// The annotations that set resources of the proxy. Istio's template uses either these or the values, never both.
pub(crate) const RESOURCES: [&str; 4] = [
    "sidecar.istio.io/proxyCPU",
    "sidecar.istio.io/proxyCPULimit",
    "sidecar.istio.io/proxyMemory",
    "sidecar.istio.io/proxyMemoryLimit",
];

/// Something in the injected pod that does not work as it did before, or as intended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A probe, or a lifecycle handler, that fails when it is sent to the agent.
    Probe {
        /// The container that has it.
        container: EcoString,
        /// The field, such as `readinessProbe` or `lifecycle.preStop`.
        field: String,
        /// Why it fails.
        why: Why,
    },
    /// Annotations that set some resources of the proxy, and remove the rest.
    Resources {
        /// The annotation, the first if there are several.
        annotation: &'static str,
        /// The resources in the values that the proxy lacks: `limits.cpu` and so on.
        lost: Vec<String>,
    },
    /// An annotation that asks the agent for something, where the sidecar has none.
    NoAgent {
        /// The annotation.
        annotation: &'static str,
    },
}

/// Why a probe fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It goes to this host, even after it is rewritten to the agent's port.
    Host(EcoString),
    /// It names a port that the container does not have, so it is not passed to the agent.
    UnknownPort(EcoString),
    /// It goes to the agent's own port, so it is not passed to the agent.
    AgentPort(i32),
}

/// The findings about a pod and its injected form. `status_port` is the mesh's.
pub fn findings(pod: &Value, injected: &Value, status_port: i32, values: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    if pod::find_in_pod(injected, PROXY).is_some() && is_wanted(injected, values) {
        let containers = [Place::InitContainers, Place::Containers].into_iter().flat_map(|p| pod::containers(pod, p));
        let is_injected = pod::annotation(pod, STATUS).is_some();
        for container in containers.filter(|container| name(container) != PROXY) {
            findings.extend(probes(container, status_port, is_injected));
        }
    }
    findings.extend(lost_resources(pod, injected, values));
    if !has_agent(values) {
        let asks = |name: &&str| pod::annotation(pod, name).and_then(go::parse_bool) == Some(true);
        let asking = [REWRITE_PROBES, MERGE_METRICS].into_iter().filter(asks);
        findings.extend(asking.map(|annotation| Finding::NoAgent { annotation }));
    }
    findings
}

fn probes(container: &Value, status_port: i32, is_injected: bool) -> impl Iterator<Item = Finding> {
    SLOTS.iter().filter_map(move |slot| {
        let handler = handler(container, slot)?;
        let (kind, _) = kind(handler, slot)?;
        let action = handler.get(kind)?;
        let why = match action.str_at(&["host"]).filter(|host| kind == "httpGet" && !host.is_empty()) {
            Some(host) => Why::Host(host.into()),
            None => match action.get("port") {
                Some(Value::String(port)) if !has_port(container, port) => Why::UnknownPort(port.clone()),
                // An earlier injection sent it there.
                Some(Value::Int(port)) if *port == i64::from(status_port) && !is_injected => {
                    Why::AgentPort(status_port)
                }
                Some(_) | None => return None,
            },
        };
        Some(Finding::Probe { container: name(container).into(), field: slot.path.join("."), why })
    })
}

fn has_port(container: &Value, wanted: &str) -> bool {
    !wanted.is_empty() && container.list_at(&["ports"]).iter().any(|port| name(port) == wanted)
}

fn lost_resources(pod: &Value, injected: &Value, values: &Value) -> Option<Finding> {
    let annotations = pod::annotations(pod)?;
    let annotation = RESOURCES.into_iter().find(|name| annotations.contains_key(name))?;
    let proxy = pod::find_in_pod(injected, PROXY)?;
    let has = |value: Option<&Value>| value.is_some_and(|value| !value.is_null());
    let mut lost = Vec::new();
    for kind in ["limits", "requests"] {
        let defaults = values.at(&["global", "proxy", "resources", kind]).and_then(Value::as_map);
        let defaults = defaults.into_iter().flat_map(Map::iter).filter(|(_, value)| has(Some(value)));
        let is_lost = |resource: &str| !has(proxy.at(&["resources", kind, resource]));
        lost.extend(defaults.filter(|(key, _)| is_lost(key)).map(|(key, _)| format!("{kind}.{key}")));
    }
    (!lost.is_empty()).then_some(Finding::Resources { annotation, lost })
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Probe { container, field, why } => {
                write!(f, "{field} of container {container:?} will fail: {why}")
            }
            Finding::Resources { annotation, lost } => {
                write!(
                    f,
                    "annotation {annotation} replaces all default resources of the proxy; now unset: {}",
                    lost.join(", ")
                )
            }
            Finding::NoAgent { annotation } => {
                let kept = if *annotation == REWRITE_PROBES { "probes" } else { "Prometheus annotations" };
                write!(
                    f,
                    "annotation {annotation} has no effect: the sidecar has no agent (values: global.proxy.agent); {kept} stay as they are"
                )
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Host(host) => write!(f, "it is rewritten to go to the agent, but still goes to host {host:?}"),
            Why::UnknownPort(port) => write!(f, "the container has no port named {port:?}"),
            Why::AgentPort(port) => write!(f, "port {port} belongs to the agent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    const VALUES: &str = r#"{"sidecarInjectorWebhook":{"rewriteAppHTTPProbe":true},"global":{"proxy":{"resources":
        {"limits":{"cpu":"2","memory":"1Gi"},"requests":{"cpu":"100m","memory":null}}}}}"#;

    fn found(pod: &str, proxy: &str) -> Vec<String> {
        let pod = json::parse(pod.as_bytes()).unwrap();
        let mut injected = pod.clone();
        if !proxy.is_empty() {
            pod::push_container(&mut injected, Place::Containers, json::parse(proxy.as_bytes()).unwrap());
        }
        let values = json::parse(VALUES.as_bytes()).unwrap();
        findings(&pod, &injected, 15020, &values).iter().map(ToString::to_string).collect()
    }

    fn app(annotations: &str, probes: &str) -> String {
        format!(
            r#"{{"metadata":{{"annotations":{annotations}}},"spec":{{"containers":[{{"name":"app",
            "ports":[{{"name":"http","containerPort":80}}]{probes}}}]}}}}"#
        )
    }

    const PROXY_ONLY: &str = r#"{"name":"istio-proxy"}"#;

    #[test]
    fn probes_that_fail_after_the_rewriting_are_found() {
        let probes = r#","readinessProbe":{"httpGet":{"port":"web"}},"livenessProbe":{"httpGet":{"port":80,"host":"h"}},
            "startupProbe":{"tcpSocket":{"port":15020}},"lifecycle":{"preStop":{"tcpSocket":{"port":"8080"}}}"#;
        assert_eq!(
            found(&app("{}", probes), PROXY_ONLY),
            [
                r#"readinessProbe of container "app" will fail: the container has no port named "web""#,
                r#"livenessProbe of container "app" will fail: it is rewritten to go to the agent, but still goes to host "h""#,
                r#"startupProbe of container "app" will fail: port 15020 belongs to the agent"#,
                r#"lifecycle.preStop of container "app" will fail: the container has no port named "8080""#,
            ]
        );
        assert_eq!(
            found(&app("{}", r#","livenessProbe":{"grpc":{"port":15020}}"#), PROXY_ONLY),
            [r#"livenessProbe of container "app" will fail: port 15020 belongs to the agent"#]
        );
    }

    #[test]
    fn probes_that_work_or_stay_are_not() {
        let good = r#","readinessProbe":{"httpGet":{"port":"http"}},"livenessProbe":{"grpc":{"port":9}},
            "startupProbe":{"exec":{"command":["true"]}},"lifecycle":{"postStart":{"httpGet":{"port":81,"host":""}}}"#;
        assert_eq!(found(&app("{}", good), PROXY_ONLY), [""; 0]);
        let bad = r#","readinessProbe":{"httpGet":{"port":"web"}}"#;
        assert_eq!(found(&app("{}", bad), ""), [""; 0], "there is no sidecar");
        let declines = r#"{"sidecar.istio.io/rewriteAppHTTPProbers":"false"}"#;
        assert_eq!(found(&app(declines, bad), PROXY_ONLY), [""; 0]);
        let again = r#","readinessProbe":{"httpGet":{"port":15020,"path":"/app-health/app/readyz"}}"#;
        assert_eq!(found(&app(r#"{"sidecar.istio.io/status":"{}"}"#, again), PROXY_ONLY), [""; 0]);
        let own = r#"{"spec":{"containers":[{"name":"istio-proxy","readinessProbe":{"httpGet":{"port":"x"}}}]}}"#;
        assert_eq!(found(own, ""), [""; 0], "the proxy's own are not rewritten");
    }

    #[test]
    fn resources_that_annotations_take_away_are_found() {
        let some = r#"{"name":"istio-proxy","resources":{"limits":{"cpu":"1"},"requests":{"cpu":"50m"}}}"#;
        let annotations = r#"{"sidecar.istio.io/proxyMemory":"1","sidecar.istio.io/proxyCPU":"50m"}"#;
        assert_eq!(
            found(&app(annotations, ""), some),
            [
                "annotation sidecar.istio.io/proxyCPU replaces all default resources of the proxy; now unset: limits.memory"
            ]
        );
        let all = some.replace(r#""cpu":"1""#, r#""cpu":"1","memory":"1Gi""#);
        assert_eq!(found(&app(annotations, ""), &all), [""; 0], "none is lost");
        assert_eq!(found(&app("{}", ""), some), [""; 0], "no annotation took it away");
    }
}
