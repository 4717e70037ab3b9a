//! ConfigMaps, and the names they go by.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::core::v1;
use kube::Api;

use super::{Cluster, Error};

/// The name of a ConfigMap: it can be part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// The name of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

impl Name {
    /// Which names are allowed.
    pub const ALLOWED: &'static str =
        "lower-case letters, digits, `-` and `.`, at most 253, with a letter or digit at both ends";

    /// A name, if it is one.
    pub fn new(name: &str) -> Option<Self> {
        let labels = name.split('.').all(is_label);
        (labels && name.len() <= 253).then(|| Name(name.to_owned()))
    }
}

impl Namespace {
    /// Which names of namespaces are allowed.
    pub const ALLOWED: &'static str =
        "lower-case letters, digits and `-`, at most 63, with a letter or digit at both ends";

    /// A name, if it is one.
    pub fn new(name: &str) -> Option<Self> {
        (is_label(name) && name.len() <= 63).then(|| Namespace(name.to_owned()))
    }
}

fn is_label(label: &str) -> bool {
    let allowed = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    allowed && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A ConfigMap as it was when it was read.
#[derive(Clone, Debug)]
pub struct ConfigMap {
    /// Its name.
    pub name: Name,
    /// Its namespace.
    pub namespace: Namespace,
    /// Its texts.
    pub data: BTreeMap<String, String>,
    /// The keys of values that are not text.
    binary: Vec<String>,
}

impl ConfigMap {
    /// Reads a ConfigMap.
    pub async fn get(cluster: &Cluster, namespace: &Namespace, name: &Name) -> Result<Self, Error> {
        let api = Api::<v1::ConfigMap>::namespaced(cluster.client(), &namespace.0);
        let right = format!("get configmaps in the namespace {namespace}");
        let request = async {
            match api.get(&name.0).await {
                // Not any 404, because other servers answer with 404, too.
                Err(kube::Error::Api(status)) if status.reason == "NotFound" => Ok(None),
                answer => answer.map(Some),
            }
        };
        let found = cluster.answer(&right, request).await?;
        let object = found.ok_or_else(|| Error::NoObject {
            kind: "ConfigMap",
            name: name.clone(),
            namespace: namespace.clone(),
            server: cluster.server().to_owned(),
        })?;
        Ok(Self::of(name, namespace, object))
    }

    /// A ConfigMap that came another way, such as by a watch.
    pub fn of(name: &Name, namespace: &Namespace, object: v1::ConfigMap) -> Self {
        ConfigMap {
            name: name.clone(),
            namespace: namespace.clone(),
            data: object.data.unwrap_or_default(),
            binary: object.binary_data.unwrap_or_default().into_keys().collect(),
        }
    }

    /// The text of a key.
    pub fn text(&self, key: &'static str) -> Result<&str, Error> {
        self.data.get(key).map(String::as_str).ok_or_else(|| {
            let keys = self.data.keys().map(|key| format!("{key:?}"));
            let keys: Vec<_> = keys.chain(self.binary.iter().map(|key| format!("{key:?} (binary)"))).collect();
            let keys = if keys.is_empty() { "no keys".to_owned() } else { keys.join(", ") };
            Error::NoKey { name: self.name.clone(), namespace: self.namespace.clone(), key, keys }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_kubernetes_allows() {
        for name in ["istio", "istio-1.20.x", "0", &"a".repeat(253)] {
            assert!(Name::new(name).is_some(), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a%2fb", "A", "a_b", "-a", "a-", "a.", "a.-b", "é", &"a".repeat(254)] {
            assert!(Name::new(name).is_none(), "{name}");
        }
        assert!(Namespace::new(&"a".repeat(63)).is_some());
        for name in ["a.b", "", &"a".repeat(64)] {
            assert!(Namespace::new(name).is_none(), "{name}");
        }
    }
}
