//! What a cluster tells an admission beside the configuration. Pure data: watches write it, requests read it, and
//! nobody waits for anybody.

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

impl Surroundings {
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
