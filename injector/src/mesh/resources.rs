//! The `ProxyConfig` resources of a cluster (networking.istio.io/v1beta1), and which of them count for a pod.

use std::collections::BTreeMap;

use super::{Error, Levels, ProxyConfig};
use crate::value::{EcoString, Map, Value};

/// The `ProxyConfig` resources of a cluster. Made anew when one of them changes, and asked for each pod.
#[derive(Clone, Debug, Default)]
pub struct ProxyConfigs {
    /// By namespace, the oldest first: if several match, the oldest is used.
    resources: BTreeMap<EcoString, Vec<Resource>>,
    unusable: Vec<Unusable>,
}

#[derive(Clone, Debug)]
struct Resource {
    scope: Scope,
    config: ProxyConfig,
}

/// Which pods of its namespace a resource is for; the root namespace's are for all namespaces without a selector.
#[derive(Clone, Debug)]
enum Scope {
    /// All: it has no selector.
    All,
    /// Those with these labels. Without labels it matches no pod: an empty selector is not meant to select everything.
    Labels(Map),
}

/// A resource that is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ProxyConfig {namespace}/{name} is ignored: {reason}")]
pub struct Unusable {
    /// Its namespace.
    pub namespace: EcoString,
    /// Its name.
    pub name: EcoString,
    /// The field, the value, and what is allowed.
    pub reason: String,
}

impl ProxyConfigs {
    /// The resources among these objects, as the API server writes them, in any order. One that cannot be read is left
    /// out.
    pub fn of<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut objects: Vec<_> = objects.into_iter().map(|object| (Age::of(object), object)).collect();
        objects.sort_by_key(|(age, _)| *age);
        let mut configs = ProxyConfigs::default();
        for (Age { name, namespace, .. }, object) in objects {
            match Resource::of(object) {
                Ok(resource) => configs.resources.entry(namespace.into()).or_default().push(resource),
                Err(reason) => {
                    configs.unusable.push(Unusable { namespace: namespace.into(), name: name.into(), reason });
                }
            }
        }
        configs
    }

    /// The resources that were left out.
    pub fn unusable(&self) -> &[Unusable] {
        &self.unusable
    }

    /// What counts for a pod with these labels in this namespace. No resource is used at two levels; the annotation is
    /// the pod's.
    pub fn levels(&self, root: &str, namespace: &str, labels: Option<&Map>) -> Levels<'_> {
        let of = |namespace: &str| self.resources.get(namespace).map_or(&[][..], Vec::as_slice);
        let general = |namespace: &str| of(namespace).iter().find(|resource| matches!(resource.scope, Scope::All));
        Levels {
            root: Some(root).filter(|root| !root.is_empty()).and_then(general).map(|resource| &resource.config),
            namespace: Some(namespace).filter(|own| *own != root).and_then(general).map(|resource| &resource.config),
            annotation: None,
            workload: of(namespace).iter().find(|resource| resource.selects(labels)).map(|resource| &resource.config),
        }
    }
}

/// The sort key: creation times have a resolution of one second, so several resources can have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Age<'a> {
    /// The API server writes all times in UTC and in one format, which sorts as text in the order of the times.
    created: &'a str,
    name: &'a str,
    namespace: &'a str,
}

impl<'a> Age<'a> {
    fn of(object: &'a Value) -> Self {
        let text = |key| object.str_at(&["metadata", key]).unwrap_or_default();
        Age { created: text("creationTimestamp"), name: text("name"), namespace: text("namespace") }
    }
}

impl Resource {
    fn of(object: &Value) -> Result<Self, String> {
        let empty = Value::Map(Map::new());
        let spec = match object.get("spec") {
            None | Some(Value::Null) => &empty,
            Some(spec) if spec.as_map().is_some() => spec,
            Some(other) => return Err(format!("spec has to be an object, not {}", other.kind())),
        };
        let config = ProxyConfig::of_resource(spec).map_err(|error| match error {
            // By the name that the resource has for it.
            Error::Field { source, .. } => source.to_string().replacen("proxyMetadata", "environmentVariables", 1),
            Error::Yaml { .. } | Error::Invalid(_) => error.to_string(),
        })?;
        Ok(Resource { scope: Scope::of(spec.get("selector"))?, config })
    }

    /// Whether its selector selects pods with these labels.
    fn selects(&self, labels: Option<&Map>) -> bool {
        match &self.scope {
            Scope::All => false,
            Scope::Labels(wanted) => {
                let has = |(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value);
                !wanted.is_empty() && wanted.iter().map(|(key, value)| (key.as_str(), value)).all(has)
            }
        }
    }
}

