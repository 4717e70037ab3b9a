//! Files of objects: documents, lists, the kinds that have a pod in them, and the text that is written for them.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt::Write as _;
use std::io::Write;

use crate::kubernetes::typed::{self, Mode};
use crate::value::{Map, Value};
use crate::yaml;

mod documents;
mod error;
mod owner;
mod workload;

#[cfg(test)]
mod tests;

pub use documents::{Document, SeparatorError, documents};
pub use error::{Error, NotUtf8, Place, Problem, text_of};
pub use owner::Owner;
pub use workload::{Kind, Workload};

/// How deep Lists may be nested.
pub const MAX_LISTS: usize = 100;

/// How objects are read and printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// For a CronJob, use the metadata of the pod instead of that of the job.
    pub cron_job_pod_metadata: bool,
    /// Keep fields that are not in the known version of Kubernetes' API.
    pub keep_unknown: bool,
    /// How to print empty fields that Go always writes.
    pub empty: Empty,
    /// Copy a document if all its pods stay as they are.
    pub copy_unchanged: bool,
}

/// How to print `status: {}` and the like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Empty {
    /// They are printed, as Go does it.
    #[default]
    Printed,
    /// They are printed if the text has them.
    AsWritten,
    /// They are left out.
    LeftOut,
}

/// Rewrites a text: documents of other kinds are copied, the pod of each object that has one is handed to `work`, and
/// the object is printed with the pod that this returns. After each document there is a line `---`.
pub fn rewrite<E: StdError + 'static>(
    text: &str,
    style: Style,
    work: &mut dyn FnMut(&Workload, Value) -> Result<Value, E>,
    out: &mut dyn Write,
) -> Result<(), Error<E>> {
    rewrite_each(text, style, work, &mut |document, rewritten| {
        let text = rewritten.as_deref().unwrap_or(&document.text);
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"---\n"))
    })
}

/// The same, with each document handed to `out`, and its new text; none if it is to be copied.
pub fn rewrite_each<E: StdError + 'static>(
    text: &str,
    style: Style,
    work: &mut dyn FnMut(&Workload, Value) -> Result<Value, E>,
    out: &mut dyn FnMut(&Document<'_>, Option<String>) -> std::io::Result<()>,
) -> Result<(), Error<E>> {
    for document in documents(text) {
        let document = document.map_err(|error| {
            let position = Some(yaml::Position { line: error.line, column: 1 });
            let document = text.lines().take(error.line).filter(|line| line.starts_with("---")).count();
            Error::new(Place { document, position, ..Place::default() }, Problem::Separator(error))
        })?;
        let rewritten = rewrite_document(&document, style, work)?;
        out(&document, rewritten).map_err(|error| {
            Error::new(Place { document: document.number, ..Place::default() }, Problem::Output(error))
        })?;
    }
    Ok(())
}

/// The new text of a document; nothing if it is to be copied.
fn rewrite_document<E: StdError + 'static>(
    document: &Document<'_>,
    style: Style,
    work: &mut dyn FnMut(&Workload, Value) -> Result<Value, E>,
) -> Result<Option<String>, Error<E>> {
    let number = document.number;
    let value = yaml::parse(&document.text).map_err(|error| {
        let error = error.after(document.line - 1);
        let place = Place { document: number, position: Some(error.position), ..Place::default() };
        Error::new(place, Problem::Yaml(error))
    })?;
    let mut rewriter = Rewriter { work, style, item: Vec::new(), changed: false };
    let rewritten = rewriter.object(&value).map_err(|failure| {
        let Failure { item, object, path, problem } = *failure;
        let items = item.iter().flat_map(|index| [yaml::Step::Key("items"), yaml::Step::Index(*index)]);
        let steps: Vec<_> = items.chain(path.iter().map(Step::as_yaml)).collect();
        let position = (0..=steps.len()).rev().find_map(|length| yaml::locate(&document.text, steps.get(..length)?));
        let position = position.map(|p| yaml::Position { line: p.line + document.line - 1, ..p });
        let item = item.iter().fold(String::new(), |mut text, index| {
            let dot = if text.is_empty() { "" } else { "." };
            let _ = write!(text, "{dot}items[{index}]");
            text
        });
        Error::new(Place { document: number, position, item, object }, problem)
    })?;
    let copied = style.copy_unchanged && !rewriter.changed;
    Ok(rewritten.filter(|_| !copied).map(|value| yaml::to_string(&value)))
}

