//! Evaluates a template.

use std::sync::Arc;

use super::ast::{At, Branch, Invocation, Node, Tree, Variable};
use super::collection::{ANY, List, Map};
use super::error::{Error, Execution};
use super::object::{Kind, Object};
use super::print;
use super::value::Value;
use super::{Limits, Mark, Template};

/// How deep templates, blocks and parentheses may be nested altogether while they are evaluated. Each level uses the
/// thread's stack; this many fit into the two megabytes that threads have by default, in a debug build too.
const MAX_LEVELS: usize = 800;

pub(super) type Result<T> = std::result::Result<T, Box<Error>>;

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Done,
    Break,
    Continue,
}

/// A value, and whether Go knows it only as an `interface {}`: elements of untyped lists and maps. Error messages show
/// this.
#[derive(Clone)]
pub(super) struct Slot {
    pub value: Value,
    pub interface: bool,
}

/// The current value of `.`.
#[derive(Clone, Copy)]
pub(super) struct Dot<'v> {
    pub value: &'v Value,
    pub interface: bool,
}

pub(super) struct State<'t, 'o> {
    template: &'t Template,
    tree: &'t Tree,
    out: &'o mut String,
    marks: Option<&'o mut Vec<Mark>>,
    limits: &'t Limits,
    /// Variables by the number of their name; those of the current template start at `base`.
    pub variables: Vec<(u32, Slot)>,
    base: usize,
    /// Arguments of calls that are being prepared.
    pub arguments: Vec<Value>,
    pub at: At<'t>,
    depth: usize,
    levels: usize,
    rounds: usize,
    /// The start of this rendering's output.
    start: usize,
}

pub(super) fn render(
    template: &Template,
    tree: &Tree,
    data: &Value,
    limits: &Limits,
    out: &mut String,
    marks: Option<&mut Vec<Mark>>,
) -> Result<()> {
    let start = out.len();
    let mut state = State {
        template,
        tree,
        out,
        marks,
        limits,
        variables: Vec::with_capacity(16),
        base: 0,
        arguments: Vec::with_capacity(16),
        at: At::Nothing,
        depth: 0,
        levels: 0,
        rounds: 0,
        start,
    };
    state.variables.push((0, Slot { value: data.clone(), interface: false }));
    state.list(Dot { value: data, interface: false }, &tree.nodes).map(|_| ())
}

