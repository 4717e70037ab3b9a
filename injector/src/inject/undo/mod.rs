//! Undoes an earlier injection, as far as its traces in the pod allow.
//!
//! It noted the names of containers, volumes and pull secrets in the status annotation, the user's own containers in
//! another, probes and Prometheus annotations in variables of the sidecar. What else its templates set, it did not note:
//! with the configuration at hand, that is what can be left out and comes back (`smallest`); without, it is found by
//! the names in Istio's templates (`names`).

use std::collections::BTreeMap;

mod doubt;
mod names;
mod smallest;

pub use doubt::Doubt;
pub(super) use smallest::smallest;

use super::pod::{self, PROXY, Place, name};
use super::reapply::{AUTO_IMAGE, Containers};
use super::status::Status;
use super::{probes, prometheus, render};
use crate::annotations::{OVERRIDES, STATUS};
use crate::object::Owner;
use crate::value::{EcoVec, Value};

/// What a pod may have been, according to what its injection recorded.
pub(super) struct Noted {
    /// The likely one first. The user's own sidecar may have been in either list of containers.
    pub(super) pods: Vec<Value>,
    /// What was not recorded.
    pub(super) doubts: Vec<Doubt>,
}

/// What the pod may have been before it was injected: without the injected containers, and with the user's own
/// containers, probes and Prometheus annotations.
///
/// What the injection did not record stays: labels, volumes, pull secrets, settings of the pod. Injecting them again
/// changes nothing, except with templates that look at them. So a caller has to compare.
pub(super) fn undo(pod: &Value, status: &Status, overrides: &Containers, status_port: i32) -> Noted {
    let mut before = pod.clone();
    let mut doubts = probes::restore(&mut before, variable(pod, probes::VARIABLE));
    for place in [Place::Containers, Place::InitContainers] {
        restore_containers(&mut before, place, status, overrides, &mut doubts);
    }
    let annotations = before.map_entry("metadata").entry("annotations").make_map();
    let told = variable(pod, prometheus::VARIABLE);
    // Annotations with other ports than the agent's are the user's: they kept injection from touching them.
    if prometheus::agent_port(annotations) == Some(status_port) && prometheus::restore(annotations, status_port, told) {
        doubts.extend(Doubt::of_prometheus(told, pod::find_in_pod(pod, PROXY).is_some()));
    }
    annotations.remove(STATUS);
    // Injection never notes that there is nothing.
    if *overrides != Containers::default() {
        annotations.remove(OVERRIDES);
    }
    // A native sidecar is noted as an init container, wherever the user had it. The user's own shows if it is native.
    let own = pod::find(pod::containers(&before, Place::InitContainers), PROXY);
    let is_native = own.is_some_and(|own| own.get("restartPolicy").is_some());
    let moved = render::moved(&before, Place::InitContainers, Place::Containers);
    if own.is_some() {
        doubts
            .push(Doubt::OwnSidecar { list: if is_native { Place::InitContainers } else { Place::Containers }.key() });
    }
    let mut pods: Vec<_> = moved.into_iter().chain([before]).collect();
    if is_native {
        pods.reverse();
    }
    Noted { pods, doubts }
}

/// The same, and also by the names in Istio's templates: for pods whose configuration is not at hand.
pub(super) fn undo_by_names(pod: &Value, status: &Status, overrides: &Containers, owner: &Owner) -> Noted {
    // The port of the mesh that injected is the one that the annotations name, if they are of the injection.
    let port = pod::annotations(pod).and_then(prometheus::agent_port).unwrap_or_default();
    let mut noted = undo(pod, status, overrides, port);
    for before in &mut noted.pods {
        names::remove(before, pod, status, owner);
    }
    noted.doubts.extend(names::doubts(pod, status));
    noted
}

/// A variable of the sidecar; empty without one.
fn variable<'p>(pod: &'p Value, wanted: &str) -> &'p str {
    let entry = pod::find_in_pod(pod, PROXY).and_then(|sidecar| pod::find(sidecar.list_at(&["env"]), wanted));
    entry.and_then(|entry| entry.str_at(&["value"])).unwrap_or_default()
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
fn restore_containers(pod: &mut Value, place: Place, status: &Status, overrides: &Containers, doubts: &mut Vec<Doubt>) {
    let list = pod::containers(pod, place);
    // Both lists can be long. The first of a name counts.
    let own: BTreeMap<_, _> = overrides.of(place).iter().rev().map(|own| (name(own), own)).collect();
    let mut restore = |container: &Value| {
        if !status.has(place, name(container)) {
            return Some(container.clone());
        }
        let mut own = (*own.get(name(container))?).clone();
        // A container needs an image. `auto`, which asks for the injected one, is not noted.
        if own.get("image").is_none() {
            own.make_map().insert("image", AUTO_IMAGE);
            doubts.push(Doubt::Image { container: name(container).into() });
        }
        if list.len() > 1 && name(container) == PROXY {
            doubts.push(Doubt::Order { container: name(container).into() });
        }
        Some(own)
    };
    let restored: EcoVec<Value> = list.iter().filter_map(&mut restore).collect();
    if restored.len() != list.len() || !overrides.of(place).is_empty() {
        let spec = pod.map_entry("spec");
        match place {
            Place::InitContainers if restored.is_empty() => drop(spec.remove(place.key())),
            Place::Containers | Place::InitContainers => drop(spec.insert(place.key(), Value::List(restored))),
        }
    }
}
