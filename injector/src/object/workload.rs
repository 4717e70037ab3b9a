//! Objects that have a pod in them.

use super::Owner;
use crate::annotations;
use crate::decision::SWITCH;
use crate::kubernetes::Type;
use crate::value::{EcoString, Map, Value};

/// The kinds that kube-inject knows. Only the kind matters; the `apiVersion` may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A pod.
    Pod,
    /// A replication controller.
    ReplicationController,
    /// A deployment.
    Deployment,
    /// A daemon set.
    DaemonSet,
    /// A replica set.
    ReplicaSet,
    /// A stateful set.
    StatefulSet,
    /// A job.
    Job,
    /// A job that runs again and again.
    CronJob,
    /// OpenShift's deployment.
    DeploymentConfig,
    /// Several objects in one.
    List,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 10] = [
        Kind::Pod,
        Kind::ReplicationController,
        Kind::Deployment,
        Kind::DaemonSet,
        Kind::ReplicaSet,
        Kind::StatefulSet,
        Kind::Job,
        Kind::CronJob,
        Kind::DeploymentConfig,
        Kind::List,
    ];

    /// The kind of a name.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Pod => "Pod",
            Kind::ReplicationController => "ReplicationController",
            Kind::Deployment => "Deployment",
            Kind::DaemonSet => "DaemonSet",
            Kind::ReplicaSet => "ReplicaSet",
            Kind::StatefulSet => "StatefulSet",
            Kind::Job => "Job",
            Kind::CronJob => "CronJob",
            Kind::DeploymentConfig => "DeploymentConfig",
            Kind::List => "List",
        }
    }

    /// The kind of a resource, as kubectl takes and prints its name: `deployment`, `deployments`, `deploy`,
    /// `deployment.apps`. A List is none.
    pub fn of_resource(name: &str) -> Option<Kind> {
        let name = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let short = |kind| match kind {
            Kind::Pod => "po",
            Kind::ReplicationController => "rc",
            Kind::Deployment => "deploy",
            Kind::DaemonSet => "ds",
            Kind::ReplicaSet => "rs",
            Kind::StatefulSet => "sts",
            Kind::CronJob => "cj",
            Kind::DeploymentConfig => "dc",
            Kind::Job | Kind::List => "",
        };
        let is_named = |kind: &Kind| {
            let singular = kind.name().to_ascii_lowercase();
            name == singular || name.strip_suffix('s') == Some(&singular) || name == short(*kind)
        };
        Kind::ALL.into_iter().filter(|kind| *kind != Kind::List && !name.is_empty()).find(is_named)
    }

    /// Its struct in Kubernetes' API.
    pub fn type_of(self) -> Option<Type> {
        Type::named(match self {
            Kind::Pod => "v1.Pod",
            Kind::ReplicationController => "v1.ReplicationController",
            Kind::Deployment => "appsv1.Deployment",
            Kind::DaemonSet => "appsv1.DaemonSet",
            Kind::ReplicaSet => "appsv1.ReplicaSet",
            Kind::StatefulSet => "appsv1.StatefulSet",
            Kind::Job => "batchv1.Job",
            Kind::CronJob => "batchv1.CronJob",
            Kind::DeploymentConfig => "osv1.DeploymentConfig",
            Kind::List => "metav1.List",
        })
    }

    /// The paths of the pod's metadata and of its spec.
    fn paths(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Kind::Pod | Kind::List => (&["metadata"], &["spec"]),
            // Istio looks at the job's metadata instead of the pod's.
            Kind::CronJob => {
                (&["spec", "jobTemplate", "metadata"], &["spec", "jobTemplate", "spec", "template", "spec"])
            }
            Kind::ReplicationController
            | Kind::Deployment
            | Kind::DaemonSet
            | Kind::ReplicaSet
            | Kind::StatefulSet
            | Kind::Job
            | Kind::DeploymentConfig => (&["spec", "template", "metadata"], &["spec", "template", "spec"]),
        }
    }
}

/// The path of the metadata of a CronJob's pods.
const CRON_JOB_POD_METADATA: &[&str] = &["spec", "jobTemplate", "spec", "template", "metadata"];

/// An object with a pod in it, after its trip through Kubernetes' types.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// What it is.
    pub kind: Kind,
    /// The object.
    pub object: Value,
    /// For a CronJob: use the pod's own metadata instead of the job's.
    pub cron_job_pod_metadata: bool,
    /// The paths of the fields that were dropped, because the known Kubernetes API does not have them.
    pub dropped: Vec<String>,
}

