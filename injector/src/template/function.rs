//! Functions that templates call: their parameter types, arguments and results.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::collection::{List, Map};
use super::object::{IntType, Kind, Object};
use super::value::{EcoString, Value};

/// The most bytes of text, or elements, that one call may make. Functions that multiply their input check it.
pub const MAX_RESULT: usize = 16 << 20;

/// What went wrong in a function. The engine adds the place: `error calling NAME: ...`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Failure(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Failure(text.into())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Failure(error.to_string())
    }
}

/// A parameter's Go type.
#[derive(Clone, Copy)]
pub enum Type {
    /// `interface {}`: anything. A missing value arrives as `Value::Nil`.
    Any,
    /// `reflect.Value`: anything. A missing value arrives as `Value::Missing`. Go's own functions take these.
    Reflect,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `float64`
    Float64,
    /// `string`
    String,
    /// `[]interface {}`
    List,
    /// `[]string`
    Strings,
    /// `map[string]interface {}`
    Map,
    /// `map[string]string`
    StringMap,
    /// A type that the host program defines.
    Host(&'static HostType),
}

/// A type that the host program defines.
pub struct HostType {
    /// Its name in messages: `v1.ObjectMeta`, `[]v1.Container`, `protoreflect.ProtoMessage`.
    pub name: &'static str,
    /// Whether it is a pointer, slice, map or interface: a missing value or `nil` then arrives as `Value::Nil`.
    pub nilable: bool,
    /// Whether an object is of this type.
    pub accepts: fn(&dyn Object) -> bool,
}

impl Type {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Type::Any => "interface {}",
            Type::Reflect => "reflect.Value",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Int64 => "int64",
            Type::Float64 => "float64",
            Type::String => "string",
            Type::List => "[]interface {}",
            Type::Strings => "[]string",
            Type::Map => "map[string]interface {}",
            Type::StringMap => "map[string]string",
            Type::Host(host) => host.name,
        }
    }
}

/// The arguments of a call. Their number and types are those of the function's parameters: the engine has checked them.
#[derive(Clone, Copy)]
pub struct Args<'a>(pub &'a [Value]);

impl<'a> Args<'a> {
    /// The number of arguments.
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is no argument.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// An argument.
    pub fn value(self, index: usize) -> &'a Value {
        const NONE: &Value = &Value::Nil;
        self.0.get(index).unwrap_or(NONE)
    }

    /// The arguments from `index` on: those of the variadic parameter.
    pub fn rest(self, index: usize) -> &'a [Value] {
        self.0.get(index..).unwrap_or_default()
    }

    /// An argument of type `bool`.
    pub fn bool(self, index: usize) -> bool {
        matches!(self.value(index), Value::Bool(true))
    }

    /// An argument of type `int` or `int64`.
    pub fn int(self, index: usize) -> i64 {
        if let Value::Int(i, _) = self.value(index) { *i } else { 0 }
    }

    /// An argument of type `float64`.
    pub fn float(self, index: usize) -> f64 {
        if let Value::Float(f) = self.value(index) { *f } else { 0.0 }
    }

    /// An argument of type `string`.
    pub fn text(self, index: usize) -> &'a str {
        if let Value::String(s) = self.value(index) { s } else { "" }
    }

    /// An argument of type `string`, to be kept.
    pub fn string(self, index: usize) -> EcoString {
        if let Value::String(s) = self.value(index) { s.clone() } else { EcoString::new() }
    }

    /// An argument of type `[]interface {}` or `[]string`.
    pub fn list(self, index: usize) -> &'a List {
        const NONE: &List = &List::Nil("interface {}");
        if let Value::List(list) = self.value(index) { list } else { NONE }
    }

    /// An argument of type `map[string]interface {}` or `map[string]string`.
    pub fn map(self, index: usize) -> &'a Map {
        const NONE: &Map = &Map::NilAny;
        if let Value::Map(map) = self.value(index) { map } else { NONE }
    }

    /// An argument of the host's type `T`; nothing if it is nil.
    pub fn host<T: Object>(self, index: usize) -> Option<&'a T> {
        self.value(index).downcast()
    }
}

