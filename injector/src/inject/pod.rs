//! What the steps look up in a pod.

use crate::value::{Map, Value};

/// The sidecar.
pub(super) const PROXY: &str = "istio-proxy";
/// The init container that captures traffic.
pub(super) const INIT: &str = "istio-init";
/// The init container that checks what the CNI plugin captured.
pub(super) const VALIDATION: &str = "istio-validation";
/// The init container that makes a pod's rules, or checks those of the CNI plugin, and whether it only checks.
pub fn rules_container(pod: &Value) -> Option<(&Value, bool)> {
    let named = |wanted| find(containers(pod, Place::InitContainers), wanted);
    named(INIT).map(|found| (found, false)).or_else(|| named(VALIDATION).map(|found| (found, true)))
}

/// The init container that allows core dumps.
pub(super) const CORE_DUMP: &str = "enable-core-dump";

/// One of the two lists of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Containers,
    InitContainers,
}

impl Place {
    /// The list's name in a pod's spec.
    pub(super) fn key(self) -> &'static str {
        match self {
            Place::Containers => "containers",
            Place::InitContainers => "initContainers",
        }
    }
}

/// The containers of a list.
pub(super) fn containers(pod: &Value, place: Place) -> &[Value] {
    pod.list_at(&["spec", place.key()])
}

/// The name of a container, a volume, and so on.
pub(super) fn name(object: &Value) -> &str {
    object.str_at(&["name"]).unwrap_or_default()
}

/// The first of a name.
pub(super) fn find<'a>(objects: &'a [Value], wanted: &str) -> Option<&'a Value> {
    objects.iter().find(|object| name(object) == wanted)
}

/// The first container of a name: containers are searched first, then init containers.
pub(super) fn find_in_pod<'a>(pod: &'a Value, wanted: &str) -> Option<&'a Value> {
    find(containers(pod, Place::Containers), wanted).or_else(|| find(containers(pod, Place::InitContainers), wanted))
}

/// The first container of a name in a list, to be changed.
pub(super) fn find_mut<'a>(pod: &'a mut Value, place: Place, wanted: &str) -> Option<&'a mut Map> {
    let position = containers(pod, place).iter().position(|c| name(c) == wanted)?;
    let list = pod.map_entry("spec").get_mut(place.key())?.as_list_mut()?;
    list.make_mut().get_mut(position)?.as_map_mut()
}

/// Appends a container to a list.
pub(super) fn push_container(pod: &mut Value, place: Place, container: Value) {
    let list = pod.map_entry("spec").entry(place.key());
    match list.as_list_mut() {
        Some(list) => list.push(container),
        None => *list = Value::from_iter([container]),
    }
}

/// The sidecar, to be changed.
pub(super) fn sidecar_mut(pod: &mut Value) -> Option<&mut Map> {
    let here = find(containers(pod, Place::Containers), PROXY).is_some();
    find_mut(pod, if here { Place::Containers } else { Place::InitContainers }, PROXY)
}

/// The pod's annotations.
pub(super) fn annotations(pod: &Value) -> Option<&Map> {
    pod.at(&["metadata", "annotations"]).and_then(Value::as_map)
}

/// One annotation.
pub(super) fn annotation<'a>(pod: &'a Value, name: &str) -> Option<&'a str> {
    annotations(pod)?.str(name)
}

/// Appends an environment variable to a container.
pub(super) fn push_env(container: &mut Map, name: &str, value: impl Into<Value>) {
    let entry = env_entry(name, value.into());
    let env = container.entry("env");
    match env {
        Value::List(list) => list.push(entry),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::Map(_) => *env = Value::from_iter([entry]),
    }
}

/// One environment variable in canonical form: an empty value is left out.
pub(super) fn env_entry(name: &str, value: Value) -> Value {
    let mut entry = Map::with_capacity(2);
    entry.insert("name", name);
    if value.as_str() != Some("") {
        entry.insert("value", value);
    }
    entry.into()
}

/// The value of a key: an exact match or, as in Go's JSON decoder, one that differs only in case.
pub(super) fn member<'a>(map: &'a Map, key: &str) -> Option<&'a Value> {
    map.get(key).or_else(|| map.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v))
}