impl Workload {
    /// The pod: metadata and spec. Nothing if the object has no pod template though it may.
    pub fn pod(&self) -> Option<Value> {
        let is_pointer = matches!(self.kind, Kind::ReplicationController | Kind::DeploymentConfig);
        if is_pointer && self.object.at(&["spec", "template"]).is_none_or(Value::is_null) {
            return None;
        }
        let (metadata, spec) = self.paths();
        let part = |path| self.object.at(path).cloned().filter(|v| !v.is_null()).unwrap_or(Value::Map(Map::new()));
        Some(Map::from_iter([("metadata", part(metadata)), ("spec", part(spec))]).into())
    }

    /// The object with another pod in it.
    #[must_use]
    pub fn with_pod(mut self, pod: &Value) -> Value {
        let (metadata, spec) = self.paths();
        for (path, key) in [(metadata, "metadata"), (spec, "spec")] {
            let part = pod.get(key).cloned().unwrap_or(Value::Map(Map::new()));
            if let Some((last, parents)) = path.split_last() {
                let parent = parents.iter().fold(&mut self.object, |value, key| value.make_map().entry(*key));
                parent.make_map().insert(*last, part);
            }
        }
        self.object
    }

    /// The path of the pod's metadata.
    pub(crate) fn metadata_path(&self) -> &'static [&'static str] {
        self.paths().0
    }

    /// The path of the pod's spec.
    pub(crate) fn spec_path(&self) -> &'static [&'static str] {
        self.paths().1
    }

    fn paths(&self) -> (&'static [&'static str], &'static [&'static str]) {
        let (metadata, spec) = self.kind.paths();
        let of_pod = self.kind == Kind::CronJob && self.cron_job_pod_metadata;
        (if of_pod { CRON_JOB_POD_METADATA } else { metadata }, spec)
    }

    /// The annotations and labels about injection that a CronJob's pods have, and that Istio ignores.
    pub fn overlooked(&self) -> impl Iterator<Item = &EcoString> {
        let overlooks = self.kind == Kind::CronJob && !self.cron_job_pod_metadata;
        let metadata = self.object.at(CRON_JOB_POD_METADATA).filter(|_| overlooks);
        let keys = |part| metadata.and_then(|m| m.get(part)).and_then(Value::as_map).into_iter().flat_map(Map::keys);
        keys("annotations").chain(keys("labels")).filter(|key| key.contains("istio.io/"))
    }

    /// The path to which the annotations and labels of its pods belong.
    pub fn pod_metadata(&self) -> String {
        self.metadata_path().join(".")
    }

    /// The annotations and labels about injection that the object has for itself, although nothing reads them there, and its pods
    /// have not: which of the two it is, and the name.
    pub fn above_template(&self) -> impl Iterator<Item = (&'static str, &EcoString)> {
        let is_pod = self.metadata_path() == ["metadata"];
        let own = self.object.get("metadata").filter(|_| !is_pod);
        let pods = self.object.at(self.metadata_path());
        let names = move |part| own.and_then(|m| m.get(part)).and_then(Value::as_map).into_iter().flat_map(Map::keys);
        let annotations = names("annotations").filter(|name| annotations::is_of_injection(name));
        let labels = names("labels").filter(|name| *name == SWITCH);
        let all = annotations.map(|name| ("annotations", name)).chain(labels.map(|name| ("labels", name)));
        let missing = move |(part, name): &(&str, &EcoString)| pods.and_then(|pods| pods.at(&[part, name])).is_none();
        all.filter(missing).map(|(part, name)| (if part == "labels" { "label" } else { "annotation" }, name))
    }

    /// The owner of the pod.
    pub fn owner(&self) -> Owner {
        if self.kind == Kind::Pod {
            return Owner::of_pod(&self.object);
        }
        let text = |path: &[&str]| self.object.str_at(path).map(EcoString::from).unwrap_or_default();
        Owner {
            kind: text(&["kind"]),
            api_version: text(&["apiVersion"]),
            name: text(&["metadata", "name"]),
            namespace: text(&["metadata", "namespace"]),
        }
    }

    /// The pod's name, or else its owner's, after the owner's namespace.
    pub fn full_name(&self, pod: &Value) -> String {
        let owner = self.owner();
        let name = pod.str_at(&["metadata", "name"]).filter(|name| !name.is_empty()).unwrap_or(&owner.name);
        match owner.namespace.as_str() {
            "" => name.to_owned(),
            namespace => format!("{namespace}/{name}"),
        }
    }
}
