//! Which data a place in a template reads, and which data decide whether it is rendered at all. Found from the tree,
//! without rendering: reads in both branches, and in every call of a `define`, count.

use std::collections::{BTreeMap, BTreeSet};

use super::ast::{Branch, Command, Node, Pipe, Word, WordKind};
use super::object::{Field, Kind};
use super::value::{EcoString, Value};
use super::{Mark, Template};

/// A place in the data: the names of fields and keys, from `.`.
pub type Path = Vec<EcoString>;

/// What a place reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The data that its own text comes from.
    pub reads: BTreeSet<Path>,
    /// The data that the conditions and loops around it look at.
    pub conditions: BTreeSet<Path>,
}

/// What the places of a template read, by their offset in its text, which a [`Mark`] has.
#[derive(Clone, Debug, Default)]
pub struct Places(BTreeMap<usize, Reads>);

/// How many nodes are looked at. Two calls in each of thirty `define`s would be a billion.
const MOST_NODES: usize = 100_000;
/// How deep `define`s may call each other here.
const MOST_CALLS: usize = 30;

impl Template {
    /// What its places read.
    pub fn reads(&self) -> Places {
        let mut walk = Walk {
            template: self,
            places: Places::default(),
            conditions: vec![],
            variables: vec![],
            base: 0,
            nodes: 0,
            calls: 0,
        };
        if let Some(tree) = self.trees.get(self.name.as_str()) {
            walk.call(Origin::Path(Vec::new()), &tree.nodes);
        }
        walk.places
    }
}

impl Places {
    /// What a piece of the output comes from.
    pub fn of(&self, mark: &Mark) -> Option<&Reads> {
        self.0.get(&mark.source)
    }

    /// Everything that is read anywhere.
    pub fn all(&self) -> impl Iterator<Item = &Path> {
        self.0.values().flat_map(|place| place.reads.iter().chain(&place.conditions))
    }
}

/// The value at a path of the data, if there is one.
pub fn look_up(data: &Value, path: &[EcoString]) -> Option<Value> {
    path.iter().try_fold(data.clone(), |value, name| match &value {
        Value::Map(map) => map.get(name),
        Value::Object(object) => match object.field(name) {
            Field::Value(value) => Some(value),
            Field::Unknown if object.kind() == Kind::Map => object.entry(name),
            Field::Unknown | Field::Failed(_) | Field::NilPointer => None,
        },
        Value::Missing
        | Value::Nil
        | Value::Bool(_)
        | Value::Int(_, _)
        | Value::Uint(_, _)
        | Value::Float(_)
        | Value::Complex(_, _)
        | Value::String(_)
        | Value::List(_)
        | Value::Function(_) => None,
    })
}

/// The source of a value.
#[derive(Clone, Debug)]
enum Origin {
    /// It is a part of the data.
    Path(Path),
    /// It is a dictionary made in the template.
    Dict(BTreeMap<EcoString, Origin>),
    /// It is a literal text.
    Text(EcoString),
    /// It was made of these.
    Made(BTreeSet<Path>),
}

impl Origin {
    fn nothing() -> Self {
        Origin::Made(BTreeSet::new())
    }

    fn reads(&self) -> BTreeSet<Path> {
        match self {
            Origin::Path(path) if path.is_empty() => BTreeSet::new(),
            Origin::Path(path) => BTreeSet::from([path.clone()]),
            Origin::Dict(entries) => entries.values().flat_map(Origin::reads).collect(),
            Origin::Text(_) => BTreeSet::new(),
            Origin::Made(paths) => paths.clone(),
        }
    }

    fn fields(self, names: &[EcoString]) -> Self {
        names.iter().fold(self, |origin, name| match origin {
            Origin::Path(mut path) => {
                path.push(name.clone());
                Origin::Path(path)
            }
            Origin::Dict(mut entries) => entries.remove(name).unwrap_or_else(Origin::nothing),
            Origin::Text(_) => Origin::nothing(),
            Origin::Made(paths) => Origin::Made(paths),
        })
    }
}

