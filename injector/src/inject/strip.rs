//! Takes an earlier injection out of a pod, so that templates see the user's own pod again.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::pod::{self, Place, name};
use super::prometheus;
use super::reapply::Containers;
use super::status::Status;
use crate::annotations::STATUS;
use crate::value::{EcoString, Value};

/// The pod without what was injected before, and with the user's own containers of the same names put back. Only
/// templates see this pod: volumes and pull secrets are still there.
pub(super) fn strip<'a>(
    pod: &'a Value,
    status: Option<&Status>,
    overrides: &Containers,
    status_port: i32,
) -> Cow<'a, Value> {
    let mut stripped = Cow::Borrowed(pod);
    if let Some(status) = status.filter(|status| status.readable) {
        remove_injected(stripped.to_mut(), status, status_port);
    }
    for place in [Place::Containers, Place::InitContainers] {
        if overrides.of(place).is_empty() {
            continue;
        }
        // Both lists can be long.
        let mut there: BTreeSet<_> =
            pod::containers(&stripped, place).iter().map(|c| EcoString::from(name(c))).collect();
        for container in overrides.of(place) {
            if there.insert(name(container).into()) {
                pod::push_container(stripped.to_mut(), place, container.clone());
            }
        }
    }
    stripped
}

fn remove_injected(pod: &mut Value, status: &Status, status_port: i32) {
    let spec = pod.map_entry("spec");
    for place in [Place::Containers, Place::InitContainers] {
        if let Some(list) = spec.get_mut(place.key()).and_then(Value::as_list_mut) {
            list.retain(|container| !status.has(place, name(container)));
        }
    }
    if let Some(annotations) = pod.map_entry("metadata").get_mut("annotations").and_then(Value::as_map_mut) {
        prometheus::restore(annotations, status_port, "");
        annotations.remove(STATUS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strip_text(text: &str) -> String {
        let pod = crate::json::parse(text.as_bytes()).unwrap();
        let status = Status::of_pod(&pod).unwrap();
        let overrides = Containers::of_annotation(&pod).unwrap();
        crate::json::to_string(&*strip(&pod, status.as_ref(), &overrides, 15020))
    }

    #[test]
    fn a_pod_that_was_not_injected_stays_as_it_is() {
        let text = r#"{"metadata":{"annotations":{"prometheus.io/port":"15020"}},"spec":{"containers":[{"name":"istio-proxy"}]}}"#;
        assert_eq!(strip_text(text), text);
    }

    #[test]
    fn injected_containers_and_annotations_go() {
        let text = r#"{"metadata":{"annotations":{"a":"b","prometheus.io/path":"/stats/prometheus","prometheus.io/port":"15020",
            "prometheus.io/scrape":"true","sidecar.istio.io/status":"{\"initContainers\":[\"istio-init\"],\"containers\":[\"istio-proxy\"]}"}},
            "spec":{"containers":[{"name":"app"},{"name":"istio-proxy"}],"initContainers":[{"name":"istio-init"}],"volumes":[{"name":"v"}]}}"#;
        assert_eq!(
            strip_text(text),
            r#"{"metadata":{"annotations":{"a":"b"}},"spec":{"containers":[{"name":"app"}],"initContainers":[],"volumes":[{"name":"v"}]}}"#
        );
    }

    #[test]
    fn annotations_of_another_port_stay() {
        let text = r#"{"metadata":{"annotations":{"prometheus.io/port":"9090","sidecar.istio.io/status":"{}"}}}"#;
        assert_eq!(strip_text(text), r#"{"metadata":{"annotations":{"prometheus.io/port":"9090"}},"spec":{}}"#);
    }

    #[test]
    fn the_users_own_containers_come_back() {
        let text = r#"{"metadata":{"annotations":{"proxy.istio.io/overrides":"{\"containers\":[{\"name\":\"istio-proxy\",\"resources\":{}},{\"name\":\"app\",\"resources\":{}}]}"}},
            "spec":{"containers":[{"name":"app","image":"i"}]}}"#;
        let stripped = strip_text(text);
        assert!(
            stripped.ends_with(
                r#""spec":{"containers":[{"image":"i","name":"app"},{"name":"istio-proxy","resources":{}}]}}"#
            ),
            "{stripped}"
        );
    }
}
