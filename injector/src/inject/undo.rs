//! Undoes an earlier injection, as far as what it left behind allows.

use super::pod::{self, PROXY, Place, name};
use super::reapply::Containers;
use super::status::Status;
use super::{probes, prometheus, render};
use crate::annotations::{OVERRIDES, STATUS};
use crate::value::{EcoVec, Value};

/// What the pod may have been before it was injected: without the injected containers, and with the user's own
/// containers, probes and Prometheus annotations.
///
/// What the injection did not note stays: labels, volumes, pull secrets, settings of the pod. Injecting them again changes
/// nothing, except with templates that look at them. So a caller has to compare.
pub(super) fn undo(pod: &Value, status: &Status, overrides: &Containers, status_port: i32) -> Vec<Value> {
    let mut before = pod.clone();
    let sidecar = pod::find_in_pod(pod, PROXY);
    let variable = |wanted: &str| {
        let entry = sidecar.and_then(|sidecar| pod::find(sidecar.list_at(&["env"]), wanted));
        entry.and_then(|entry| entry.str_at(&["value"])).unwrap_or_default()
    };
    probes::restore(&mut before, variable(probes::VARIABLE));
    for place in [Place::Containers, Place::InitContainers] {
        restore_containers(&mut before, place, status, overrides);
    }
    let annotations = before.map_entry("metadata").entry("annotations").make_map();
    prometheus::restore(annotations, status_port, variable(prometheus::VARIABLE));
    annotations.remove(STATUS);
    annotations.remove(OVERRIDES);
    // A native sidecar is noted as an init container, wherever the user had it.
    let moved = render::moved(&before, Place::InitContainers, Place::Containers);
    [Some(before), moved].into_iter().flatten().collect()
}

/// Whether an injection gives the pod. A workload's pod template has no status, not even an empty one.
pub(super) fn is_same(injected: &Value, pod: &Value) -> bool {
    if injected == pod {
        return true;
    }
    let mut injected = injected.clone();
    if pod.get("status").is_none() {
        injected.make_map().remove("status");
    }
    injected == *pod
}

/// Replaces the injected containers by the user's of the same names, and removes those that the user did not have.
fn restore_containers(pod: &mut Value, place: Place, status: &Status, overrides: &Containers) {
    let list = pod::containers(pod, place);
    let own = |wanted: &str| pod::find(overrides.of(place), wanted).cloned();
    let restore = |c: &Value| if status.has(place, name(c)) { own(name(c)) } else { Some(c.clone()) };
    let restored: EcoVec<Value> = list.iter().filter_map(restore).collect();
    if restored.len() != list.len() || !overrides.of(place).is_empty() {
        pod.map_entry("spec").insert(place.key(), Value::List(restored));
    }
}
