//! The smallest pod that an injection turns into the same result: everything that the templates set is left out.

use crate::inject::pod::Place;
use crate::value::{EcoString, Map, Value};

/// Removes one item after another, as long as an injection adds it again.
///
/// If the user set exactly the value that the injection sets, it is removed too: the two cannot be distinguished.
pub(in crate::inject) fn smallest(mut pod: Value, is_same: &mut dyn FnMut(&Value) -> bool) -> Value {
    for part in ["labels", "annotations"] {
        shrink(&mut pod, &["metadata".into(), part.into()], is_same, 1);
    }
    let containers = [Place::Containers, Place::InitContainers].map(Place::key);
    for field in keys(&pod, &["spec".into()]).into_iter().filter(|field| !containers.contains(&field.as_str())) {
        shrink(&mut pod, &["spec".into(), field], is_same, 3);
    }
    pod
}

/// Removes what is at the path, or else as much of it as can go, `depth` levels down.
fn shrink(pod: &mut Value, path: &[EcoString], is_same: &mut dyn FnMut(&Value) -> bool, depth: usize) {
    let mut without = pod.clone();
    if !remove(&mut without, path) {
        return;
    }
    if is_same(&without) {
        *pod = without;
    } else if depth > 0 {
        // From the end, so that earlier indices stay valid.
        for key in keys(pod, path).into_iter().rev() {
            let path: Vec<_> = path.iter().cloned().chain([key]).collect();
            shrink(pod, &path, is_same, depth - 1);
        }
    }
}

/// The keys of a map, or the places in a list of maps. A name is kept: without it, the rest has no meaning.
fn keys(pod: &Value, path: &[EcoString]) -> Vec<EcoString> {
    let path: Vec<_> = path.iter().map(EcoString::as_str).collect();
    match follow(pod, &path) {
        Some(Value::Map(map)) => map.keys().filter(|key| *key != "name").cloned().collect(),
        Some(Value::List(list)) if list.iter().all(|element| element.as_map().is_some()) => {
            (0..list.len()).map(|i| ecow::eco_format!("{i}")).collect()
        }
        Some(_) | None => Vec::new(),
    }
}

fn follow<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| match value.as_list() {
        Some(list) => list.get(key.parse::<usize>().ok()?),
        None => value.get(key),
    })
}

fn remove(value: &mut Value, path: &[EcoString]) -> bool {
    let Some((last, parents)) = path.split_last() else { return false };
    let parent = parents.iter().try_fold(value, |value, key| match value.as_list() {
        Some(_) => value.as_list_mut()?.make_mut().get_mut(key.parse::<usize>().ok()?),
        None => value.as_map_mut().and_then(|map| Map::get_mut(map, key)),
    });
    let Some(parent) = parent else { return false };
    if let Some(map) = parent.as_map_mut() {
        return map.remove(last).is_some();
    }
    let place = last.parse::<usize>().ok();
    match (place, parent.as_list_mut()) {
        (Some(place), Some(list)) if place < list.len() => {
            list.remove(place);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn what_comes_back_is_left_out_and_nothing_else() {
        let pod = r#"{"metadata":{"annotations":{"mine":"1","theirs":"1"},"labels":{"theirs":"1"}},"spec":{"containers":[{"name":"a"}],
            "securityContext":{"mine":1,"theirs":1},"volumes":[{"name":"mine"},{"emptyDir":{},"name":"theirs"},{"name":"both","theirs":{},"mine":{}}]}}"#;
        let pod = json::parse(pod.as_bytes()).unwrap();
        // An injection that sets whatever is called "theirs".
        let text = |pod: &Value| json::to_string(pod);
        let mut is_same = |small: &Value| {
            let small = text(small);
            small.matches("mine").count() == 4 && small.contains("containers") && small.contains(r#""name":"both""#)
        };
        let small = smallest(pod, &mut is_same);
        assert_eq!(
            text(&small),
            r#"{"metadata":{"annotations":{"mine":"1"}},"spec":{"containers":[{"name":"a"}],"securityContext":{"mine":1},"volumes":[{"name":"mine"},{"mine":{},"name":"both"}]}}"#
        );
    }

    #[test]
    fn only_maps_and_lists_of_maps_are_taken_apart_and_four_levels_of_them() {
        let pod = r#"{"spec":{"a":{"b":{"c":{"d":{"mine":1,"theirs":1}}}},"list":["mine","theirs"],"low":{"b":{"c":1,"mine":1}}}}"#;
        let small = smallest(json::parse(pod.as_bytes()).unwrap(), &mut |small| {
            json::to_string(small).matches("mine").count() == 3
        });
        assert_eq!(
            json::to_string(&small),
            r#"{"spec":{"a":{"b":{"c":{"d":{"mine":1,"theirs":1}}}},"list":["mine","theirs"],"low":{"b":{"mine":1}}}}"#
        );
    }
}
