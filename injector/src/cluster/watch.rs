//! Watches what affects injections: ConfigMaps, nodes, namespaces, ProxyConfig resources.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::follow::{Entries, Followed, Sink};
use super::object::Object;
use super::pace::Pace;
use super::{Cluster, Name, Namespace, stopped};
use crate::inject::native::Node;
use crate::inject::openshift;
use crate::mesh::ProxyConfigs;
use crate::surroundings::Surroundings;
use crate::value::{EcoString, Map, Value};

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct Watches {
    /// ConfigMaps, by namespace and name.
    pub config_maps: Vec<(Namespace, Name)>,
    /// Nodes, for native sidecars.
    pub nodes: bool,
    /// Namespaces, for OpenShift.
    pub namespaces: bool,
    /// ProxyConfig resources.
    pub proxy_configs: bool,
    /// How often the API server is asked.
    pub pace: Pace,
}

/// What receives the results.
#[derive(Clone, Debug)]
pub struct Told {
    /// Nodes, namespaces and ProxyConfig resources.
    pub surroundings: Arc<Surroundings>,
    /// Counts changes of the ConfigMaps. The first reading of each counts as one. A ConfigMap that is absent or deleted
    /// is not a change: this is logged once, and the last good configuration stays.
    pub config_maps: watch::Sender<u64>,
    /// Becomes true when each watch has had its first answer, or failed for the first time.
    pub settled: watch::Sender<bool>,
}

/// Watches what is wanted until `shutdown` becomes true or is dropped.
pub async fn watch(cluster: Cluster, wanted: Watches, told: Told, mut shutdown: watch::Receiver<bool>) {
    let pace = wanted.pace;
    let mut watches: Vec<(Followed, Publish)> = Vec::new();
    for (namespace, name) in &wanted.config_maps {
        let (followed, name) = (config_map(namespace, name, pace), format!("{namespace}/{name}"));
        let changes = told.config_maps.clone();
        watches.push((followed, Box::new(move |entries| config_map_changed(entries, &name, &changes))));
    }
    let mut add = |wanted: bool, followed: Followed, publish: fn(&Surroundings, &Entries)| {
        if wanted {
            let surroundings = Arc::clone(&told.surroundings);
            watches.push((followed, Box::new(move |entries| publish(&surroundings, entries))));
        }
    };
    add(wanted.nodes, nodes(pace), nodes_changed);
    add(wanted.namespaces, namespaces(pace), namespaces_changed);
    add(wanted.proxy_configs, proxy_configs(pace), proxy_configs_changed);

    let left = Arc::new(AtomicUsize::new(watches.len()));
    told.settled.send_replace(watches.is_empty());
    let mut tasks = JoinSet::new();
    for (followed, publish) in watches {
        let (cluster, left, settled) = (cluster.clone(), Arc::clone(&left), told.settled.clone());
        tasks.spawn(async move { followed.follow(&cluster, &mut Publisher { publish, left, settled }).await });
    }
    // Dropping the set ends the watches.
    stopped(&mut shutdown).await;
}

type Publish = Box<dyn FnMut(&Entries) + Send>;

/// What receives the results of one watch.
struct Publisher {
    publish: Publish,
    /// How many watches have not had an answer yet.
    left: Arc<AtomicUsize>,
    settled: watch::Sender<bool>,
}

impl Sink for Publisher {
    fn publish(&mut self, entries: &Entries) {
        (self.publish)(entries);
    }

    fn settled(&mut self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.settled.send_replace(true);
        }
    }
}

fn config_map(namespace: &Namespace, name: &Name, pace: Pace) -> Followed {
    Followed {
        resource: "configmaps",
        path: format!("/api/v1/namespaces/{namespace}/configmaps"),
        labels: None,
        fields: Some(format!("metadata.name={name}")),
        only_metadata: true,
        optional: false,
        right: format!("list and watch the ConfigMap {name} in the namespace {namespace}"),
        consequence: format!(
            "changes of the ConfigMap {namespace}/{name} go unnoticed; a Role has to grant get, list, watch on configmaps"
        ),
        pick: |object| object.metadata.resource_version.into(),
        pace,
    }
}

