//! The user's own containers, merged back over the injected ones: a user's `istio-proxy` keeps its settings.
//!
//! The first injection writes those containers into an annotation. A later one takes them from there, as the pod's own
//! `istio-proxy` is then the injected one.

use super::Error;
use super::pod::{self, INIT, Place, VALIDATION, member, name};
use super::status::Status;
use crate::annotations::OVERRIDES;
use crate::json;
use crate::kubernetes::{Type, merge, typed};
use crate::value::{EcoString, EcoVec, Map, Value};

/// The image that asks for the injected one: Kubernetes wants some image.
pub(super) const AUTO_IMAGE: &str = "auto";

/// The user's containers of the names that are injected.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Containers {
    containers: Vec<Value>,
    init_containers: Vec<Value>,
}

impl Containers {
    /// What an earlier injection recorded.
    pub(super) fn of_annotation(pod: &Value) -> Result<Self, Error> {
        let Some(text) = pod::annotation(pod, OVERRIDES) else { return Ok(Containers::default()) };
        let error = |reason: String| Error::Overrides { value: text.into(), reason };
        let tree = json::parse(text.as_bytes()).map_err(|e| error(e.to_string()))?;
        if tree.is_null() {
            return Ok(Containers::default());
        }
        let map = tree.as_map().ok_or_else(|| error(format!("it has to be an object, not {}", tree.kind())))?;
        let list = |key: &str| match member(map, key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::List(list)) => {
                let typed = |(i, c): (usize, &Value)| {
                    typed::round_trip(c, Type::CONTAINER, typed::Mode::Json)
                        .map_err(|e| error(format!("{key}[{i}]: {e}")))
                };
                list.iter().enumerate().map(typed).collect()
            }
            Some(other) => Err(error(format!("{key} has to be a list, not {}", other.kind()))),
        };
        Ok(Containers { containers: list("containers")?, init_containers: list("initContainers")? })
    }

    /// Those of one list.
    pub(super) fn of(&self, place: Place) -> &[Value] {
        match place {
            Place::Containers => &self.containers,
            Place::InitContainers => &self.init_containers,
        }
    }

    fn push(&mut self, place: Place, container: Value) {
        match place {
            Place::Containers => self.containers.push(container),
            Place::InitContainers => self.init_containers.push(container),
        }
    }

    fn to_annotation(&self) -> String {
        let list = |place: Place| {
            let containers: Vec<_> = self.of(place).iter().map(|c| typed::to_json(c, Type::CONTAINER)).collect();
            (!containers.is_empty()).then(|| (place.key(), json::list(&containers)))
        };
        json::object([Place::Containers, Place::InitContainers].into_iter().filter_map(list))
    }
}

/// Merges the user's containers over the injected ones of the same names, and records them in the pod.
pub(super) fn reapply(
    mut merged: Value,
    original: &Value,
    template_pod: &Value,
    status: Option<&Status>,
    existing: &Containers,
) -> Result<Value, Error> {
    let mut overrides = Containers::default();
    for place in [Place::Containers, Place::InitContainers] {
        for injected in pod::containers(template_pod, place) {
            let wanted = name(injected);
            let noted = pod::find(existing.of(place), wanted);
            if status.is_some_and(|status| status.has(place, wanted)) {
                // The pod's own container of this name is the injected one.
                if let Some(own) = noted {
                    merged = reapply_again(merged, place, own, injected, original)?;
                }
                continue;
            }
            let own = noted.or_else(|| match place {
                Place::Containers => pod::find(pod::containers(original, place), wanted),
                Place::InitContainers => pod::find_in_pod(original, wanted),
            });
            if let Some(own) = own.cloned().map(without_auto_image) {
                merged = overlay(merged, place, &own)?;
                overrides.push(place, own);
            }
        }
    }
    if status.is_none() && overrides != Containers::default() {
        let annotations = merged.map_entry("metadata").entry("annotations").make_map();
        annotations.insert(OVERRIDES, overrides.to_annotation());
    }
    Ok(merged)
}

/// Keeps the user's settings in a pod that is injected again. Istio loses them, because it does not read its own
/// annotation.
///
/// Only if the container is then the same as before, except for its environment, which depends on the other containers.
/// A template that has changed since wins, as with Istio.
fn reapply_again(merged: Value, place: Place, own: &Value, injected: &Value, original: &Value) -> Result<Value, Error> {
    let kept = overlay(merged.clone(), place, &without_auto_image(restricted(own, injected)))?;
    let container = |pod| pod::find(pod::containers(pod, place), name(injected)).map(comparable);
    Ok(if container(&kept) == container(original) { kept } else { merged })
}

/// A container without what later steps set.
fn comparable(container: &Value) -> Value {
    let mut container = container.clone();
    let is_init = [INIT, VALIDATION].contains(&name(&container));
    let fields = container.make_map();
    fields.remove("env");
    if is_init {
        // The user of the proxy becomes an argument of these, and their own user.
        fields.remove("args");
        fields.remove("securityContext");
    }
    container
}

fn without_auto_image(mut container: Value) -> Value {
    if container.str_at(&["image"]) == Some(AUTO_IMAGE) {
        container.make_map().remove("image");
    }
    container
}

/// Lists of a container whose elements merge, and by which key.
const MERGED_LISTS: [(&str, &str); 4] =
    [("env", "name"), ("ports", "containerPort"), ("volumeMounts", "mountPath"), ("volumeDevices", "devicePath")];

/// The parts of the user's container that the template would overwrite. The rest is in the pod, and may have changed
/// since.
fn restricted(own: &Value, injected: &Value) -> Value {
    let fields = own.as_map().into_iter().flat_map(Map::iter);
    let kept = fields.filter_map(|(field, value)| {
        let theirs = injected.get(field)?;
        match MERGED_LISTS.into_iter().find(|(list, _)| list == field) {
            None => Some((field.clone(), value.clone())),
            Some((_, key)) => {
                let known = |element: &&Value| {
                    theirs.as_list().is_some_and(|l| l.iter().any(|t| t.get(key) == element.get(key)))
                };
                let list: EcoVec<Value> = value.as_list()?.iter().filter(known).cloned().collect();
                (!list.is_empty()).then(|| (field.clone(), Value::List(list)))
            }
        }
    });
    kept.collect::<Map>().into()
}

fn overlay(pod: Value, place: Place, container: &Value) -> Result<Value, Error> {
    let mut spec = Map::from_iter([(Place::Containers.key(), Value::List(EcoVec::new()))]);
    spec.insert(place.key(), Value::from_iter([container.clone()]));
    let patch = Value::Map(Map::from_iter([("spec", Value::Map(spec))]));
    let error = |reason: String| Error::Reapply { container: EcoString::from(name(container)), reason };
    let merged = merge::apply(pod, &patch, Type::POD).map_err(|e| error(e.to_string()))?;
    typed::round_trip(&merged, Type::POD, typed::Mode::Json).map_err(|e| error(e.to_string()))
}
