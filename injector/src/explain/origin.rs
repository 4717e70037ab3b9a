//! Where something in an injected pod comes from: the step that gave it its value, and the template's line and what that
//! line reads.

use std::collections::BTreeSet;

use super::source::Read;
use crate::annotations;
use crate::changes::{Kind, Part, Path, changes};
use crate::inject::{Rendering, Setup, Step, Trace};
use crate::template::reads::{Places, look_up};
use crate::template::{Mark, Template};
use crate::value::{EcoString, Map, Value};
use crate::yaml::{self, Outline};

/// Something that injection changed in a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What.
    pub path: Path,
    /// What happened to it.
    pub kind: Kind,
    /// The step that gave it its value.
    pub step: Step,
    /// The place in the template, if a template's step set it.
    pub place: Option<Place>,
}

/// A place in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The template's name.
    pub template: EcoString,
    /// The line, from 1.
    pub line: usize,
    /// The line's text, without the blanks around it.
    pub text: String,
    /// What its value comes from.
    pub reads: Vec<Read>,
    /// What decided that it is rendered.
    pub conditions: Vec<Read>,
}

/// The templates of an injection, ready to be asked.
struct Rendered<'t> {
    rendering: &'t Rendering,
    template: &'t Template,
    outline: Outline,
    places: Places,
}

/// All that an injection changed, with the source of each change.
pub fn origins(trace: &Trace, setup: &Setup<'_>) -> Vec<Change> {
    let Some((_, after)) = trace.steps.last() else { return Vec::new() };
    let rendered: Vec<_> = trace.renderings.iter().map(|rendering| Rendered::of(rendering, setup)).collect();
    let origin = |(path, kind): (Path, Kind)| {
        let step = step(&path, trace);
        let place = match &step {
            Step::Template(index) => rendered.get(*index).and_then(Option::as_ref).and_then(|r| r.place(&path)),
            Step::Overrides
            | Step::InitUser
            | Step::Environment
            | Step::Prometheus
            | Step::Probes
            | Step::Metadata
            | Step::Order => None,
        };
        Change { path, kind, step, place }
    };
    changes(&trace.before, after).into_iter().map(origin).collect()
}

/// The known annotations of a pod about injection that neither the rendered templates nor any other part reads.
pub fn unread(pod: &Value, trace: &Trace, setup: &Setup<'_>) -> Vec<EcoString> {
    let templates = trace.renderings.iter().filter_map(|rendering| setup.templates.get(&rendering.template));
    let places: Vec<_> = templates.map(Template::reads).collect();
    let is_read = |name: &str| {
        places.iter().flat_map(Places::all).any(|path| match path.as_slice() {
            [object, annotations] => object == "ObjectMeta" && annotations == "Annotations",
            [object, annotations, read] => object == "ObjectMeta" && annotations == "Annotations" && read == name,
            _ => false,
        })
    };
    let names = pod.at(&["metadata", "annotations"]).and_then(Value::as_map).into_iter().flat_map(Map::keys);
    names.filter(|name| annotations::is_for_templates(name) && !is_read(name)).cloned().collect()
}

/// The step that gave something its value; of a container as a whole, the one that it came with.
fn step(path: &Path, trace: &Trace) -> Step {
    let is_container = path.is_container();
    let before = std::iter::once(&trace.before).chain(trace.steps.iter().map(|(_, pod)| pod));
    let mut steps = before.zip(&trace.steps).filter(|(before, (_, after))| match is_container {
        true => path.of(before).is_some() != path.of(after).is_some(),
        false => path.of(before) != path.of(after),
    });
    let found = if is_container { steps.next() } else { steps.last() };
    found.map_or(Step::Order, |(_, (step, _))| step.clone())
}

impl<'t> Rendered<'t> {
    fn of(rendering: &'t Rendering, setup: &Setup<'t>) -> Option<Self> {
        let template = setup.templates.get(&rendering.template)?;
        Some(Rendered { rendering, template, outline: yaml::outline(&rendering.text)?, places: template.reads() })
    }

    /// The place in the template from which something comes, or the nearest one to it if it is not there itself.
    fn place(&self, path: &Path) -> Option<Place> {
        let (start, end) = self.bytes(path);
        // The dependencies of a container's fields are listed with the fields.
        let end = if path.is_container() { start } else { end };
        let marks = &self.rendering.marks;
        let line = self.template.line_of(marks, start)?;
        let text = self.template.source().lines().nth(line - 1).unwrap_or_default().trim().to_owned();
        let within: Vec<&Mark> = self.marks(start, end).collect();
        let mut reads = BTreeSet::new();
        within.iter().filter_map(|mark| self.places.of(mark)).for_each(|place| reads.extend(&place.reads));
        let first = within.iter().find_map(|mark| self.places.of(mark));
        let conditions = first.into_iter().flat_map(|place| &place.conditions);
        let read = |path: &crate::template::reads::Path| Read::of(path, look_up(&self.rendering.data, path));
        Some(Place {
            template: self.rendering.template.clone(),
            line,
            text,
            reads: reads.into_iter().flat_map(read).collect(),
            conditions: conditions.flat_map(read).collect(),
        })
    }

    /// The marks of a piece of the output.
    fn marks(&self, start: usize, end: usize) -> impl Iterator<Item = &'t Mark> {
        let marks = &self.rendering.marks;
        let first = marks.partition_point(|mark| mark.output <= start).saturating_sub(1);
        marks.iter().skip(first).take_while(move |mark| mark.output < end.max(start + 1))
    }

    /// The position of something in the output, its key included.
    fn bytes(&self, path: &Path) -> (usize, usize) {
        let mut outline = &self.outline;
        let mut value: Option<&Value> = Some(&self.rendering.patch);
        let mut bytes = (outline.bytes.start, outline.bytes.end);
        for part in &path.0 {
            let found = match part {
                Part::Field(name) => {
                    let entry = outline.entries.iter().rfind(|(key, ..)| key == name.as_str());
                    entry.map(|(_, start, inner)| (*start, inner))
                }
                Part::Element { .. } => {
                    let inner = value.and_then(|list| part.index(list)).and_then(|at| outline.elements.get(at));
                    inner.map(|inner| (inner.bytes.start, inner))
                }
            };
            let Some((start, inner)) = found else { break };
            bytes = (start, inner.bytes.end);
            value = value.and_then(|value| part.of(value));
            outline = inner;
        }
        bytes
    }
}