impl Scope {
    fn of(selector: Option<&Value>) -> Result<Self, String> {
        let wrong =
            |what: &str, value: &Value| Err(format!("{what} has to be an object of texts, not {}", value.kind()));
        let selector = match selector {
            None | Some(Value::Null) => return Ok(Scope::All),
            Some(Value::Map(selector)) => selector,
            Some(other) => return wrong("spec.selector", other),
        };
        match selector.get("matchLabels") {
            None | Some(Value::Null) => Ok(Scope::Labels(Map::new())),
            Some(Value::Map(labels)) => match labels.iter().find(|(_, value)| value.as_str().is_none()) {
                None => Ok(Scope::Labels(labels.clone())),
                Some((key, other)) => wrong(&format!("spec.selector.matchLabels (at {key:?})"), other),
            },
            Some(other) => wrong("spec.selector.matchLabels", other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::MeshConfig;

    fn configs(objects: &[&str]) -> ProxyConfigs {
        let objects: Vec<_> = objects.iter().map(|text| crate::yaml::parse(text).unwrap()).collect();
        ProxyConfigs::of(&objects)
    }

    /// What a pod in the namespace `ns` gets.
    fn effective(configs: &ProxyConfigs, namespace: &str, labels: &[(&str, &str)]) -> String {
        let labels = Map::from_iter(labels.iter().copied());
        configs.levels("root", namespace, Some(&labels)).effective(&MeshConfig::default()).to_stripped_json()
    }

    #[test]
    fn each_level_counts_once_and_the_more_special_wins() {
        let configs = configs(&[
            "{metadata: {namespace: root, name: r}, spec: {concurrency: 1, environmentVariables: {A: root, R: '1'}}}",
            "{metadata: {namespace: ns, name: n}, spec: {environmentVariables: {A: ns}, image: {imageType: debug}}}",
            "{metadata: {namespace: ns, name: w}, spec: {selector: {matchLabels: {app: a, v: '1'}}, concurrency: 0}}",
            "{metadata: {namespace: other, name: o}, spec: {concurrency: 9, somethingElse: 1}}",
            "{metadata: {namespace: root, name: s}, spec: {selector: {matchLabels: {app: a}}, concurrency: 7}}",
        ]);
        assert_eq!(configs.unusable(), []);
        let ns = r#"{"concurrency":1,"proxyMetadata":{"A":"ns","R":"1"},"image":{"imageType":"debug"}}"#;
        assert_eq!(effective(&configs, "ns", &[("app", "a")]), ns);
        let workload = r#"{"concurrency":0,"proxyMetadata":{"A":"ns","R":"1"},"image":{"imageType":"debug"}}"#;
        assert_eq!(effective(&configs, "ns", &[("app", "a"), ("v", "1"), ("x", "y")]), workload);
        let root = r#"{"concurrency":1,"proxyMetadata":{"A":"root","R":"1"}}"#;
        assert_eq!(effective(&configs, "root", &[]), root);
        // A selector in the root namespace selects pods of that namespace alone.
        assert_eq!(effective(&configs, "root", &[("app", "a")]), root.replace(":1,", ":7,"));
        assert_eq!(effective(&configs, "none", &[("app", "a")]), root);
        assert_eq!(effective(&configs, "other", &[]), root.replace(":1,", ":9,"));
        let levels = configs.levels("", "other", None);
        assert!(levels.root.is_none() && levels.namespace.is_some() && levels.workload.is_none());
    }

    #[test]
    fn the_oldest_counts_then_the_first_by_name() {
        let at = |name: &str, created: &str, concurrency: u32| {
            format!(
                "{{metadata: {{namespace: ns, name: {name}, creationTimestamp: '{created}'}}, spec: {{concurrency: {concurrency}}}}}"
            )
        };
        let of = |objects: [String; 3]| {
            let objects = objects.each_ref().map(String::as_str);
            effective(&configs(&objects), "ns", &[])
        };
        let (old, new) = ("2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z");
        assert_eq!(of([at("a", new, 1), at("c", old, 2), at("b", new, 3)]), r#"{"concurrency":2}"#);
        assert_eq!(of([at("c", new, 1), at("b", new, 2), at("a", new, 3)]), r#"{"concurrency":3}"#);
    }

    #[test]
    fn a_selector_without_labels_selects_nothing() {
        for selector in ["{}", "{matchLabels: {}}", "{matchLabels: null}"] {
            let object =
                format!("{{metadata: {{namespace: ns, name: a}}, spec: {{selector: {selector}, concurrency: 3}}}}");
            assert_eq!(effective(&configs(&[&object]), "ns", &[("app", "a")]), "{}", "{selector}");
        }
        let general = "{metadata: {namespace: ns, name: a}, spec: {selector: null, concurrency: 3}}";
        assert_eq!(effective(&configs(&[general]), "ns", &[]), r#"{"concurrency":3}"#);
        let empty = "{metadata: {namespace: ns, name: a}}";
        assert_eq!(
            effective(&configs(&[empty, general]), "ns", &[]),
            "{}",
            "the first one counts, even if it is empty"
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_noted() {
        let configs = configs(&[
            "{metadata: {namespace: ns, name: a}, spec: {concurrency: many}}",
            "{metadata: {namespace: ns, name: b}, spec: []}",
            "{metadata: {namespace: ns, name: c}, spec: {selector: x}}",
            "{metadata: {namespace: ns, name: d}, spec: {selector: {matchLabels: [a]}}}",
            "{metadata: {namespace: ns, name: e}, spec: {selector: {matchLabels: {a: 1}}}}",
            "{metadata: {namespace: ns, name: f}, spec: {environmentVariables: {A: 1}}}",
            "{metadata: {namespace: ns, name: good}, spec: {concurrency: 4}}",
            "3",
        ]);
        assert_eq!(effective(&configs, "ns", &[]), r#"{"concurrency":4}"#);
        let notes: Vec<_> = configs.unusable().iter().map(ToString::to_string).collect();
        assert_eq!(notes.len(), 6, "{notes:?}");
        assert!(notes[0].starts_with("ProxyConfig ns/a is ignored: concurrency: "), "{}", notes[0]);
        assert_eq!(notes[1], "ProxyConfig ns/b is ignored: spec has to be an object, not a list");
        assert_eq!(
            notes[4],
            "ProxyConfig ns/e is ignored: spec.selector.matchLabels (at \"a\") has to be an object of texts, not a number"
        );
        assert!(notes[5].contains("ignored: environmentVariables"), "{}", notes[5]);
    }
}
