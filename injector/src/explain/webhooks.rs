//! Which webhooks the API server calls for a pod: their selectors decide, before the injector hears of it.

use std::fmt;

use crate::check::{Entry, Installation, NAMESPACE_NAME, REVISION, SUFFIX};
use crate::decision::SWITCH;
use crate::kubernetes::selector;
use crate::value::{EcoString, Map, Value};

/// The label with which a namespace asks for the sidecar.
const INJECTION: &str = "istio-injection";

/// The webhooks of a revision, and whether each is called for a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhooks {
    /// Whether these are Istio's well-known ones, used if the cluster's are not given.
    pub well_known: bool,
    /// The labels of the namespace that their selectors were asked about.
    pub namespace_labels: Map,
    /// The webhooks, in the order in which they are configured.
    pub calls: Vec<Call>,
}

/// One webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The MutatingWebhookConfiguration.
    pub configuration: EcoString,
    /// The webhook in it.
    pub webhook: EcoString,
    /// Whether it is called.
    pub verdict: Verdict,
}

/// Whether a webhook is called for a pod.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Both selectors match.
    Called,
    /// A selector has a requirement that the labels do not fulfil.
    Unmet {
        /// `namespaceSelector` or `objectSelector`.
        selector: &'static str,
        /// The first such requirement.
        requirement: String,
    },
    /// A selector is invalid; the API server would not have taken it.
    Invalid {
        /// `namespaceSelector` or `objectSelector`.
        selector: &'static str,
        /// What is wrong with it.
        error: selector::Error,
    },
}

impl Webhooks {
    /// Asks the webhooks of a revision about a pod. `given` are the cluster's configurations; without them, Istio's count.
    pub fn ask(given: Option<&Installation>, revision: &str, namespace: &Namespace, pod: &Value) -> Self {
        static NO_LABELS: Map = Map::new();
        let labels = pod.at(&["metadata", "labels"]).and_then(Value::as_map).unwrap_or(&NO_LABELS);
        let namespace_labels = namespace.labels();
        let revision = if revision.is_empty() { "default" } else { revision };
        let call = |entry: Entry<'_>| Call {
            configuration: entry.configuration.str_at(&["metadata", "name"]).unwrap_or_default().into(),
            webhook: entry.name().into(),
            verdict: verdict(&entry, &namespace_labels, labels),
        };
        let (well_known, calls) = match given {
            // A tag's configuration has the revision's label too: all that call this revision count.
            Some(given) => (false, given.entries(Some(revision)).map(call).collect()),
            None => {
                let known = Installation { configurations: vec![well_known(revision)], ..Installation::default() };
                (true, known.entries(None).map(call).collect())
            }
        };
        Webhooks { well_known, namespace_labels, calls }
    }

    /// Whether any is called.
    pub fn is_called(&self) -> bool {
        self.calls.iter().any(|call| call.verdict == Verdict::Called)
    }
}

fn verdict(entry: &Entry<'_>, namespace: &Map, pod: &Map) -> Verdict {
    for (field, labels) in [("namespaceSelector", namespace), ("objectSelector", pod)] {
        match entry.selector(field) {
            Err(error) => return Verdict::Invalid { selector: field, error },
            Ok(selector) => {
                if let Some(unmet) = selector.unmet(labels) {
                    return Verdict::Unmet { selector: field, requirement: unmet.to_string() };
                }
            }
        }
    }
    Verdict::Called
}

/// What is known of the pod's namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Namespace {
    /// Its name.
    pub name: EcoString,
    /// Its labels, if they are known.
    pub known_labels: Option<Map>,
}

impl Namespace {
    /// Its labels; its name is always one of them.
    fn labels(&self) -> Map {
        let mut labels = self.known_labels.clone().unwrap_or_default();
        labels.insert(NAMESPACE_NAME, self.name.clone());
        labels
    }
}

/// The webhooks that Istio, and this project's manifests, install for a revision.
fn well_known(revision: &str) -> Value {
    let has = |key: &str, value: &str| requirement(key, "In", &[value]);
    let is_not = |key: &str, value: &str| requirement(key, "NotIn", &[value]);
    let lacks = |key: &str| requirement(key, "DoesNotExist", &[]);
    let mut webhooks = vec![
        webhook("rev.namespace.", [has(REVISION, revision), lacks(INJECTION)], [is_not(SWITCH, "false")]),
        webhook("rev.object.", [lacks(REVISION), lacks(INJECTION)], [is_not(SWITCH, "false"), has(REVISION, revision)]),
    ];
    let mut name = EcoString::from("istio-sidecar-injector");
    if revision == "default" {
        webhooks.push(webhook("namespace.", [has(INJECTION, "enabled")], [is_not(SWITCH, "false")]));
        webhooks.push(webhook("object.", [lacks(INJECTION), lacks(REVISION)], [has(SWITCH, "true"), lacks(REVISION)]));
    } else {
        name = ecow::eco_format!("{name}-{revision}");
    }
    let metadata = Map::from_iter([("name", Value::from(name))]);
    Map::from_iter([("metadata", Value::from(metadata)), ("webhooks", webhooks.into_iter().collect())]).into()
}

