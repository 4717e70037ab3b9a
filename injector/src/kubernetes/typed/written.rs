//! An object beside the text that it was read from: what the trip through Go's structs dropped, and what it added.

use std::fmt::Write;

use super::zero;
use crate::kubernetes::types::{Base, Field, Kind, Shape, Type};
use crate::value::{Map, Value};

/// Removes what Go writes on its own, such as `status: {}`, `resources: {}` and `selector: null`, if `written`
/// does not have it. Decoded, the result is the same object.
pub fn make_minimal(object: &mut Value, of: Type, written: &Value) {
    each_struct(object, of.into(), Some(written), &mut |map, of, written| {
        for field in of.written() {
            let is_zero = map.get(field.json).is_some_and(|value| *value == zero(field.kind));
            let is_written = written.and_then(|written| find(written, of, field)).is_some_and(|value| !value.is_null());
            if is_zero && !is_written {
                map.remove(field.json);
            }
        }
    });
}

/// Puts back the fields of `written` that the tables do not know: a newer Kubernetes may know them.
pub fn keep_unknown(object: &mut Value, of: Type, written: &Value) {
    each_struct(object, of.into(), Some(written), &mut |map, of, written| {
        for (key, value) in written.into_iter().flat_map(|written| unknown_of(written, of)) {
            map.insert(key, value.clone());
        }
    });
}

/// The paths of the fields that the tables do not know.
pub fn unknown(written: &Value, of: Type) -> Vec<String> {
    let mut found = Vec::new();
    collect_unknown(written, of.into(), &mut String::new(), &mut found);
    found
}

fn unknown_of(written: &Map, of: Type) -> impl Iterator<Item = (&str, &Value)> {
    let known = move |key: &str| of.matching(key).is_some() || key.starts_with('$');
    written.iter().map(|(key, value)| (key.as_str(), value)).filter(move |(key, _)| !known(key))
}

/// The value of a field, however its name was spelled.
fn find<'w>(written: &'w Map, of: Type, field: &Field) -> Option<&'w Value> {
    let is_it = |key: &str| of.matching(key).is_some_and(|(_, found)| found.json == field.json);
    written.get(field.json).or_else(|| written.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value))
}

type Change<'c> = &'c mut dyn FnMut(&mut Map, Type, Option<&Map>);

/// Calls a function for each struct of an object, the inner ones first, with what was written for it.
fn each_struct(value: &mut Value, kind: Kind, written: Option<&Value>, change: Change<'_>) {
    let Base::Struct(of) = kind.base else { return };
    match (kind.shape, value) {
        (Shape::Plain | Shape::Pointer, Value::Map(map)) => {
            let written = written.and_then(Value::as_map);
            for field in of.fields() {
                let written = written.and_then(|written| find(written, of, field));
                if let Some(value) = map.get_mut(field.json) {
                    each_element(value, field, written, change);
                }
            }
            change(map, of, written);
        }
        (Shape::Map, Value::Map(map)) => {
            for (key, value) in map.iter_mut() {
                each_struct(value, kind.element(), written.and_then(|written| written.get(key)), change);
            }
        }
        (Shape::Plain | Shape::Pointer | Shape::List | Shape::Map, _) => {}
    }
}

/// The elements of a list are distinguished by their key; those of lists without one, by their place.
fn each_element(value: &mut Value, field: &Field, written: Option<&Value>, change: Change<'_>) {
    let (Shape::List, Value::List(list)) = (field.kind.shape, &mut *value) else {
        return each_struct(value, field.kind, written, change);
    };
    if !matches!(field.kind.base, Base::Struct(_)) {
        return;
    }
    let written = written.and_then(Value::as_list).map_or(&[][..], |list| list.as_slice());
    for (i, element) in list.make_mut().iter_mut().enumerate() {
        let same = match field.merge_key.filter(|key| !key.is_empty()) {
            Some(key) => written.iter().find(|w| w.get(key).is_some() && w.get(key) == element.get(key)),
            None => written.get(i),
        };
        each_struct(element, field.kind.element(), same, change);
    }
}