/// What a function does. It may keep what it has captured.
pub type Body = dyn Fn(Args<'_>) -> Result<Value, Failure> + Send + Sync;

/// A function.
#[derive(Clone)]
pub struct Function(Arc<Inner>);

struct Inner {
    parameters: &'static [Type],
    variadic: Option<Type>,
    special: Option<Special>,
    body: Box<Body>,
}

/// Functions that do not evaluate all their arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    /// Stops at the first argument that is false.
    And,
    /// Stops at the first argument that is true.
    Or,
}

impl Function {
    /// A function with these parameters.
    pub fn new(
        parameters: &'static [Type],
        body: impl Fn(Args<'_>) -> Result<Value, Failure> + Send + Sync + 'static,
    ) -> Self {
        Function(Arc::new(Inner { parameters, variadic: None, special: None, body: Box::new(body) }))
    }

    /// A function with these parameters, then any number of arguments of one type.
    pub fn variadic(
        parameters: &'static [Type],
        rest: Type,
        body: impl Fn(Args<'_>) -> Result<Value, Failure> + Send + Sync + 'static,
    ) -> Self {
        Function(Arc::new(Inner { parameters, variadic: Some(rest), special: None, body: Box::new(body) }))
    }

    /// A function of the language, evaluated by the engine.
    pub(super) fn special(special: Special) -> Self {
        Function(Arc::new(Inner {
            parameters: &[Type::Reflect],
            variadic: Some(Type::Reflect),
            special: Some(special),
            body: Box::new(|args| Ok(args.value(0).clone())),
        }))
    }

    /// How the engine evaluates it, if it does.
    pub(super) fn kind(&self) -> Option<Special> {
        self.0.special
    }

    /// The types of the parameters that are always there.
    pub fn parameters(&self) -> &'static [Type] {
        self.0.parameters
    }

    /// The type of the arguments after those, if there may be more.
    pub fn rest(&self) -> Option<Type> {
        self.0.variadic
    }

    /// Calls it with arguments of the right number and types. A text that is too long is an error: one that a loop
    /// doubles would fill memory.
    pub fn call(&self, args: &[Value]) -> Result<Value, Failure> {
        let value = (self.0.body)(Args(args))?;
        if let Value::String(text) = &value
            && text.len() > MAX_RESULT
        {
            return Err(Failure(format!("the text would be longer than {MAX_RESULT} bytes")));
        }
        Ok(value)
    }
}

/// Functions by name. Templates are parsed against it: an unknown name is a parse error.
#[derive(Clone, Default)]
pub struct Functions {
    by_name: HashMap<&'static str, Function>,
}

impl Functions {
    /// No functions but Go's own, which every template has.
    pub fn new() -> Self {
        Functions::default()
    }

