//! Finds problems of a webhook installation before they do harm. Pure: objects in, problems out.

use std::collections::BTreeMap;

use crate::value::{EcoString, Map, Value};

mod entry;
#[cfg(feature = "webhook")]
mod probe;
mod problem;

#[cfg(test)]
mod tests;

pub use entry::{Address, Entry};
#[cfg(feature = "webhook")]
pub use probe::probe;
pub use problem::{Problem, Severity};

/// The label with the revision of a webhook configuration.
pub(crate) const REVISION: &str = "istio.io/rev";

/// The suffix of the names of webhooks that call a sidecar injector.
pub(crate) const SUFFIX: &str = "sidecar-injector.istio.io";

/// The label that Kubernetes gives every namespace: its name.
pub(crate) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// The known objects of an installation.
#[derive(Clone, Debug, Default)]
pub struct Installation {
    /// MutatingWebhookConfigurations, of sidecar injectors and of other programs.
    pub configurations: Vec<Value>,
    /// Namespaces. For those that are not here, only the name is known.
    pub namespaces: Vec<Value>,
    /// Services; nothing if they were not read.
    pub services: Option<Vec<Value>>,
    /// Endpoints, which have the names of their Services; nothing if they were not read.
    pub endpoints: Option<Vec<Value>>,
    /// Pods, and workloads with a template for them.
    pub workloads: Vec<Value>,
    /// Whether the installation is running. In files, caBundle is not set yet.
    pub runs: bool,
}

/// A problem and its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The webhook configuration, and the entry in it; may be empty.
    pub subject: String,
    /// The problem.
    pub problem: Problem,
}

impl Installation {
    /// Sorts the objects of files: those of other kinds are left out.
    pub fn of(objects: impl IntoIterator<Item = Value>) -> Self {
        let mut installation = Installation::default();
        for object in objects {
            let kind = object.str_at(&["kind"]).unwrap_or_default();
            match kind {
                "MutatingWebhookConfiguration" => installation.configurations.push(object),
                "Namespace" => installation.namespaces.push(object),
                "Service" => installation.services.get_or_insert_default().push(object),
                "Endpoints" => installation.endpoints.get_or_insert_default().push(object),
                "Pod" | "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" => {
                    installation.workloads.push(object)
                }
                _ => (),
            }
        }
        installation
    }

    /// The entries of a revision that call a sidecar injector; of all revisions if none is given.
    pub fn entries<'i>(&'i self, revision: Option<&'i str>) -> impl Iterator<Item = Entry<'i>> {
        let wanted = move |configuration: &&Value| {
            let found = configuration.at(&["metadata", "labels"]).and_then(|labels| labels.str_at(&[REVISION]));
            revision.is_none_or(|revision| found.unwrap_or_default() == revision)
        };
        self.configurations
            .iter()
            .filter(wanted)
            .flat_map(|configuration| {
                let entries = configuration.get("webhooks").and_then(Value::as_list);
                entries.into_iter().flat_map(|list| list.iter()).map(move |entry| Entry { configuration, entry })
            })
            .filter(Entry::is_injector)
    }

    /// The problems of all entries of a revision; of all revisions if none is given.
    pub fn check(&self, revision: Option<&str>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in self.entries(revision) {
            let problems = entry.check(self);
            findings.extend(problems.into_iter().map(|problem| Finding { subject: entry.subject(), problem }));
            // A pod that one entry selects must not be selected by another.
            paths.entry(entry.selectors()).or_default().push(entry.subject());
        }
        if paths.is_empty() {
            let revision = revision.unwrap_or_default().to_owned();
            findings.push(Finding { subject: String::new(), problem: Problem::NoConfiguration { revision } });
        }
        for subjects in paths.into_values().filter(|subjects| subjects.len() > 1) {
            if let Some((subject, others)) = subjects.split_first() {
                let problem = Problem::Twice { others: others.join(", ") };
                findings.push(Finding { subject: subject.clone(), problem });
            }
        }
        findings
    }

    /// The labels of a namespace. Its name is one of them, even if the rest are unknown.
    fn labels_of(&self, name: &str) -> Map {
        let is_it = |namespace: &&Value| namespace.str_at(&["metadata", "name"]) == Some(name);
        let known = self.namespaces.iter().find(is_it).and_then(|namespace| namespace.at(&["metadata", "labels"]));
        let mut labels = known.and_then(Value::as_map).cloned().unwrap_or_default();
        labels.insert(NAMESPACE_NAME, name);
        labels
    }

    fn named<'o>(objects: &'o [Value], namespace: &str, name: &str) -> Option<&'o Value> {
        objects.iter().find(|object| {
            let metadata = |key| object.str_at(&["metadata", key]).unwrap_or_default();
            metadata("name") == name && metadata("namespace") == namespace
        })
    }

    /// The names and labels of the pods of a Service.
    fn pods_of(&self, service: &Value) -> Vec<(EcoString, Map)> {
        let Some(selector) = service.at(&["spec", "selector"]).and_then(Value::as_map) else { return Vec::new() };
        let namespace = service.str_at(&["metadata", "namespace"]);
        let pods = self.workloads.iter().filter(|workload| workload.str_at(&["metadata", "namespace"]) == namespace);
        let pods = pods.filter_map(|workload| {
            let template = workload.at(&["spec", "template"]).unwrap_or(workload);
            let labels = template.at(&["metadata", "labels"]).and_then(Value::as_map).cloned().unwrap_or_default();
            let selected = !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value));
            selected.then(|| (workload.str_at(&["metadata", "name"]).unwrap_or_default().into(), labels))
        });
        pods.collect()
    }
}