/// Objects in a document.
struct Rewriter<'w, E> {
    work: &'w mut dyn FnMut(&Workload, Value) -> Result<Value, E>,
    style: Style,
    /// The items of lists that lead to the current object.
    item: Vec<usize>,
    /// Whether a pod did not stay as it was.
    changed: bool,
}

/// A problem with one object of a document.
struct Failure<E: StdError + 'static> {
    item: Vec<usize>,
    object: String,
    path: Vec<Step>,
    problem: Problem<E>,
}

enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    fn as_yaml(&self) -> yaml::Step<'_> {
        match self {
            Step::Key(key) => yaml::Step::Key(key),
            Step::Index(index) => yaml::Step::Index(*index),
        }
    }
}

impl<E: StdError + 'static> Rewriter<'_, E> {
    /// The new object; nothing if it stays as it is.
    fn object(&mut self, value: &Value) -> Result<Option<Value>, Box<Failure<E>>> {
        let fail = |item: &[usize], path, problem| {
            Box::new(Failure { item: item.to_vec(), object: String::new(), path, problem })
        };
        let map = match value {
            Value::Null => return Ok(None),
            Value::Map(map) => map,
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) | Value::List(_) => {
                return Err(fail(&self.item, Vec::new(), Problem::NoObject(value.kind())));
            }
        };
        let mut name = None;
        for key in ["apiVersion", "kind"] {
            // Go takes any case, and the last of several spellings.
            let spellings = map.iter().filter(|(k, v)| k.eq_ignore_ascii_case(key) && !v.is_null());
            for (spelling, value) in spellings {
                match value {
                    Value::List(_) | Value::Map(_) => {
                        let problem = Problem::TypeMeta { key, found: value.kind() };
                        return Err(fail(&self.item, vec![Step::Key(spelling.to_string())], problem));
                    }
                    Value::String(text) if key == "kind" => name = Some(text.as_str()),
                    Value::Null
                    | Value::Bool(_)
                    | Value::Int(_)
                    | Value::Uint(_)
                    | Value::Float(_)
                    | Value::String(_) => {}
                }
            }
        }
        match name.and_then(Kind::named) {
            None => Ok(None),
            Some(kind) => self.known(kind, value).map(Some),
        }
    }

    /// The new object, for a known kind.
    fn known(&mut self, kind: Kind, value: &Value) -> Result<Value, Box<Failure<E>>> {
        let object = described(kind, value);
        let fail = |item: &[usize], path, problem| {
            Box::new(Failure { item: item.to_vec(), object: object.clone(), path, problem })
        };
        let mut typed = match kind.type_of().map(|of| typed::round_trip(value, of, Mode::Yaml)) {
            Some(Ok(typed)) => typed,
            Some(Err(error)) => {
                let path = error.path().steps().map(|step| match step {
                    yaml::Step::Key(key) => Step::Key(key.to_owned()),
                    yaml::Step::Index(index) => Step::Index(index),
                });
                return Err(fail(&self.item, path.collect(), Problem::Typed(error)));
            }
            None => value.clone(),
        };
        if kind != Kind::List {
            let unknown = |of| typed::written::unknown(value, of);
            let dropped = kind.type_of().filter(|_| !self.style.keep_unknown).map(unknown).unwrap_or_default();
            let workload =
                Workload { kind, object: typed, cron_job_pod_metadata: self.style.cron_job_pod_metadata, dropped };
            let mut pod = workload.pod().ok_or_else(|| fail(&self.item, Vec::new(), Problem::NoTemplate))?;
            show_empty_maps(&mut pod, value.at(workload.metadata_path()));
            let before = pod.clone();
            let mut pod = (self.work)(&workload, pod).map_err(|e| fail(&self.item, Vec::new(), Problem::Work(e)))?;
            self.changed |= pod != before;
            hide_empty_maps(&mut pod);
            return Ok(self.as_written(workload.with_pod(&pod), kind, value));
        }
        let items = typed.list_at(&["items"]).to_vec();
        for (index, item) in items.iter().enumerate() {
            self.item.push(index);
            if self.item.len() > MAX_LISTS {
                return Err(fail(&self.item, Vec::new(), Problem::Depth { limit: MAX_LISTS }));
            }
            let rewritten = self.object(&as_json(item))?;
            self.item.pop();
            let list = typed.make_map().get_mut("items").and_then(Value::as_list_mut);
            if let (Some(new), Some(slot)) = (rewritten, list.and_then(|l| l.make_mut().get_mut(index))) {
                *slot = new;
            }
        }
        Ok(self.as_written(typed, kind, value))
    }

    /// The object with what the style keeps of its text, and without what it leaves out.
    fn as_written(&self, mut object: Value, kind: Kind, written: &Value) -> Value {
        if let Some(of) = kind.type_of() {
            match self.style.empty {
                Empty::Printed => {}
                Empty::AsWritten => typed::written::make_minimal(&mut object, of, written),
                Empty::LeftOut => typed::written::make_minimal(&mut object, of, &Value::Null),
            }
            if self.style.keep_unknown {
                typed::written::keep_unknown(&mut object, of, written);
            }
        }
        object
    }
}

