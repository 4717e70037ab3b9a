//! Renders templates, and merges what they make into the pod.

use super::context::Context;
use super::error::NoYaml;
use super::pod::{self, PROXY, Place, name};
use super::{Error, Record, Setup};
use crate::annotations::{NATIVE_SIDECAR, TEMPLATES};
use crate::kubernetes::{Type, merge, typed};
use crate::template::{self, Limits, Template};
use crate::value::{EcoString, Map, Value};
use crate::yaml;

/// The result of rendering.
pub(super) struct Rendered {
    /// The result of the templates alone.
    pub(super) template_pod: Value,
    /// The pod with the templates merged over it.
    pub(super) merged: Value,
}

/// Renders the pod's templates one after another.
pub(super) fn render(
    pod: &Value,
    data: &template::Value,
    native: bool,
    setup: &Setup<'_>,
    record: &mut impl Record,
) -> Result<Rendered, Error> {
    let mut rendered = Rendered { template_pod: empty_pod(), merged: pod.clone() };
    let chosen = chosen(pod, setup);
    if chosen.len() > MAX_TEMPLATES {
        return Err(Error::TooManyTemplates { count: chosen.len() });
    }
    for Chosen { name, .. } in chosen {
        let template = template(name, setup)?;
        let patch = patch(name, template, data)?;
        record.rendered(name, template, data, &patch);
        let Rendered { template_pod, mut merged } = rendered;
        let explained = |error| with_context(error, template, data, &patch);
        let template_pod = overlay(name, template_pod, &patch).map_err(explained)?;
        if is_native(&merged, native)
            && pod::find(pod::containers(&template_pod, Place::InitContainers), PROXY).is_some()
        {
            // The user's own sidecar is among the containers; the template's native one is an init container.
            merged = moved(&merged, Place::Containers, Place::InitContainers).unwrap_or(merged);
        }
        rendered = Rendered { template_pod, merged: overlay(name, merged, &patch).map_err(explained)? };
        record.merged(&rendered.merged);
    }
    Ok(rendered)
}

/// How many templates are rendered for a pod at most.
pub(super) const MAX_TEMPLATES: usize = 100;

/// The template of a name.
pub(super) fn template<'s>(name: &str, setup: &Setup<'s>) -> Result<&'s Template, Error> {
    setup.templates.get(name).ok_or_else(|| Error::UnknownTemplate {
        name: name.into(),
        known: setup.templates.keys().map(EcoString::as_str).collect::<Vec<_>>().join(", "),
    })
}

/// A template that is rendered for a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen<'a> {
    /// Its name.
    pub name: &'a str,
    /// The alias through which it was requested, if it was not requested by its own name.
    pub alias: Option<&'a str>,
}

/// The templates that the pod, or the config, asks for. Aliases are looked up once.
pub fn chosen<'a>(pod: &'a Value, setup: &'a Setup<'_>) -> Vec<Chosen<'a>> {
    let names: Vec<&str> = match pod::annotation(pod, TEMPLATES) {
        Some(text) => text.split(',').map(str::trim).collect(),
        None => setup.default_templates.iter().map(EcoString::as_str).collect(),
    };
    let expand = |name| match setup.aliases.get(name) {
        Some(others) => others.iter().map(|other| Chosen { name: other, alias: Some(name) }).collect(),
        None => vec![Chosen { name, alias: None }],
    };
    names.into_iter().flat_map(expand).collect()
}

/// What a template makes for this pod.
fn patch(name: &str, template: &Template, data: &template::Value) -> Result<Value, Error> {
    let mut text = String::with_capacity(RENDERED_SIZE);
    template
        .render(data, &Limits::default(), &mut text)
        .map_err(|source| Error::Render { name: name.into(), source })?;
    let patch = yaml::parse(&text).map_err(|source| {
        let context = Context::of(template, data, &text, source.position);
        Error::NoYaml(Box::new(NoYaml { name: name.into(), source, context }))
    })?;
    if patch.is_null() {
        return Ok(Value::Map(Map::new()));
    }
    match patch.as_map() {
        Some(_) => Ok(patch),
        None => Err(Error::NoObject { name: name.into(), kind: patch.kind() }),
    }
}

/// Room for what Istio's sidecar template makes of a small pod: 9 KB.
const RENDERED_SIZE: usize = 12 << 10;

fn overlay(name: &str, pod: Value, patch: &Value) -> Result<Value, Error> {
    let merged = merge::apply(pod, patch, Type::POD);
    let merged = merged.map_err(|source| Error::Merge { name: name.into(), source, context: None })?;
    typed::round_trip(&merged, Type::POD, typed::Mode::Json).map_err(|source| Error::NoPod {
        name: name.into(),
        source,
        context: None,
    })
}

/// An error of a merge with the lines of the template. The path is one of the pod: it is one of the template's own text, too,
/// if that alone makes the same error.
fn with_context(error: Error, template: &Template, data: &template::Value, patch: &Value) -> Error {
    match (error, overlay("", empty_pod(), patch)) {
        (Error::NoPod { name, source, .. }, Err(Error::NoPod { source: alone, .. })) => {
            let context = Context::of_path(template, data, alone.path().steps());
            Error::NoPod { name, source, context }
        }
        (Error::Merge { name, source, .. }, _) => {
            let context = Context::of_path(template, data, source.path().steps());
            Error::Merge { name, source, context }
        }
        (error, _) => error,
    }
}

/// Go's zero pod.
fn empty_pod() -> Value {
    let empty = || Value::Map(Map::new());
    let spec = Map::from_iter([("containers", Value::Null)]);
    Map::from_iter([("metadata", empty()), ("spec", spec.into()), ("status", empty())]).into()
}

fn is_native(pod: &Value, native: bool) -> bool {
    match pod::annotation(pod, NATIVE_SIDECAR) {
        Some("true") => true,
        Some("false") => false,
        Some(_) | None => native,
    }
}

/// The pod with its sidecar moved to the end of the other list of containers; nothing if it has none in the first.
pub(super) fn moved(pod: &Value, from: Place, to: Place) -> Option<Value> {
    let position = pod::containers(pod, from).iter().position(|c| name(c) == PROXY)?;
    let mut pod = pod.clone();
    let sidecar = pod.map_entry("spec").get_mut(from.key())?.as_list_mut()?.remove(position);
    pod::push_container(&mut pod, to, sidecar);
    Some(pod)
}