struct Walk<'t> {
    template: &'t Template,
    places: Places,
    conditions: Vec<BTreeSet<Path>>,
    variables: Vec<(u32, Origin)>,
    /// The first variable of the current `define`.
    base: usize,
    nodes: usize,
    calls: usize,
}

impl<'t> Walk<'t> {
    fn call(&mut self, dot: Origin, nodes: &'t [Node]) {
        let base = std::mem::replace(&mut self.base, self.variables.len());
        self.variables.push((0, dot.clone()));
        self.list(&dot, nodes);
        self.variables.truncate(self.base);
        self.base = base;
    }

    fn list(&mut self, dot: &Origin, nodes: &'t [Node]) {
        for node in nodes {
            self.nodes += 1;
            if self.nodes > MOST_NODES {
                return;
            }
            self.node(dot, node);
        }
    }

    fn node(&mut self, dot: &Origin, node: &'t Node) {
        match node {
            Node::Text(start, _) => self.note(*start, BTreeSet::new()),
            Node::Action(action) => {
                let reads = self.pipe(dot, &action.pipe).reads();
                self.note(action.pos, reads);
            }
            Node::If(branch) => self.branch(dot, branch, false),
            Node::With(branch) | Node::Range(branch) => self.branch(dot, branch, true),
            Node::Break | Node::Continue => {}
            Node::Template(invocation) => {
                let data = invocation.pipe.as_ref().map_or_else(Origin::nothing, |pipe| self.pipe(dot, pipe));
                let called = self.template.trees.get(&invocation.name);
                if let Some(called) = called.filter(|_| self.calls < MOST_CALLS) {
                    self.calls += 1;
                    self.call(data, &called.nodes);
                    self.calls -= 1;
                }
            }
        }
    }

    /// In a loop, too: each element has the same origin as the list.
    fn branch(&mut self, dot: &Origin, branch: &'t Branch, moves_dot: bool) {
        let variables = self.variables.len();
        let value = self.pipe(dot, &branch.pipe);
        self.conditions.push(value.reads());
        self.list(if moves_dot { &value } else { dot }, &branch.then);
        self.list(dot, &branch.otherwise);
        self.conditions.pop();
        self.variables.truncate(variables);
    }

    fn note(&mut self, source: usize, reads: BTreeSet<Path>) {
        let place = self.places.0.entry(source).or_default();
        place.reads.extend(reads);
        place.conditions.extend(self.conditions.iter().flatten().cloned());
    }

    fn pipe(&mut self, dot: &Origin, pipe: &'t Pipe) -> Origin {
        let value = pipe.commands.iter().fold(None, |last, command| Some(self.command(dot, command, last)));
        let value = value.unwrap_or_else(Origin::nothing);
        for variable in &pipe.variables {
            let place = self.variables.iter_mut().skip(self.base).rev().find(|(id, _)| *id == variable.id);
            match place.filter(|_| pipe.assigns) {
                // Whether it is assigned may depend on further conditions.
                Some((_, old)) => {
                    let conditions = self.conditions.iter().flatten().cloned();
                    *old = Origin::Made(old.reads().into_iter().chain(value.reads()).chain(conditions).collect());
                }
                None => self.variables.push((variable.id, value.clone())),
            }
        }
        value
    }

    fn command(&mut self, dot: &Origin, command: &'t Command, last: Option<Origin>) -> Origin {
        let mut words = command.words.iter();
        let Some(first) = words.next() else { return Origin::nothing() };
        if let WordKind::Function(name, _) = &first.kind {
            let arguments: Vec<_> = words.map(|word| self.operand(dot, word)).chain(last).collect();
            return called(name, &arguments);
        }
        self.operand(dot, first)
    }

