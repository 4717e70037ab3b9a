//! Metrics: the application's are merged with the proxy's, and Prometheus is pointed at the agent.

use std::cmp::Ordering;

use serde::Serialize;

use super::{Error, has_agent, pod};
use crate::annotations::MERGE_METRICS;
use crate::mesh::MeshConfig;
use crate::value::{EcoString, Map, Value};
use crate::{go, json};

const SCRAPE: &str = "prometheus_io_scrape";
const PORT: &str = "prometheus_io_port";
const PATH: &str = "prometheus_io_path";
const TARGETS: &str = "prometheus_istio_io_scrape_targets";
const SECURE_PORT: &str = "prometheus_istio_io_secure_port";

/// The sidecar's variable with the user's Prometheus settings.
pub(super) const VARIABLE: &str = "ISTIO_PROMETHEUS_ANNOTATIONS";

/// The agent's path for the metrics of both.
const AGENT_PATH: &str = "/stats/prometheus";

/// Ports of the proxy and the agent: the application has no metrics there.
pub(crate) const RESERVED: [(i64, &str); 9] = [
    (15000, "Envoy admin"),
    (15001, "outbound traffic capture"),
    (15004, "pilot debug"),
    (15006, "inbound traffic capture"),
    (15008, "HBONE tunnel"),
    (15020, "pilot-agent status / merged Prometheus"),
    (15021, "Envoy health"),
    (15053, "DNS proxy"),
    (15090, "Envoy Prometheus (already merged)"),
];

/// Whether an annotation is the one of a name as Prometheus compares them: everything but ASCII letters and digits counts
/// as an underscore.
fn is(annotation: &str, wanted: &str) -> bool {
    let sanitized = annotation.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    sanitized.cmp(wanted.chars()) == Ordering::Equal
}

/// The values of an annotation in all its spellings, in the order of these. Istio uses a random one; this uses the
/// first.
fn spellings<'a>(annotations: &'a Map, wanted: &'static str) -> impl Iterator<Item = &'a str> {
    annotations.iter().filter(move |(name, _)| is(name, wanted)).filter_map(|(_, value)| value.as_str())
}

/// The port that Prometheus is to scrape.
fn port(annotations: &Map) -> Option<&str> {
    spellings(annotations, PORT).next()
}

/// Removes all of Prometheus' annotations, in all spellings.
fn clear(annotations: &mut Map) {
    annotations.retain(|name, _| ![SCRAPE, PORT, PATH, TARGETS].into_iter().any(|wanted| is(name, wanted)));
}

#[derive(Serialize)]
struct Configuration<'a> {
    scrape: &'a str,
    path: &'a str,
    port: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    targets: Vec<Target<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Target<'a> {
    port: &'a str,
    path: &'a str,
}

/// Moves the user's Prometheus annotations to the agent, and points Prometheus to the agent.
pub(super) fn merge(pod: &mut Value, mesh: &MeshConfig, values: &Value) -> Result<(), Error> {
    if !has_agent(values) {
        return Ok(());
    }
    static NONE: Map = Map::new();
    let annotations = pod::annotations(pod).unwrap_or(&NONE);
    let declines = spellings(annotations, SCRAPE).find_map(go::parse_bool) == Some(false);
    let merges = annotations.str(MERGE_METRICS).and_then(go::parse_bool).unwrap_or(mesh.merges_prometheus());
    let status_port = mesh.default_config().status_port().to_string();
    // The port is already the agent's, because of an earlier injection or because the user set it.
    if declines || !merges || port(annotations) == Some(status_port.as_str()) {
        return Ok(());
    }
    let configuration = Configuration::of(annotations);
    configuration.check(&status_port).map_err(Error::Prometheus)?;
    let variable = (!configuration.is_empty()).then(|| json::to_string(&configuration));
    if let (Some(variable), Some(sidecar)) = (variable, pod::sidecar_mut(pod)) {
        pod::push_env(sidecar, VARIABLE, variable);
    }
    let annotations = pod.map_entry("metadata").entry("annotations").make_map();
    clear(annotations);
    annotations.insert("prometheus.io/port", status_port);
    annotations.insert("prometheus.io/path", AGENT_PATH);
    annotations.insert("prometheus.io/scrape", "true");
    Ok(())
}

/// The port of the agent that annotations point Prometheus at, if they look as injection leaves them.
pub(super) fn agent_port(annotations: &Map) -> Option<i32> {
    let is_injected = annotations.str("prometheus.io/path") == Some(AGENT_PATH)
        && annotations.str("prometheus.io/scrape") == Some("true");
    annotations.str("prometheus.io/port").filter(|_| is_injected)?.parse().ok()
}

