//! The order of containers: which one starts first, and which one `kubectl exec` uses.

use super::pod::{self, CORE_DUMP, INIT, PROXY, Place, VALIDATION, name};
use crate::value::{EcoVec, Value};

#[derive(Clone, Copy)]
enum End {
    First,
    Last,
}

/// Sorts the containers of an injected pod. With `hold`, the proxy comes before the application.
pub(super) fn order(pod: &mut Value, hold: bool) {
    let native = pod::find(pod::containers(pod, Place::InitContainers), PROXY).is_some();
    let spec = pod.map_entry("spec");
    let containers = spec.entry(Place::Containers.key());
    // Go leaves an empty list here, even if there was none.
    if containers.is_null() {
        *containers = Value::List(EcoVec::new());
    }
    // Usually last: `kubectl exec` and the like take the first container, which should be the user's.
    move_to(containers, PROXY, if hold { End::First } else { End::Last });
    let Some(inits) = spec.get_mut(Place::InitContainers.key()) else { return };
    let moves: &[(&str, End)] = if native {
        // Capture, then the proxy, then the user's init containers, which are then part of the mesh.
        &[(CORE_DUMP, End::First), (PROXY, End::First), (VALIDATION, End::First), (INIT, End::First)]
    } else {
        // The check blocks the user's containers; capture comes last, or it would block init containers.
        &[(VALIDATION, End::First), (INIT, End::Last), (CORE_DUMP, End::Last)]
    };
    moves.iter().for_each(|(name, end)| move_to(inits, name, *end));
    if inits.as_list().is_some_and(|list| list.is_empty()) {
        spec.remove(Place::InitContainers.key());
    }
}

/// Moves the container with this name to one end. If several have the name, only the last one is kept.
fn move_to(list: &mut Value, wanted: &str, end: End) {
    let Some(list) = list.as_list_mut() else { return };
    let Some(moved) = list.iter().rfind(|c| name(c) == wanted).cloned() else { return };
    list.retain(|c| name(c) != wanted);
    match end {
        End::First => list.insert(0, moved),
        End::Last => list.push(moved),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(containers: &[&str], inits: &[&str], hold: bool) -> (Vec<String>, Vec<String>) {
        let list = |names: &[&str]| -> Value {
            names.iter().map(|n| Value::Map([("name", Value::from(*n))].into_iter().collect())).collect()
        };
        let mut pod = Value::Null;
        pod.map_entry("spec").insert("containers", list(containers));
        if !inits.is_empty() {
            pod.map_entry("spec").insert("initContainers", list(inits));
        }
        order(&mut pod, hold);
        let names = |place| pod::containers(&pod, place).iter().map(|c| name(c).to_owned()).collect();
        (names(Place::Containers), names(Place::InitContainers))
    }

    #[test]
    fn the_proxy_comes_last_unless_the_application_waits_for_it() {
        assert_eq!(ordered(&["istio-proxy", "app"], &[], false).0, ["app", "istio-proxy"]);
        assert_eq!(ordered(&["app", "istio-proxy", "b"], &[], true).0, ["istio-proxy", "app", "b"]);
        assert_eq!(ordered(&["app"], &[], true).0, ["app"]);
    }

    #[test]
    fn init_containers_are_ordered_by_what_they_do() {
        let inits = ["user", "enable-core-dump", "istio-init", "istio-validation"];
        assert_eq!(ordered(&[], &inits, false).1, ["istio-validation", "user", "istio-init", "enable-core-dump"]);
        let native = ["user", "enable-core-dump", "istio-proxy", "istio-init"];
        assert_eq!(ordered(&[], &native, false).1, ["istio-init", "istio-proxy", "enable-core-dump", "user"]);
        let native = ["istio-proxy", "a", "istio-validation"];
        assert_eq!(ordered(&[], &native, false).1, ["istio-validation", "istio-proxy", "a"]);
    }

    #[test]
    fn of_several_containers_of_a_name_the_last_stays() {
        assert_eq!(ordered(&["istio-proxy", "a", "istio-proxy"], &[], false).0, ["a", "istio-proxy"]);
    }

    #[test]
    fn a_pod_without_containers_gets_an_empty_list() {
        let mut pod = crate::json::parse(br#"{"spec":{"containers":null}}"#).unwrap();
        order(&mut pod, false);
        assert_eq!(crate::json::to_string(&pod), r#"{"spec":{"containers":[]}}"#);
    }
}