fn webhook<const N: usize, const M: usize>(prefix: &str, namespaces: [Value; N], objects: [Value; M]) -> Value {
    let selector = |requirements: Value| Value::Map(Map::from_iter([("matchExpressions", requirements)]));
    Map::from_iter([
        ("name", Value::from(format!("{prefix}{SUFFIX}"))),
        ("namespaceSelector", selector(namespaces.into_iter().collect())),
        ("objectSelector", selector(objects.into_iter().collect())),
    ])
    .into()
}

fn requirement(key: &str, operator: &str, values: &[&str]) -> Value {
    let values: Value = values.iter().copied().collect();
    Map::from_iter([("key", Value::from(key)), ("operator", operator.into()), ("values", values)]).into()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Called => f.write_str("matches"),
            Verdict::Unmet { selector, requirement } => write!(f, "{selector} wants {requirement}"),
            Verdict::Invalid { selector, error } => write!(f, "{selector} is invalid: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::documents;
    use crate::yaml;

    fn labels(labels: &[(&'static str, &str)]) -> Map {
        labels.iter().map(|(key, value)| (*key, Value::from(*value))).collect()
    }

    fn called(revision: &str, namespace: &[(&'static str, &str)], pod: &[(&'static str, &str)]) -> Vec<String> {
        let namespace = Namespace { name: "default".into(), known_labels: Some(labels(namespace)) };
        let metadata = Map::from_iter([("labels", labels(pod))]);
        let pod = Map::from_iter([("metadata", metadata)]).into();
        let webhooks = Webhooks::ask(None, revision, &namespace, &pod);
        let called = webhooks.calls.into_iter().filter(|call| call.verdict == Verdict::Called);
        called.map(|call| call.webhook.trim_end_matches(SUFFIX).to_owned()).collect()
    }

    #[test]
    fn the_labels_of_namespace_and_pod_choose_one_webhook() {
        let enabled = [("istio-injection", "enabled")];
        assert_eq!(called("", &enabled, &[]), ["namespace."]);
        assert_eq!(called("", &enabled, &[(SWITCH, "false")]), [""; 0]);
        assert_eq!(called("", &[], &[(SWITCH, "true")]), ["object."]);
        assert_eq!(called("", &[], &[]), [""; 0]);
        assert_eq!(called("", &[("istio-injection", "disabled")], &[(SWITCH, "true")]), [""; 0]);
        assert_eq!(called("", &[(REVISION, "default")], &[]), ["rev.namespace."]);
        assert_eq!(called("canary", &[(REVISION, "canary")], &[]), ["rev.namespace."]);
        assert_eq!(called("canary", &[], &[(REVISION, "canary")]), ["rev.object."]);
        assert_eq!(called("canary", &enabled, &[]), [""; 0]);
    }

    #[test]
    fn what_a_webhook_lacks_is_shown() {
        let namespace = Namespace { name: "default".into(), known_labels: None };
        let pod = Map::from_iter([("metadata", Map::new())]).into();
        let told: Vec<_> =
            Webhooks::ask(None, "", &namespace, &pod).calls.iter().map(|c| c.verdict.to_string()).collect();
        assert_eq!(
            told,
            [
                "namespaceSelector wants istio.io/rev in (default)",
                "objectSelector wants istio.io/rev in (default)",
                "namespaceSelector wants istio-injection in (enabled)",
                "objectSelector wants sidecar.istio.io/inject in (true)",
            ]
        );
    }

    #[test]
    fn the_well_known_webhooks_have_the_selectors_of_the_manifests() {
        let manifests = [
            ("default", include_str!("../../../docker/kubernetes/injector/sidecar-injector.yaml")),
            ("canary", include_str!("../../../docker/kubernetes/injector/canary.yaml")),
        ];
        for (revision, text) in manifests {
            let objects = documents(text).map(|document| yaml::parse(&document.unwrap().text).unwrap());
            let shipped = Installation::of(objects);
            let known = Installation { configurations: vec![well_known(revision)], ..Installation::default() };
            let of = |installation: &Installation| {
                let mut all: Vec<_> = installation
                    .entries(None)
                    .map(|e| (e.name().to_owned(), e.selector("namespaceSelector"), e.selector("objectSelector")))
                    .collect();
                all.sort_by(|a, b| a.0.cmp(&b.0));
                all
            };
            assert_eq!(of(&known), of(&shipped), "{revision}");
        }
    }
}