impl<'t> State<'t, '_> {
    // Errors.

    #[cold]
    pub(super) fn error<T>(&self, problem: impl Into<String>) -> Result<T> {
        let text = &self.template.text;
        let pos = self.at.pos();
        let mut error = Error::new(&self.template.name, text, pos, problem.into());
        let before = text.get(..pos).unwrap_or_default();
        error.execution = Some(Execution {
            column: before.rfind('\n').map_or(pos, |i| pos - i - 1),
            executing: self.tree.name.to_string(),
            expression: self.at.to_string(),
        });
        Err(Box::new(error))
    }

    pub(super) fn checked<T>(&self, result: std::result::Result<T, String>) -> Result<T> {
        match result {
            Ok(value) => Ok(value),
            Err(problem) => self.error(problem),
        }
    }

    // Nodes.

    fn list(&mut self, dot: Dot<'_>, nodes: &'t [Node]) -> Result<Flow> {
        self.descend()?;
        let mut flow = Flow::Done;
        for node in nodes {
            flow = self.node(dot, node)?;
            if flow != Flow::Done {
                break;
            }
        }
        self.ascend();
        Ok(flow)
    }

    /// Goes one level deeper. Every descent is followed by an ascent, unless it fails.
    pub(super) fn descend(&mut self) -> Result<()> {
        self.levels += 1;
        if self.levels > MAX_LEVELS {
            return self.error(format!("templates, blocks and parentheses are nested more than {MAX_LEVELS} deep"));
        }
        Ok(())
    }

    pub(super) fn ascend(&mut self) {
        self.levels -= 1;
    }

    fn node(&mut self, dot: Dot<'_>, node: &'t Node) -> Result<Flow> {
        match node {
            Node::Text(start, end) => {
                self.mark(*start, true);
                self.out.push_str(self.template.text.get(*start..*end).unwrap_or_default());
                self.check_output()?;
                Ok(Flow::Done)
            }
            Node::Action(action) => {
                self.at = At::Action(action);
                let value = self.pipe(dot, &action.pipe)?;
                if action.pipe.variables.is_empty() {
                    self.at = At::Action(action);
                    self.mark(action.pos, false);
                    self.print(&value)?;
                }
                Ok(Flow::Done)
            }
            Node::If(branch) => self.branch(dot, branch, false),
            Node::With(branch) => self.branch(dot, branch, true),
            Node::Range(branch) => self.range(dot, branch),
            Node::Break => Ok(Flow::Break),
            Node::Continue => Ok(Flow::Continue),
            Node::Template(invocation) => self.invoke(dot, invocation).map(|()| Flow::Done),
        }
    }

    fn mark(&mut self, source: usize, text: bool) {
        if let Some(marks) = &mut self.marks {
            marks.push(Mark { output: self.out.len() - self.start, source, text });
        }
    }

    fn check_output(&self) -> Result<()> {
        if self.out.len() - self.start > self.limits.output {
            return self.error(format!("the output is larger than {} bytes", self.limits.output));
        }
        Ok(())
    }

    fn print(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Missing | Value::Nil => self.out.push_str("<no value>"),
            Value::Function(_) => {
                return self.error(format!("can't print {} of type {}", self.at, value.type_name()));
            }
            Value::Object(object) if object.kind() == Kind::Pointer && object.text().is_none() => {
                match target(object) {
                    Some(target) => print::write(self.out, &target),
                    None => self.out.push_str("<nil>"),
                }
            }
            Value::Bool(_)
            | Value::Int(_, _)
            | Value::Uint(_, _)
            | Value::Float(_)
            | Value::Complex(_, _)
            | Value::String(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Object(_) => print::write(self.out, value),
        }
        self.check_output()
    }

    fn branch(&mut self, dot: Dot<'_>, branch: &'t Branch, with: bool) -> Result<Flow> {
        let variables = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let flow = match value.is_true() {
            true if with => self.list(Dot { value: &value, interface: false }, &branch.then)?,
            true => self.list(dot, &branch.then)?,
            false => self.list(dot, &branch.otherwise)?,
        };
        self.variables.truncate(variables);
        Ok(flow)
    }

    fn invoke(&mut self, dot: Dot<'_>, invocation: &'t Invocation) -> Result<()> {
        self.at = At::Template(invocation);
        let Some(called) = self.template.trees.get(&invocation.name) else {
            return self.error(format!("template {} not defined", print::quoted(&invocation.name)));
        };
        if self.depth >= self.limits.depth {
            return self.error(format!("exceeded maximum template depth ({})", self.limits.depth));
        }
        // Two calls in each of thirty templates are a billion.
        self.count_round()?;
        let data = match &invocation.pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Missing,
        };
        let caller = std::mem::replace(&mut self.tree, called);
        let base = std::mem::replace(&mut self.base, self.variables.len());
        self.depth += 1;
        self.variables.push((0, Slot { value: data.clone(), interface: false }));
        self.list(Dot { value: &data, interface: false }, &called.nodes)?;
        self.variables.truncate(self.base);
        self.depth -= 1;
        self.base = base;
        self.tree = caller;
        Ok(())
    }

    // Loops.

    fn range(&mut self, dot: Dot<'_>, branch: &'t Branch) -> Result<Flow> {
        let variables = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let value = match value.as_object().filter(|o| o.kind() == Kind::Pointer) {
            // A nil pointer is reported as such.
            Some(pointer) => target(pointer).unwrap_or(value),
            None => value,
        };
        let ran = self.rounds_over(branch, &value)?;
        let flow = match ran {
            Some(_) => Flow::Done,
            // As in Go, a `break` in the `else` of a loop ends that loop; `continue` goes to the loop around it.
            None => match self.list(dot, &branch.otherwise)? {
                Flow::Break => Flow::Done,
                flow @ (Flow::Done | Flow::Continue) => flow,
            },
        };
        self.variables.truncate(variables);
        Ok(flow)
    }

    /// Runs the body for each element. Nothing if there is none.
    fn rounds_over(&mut self, branch: &'t Branch, value: &Value) -> Result<Option<Flow>> {
        let mut last = None;
        let int = |i: usize| Value::int(i64::try_from(i).unwrap_or(i64::MAX));
        macro_rules! rounds {
            ($items:expr, $interface:expr) => {
                for (index, item) in $items {
                    let flow = self.round(branch, index, item, $interface)?;
                    last = Some(flow);
                    if flow == Flow::Break {
                        break;
                    }
                }
            };
        }
        match value {
            Value::Missing | Value::Nil => {}
            Value::List(List::Data(items)) => {
                rounds!(items.iter().enumerate().map(|(i, v)| (int(i), v.into())), true);
            }
            Value::List(list) => {
                rounds!(list.iter().enumerate().map(|(i, v)| (int(i), v)), list.element_type() == ANY);
            }
            Value::Map(Map::Data(map)) => rounds!(map.iter().map(|(k, v)| (k.clone().into(), v.into())), true),
            Value::Map(map) => {
                rounds!(map.entries().into_iter().map(|(k, v)| (k.into(), v)), map.element_type() == ANY);
            }
            Value::Int(count, kind) => {
                self.check_count(branch, value)?;
                rounds!((0..*count).map(|i| (Value::Missing, Value::Int(i, *kind))), false);
            }
            Value::Uint(count, kind) => {
                self.check_count(branch, value)?;
                rounds!((0..*count).map(|i| (Value::Missing, Value::Uint(i, *kind))), false);
            }
            Value::Object(object) => match (object.kind(), object.plain()) {
                (Kind::Slice, _) => {
                    rounds!((0..object.len()).map(|i| (int(i), object.element(i).unwrap_or_default())), false);
                }
                (Kind::Map, _) => rounds!(object.entries(), false),
                (_, Some(plain @ (Value::Int(_, _) | Value::Uint(_, _)))) => return self.rounds_over(branch, &plain),
                _ => return self.cannot_iterate(value),
            },
            Value::Bool(_) | Value::Float(_) | Value::Complex(_, _) | Value::String(_) | Value::Function(_) => {
                return self.cannot_iterate(value);
            }
        }
        Ok(last)
    }

    fn cannot_iterate<T>(&self, value: &Value) -> Result<T> {
        self.error(format!("range can't iterate over {}", print::text(value)))
    }

    fn check_count(&self, branch: &Branch, value: &Value) -> Result<()> {
        if branch.pipe.variables.len() > 1 {
            return self.error(format!("can't use {} to iterate over more than one variable", print::text(value)));
        }
        Ok(())
    }

    fn round(&mut self, branch: &'t Branch, index: Value, item: Value, interface: bool) -> Result<Flow> {
        self.count_round()?;
        let mark = self.variables.len();
        let names = &branch.pipe.variables;
        if let Some(last) = names.last() {
            let item = Slot { value: item.clone(), interface };
            let index = Slot { value: index, interface: false };
            if branch.pipe.assigns {
                if let [first, _] = names.as_slice() {
                    self.assign(first, index)?;
                }
                self.assign(last, item)?;
            } else {
                // The pipeline has declared them, in order.
                let declared = self.variables.iter_mut().rev().map(|(_, slot)| slot);
                for (slot, value) in declared.zip([item, index]).take(names.len()) {
                    *slot = value;
                }
            }
        }
        let flow = self.list(Dot { value: &item, interface }, &branch.then)?;
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn count_round(&mut self) -> Result<()> {
        self.rounds += 1;
        if self.rounds > self.limits.rounds {
            return self.error(format!("more than {} rounds of loops and calls of templates", self.limits.rounds));
        }
        Ok(())
    }

    // Variables.

    pub(super) fn assign(&mut self, variable: &Variable, slot: Slot) -> Result<()> {
        let mut scope = self.variables.iter_mut().skip(self.base).rev();
        match scope.find(|(id, _)| *id == variable.id) {
            Some((_, place)) => {
                *place = slot;
                Ok(())
            }
            None => self.error(format!("undefined variable: {}", variable.name)),
        }
    }

    pub(super) fn variable(&self, variable: &Variable) -> Result<&Slot> {
        let mut scope = self.variables.iter().skip(self.base).rev();
        match scope.find(|(id, _)| *id == variable.id) {
            Some((_, slot)) => Ok(slot),
            None => self.error(format!("undefined variable: {}", variable.name)),
        }
    }
}

/// What a pointer points to, through any number of pointers; nothing if one is nil.
fn target(pointer: &Arc<dyn Object>) -> Option<Value> {
    let mut value = pointer.target()?;
    while let Some(pointer) = value.as_object().filter(|o| o.kind() == Kind::Pointer) {
        value = pointer.target()?;
    }
    Some(value)
}