    fn operand(&mut self, dot: &Origin, word: &'t Word) -> Origin {
        match &word.kind {
            WordKind::Dot => dot.clone(),
            WordKind::Field(names) => dot.clone().fields(names),
            WordKind::Variable(variable, names) => {
                let known = self.variables.iter().skip(self.base).rev().find(|(id, _)| *id == variable.id);
                known.map_or_else(Origin::nothing, |(_, origin)| origin.clone()).fields(names)
            }
            WordKind::Chain(inner, names) => self.operand(dot, inner).fields(names),
            WordKind::Pipe(pipe) => self.pipe(dot, pipe),
            WordKind::Function(name, _) => called(name, &[]),
            WordKind::String(_, text) => Origin::Text(text.clone()),
            WordKind::Nil | WordKind::Bool(_) | WordKind::Number(_) => Origin::nothing(),
        }
    }
}

/// The origin of a function's result.
fn called(name: &str, arguments: &[Origin]) -> Origin {
    match (name, arguments) {
        ("index" | "isset" | "hasKey" | "get", [Origin::Path(path), Origin::Text(key)]) => {
            Origin::Path(path.iter().chain([key]).cloned().collect())
        }
        ("annotation", [Origin::Path(path), Origin::Text(key), default]) => {
            let annotation = path.iter().cloned().chain(["Annotations".into(), key.clone()]).collect();
            Origin::Made(default.reads().into_iter().chain([annotation]).collect())
        }
        ("dict", entries) => {
            let entry = |pair: &[Origin]| match pair {
                [Origin::Text(key), value] => Some((key.clone(), value.clone())),
                _ => None,
            };
            Origin::Dict(entries.chunks(2).filter_map(entry).collect())
        }
        (_, arguments) => Origin::Made(arguments.iter().flat_map(Origin::reads).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions;

    /// What the text after the marker `HERE` reads: what its action comes from, and the conditions around it.
    fn reads(text: &str) -> (Vec<String>, Vec<String>) {
        let template = Template::parse("inject", text, &functions::all(|_| None)).unwrap();
        let places = template.reads();
        let at = text.find("{{/*HERE*/}}").unwrap() + "{{/*HERE*/}}".len();
        let (_, place) = places.0.range(at..).next().unwrap();
        let told = |paths: &BTreeSet<Path>| paths.iter().map(|path| path.join(".")).collect();
        (told(&place.reads), told(&place.conditions))
    }

    #[test]
    fn fields_variables_and_functions_lead_to_the_data() {
        let cases: [(&str, &[&str]); 8] = [
            ("{{/*HERE*/}}{{ .A.B }}", &["A.B"]),
            ("{{ $x := .A }}{{/*HERE*/}}{{ $x.B | quote }}", &["A.B"]),
            ("{{/*HERE*/}}{{ annotation .O `k/l` .V.x }}", &["O.Annotations.k/l", "V.x"]),
            ("{{/*HERE*/}}{{ index .O.Labels `k` | default .N }}", &["N", "O.Labels.k"]),
            ("{{ with .A.B }}{{/*HERE*/}}{{ .C }}{{ end }}", &["A.B.C"]),
            ("{{ range $k, $v := .M }}{{/*HERE*/}}{{ $v.C }}{{ end }}", &["M.C"]),
            (
                "{{ define `d` }}{{/*HERE*/}}{{ .x.Y }}{{ $.z }}{{ end }}{{ template `d` (dict `x` .A `z` .B) }}",
                &["A.Y"],
            ),
            ("{{ $x := .A }}{{ if .C }}{{ $x = .B }}{{ end }}{{/*HERE*/}}{{ $x }}", &["A", "B", "C"]),
        ];
        for (text, expected) in cases {
            assert_eq!(reads(text).0, expected, "{text}");
        }
    }

    #[test]
    fn conditions_around_a_place_are_noted() {
        let text = "{{ if .A }}{{ range .B }}{{/*HERE*/}}{{ .C }}{{ end }}{{ else if .D }}x{{ end }}";
        assert_eq!(reads(text).1, ["A", "B"]);
    }

    #[test]
    fn templates_that_call_each_other_without_end_are_looked_at_for_a_while() {
        let text =
            "{{ define `a` }}{{ template `a` . }}{{ template `a` . }}{{ end }}{{ template `a` . }}{{/*HERE*/}}{{ .X }}";
        let template = Template::parse("inject", text, &functions::all(|_| None)).unwrap();
        assert!(template.reads().all().count() <= 1);
    }
}
