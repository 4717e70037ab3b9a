//! What differs between two forms of a pod: each thing by itself, by the keys of strategic merge.

use std::fmt;

use crate::json;
use crate::kubernetes::{Base, Field, Type};
use crate::value::{EcoString, Map, Value};

/// A step on the way to something in a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The field of an object.
    Field(EcoString),
    /// The element of a list in which a field has a value.
    Element {
        /// The field: the merge key.
        key: &'static str,
        /// Its value.
        value: EcoString,
        /// Which of several with this value.
        nth: usize,
    },
}

/// Something in a pod: `spec.containers[istio-proxy].image`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Part>);

/// What happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It was not there.
    Added,
    /// It was different.
    Changed,
    /// It is not there any more.
    Removed,
}

impl Kind {
    /// The kind in one stable word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Added => "added",
            Kind::Changed => "changed",
            Kind::Removed => "removed",
        }
    }
}

impl Path {
    /// The value at this path of a pod.
    pub fn of<'v>(&self, pod: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(pod, |value, part| part.of(value))
    }

    /// Whether it is a part of something else.
    fn is_within(&self, other: &Path) -> bool {
        self.0.len() > other.0.len() && self.0.starts_with(&other.0)
    }

    /// Whether it is a list of containers that injection changes, or in one.
    pub fn is_in_containers(&self) -> bool {
        let list = |part: &Part| matches!(part, Part::Field(name) if name == "containers" || name == "initContainers");
        self.0.get(1).is_some_and(list)
    }

    /// Whether it is a container as a whole.
    pub fn is_container(&self) -> bool {
        matches!(self.0.as_slice(), [_, Part::Field(list), Part::Element { .. }] if list.ends_with("ontainers"))
    }

    fn with(&self, part: Part) -> Path {
        Path(self.0.iter().cloned().chain([part]).collect())
    }

    fn field(&self, name: &str) -> Path {
        self.with(Part::Field(name.into()))
    }
}

impl Part {
    /// The value at this part of a path.
    pub fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Part::Field(name) => value.get(name),
            Part::Element { .. } => value.as_list()?.get(self.index(value)?),
        }
    }

    /// The position of an element in a list.
    pub fn index(&self, list: &Value) -> Option<usize> {
        let Part::Element { key, value, nth } = self else { return None };
        let is_it = |(_, element): &(usize, &Value)| element_key(element, key).as_ref() == Some(value);
        list.as_list()?.iter().enumerate().filter(is_it).nth(*nth).map(|(index, _)| index)
    }
}