/// Maps of a pod's metadata that a template can distinguish from nil though they are empty.
const MAPS: [&str; 2] = ["labels", "annotations"];

/// Gives a pod the empty labels and annotations that were written: its canonical form has none, but templates see them.
pub fn show_empty_maps(pod: &mut Value, written: Option<&Value>) {
    let is_empty = |key: &&str| written.and_then(|m| m.get(key)).and_then(Value::as_map).is_some_and(Map::is_empty);
    for key in MAPS.into_iter().filter(is_empty) {
        pod.map_entry("metadata").insert(key, Map::new());
    }
}

/// Removes empty labels and annotations again.
pub fn hide_empty_maps(pod: &mut Value) {
    let empty = |pod: &Value, key| pod.at(&["metadata", key]).and_then(Value::as_map).is_some_and(Map::is_empty);
    for key in MAPS {
        if empty(pod, key) {
            pod.map_entry("metadata").remove(key);
        }
    }
}

/// An item of a list as it is after a trip through JSON, which Istio sends it on: doubles that are integers become integers.
fn as_json(item: &Value) -> Cow<'_, Value> {
    match item {
        Value::Float(f) => match crate::json::float(*f).parse() {
            Ok(integer) => Cow::Owned(Value::Int(integer)),
            Err(_) => Cow::Borrowed(item),
        },
        Value::List(list) => {
            let changed = |(i, v)| if let Cow::Owned(new) = as_json(v) { Some((i, new)) } else { None };
            let mut out = Cow::Borrowed(list);
            for (i, new) in list.iter().enumerate().filter_map(changed) {
                if let Some(slot) = out.to_mut().make_mut().get_mut(i) {
                    *slot = new;
                }
            }
            if let Cow::Owned(list) = out { Cow::Owned(Value::List(list)) } else { Cow::Borrowed(item) }
        }
        Value::Map(map) => {
            let mut out = Cow::Borrowed(map);
            for (key, value) in map.iter() {
                if let Cow::Owned(new) = as_json(value) {
                    out.to_mut().insert(key.clone(), new);
                }
            }
            if let Cow::Owned(map) = out { Cow::Owned(Value::Map(map)) } else { Cow::Borrowed(item) }
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::String(_) => Cow::Borrowed(item),
    }
}

/// An object's kind and name, for messages.
fn described(kind: Kind, object: &Value) -> String {
    let name = object.str_at(&["metadata", "name"]).unwrap_or_default();
    match object.str_at(&["metadata", "namespace"]).filter(|n| !n.is_empty()) {
        Some(namespace) => format!("{} {namespace}/{name}", kind.name()),
        None if name.is_empty() => kind.name().to_owned(),
        None => format!("{} {name}", kind.name()),
    }
}
