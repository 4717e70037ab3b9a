//! The owner of a pod.

use crate::value::{EcoString, Value};

/// The object that made a pod, or will make it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Its kind.
    pub kind: EcoString,
    /// Its `apiVersion`.
    pub api_version: EcoString,
    /// Its name.
    pub name: EcoString,
    /// Its namespace.
    pub namespace: EcoString,
}

impl Owner {
    /// The owner of a pod that exists on its own, or that a controller made: then the controller's owner, as far as the
    /// pod alone reveals it.
    pub fn of_pod(pod: &Value) -> Owner {
        let text = |path: &[&str]| pod.str_at(path).map(EcoString::from).unwrap_or_default();
        let mut owner = Owner {
            kind: "Pod".into(),
            api_version: "v1".into(),
            name: text(&["metadata", "name"]),
            namespace: text(&["metadata", "namespace"]),
        };
        if text(&["metadata", "generateName"]).is_empty() {
            return owner;
        }
        let references = pod.list_at(&["metadata", "ownerReferences"]);
        let is_controller = |r: &&Value| r.get("controller").and_then(Value::as_bool) == Some(true);
        if let Some(controller) = references.iter().find(is_controller) {
            let text = |key| controller.str_at(&[key]).map(EcoString::from).unwrap_or_default();
            owner.kind = text("kind");
            owner.api_version = text("apiVersion");
            owner.name = text("name");
            owner.look_further(pod);
        }
        if owner.name.is_empty() {
            owner.name = text(&["metadata", "name"]);
        }
        owner
    }

    /// From a ReplicaSet to its Deployment, and the like.
    fn look_further(&mut self, pod: &Value) {
        let label = |key| pod.str_at(&["metadata", "labels", key]).filter(|value| !value.is_empty());
        // A name that ends with the hash, but without a dash before it, stays whole.
        let without = |hash: Option<&str>| {
            let head = self.name.strip_suffix(hash?)?;
            Some(head.strip_suffix('-').map_or_else(|| self.name.clone(), EcoString::from))
        };
        match self.kind.as_str() {
            "ReplicaSet" => {
                if let Some(name) = without(label("pod-template-hash")) {
                    self.name = name;
                    self.kind = "Deployment".into();
                } else if let Some(name) = without(label("rollouts-pod-template-hash")) {
                    self.name = name;
                    self.kind = "Rollout".into();
                    self.api_version = "v1alpha1".into();
                }
            }
            "ReplicationController" => {
                if let Some(name) = label("deploymentconfig") {
                    self.name = name.into();
                    self.kind = "DeploymentConfig".into();
                }
            }
            "Job" => {
                if let Some((name, time)) = self.name.rsplit_once('-')
                    && !name.is_empty()
                    && (8..=10).contains(&time.len())
                    && time.bytes().all(|b| b.is_ascii_digit())
                {
                    self.name = name.into();
                    self.kind = "CronJob".into();
                    self.api_version = "batch/v1".into();
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn owner(labels: &str, reference: &str) -> (String, String, String) {
        let pod = format!(
            r#"{{"metadata":{{"name":"p","generateName":"p-","namespace":"ns","labels":{{{labels}}},"ownerReferences":[
                {{"kind":"Other","name":"o","apiVersion":"v9"}},{{"controller":true,{reference}}}]}}}}"#
        );
        let owner = Owner::of_pod(&json::parse(pod.as_bytes()).unwrap());
        assert_eq!(owner.namespace, "ns");
        (owner.kind.to_string(), owner.api_version.to_string(), owner.name.to_string())
    }

    fn expected(kind: &str, api_version: &str, name: &str) -> (String, String, String) {
        (kind.to_owned(), api_version.to_owned(), name.to_owned())
    }

    #[test]
    fn a_pod_with_a_name_alone_owns_itself() {
        let pod = json::parse(
            br#"{"metadata":{"name":"p","ownerReferences":[{"controller":true,"kind":"Job","name":"j"}]}}"#,
        );
        let owner = Owner::of_pod(&pod.unwrap());
        assert_eq!((owner.kind.as_str(), owner.name.as_str()), ("Pod", "p"));
    }

    #[test]
    fn controllers_lead_to_what_made_them() {
        let replica_set = r#""kind":"ReplicaSet","apiVersion":"apps/v1","name":"web-5d4f""#;
        let with_hash = owner(r#""pod-template-hash":"5d4f""#, replica_set);
        assert_eq!(with_hash, expected("Deployment", "apps/v1", "web"));
        assert_eq!(owner("", replica_set), expected("ReplicaSet", "apps/v1", "web-5d4f"));
        let short = owner(r#""pod-template-hash":"4f""#, replica_set);
        assert_eq!(short, expected("Deployment", "apps/v1", "web-5d4f"));
        let rollout = owner(r#""rollouts-pod-template-hash":"5d4f""#, replica_set);
        assert_eq!(rollout, expected("Rollout", "v1alpha1", "web"));
        let config =
            owner(r#""deploymentconfig":"dc""#, r#""kind":"ReplicationController","apiVersion":"v1","name":"dc-1""#);
        assert_eq!(config, expected("DeploymentConfig", "v1", "dc"));
        let job = |name| owner("", &format!(r#""kind":"Job","apiVersion":"batch/v1beta1","name":"{name}""#));
        assert_eq!(job("tick-27654321"), expected("CronJob", "batch/v1", "tick"));
        assert_eq!(job("tick-2765432"), expected("Job", "batch/v1beta1", "tick-2765432"));
        assert_eq!(job("tick-27654321000"), expected("Job", "batch/v1beta1", "tick-27654321000"));
    }
}