fn collect_unknown(written: &Value, kind: Kind, path: &mut String, found: &mut Vec<String>) {
    let Base::Struct(of) = kind.base else { return };
    let length = path.len();
    match (kind.shape, written) {
        (Shape::Plain | Shape::Pointer, Value::Map(map)) => {
            found.extend(unknown_of(map, of).map(|(key, _)| format!("{path}{key}")));
            for (key, value) in map.iter() {
                let Some((_, field)) = of.matching(key) else { continue };
                let dot = if field.kind.shape == Shape::List { "" } else { "." };
                let _ = write!(path, "{key}{dot}");
                collect_unknown(value, field.kind, path, found);
                path.truncate(length);
            }
        }
        (Shape::List, Value::List(list)) => {
            for (i, value) in list.iter().enumerate() {
                let _ = write!(path, "[{i}].");
                collect_unknown(value, kind.element(), path, found);
                path.truncate(length);
            }
        }
        (Shape::Map, Value::Map(map)) => {
            for (key, value) in map.iter() {
                let _ = write!(path, "{key}.");
                collect_unknown(value, kind.element(), path, found);
                path.truncate(length);
            }
        }
        (Shape::Plain | Shape::Pointer | Shape::List | Shape::Map, _) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::kubernetes::typed::{Mode, round_trip};

    fn deployment() -> Type {
        Type::named("appsv1.Deployment").unwrap()
    }

    fn both(text: &str) -> (Value, Value) {
        let written = crate::yaml::parse(text).unwrap();
        (round_trip(&written, deployment(), Mode::Yaml).unwrap(), written)
    }

    #[test]
    fn what_the_user_did_not_write_is_removed_and_the_object_stays_the_same() {
        let (full, written) = both(
            "kind: Deployment\nspec:\n  strategy: {}\n  template:\n    spec:\n      containers:\n      - name: a\n      - name: b\n        resources: {}\n        env: [{name: X, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]\n",
        );
        let mut minimal = full.clone();
        make_minimal(&mut minimal, deployment(), &written);
        assert_eq!(
            json::to_string(&minimal),
            r#"{"kind":"Deployment","spec":{"strategy":{},"template":{"spec":{"containers":[{"name":"a"},{"env":[{"name":"X","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu"}}}],"name":"b","resources":{}}]}}}}"#
        );
        assert_eq!(round_trip(&minimal, deployment(), Mode::Json).unwrap(), full);
    }

    #[test]
    fn a_pointer_to_zero_is_no_default() {
        let (mut pod, written) = both(
            "spec: {replicas: 0, template: {spec: {containers: [], terminationGracePeriodSeconds: 0, securityContext: {runAsUser: 0}}}}\n",
        );
        make_minimal(&mut pod, deployment(), &Value::Null);
        let text = json::to_string(&pod);
        assert!(text.contains(r#""replicas":0"#) && text.contains(r#""runAsUser":0"#), "{text} {written:?}");
    }

    #[test]
    fn fields_of_a_newer_kubernetes_survive() {
        let text = "spec:\n  newField: {a: [1]}\n  template:\n    spec:\n      containers:\n      - {name: b, newer: x}\n      - {name: a}\n      tolerations: [{key: k, newest: 1}]\n";
        let (mut object, written) = both(text);
        assert!(!json::to_string(&object).contains("new"));
        assert_eq!(
            unknown(&written, deployment()),
            ["spec.newField", "spec.template.spec.containers[0].newer", "spec.template.spec.tolerations[0].newest"]
        );
        let containers = object.map_entry("spec").entry("template").map_entry("spec").get_mut("containers").unwrap();
        containers.as_list_mut().unwrap().make_mut().reverse();
        keep_unknown(&mut object, deployment(), &written);
        let text = json::to_string(&object);
        for kept in [r#""newField":{"a":[1]}"#, r#"{"name":"b","newer":"x","resources":{}}"#, r#""newest":1"#] {
            assert!(text.contains(kept), "{text}");
        }
    }
}