    /// Adds a function with these parameters; it replaces one of the same name.
    pub fn add(
        &mut self,
        name: &'static str,
        parameters: &'static [Type],
        body: impl Fn(Args<'_>) -> Result<Value, Failure> + Send + Sync + 'static,
    ) {
        self.by_name.insert(name, Function::new(parameters, body));
    }

    /// Adds a function with these parameters and any number of further arguments of one type.
    pub fn add_variadic(
        &mut self,
        name: &'static str,
        parameters: &'static [Type],
        rest: Type,
        body: impl Fn(Args<'_>) -> Result<Value, Failure> + Send + Sync + 'static,
    ) {
        self.by_name.insert(name, Function::variadic(parameters, rest, body));
    }

    /// Adds a function; it replaces one of the same name.
    pub fn insert(&mut self, name: &'static str, function: Function) {
        self.by_name.insert(name, function);
    }

    /// Adds a function under a further name.
    pub fn alias(&mut self, name: &'static str, of: &str) {
        if let Some(function) = self.by_name.get(of).cloned() {
            self.by_name.insert(name, function);
        }
    }

    /// A function.
    pub fn get(&self, name: &str) -> Option<&Function> {
        self.by_name.get(name)
    }

    /// The names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.by_name.keys().copied()
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_name.keys()).finish()
    }
}

/// One value as Go's `AssignableTo` and `reflect` would pass it to a parameter of a type: the argument, or what to
/// report (`wrong type for value; expected string; got int`).
pub fn convert(value: Value, to: Type) -> Result<Value, String> {
    match (&value, to) {
        (_, Type::Reflect) => return Ok(value),
        (Value::Missing | Value::Nil, Type::Any) => return Ok(Value::Nil),
        (Value::Missing, _) => return zero(to).ok_or_else(|| format!("invalid value; expected {}", to.name())),
        (Value::Nil, _) => return Err(format!("wrong type for value; expected {}; got interface {{}}", to.name())),
        _ => {}
    }
    if fits(&value, to) {
        return Ok(value);
    }
    if let Some(pointer) = value.as_object().filter(|o| o.kind() == Kind::Pointer) {
        if let Some(target) = pointer.target().filter(|target| fits(target, to)) {
            return Ok(target);
        }
        if pointer.is_nil() && pointer.type_name().strip_prefix('*') == Some(to.name()) {
            return Err(format!("dereference of nil pointer of type {}", pointer.type_name()));
        }
    }
    Err(format!("wrong type for value; expected {}; got {}", to.name(), value.type_name()))
}

/// The nil of a type, if it has one.
pub(super) fn zero(of: Type) -> Option<Value> {
    Some(match of {
        Type::Any => Value::Nil,
        Type::Reflect => Value::Missing,
        Type::List => Value::List(List::Nil("interface {}")),
        Type::Strings => Value::List(List::Nil("string")),
        Type::Map => Value::Map(Map::NilAny),
        Type::StringMap => Value::Map(Map::NilStrings),
        Type::Host(host) if host.nilable => Value::Nil,
        Type::Bool | Type::Int | Type::Int64 | Type::Float64 | Type::String | Type::Host(_) => return None,
    })
}

fn fits(value: &Value, to: Type) -> bool {
    match to {
        Type::Any | Type::Reflect => true,
        Type::Bool => matches!(value, Value::Bool(_)),
        Type::Int => matches!(value, Value::Int(_, IntType::Int)),
        Type::Int64 => matches!(value, Value::Int(_, IntType::Int64)),
        Type::Float64 => matches!(value, Value::Float(_)),
        Type::String => matches!(value, Value::String(_)),
        Type::List => matches!(value, Value::List(list) if list.element_type() == "interface {}"),
        Type::Strings => matches!(value, Value::List(list) if list.element_type() == "string"),
        Type::Map => matches!(value, Value::Map(map) if map.element_type() == "interface {}"),
        Type::StringMap => matches!(value, Value::Map(map) if map.element_type() == "string"),
        Type::Host(host) => matches!(value, Value::Object(object) if (host.accepts)(object.as_ref())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_too_long_are_errors() {
        let repeat = Function::new(&[Type::Int], |a| Ok("x".repeat(a.int(0) as usize).into()));
        let error = |length: usize| repeat.call(&[Value::int(length as i64)]).err().map(|e| e.0);
        assert_eq!(error(MAX_RESULT), None);
        assert_eq!(error(MAX_RESULT + 1).as_deref(), Some("the text would be longer than 16777216 bytes"));
    }

    #[test]
    fn arguments_are_converted_as_go_converts_them() {
        let error = |v: Value, t: Type| convert(v, t).err().unwrap_or_default();
        assert_eq!(error(1.5.into(), Type::Int), "wrong type for value; expected int; got float64");
        assert_eq!(error(Value::Missing, Type::String), "invalid value; expected string");
        assert_eq!(error(Value::Map(Map::NilAny), Type::StringMap), {
            "wrong type for value; expected map[string]string; got map[string]interface {}"
        });
        assert!(matches!(convert(Value::Missing, Type::Any), Ok(Value::Nil)));
        assert!(matches!(convert(Value::Missing, Type::Map), Ok(Value::Map(Map::NilAny))));
        assert_eq!(error(Value::Nil, Type::Map), {
            "wrong type for value; expected map[string]interface {}; got interface {}"
        });
    }
}
