//! What an admission knows of the cluster, besides the configuration. Pure data: watches write it, requests read it, and
//! neither waits for the other.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::inject::native::Node;
use crate::mesh::ProxyConfigs;
use crate::value::{EcoString, Value};

/// What is known of a cluster. By default nothing is.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// The nodes; nothing until they have been listed.
    pub nodes: ArcSwapOption<Vec<Node>>,
    /// Namespaces by name, with the annotations that OpenShift reserves ids by, and nothing else.
    pub namespaces: ArcSwap<HashMap<EcoString, Value>>,
    /// ProxyConfig resources.
    pub proxy_configs: ArcSwap<ProxyConfigs>,
}

/// What is known at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// As in [`Surroundings`].
    pub nodes: Option<Arc<Vec<Node>>>,
    /// As in [`Surroundings`].
    pub namespaces: Arc<HashMap<EcoString, Value>>,
    /// As in [`Surroundings`].
    pub proxy_configs: Arc<ProxyConfigs>,
}

impl Snapshot {
    /// Whether nothing was published in between.
    pub fn is_same(&self, other: &Snapshot) -> bool {
        let nodes = |snapshot: &Snapshot| snapshot.nodes.as_ref().map(Arc::as_ptr);
        nodes(self) == nodes(other)
            && Arc::ptr_eq(&self.namespaces, &other.namespaces)
            && Arc::ptr_eq(&self.proxy_configs, &other.proxy_configs)
    }
}

impl Surroundings {
    /// What is known now.
    pub fn load(&self) -> Snapshot {
        let Surroundings { nodes, namespaces, proxy_configs } = self;
        Snapshot {
            nodes: nodes.load_full(),
            namespaces: namespaces.load_full(),
            proxy_configs: proxy_configs.load_full(),
        }
    }

    /// A namespace. The copy shares its contents, so it costs next to nothing.
    pub fn namespace(&self, name: &str) -> Option<Value> {
        self.namespaces.load().get(name).cloned()
    }

    /// The nodes, if they are known.
    pub fn nodes(&self) -> Option<Arc<Vec<Node>>> {
        self.nodes.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_by_default() {
        let surroundings = Surroundings::default();
        assert!(surroundings.nodes().is_none());
        assert!(surroundings.namespace("default").is_none());
        assert!(surroundings.proxy_configs.load().unusable().is_empty());
    }
}