/// The value of an element's merge key, which is a text or a port.
fn element_key(element: &Value, key: &str) -> Option<EcoString> {
    match element.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Int(number) => Some(ecow::eco_format!("{number}")),
        Value::Null | Value::Bool(_) | Value::Uint(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// The parts of the elements of a list that has a merge key; nothing if one of them lacks it.
fn elements(list: &Value, key: &'static str) -> Option<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    for element in list.as_list()?.iter() {
        let value = element_key(element, key)?;
        let nth = parts.iter().filter(|part| matches!(part, Part::Element { value: v, .. } if *v == value)).count();
        parts.push(Part::Element { key, value, nth });
    }
    Some(parts)
}

/// All differences between two pods, in the pod's order. A container is there as a whole, and then
/// field by field; anything else is there once.
pub fn changes(before: &Value, after: &Value) -> Vec<(Path, Kind)> {
    let mut changes = Vec::new();
    for (part, of) in [("metadata", Type::OBJECT_META), ("spec", Type::POD_SPEC)] {
        let path = Path::default().field(part);
        maps(&path, before.get(part), after.get(part), Some(of), &mut changes);
    }
    changes
}

type Changes = Vec<(Path, Kind)>;

fn maps(path: &Path, before: Option<&Value>, after: Option<&Value>, of: Option<Type>, changes: &mut Changes) {
    let map = |value: Option<&'_ Value>| value.and_then(Value::as_map).cloned().unwrap_or_default();
    let (before, after) = (map(before), map(after));
    let gone = before.keys().filter(|key| !after.contains_key(key));
    for key in after.keys().chain(gone) {
        let field = of.and_then(|of| of.field(key));
        let present = |map: &Map| map.get(key).filter(|value| !value.is_null()).cloned();
        value(&path.field(key), present(&before).as_ref(), present(&after).as_ref(), field, changes);
    }
}

fn value(path: &Path, before: Option<&Value>, after: Option<&Value>, field: Option<&Field>, changes: &mut Changes) {
    if before == after {
        return;
    }
    let of = field.and_then(|field| if let Base::Struct(of) = field.kind.base { Some(of) } else { None });
    let is_map = |value: Option<&Value>| value.is_none_or(|v| v.as_map().is_some_and(|map| !map.is_empty()));
    if is_map(before) && is_map(after) {
        return maps(path, before, after, of, changes);
    }
    if let Some(key) = field.and_then(|field| field.merge_key).filter(|key| !key.is_empty()) {
        let parts = |list: Option<&Value>| list.map_or_else(|| Some(Vec::new()), |list| elements(list, key));
        if let (Some(old), Some(new)) = (parts(before), parts(after)) {
            let gone = old.iter().filter(|part| !new.contains(part));
            let known = changes.len();
            for part in new.iter().chain(gone) {
                let of_list = |list: Option<&'_ Value>| list.and_then(|list| part.of(list)).cloned();
                let (before, after) = (of_list(before), of_list(after));
                element(&path.with(part.clone()), before.as_ref(), after.as_ref(), of, changes);
            }
            if changes.len() == known {
                // The same elements in another order.
                changes.push((path.clone(), Kind::Changed));
            }
            return;
        }
    }
    changes.extend(kind(before, after).map(|kind| (path.clone(), kind)));
}

fn element(path: &Path, before: Option<&Value>, after: Option<&Value>, of: Option<Type>, changes: &mut Changes) {
    let Some(kind) = kind(before, after) else { return };
    let is_container = of == Some(Type::CONTAINER);
    if !is_container || kind != Kind::Changed {
        changes.push((path.clone(), kind));
    }
    if is_container && kind != Kind::Removed {
        maps(path, before, after, of, changes);
    }
}

fn kind(before: Option<&Value>, after: Option<&Value>) -> Option<Kind> {
    match (before, after) {
        (None, Some(_)) => Some(Kind::Added),
        (Some(_), None) => Some(Kind::Removed),
        (before, after) => (before != after).then_some(Kind::Changed),
    }
}

/// As much of a value as fits a line.
const SHOWN: usize = 60;

/// The differences of two forms of a pod as lines of a list: what is added or removed as a whole is there once.
pub fn lines(before: &Value, after: &Value) -> Vec<String> {
    let changes = changes(before, after);
    let containers: Vec<_> = changes.iter().filter(|(path, _)| path.is_container()).map(|(path, _)| path).collect();
    let listed = changes.iter().filter(|(path, _)| !containers.iter().any(|container| path.is_within(container)));
    listed.map(|(path, kind)| line(path, *kind, path.of(before), path.of(after))).collect()
}

fn line(path: &Path, kind: Kind, before: Option<&Value>, after: Option<&Value>) -> String {
    let [from, to] = [before, after].map(|value| value.map_or_else(|| "null".to_owned(), shown));
    match kind {
        Kind::Added => format!("+ {path}: {to}"),
        Kind::Removed => format!("- {path}: {from}"),
        Kind::Changed => match order(before, after) {
            Some((from, to)) => format!("~ {path} (order): {from} -> {to}"),
            None => format!("~ {path}: {from} -> {to}"),
        },
    }
}

/// The names of the elements of two lists that differ in their order.
fn order(before: Option<&Value>, after: Option<&Value>) -> Option<(String, String)> {
    let names = |list: &Value| -> Option<Vec<EcoString>> {
        list.as_list()?.iter().map(|element| element.str_at(&["name"]).map(EcoString::from)).collect()
    };
    let (before, after) = (names(before?)?, names(after?)?);
    let sorted = |names: &[EcoString]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    let shown = |names: &[EcoString]| shown(&names.iter().cloned().collect::<Value>());
    (before != after && sorted(&before) == sorted(&after)).then(|| (shown(&before), shown(&after)))
}

fn shown(value: &Value) -> String {
    let text = json::to_string(value);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            match part {
                Part::Field(name) if index == 0 => f.write_str(name)?,
                // Names of annotations have dots themselves.
                Part::Field(name) if name.contains(['.', '/']) => write!(f, "[{name}]")?,
                Part::Field(name) => write!(f, ".{name}")?,
                Part::Element { value, .. } => write!(f, "[{value}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn told(before: &str, after: &str) -> Vec<String> {
        let [before, after] = [before, after].map(|text| json::parse(text.as_bytes()).unwrap());
        let all = changes(&before, &after);
        all.into_iter().map(|(path, kind)| format!("{} {path}", kind.word())).collect()
    }

    #[test]
    fn each_thing_is_named_by_its_keys() {
        let before = r#"{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","readinessProbe":{"httpGet":{"port":80}},
            "ports":[{"containerPort":80}]}],"dnsPolicy":"Default","volumes":[{"name":"own"}]}}"#;
        let after = r#"{"metadata":{"labels":{"app":"web","rev":"1"},"annotations":{"a.b/c":"d"}},"spec":{"containers":[
            {"name":"proxy","image":"p","env":[{"name":"A"},{"name":"B"}],"args":["x","y"]},
            {"name":"web","readinessProbe":{"httpGet":{"port":15020}},"ports":[{"containerPort":80}]}],
            "volumes":[{"name":"new"},{"name":"own"}]}}"#;
        assert_eq!(
            told(before, after),
            [
                "added metadata.annotations[a.b/c]",
                "added metadata.labels.rev",
                "added spec.containers[proxy]",
                "added spec.containers[proxy].args",
                "added spec.containers[proxy].env[A]",
                "added spec.containers[proxy].env[B]",
                "added spec.containers[proxy].image",
                "added spec.containers[proxy].name",
                "changed spec.containers[web].readinessProbe.httpGet.port",
                "added spec.volumes[new]",
                "removed spec.dnsPolicy",
            ]
        );
        assert_eq!(told(after, after), [""; 0]);
    }

    #[test]
    fn a_list_shows_old_and_new_values_and_what_is_whole_once() {
        let [before, after] = [
            r#"{"spec":{"containers":[{"name":"a","image":"1"}],"dnsPolicy":"Default","volumes":[{"name":"x"},{"name":"y"}]}}"#,
            r#"{"metadata":{"labels":{"a.b/c":"ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"}},
                "spec":{"containers":[{"name":"a","image":"2"},{"name":"b","image":"3"}],"volumes":[{"name":"y"},{"name":"x"}]}}"#,
        ]
        .map(|text| json::parse(text.as_bytes()).unwrap());
        assert_eq!(
            lines(&before, &after),
            [
                format!("+ metadata.labels[a.b/c]: \"{}...", "é".repeat(59)).as_str(),
                r#"~ spec.containers[a].image: "1" -> "2""#,
                r#"+ spec.containers[b]: {"image":"3","name":"b"}"#,
                r#"~ spec.volumes (order): ["x","y"] -> ["y","x"]"#,
                r#"- spec.dnsPolicy: "Default""#,
            ]
        );
        assert_eq!(lines(&after, &after), [""; 0]);
    }

    #[test]
    fn elements_without_their_key_or_with_the_same_one_are_distinguished() {
        let pod = |containers: &str| format!(r#"{{"spec":{{"containers":[{containers}]}}}}"#);
        let twice = pod(r#"{"name":"a","image":"1"},{"name":"a","image":"2"}"#);
        let changed = pod(r#"{"name":"a","image":"1"},{"name":"a","image":"3"}"#);
        assert_eq!(told(&twice, &changed), ["changed spec.containers[a].image"]);
        assert_eq!(told(&twice, &pod("{}")), ["changed spec.containers"]);
    }
}