/// Restores the user's Prometheus settings, if Prometheus is pointed at the agent. `noted` is the sidecar's variable;
/// without it, they are unknown. Returns whether it was.
pub(super) fn restore(annotations: &mut Map, status_port: i32, noted: &str) -> bool {
    if port(annotations) != Some(status_port.to_string().as_str()) {
        return false;
    }
    clear(annotations);
    let noted = json::parse(noted.as_bytes()).unwrap_or_default();
    let targets = noted.list_at(&["targets"]).iter().map(|target| {
        let part = |key: &str| target.str_at(&[key]).unwrap_or_default();
        format!("{}:{}", part("port"), part("path"))
    });
    let targets = targets.collect::<Vec<_>>().join(",");
    let text = |key: &str| noted.str_at(&[key]).unwrap_or_default();
    let restored = [
        ("prometheus.io/scrape", text("scrape")),
        ("prometheus.io/path", text("path")),
        ("prometheus.io/port", text("port")),
        ("prometheus.istio.io/scrape-targets", &targets),
    ];
    for (annotation, value) in restored.into_iter().filter(|(_, value)| !value.is_empty()) {
        annotations.insert(annotation, value);
    }
    true
}

impl<'a> Configuration<'a> {
    fn of(annotations: &'a Map) -> Self {
        let first = |wanted| spellings(annotations, wanted).next().unwrap_or_default();
        let targets = spellings(annotations, TARGETS).find_map(targets).unwrap_or_default();
        // Agents that do not support targets use the first one.
        let (port, path) = targets.first().map_or((first(PORT), first(PATH)), |target| (target.port, target.path));
        Configuration { scrape: first(SCRAPE), path, port, targets }
    }

    fn is_empty(&self) -> bool {
        self.scrape.is_empty() && self.path.is_empty() && self.port.is_empty() && self.targets.is_empty()
    }

    fn check(&self, status_port: &str) -> Result<(), String> {
        let (ports, what, word) = if !self.targets.is_empty() {
            (self.targets.iter().map(|t| t.port).collect(), "invalid prometheus scrape targets", "target port")
        } else if !self.port.is_empty() {
            (vec![self.port], "invalid prometheus scrape configuration", "port")
        } else {
            return Ok(());
        };
        ports.into_iter().try_for_each(|port| {
            let number = go::atoi(port).ok().filter(|number| (1..=65535).contains(number));
            let number = number.ok_or_else(|| format!("{what}: invalid {word} {port:?}; use one from 1 to 65535"))?;
            if number.to_string() == status_port {
                return Err(format!("{what}: {word} {port} conflicts with agent port"));
            }
            match RESERVED.into_iter().find(|(reserved, _)| *reserved == number) {
                None => Ok(()),
                Some((_, reason)) => {
                    Err(format!("{what}: {word} {port} is reserved for Istio ({reason}) and cannot be scraped"))
                }
            }
        })
    }
}

/// Comma-separated `PORT[:PATH]`. If one has no port, all of them are ignored.
fn targets<'t>(text: &'t str) -> Option<Vec<Target<'t>>> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let target = |entry: &'t str| {
        let (port, path) = entry.split_once(':').unwrap_or((entry, ""));
        let path = Some(path.trim()).filter(|path| !path.is_empty()).unwrap_or("/metrics");
        Some(Target { port: Some(port.trim()).filter(|port| !port.is_empty())?, path })
    };
    entries.map(target).collect()
}