fn nodes(pace: Pace) -> Followed {
    Followed {
        resource: "nodes",
        path: "/api/v1/nodes".to_owned(),
        labels: None,
        fields: None,
        only_metadata: false,
        optional: false,
        right: "list and watch nodes".to_owned(),
        consequence: "without ever having seen the nodes, ENABLE_NATIVE_SIDECARS=auto means false; \
                      a ClusterRole has to grant list, watch on nodes"
            .to_owned(),
        pick: |object| object.status.node_info.kubelet_version.into(),
        pace,
    }
}

fn namespaces(pace: Pace) -> Followed {
    Followed {
        resource: "namespaces",
        path: "/api/v1/namespaces".to_owned(),
        labels: None,
        fields: None,
        only_metadata: true,
        optional: false,
        right: "list and watch namespaces".to_owned(),
        consequence: "in namespaces that have not been seen, the proxy runs as 1337 instead of the ids that OpenShift \
                      reserves; a ClusterRole has to grant list, watch on namespaces"
            .to_owned(),
        pick: reserved,
        pace,
    }
}

/// The part of a namespace that reserves ids. Most have none, and then it is empty and takes no memory.
fn reserved(object: Object) -> Value {
    let annotation = |name: &'static str| Some((name, object.metadata.annotations.get(name)?.clone()));
    let annotations: Map = openshift::ANNOTATIONS.into_iter().filter_map(annotation).collect();
    if annotations.is_empty() {
        return Value::Map(Map::new());
    }
    Map::from_iter([("metadata", Map::from_iter([("annotations", annotations)]))]).into()
}

fn proxy_configs(pace: Pace) -> Followed {
    Followed {
        resource: "proxyconfigs",
        path: "/apis/networking.istio.io/v1beta1/proxyconfigs".to_owned(),
        labels: None,
        fields: None,
        only_metadata: false,
        optional: true,
        right: "list and watch proxyconfigs (networking.istio.io)".to_owned(),
        consequence: "ProxyConfig resources that have not been seen are ignored; \
                      a ClusterRole has to grant list, watch on proxyconfigs.networking.istio.io"
            .to_owned(),
        pick: |object| {
            let created = object.metadata.creation_timestamp.unwrap_or_default();
            let texts = [("name", object.metadata.name), ("namespace", object.metadata.namespace)];
            let metadata: Map = texts.into_iter().chain([("creationTimestamp", created)]).collect();
            Map::from_iter([("metadata", metadata.into()), ("spec", object.spec)]).into()
        },
        pace,
    }
}

fn config_map_changed(entries: &Entries, name: &str, changes: &watch::Sender<u64>) {
    if entries.is_empty() {
        log::warn!(resource = "configmaps"; "there is no ConfigMap {name}; the last good configuration stays");
    } else {
        changes.send_modify(|count| *count += 1);
    }
}

fn nodes_changed(surroundings: &Surroundings, entries: &Entries) {
    let text = |version: &Value| version.as_str().unwrap_or_default().into();
    let node = |(name, version): (&String, _)| Node { name: name.as_str().into(), kubelet_version: text(version) };
    surroundings.nodes.store(Some(Arc::new(entries.iter().map(node).collect())));
}

fn namespaces_changed(surroundings: &Surroundings, entries: &Entries) {
    let namespace = |(name, kept): (&String, &Value)| (EcoString::from(name.as_str()), kept.clone());
    let namespaces: HashMap<_, _> = entries.iter().map(namespace).collect();
    surroundings.namespaces.store(Arc::new(namespaces));
}

fn proxy_configs_changed(surroundings: &Surroundings, entries: &Entries) {
    let configs = Arc::new(ProxyConfigs::of(entries.values()));
    let before = surroundings.proxy_configs.swap(Arc::clone(&configs));
    for unusable in configs.unusable().iter().filter(|unusable| !before.unusable().contains(unusable)) {
        log::warn!(resource = "proxyconfigs"; "{unusable}");
    }
}
