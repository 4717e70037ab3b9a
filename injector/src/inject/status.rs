//! The annotation that records what was injected.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Error;
use super::pod::{self, Place, name};
use crate::annotations::STATUS;
use crate::json;
use crate::value::{EcoString, Value};

/// What an earlier injection left in a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Status {
    /// Names of the injected containers.
    pub(super) containers: BTreeSet<EcoString>,
    /// Names of the injected init containers.
    pub(super) init_containers: BTreeSet<EcoString>,
    /// Names of the injected volumes.
    pub(super) volumes: BTreeSet<EcoString>,
    /// Names of the injected pull secrets.
    pub(super) image_pull_secrets: BTreeSet<EcoString>,
    /// The revision that injected.
    pub(super) revision: EcoString,
    /// Whether the annotation could be read. If not, nothing is stripped, but the pod counts as injected.
    pub(super) readable: bool,
}

impl Status {
    /// The status of a pod that was injected before; nothing for one that was not.
    pub(super) fn of_pod(pod: &Value) -> Result<Option<Self>, Error> {
        let Some(text) = pod::annotation(pod, STATUS) else { return Ok(None) };
        let Some(status) = json::parse(text.as_bytes()).ok().filter(|status| status.as_map().is_some()) else {
            return Ok(Some(Status::default()));
        };
        let names = |field: &'static str| -> Result<BTreeSet<EcoString>, Error> {
            let wrong = || Error::Status { value: text.into(), field };
            match status.get(field) {
                None | Some(Value::Null) => Ok(BTreeSet::new()),
                Some(list) => {
                    let names = list.as_list().ok_or_else(wrong)?.iter();
                    names.map(|name| name.as_str().map(EcoString::from).ok_or_else(wrong)).collect()
                }
            }
        };
        let readable = ["volumes", "imagePullSecrets"].into_iter().all(|field| is_list_of_names(status.get(field)))
            && matches!(status.get("revision"), None | Some(Value::Null | Value::String(_)));
        let (containers, init_containers) = (names("containers")?, names("initContainers")?);
        if !readable {
            return Ok(Some(Status { containers, init_containers, ..Status::default() }));
        }
        Ok(Some(Status {
            containers,
            init_containers,
            volumes: readable_names(status.get("volumes")),
            image_pull_secrets: readable_names(status.get("imagePullSecrets")),
            revision: status.str_at(&["revision"]).unwrap_or_default().into(),
            readable,
        }))
    }

    /// Whether a container of this name in this list was injected.
    pub(super) fn has(&self, place: Place, wanted: &str) -> bool {
        match place {
            Place::Containers => self.containers.contains(wanted),
            Place::InitContainers => self.init_containers.contains(wanted),
        }
    }
}

fn readable_names(list: Option<&Value>) -> BTreeSet<EcoString> {
    list.and_then(Value::as_list).into_iter().flatten().filter_map(Value::as_str).map(EcoString::from).collect()
}

fn is_list_of_names(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(list) => list.as_list().is_some_and(|l| l.iter().all(|e| e.is_null() || e.as_str().is_some())),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotation<'a> {
    init_containers: Option<Vec<&'a str>>,
    containers: Option<Vec<&'a str>>,
    volumes: Option<Vec<&'a str>>,
    image_pull_secrets: Option<Vec<&'a str>>,
    revision: &'a str,
}

/// The annotation's value after an injection: what the templates alone put in.
pub(super) fn of_template_pod(pod: &Value, revision: &str) -> String {
    let names = |list: &str| {
        let objects = pod.list_at(&["spec", list]);
        (!objects.is_empty()).then(|| objects.iter().map(name).collect())
    };
    json::to_string(&Annotation {
        init_containers: names("initContainers"),
        containers: names("containers"),
        volumes: names("volumes"),
        image_pull_secrets: names("imagePullSecrets"),
        revision: if revision.is_empty() { "default" } else { revision },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(status: &str) -> Value {
        let mut pod = Value::Null;
        pod.map_entry("metadata").entry("annotations").make_map().insert(STATUS, status);
        pod
    }

    #[test]
    fn the_annotation_lists_what_the_templates_put_in() {
        let text =
            r#"{"spec":{"initContainers":[{"name":"istio-init"},{"name":"istio-proxy"}],"volumes":[{"name":"v"}]}}"#;
        let pod = json::parse(text.as_bytes()).unwrap();
        assert_eq!(
            of_template_pod(&pod, ""),
            r#"{"initContainers":["istio-init","istio-proxy"],"containers":null,"volumes":["v"],"imagePullSecrets":null,"revision":"default"}"#
        );
        assert!(of_template_pod(&pod, "canary").ends_with(r#""revision":"canary"}"#));
    }

    #[test]
    fn a_status_is_read_back() {
        let status =
            Status::of_pod(&pod(r#"{"initContainers":["a"],"containers":null,"revision":"x"}"#)).unwrap().unwrap();
        let (init_containers, revision) = (["a".into()].into(), "x".into());
        assert_eq!(status, Status { init_containers, revision, readable: true, ..Status::default() });
        assert_eq!(Status::of_pod(&Value::Null).unwrap(), None);
        for unreadable in ["", "notjson", "[]", "3", r#"{"volumes":3}"#] {
            let status = Status::of_pod(&pod(unreadable)).unwrap().unwrap();
            assert_eq!(status, Status::default(), "{unreadable}");
        }
    }

    #[test]
    fn names_of_the_wrong_type_are_an_error_that_names_the_annotation() {
        for wrong in [r#"{"containers":"istio-proxy"}"#, r#"{"containers":[1]}"#] {
            let error = Status::of_pod(&pod(wrong)).unwrap_err().to_string();
            assert!(error.contains(STATUS) && error.contains(wrong), "{error}");
        }
    }
}
