//! Evaluates pipelines: commands, fields, calls.

use std::sync::Arc;

use super::ast::{At, Command, Pipe, Word, WordKind};
use super::collection::{ANY, Map};
use super::eval::{Dot, Result, Slot, State};
use super::function::{Function, Special, Type, convert, zero};
use super::number::Number;
use super::object::{Field, IntType, Kind, Object};
use super::value::{EcoString, Value};
use crate::value as tree;

impl<'t> State<'t, '_> {
    /// The value of a pipeline. What it declares stays on the stack of variables.
    pub(super) fn pipe(&mut self, dot: Dot<'_>, pipe: &'t Pipe) -> Result<Value> {
        self.at = At::Pipe(pipe);
        self.descend()?;
        let mut value = None;
        for command in &pipe.commands {
            // Between commands, a value is taken out of its interface; nothing, if it is nil.
            let result = self.command(dot, command, value)?;
            value = Some(if matches!(result, Value::Nil) { Value::Missing } else { result });
        }
        self.ascend();
        let value = value.unwrap_or_default();
        for variable in &pipe.variables {
            let slot = Slot { value: value.clone(), interface: false };
            if pipe.assigns {
                self.assign(variable, slot)?;
            } else {
                self.variables.push((variable.id, slot));
            }
        }
        Ok(value)
    }

    fn not_a_function(&self, words: &[Word], last: &Option<Value>) -> Result<()> {
        match words.first() {
            Some(first) if words.len() > 1 || last.is_some() => {
                self.error(format!("can't give argument to non-function {first}"))
            }
            _ => Ok(()),
        }
    }

    /// A command; the value of the previous one is its last argument.
    fn command(&mut self, dot: Dot<'_>, command: &'t Command, last: Option<Value>) -> Result<Value> {
        let words = command.words.as_slice();
        let Some(first) = words.first() else { return Ok(Value::Missing) };
        match &first.kind {
            WordKind::Field(_) | WordKind::Chain(_, _) | WordKind::Variable(_, _) => {
                return self.chain(dot, first, words, last);
            }
            WordKind::Function(name, function) => {
                self.at = At::Word(first);
                return self.call(dot, function, At::Command(command), name, words, last);
            }
            WordKind::Pipe(pipe) => {
                self.not_a_function(words, &last)?;
                return self.pipe(dot, pipe);
            }
            WordKind::Dot | WordKind::Nil | WordKind::Bool(_) | WordKind::Number(_) | WordKind::String(_, _) => {}
        }
        self.at = At::Word(first);
        self.not_a_function(words, &last)?;
        if matches!(first.kind, WordKind::Nil) {
            return self.error("nil is not a command");
        }
        self.plain(dot, first)
    }

    /// A word that is a value by itself.
    fn plain(&mut self, dot: Dot<'_>, word: &'t Word) -> Result<Value> {
        self.at = At::Word(word);
        match &word.kind {
            WordKind::Dot => Ok(dot.value.clone()),
            WordKind::Bool(b) => Ok((*b).into()),
            WordKind::Number(number) => self.checked(number.ideal()),
            WordKind::String(_, text) => Ok(text.clone().into()),
            WordKind::Nil
            | WordKind::Field(_)
            | WordKind::Variable(_, _)
            | WordKind::Function(_, _)
            | WordKind::Chain(_, _)
            | WordKind::Pipe(_) => self.error(format!("can't evaluate command {word}")),
        }
    }

    // Fields.

    /// `.A.B`, `$x.A.B` or `(pipeline).A.B`, with the arguments that a method would get.
    fn chain(&mut self, dot: Dot<'_>, word: &'t Word, words: &'t [Word], last: Option<Value>) -> Result<Value> {
        self.at = At::Word(word);
        let arguments = words.len() > 1 || last.is_some();
        match &word.kind {
            WordKind::Field(names) => self.fields(dot.value, dot.interface, names, arguments),
            WordKind::Variable(variable, names) => {
                let slot = self.variable(variable)?;
                if names.is_empty() {
                    let value = slot.value.clone();
                    self.not_a_function(words, &last)?;
                    return Ok(value);
                }
                self.fields(&slot.value, slot.interface, names, arguments)
            }
            WordKind::Chain(inner, names) => {
                if matches!(inner.kind, WordKind::Nil) {
                    return self.error(format!("indirection through explicit nil in {word}"));
                }
                let receiver = self.argument(dot, inner, None)?;
                self.fields(&receiver, false, names, arguments)
            }
            WordKind::Dot
            | WordKind::Nil
            | WordKind::Bool(_)
            | WordKind::Number(_)
            | WordKind::String(_, _)
            | WordKind::Function(_, _)
            | WordKind::Pipe(_) => self.plain(dot, word),
        }
    }

    fn fields(&self, receiver: &Value, interface: bool, names: &[EcoString], arguments: bool) -> Result<Value> {
        let Some((first, rest)) = names.split_first() else { return Ok(receiver.clone()) };
        if let Value::Map(Map::Data(map)) = receiver {
            return self.data_fields(map, first, rest, arguments);
        }
        let value = self.field(receiver, interface, first, arguments && rest.is_empty())?;
        let untyped = matches!(receiver, Value::Map(map) if map.element_type() == ANY);
        match rest {
            [] => Ok(value),
            rest => self.fields(&value, untyped, rest, arguments),
        }
    }

    /// Fields of data, without copies on the way.
    fn data_fields(&self, map: &tree::Map, first: &EcoString, rest: &[EcoString], arguments: bool) -> Result<Value> {
        let mut map = map;
        let mut name = first;
        let mut rest = rest;
        loop {
            if arguments && rest.is_empty() {
                return self.error(format!("{name} is not a method but has arguments"));
            }
            let Some(value) = map.get(name) else { return Ok(Value::Missing) };
            let Some((next, further)) = rest.split_first() else { return Ok(value.into()) };
            let tree::Value::Map(inner) = value else {
                return self.field(&value.into(), true, next, arguments && further.is_empty());
            };
            (map, name, rest) = (inner, next, further);
        }
    }

    /// One field of a value.
    fn field(&self, receiver: &Value, interface: bool, name: &str, arguments: bool) -> Result<Value> {
        match receiver {
            Value::Missing => Ok(Value::Missing),
            Value::Nil => self.error(format!("nil pointer evaluating interface {{}}.{name}")),
            Value::Map(map) => {
                if arguments {
                    return self.error(format!("{name} is not a method but has arguments"));
                }
                Ok(map.get(name).unwrap_or_default())
            }
            Value::Object(object) => self.object_field(object, name, arguments),
            Value::Bool(_)
            | Value::Int(_, _)
            | Value::Uint(_, _)
            | Value::Float(_)
            | Value::Complex(_, _)
            | Value::String(_)
            | Value::List(_)
            | Value::Function(_) => {
                let name_of_type = if interface { ANY.into() } else { receiver.type_name() };
                self.error(format!("can't evaluate field {name} in type {name_of_type}"))
            }
        }
    }

    fn object_field(&self, object: &Arc<dyn Object>, name: &str, arguments: bool) -> Result<Value> {
        match object.field(name) {
            Field::Value(_) if arguments => {
                self.error(format!("{name} has arguments but cannot be invoked as function"))
            }
            Field::Value(value) => Ok(value),
            Field::Failed(failure) => self.error(format!("error calling {name}: {failure}")),
            Field::NilPointer => self.error(format!("nil pointer evaluating {}.{name}", object.type_name())),
            Field::Unknown if object.kind() == Kind::Map => {
                if arguments {
                    return self.error(format!("{name} is not a method but has arguments"));
                }
                Ok(object.entry(name).unwrap_or_default())
            }
            Field::Unknown => self.error(format!("can't evaluate field {name} in type {}", object.type_name())),
        }
    }

    // Calls.

    fn call(
        &mut self,
        dot: Dot<'_>,
        function: &'t Function,
        whole: At<'t>,
        name: &str,
        words: &'t [Word],
        last: Option<Value>,
    ) -> Result<Value> {
        let words = words.get(1..).unwrap_or_default();
        let parameters = function.parameters();
        let count = words.len() + usize::from(last.is_some());
        if function.rest().is_some() {
            if count < parameters.len() {
                let least = parameters.len();
                return self
                    .error(format!("wrong number of args for {name}: want at least {least} got {}", words.len()));
            }
        } else if count != parameters.len() {
            return self.error(format!("wrong number of args for {name}: want {} got {count}", parameters.len()));
        }
        if let Some(special) = function.kind() {
            return self.short_circuit(dot, special, words, last);
        }
        let base = self.arguments.len();
        let type_of = |index: usize| parameters.get(index).copied().or(function.rest()).unwrap_or(Type::Any);
        for (i, word) in words.iter().enumerate() {
            let value = self.argument(dot, word, Some(type_of(i)))?;
            self.arguments.push(value);
        }
        if let Some(last) = last {
            let value = self.checked(convert(last, type_of(words.len())))?;
            self.arguments.push(value);
        }
        let result = function.call(self.arguments.get(base..).unwrap_or_default());
        self.arguments.truncate(base);
        match result {
            Ok(value) => Ok(value),
            Err(failure) => {
                self.at = whole;
                self.error(format!("error calling {name}: {failure}"))
            }
        }
    }

    fn short_circuit(
        &mut self,
        dot: Dot<'_>,
        special: Special,
        words: &'t [Word],
        last: Option<Value>,
    ) -> Result<Value> {
        let mut value = Value::Missing;
        for word in words {
            value = self.argument(dot, word, Some(Type::Reflect))?;
            if value.is_true() == (special == Special::Or) {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// An argument, for a parameter of a type; for what fields are taken of, there is none.
    fn argument(&mut self, dot: Dot<'_>, word: &'t Word, to: Option<Type>) -> Result<Value> {
        self.at = At::Word(word);
        let value = match &word.kind {
            WordKind::Dot => dot.value.clone(),
            WordKind::Nil => {
                return match to.and_then(zero) {
                    Some(value) => Ok(value),
                    None => self.error(format!("cannot assign nil to {}", to.map_or("interface {}", Type::name))),
                };
            }
            WordKind::Field(_) | WordKind::Variable(_, _) | WordKind::Chain(_, _) => {
                self.chain(dot, word, std::slice::from_ref(word), None)?
            }
            WordKind::Pipe(pipe) => self.pipe(dot, pipe)?,
            WordKind::Function(name, function) => {
                self.call(dot, function, At::Word(word), name, std::slice::from_ref(word), None)?
            }
            WordKind::Bool(_) | WordKind::Number(_) | WordKind::String(_, _) => return self.literal(dot, word, to),
        };
        match to {
            Some(to) => self.checked(convert(value, to)),
            None => Ok(value),
        }
    }

    /// A literal for a parameter of a type, to which it must fit.
    fn literal(&mut self, dot: Dot<'_>, word: &'t Word, to: Option<Type>) -> Result<Value> {
        let number = |word: &'t Word| -> Option<&'t Number> {
            if let WordKind::Number(number) = &word.kind { Some(number) } else { None }
        };
        let (value, expected) = match to {
            None | Some(Type::Any | Type::Reflect) => return self.plain(dot, word),
            Some(Type::Bool) => (if let WordKind::Bool(b) = word.kind { Some(b.into()) } else { None }, "bool"),
            Some(Type::String) => {
                (if let WordKind::String(_, text) = &word.kind { Some(text.clone().into()) } else { None }, "string")
            }
            Some(Type::Int) => (number(word).and_then(|n| n.int).map(|i| Value::Int(i, IntType::Int)), "integer"),
            Some(Type::Int64) => (number(word).and_then(|n| n.int).map(|i| Value::Int(i, IntType::Int64)), "integer"),
            Some(Type::Float64) => (number(word).and_then(|n| n.float).map(Value::Float), "float"),
            Some(to @ (Type::List | Type::Strings | Type::Map | Type::StringMap | Type::Host(_))) => {
                return self.error(format!("can't handle {word} for arg of type {}", to.name()));
            }
        };
        match value {
            Some(value) => Ok(value),
            None => self.error(format!("expected {expected}; found {word}")),
        }
    }
}