/// Points Prometheus at the port with metrics over TLS, if the proxy has one and the user has not set it.
pub(super) fn announce_secure_port(pod: &mut Value) {
    if pod::annotations(pod).is_some_and(|annotations| spellings(annotations, SECURE_PORT).next().is_some()) {
        return;
    }
    let Some(sidecar) = pod::find_in_pod(pod, pod::PROXY) else { return };
    let value = |entry: &'_ Value| -> Option<EcoString> {
        let value = entry.str_at(&["value"]).filter(|value| !value.is_empty() && *value != "0")?;
        (pod::name(entry) == "ENVOY_SECURE_MERGED_METRICS_PORT").then(|| value.into())
    };
    if let Some(port) = sidecar.list_at(&["env"]).iter().find_map(value) {
        pod.map_entry("metadata").entry("annotations").make_map().insert("prometheus.istio.io/secure-port", port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(annotations: &str, mesh: &MeshConfig) -> Result<String, String> {
        let text = format!(
            r#"{{"metadata":{{"annotations":{annotations}}},"spec":{{"containers":[{{"name":"istio-proxy"}}]}}}}"#
        );
        let mut pod = json::parse(text.as_bytes()).unwrap();
        merge(&mut pod, mesh, &Value::Null).map_err(|error| error.to_string())?;
        let env = pod::containers(&pod, pod::Place::Containers)[0].list_at(&["env"]).first();
        let env = env.and_then(|e| e.str_at(&["value"])).unwrap_or_default().to_owned();
        Ok(format!("{} {env}", json::to_string(pod::annotations(&pod).unwrap())))
    }

    const DONE: &str =
        r#"{"prometheus.io/path":"/stats/prometheus","prometheus.io/port":"15020","prometheus.io/scrape":"true"}"#;

    #[test]
    fn the_users_prometheus_annotations_go_to_the_agent() {
        let cases = [
            ("{}", ""),
            (r#"{"prometheus.io/scrape":"true"}"#, r#"{"scrape":"true","path":"","port":""}"#),
            (
                r#"{"prometheus.io.port":"9090","prometheus-io/path":"/m"}"#,
                r#"{"scrape":"","path":"/m","port":"9090"}"#,
            ),
            (r#"{"prometheus.io/port":"080"}"#, r#"{"scrape":"","path":"","port":"080"}"#),
            (
                r#"{"prometheus.io/scrape":"maybe","prometheus.io/port":""}"#,
                r#"{"scrape":"maybe","path":"","port":""}"#,
            ),
            (
                r#"{"prometheus.io/port":"1","prometheus.istio.io/scrape-targets":" 9090 : /x , ,9091"}"#,
                r#"{"scrape":"","path":"/x","port":"9090","targets":[{"port":"9090","path":"/x"},{"port":"9091","path":"/metrics"}]}"#,
            ),
            (r#"{"prometheus.istio.io/scrape-targets":"9090,:x"}"#, ""),
            (r#"{"prometheus-io/port":"1","prometheus.io/port":"2"}"#, r#"{"scrape":"","path":"","port":"1"}"#),
        ];
        for (given, variable) in cases {
            assert_eq!(merged(given, &MeshConfig::default()).unwrap(), format!("{DONE} {variable}"), "{given}");
        }
    }

    #[test]
    fn nothing_changes_for_those_who_decline() {
        for given in [
            r#"{"prometheus.io/scrape":"false"}"#,
            r#"{"prometheus_io_scrape":"0"}"#,
            r#"{"prometheus.istio.io/merge-metrics":"false"}"#,
            r#"{"prometheus.io/port":"15020"}"#,
        ] {
            assert_eq!(merged(given, &MeshConfig::default()).unwrap(), format!("{given} "));
        }
    }

    #[test]
    fn ports_that_are_none_or_the_proxys_are_refused() {
        let cases = [
            (r#"{"prometheus.io/port":"abc"}"#, r#"configuration: invalid port "abc"; use one from 1 to 65535"#),
            (r#"{"prometheus.io/port":"0"}"#, r#"configuration: invalid port "0"; use one from 1 to 65535"#),
            (r#"{"prometheus.io/port":"015020"}"#, "configuration: port 015020 conflicts with agent port"),
            (
                r#"{"prometheus.io/port":"15090"}"#,
                "configuration: port 15090 is reserved for Istio (Envoy Prometheus (already merged)) and cannot be scraped",
            ),
            (
                r#"{"prometheus.istio.io/scrape-targets":"80,15000:/m"}"#,
                "targets: target port 15000 is reserved for Istio (Envoy admin) and cannot be scraped",
            ),
        ];
        for (given, want) in cases {
            let error = merged(given, &MeshConfig::default()).unwrap_err();
            assert_eq!(error, format!("failed to process pod: invalid prometheus scrape {want}"));
        }
    }

    #[test]
    fn the_port_with_tls_is_announced_unless_the_user_did() {
        let announced = |annotations: &str, value: &str| {
            let text = format!(
                r#"{{"metadata":{{"annotations":{annotations}}},"spec":{{"initContainers":[{{"name":"istio-proxy","env":[
                    {{"name":"ENVOY_SECURE_MERGED_METRICS_PORT","value":"{value}"}}]}}]}}}}"#
            );
            let mut pod = json::parse(text.as_bytes()).unwrap();
            announce_secure_port(&mut pod);
            pod::annotations(&pod).map(json::to_string).unwrap_or_default()
        };
        assert_eq!(announced("{}", "15444"), r#"{"prometheus.istio.io/secure-port":"15444"}"#);
        assert_eq!(announced("{}", "0"), "{}");
        let own = r#"{"prometheus-istio-io/secure-port":"1"}"#;
        assert_eq!(announced(own, "15444"), own);
    }
}
