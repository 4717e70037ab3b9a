//! Kinds of Go types, and values of the host program.

use std::any::Any;
use std::borrow::Cow;

use super::function::Failure;
use super::value::Value;
use crate::value as tree;
use crate::value::EcoString;

/// Go's signed integer types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntType {
    /// `int`
    Int,
    /// `int8`
    Int8,
    /// `int16`
    Int16,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
}

/// Go's unsigned integer types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UintType {
    /// `uint`
    Uint,
    /// `uint8`
    Uint8,
    /// `uint16`
    Uint16,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
}

/// Go's kinds of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No value, or an interface that holds nothing.
    Invalid,
    /// `bool`
    Bool,
    /// The signed integers.
    Int(IntType),
    /// The unsigned integers.
    Uint(UintType),
    /// `float64`
    Float64,
    /// `complex128`
    Complex128,
    /// `string`
    String,
    /// A slice.
    Slice,
    /// A map.
    Map,
    /// A struct.
    Struct,
    /// A pointer.
    Pointer,
    /// A function.
    Function,
}

impl Kind {
    /// The kind's name, as `kindOf` gives it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Invalid => "invalid",
            Kind::Bool => "bool",
            Kind::Int(IntType::Int) => "int",
            Kind::Int(IntType::Int8) => "int8",
            Kind::Int(IntType::Int16) => "int16",
            Kind::Int(IntType::Int32) => "int32",
            Kind::Int(IntType::Int64) => "int64",
            Kind::Uint(UintType::Uint) => "uint",
            Kind::Uint(UintType::Uint8) => "uint8",
            Kind::Uint(UintType::Uint16) => "uint16",
            Kind::Uint(UintType::Uint32) => "uint32",
            Kind::Uint(UintType::Uint64) => "uint64",
            Kind::Float64 => "float64",
            Kind::Complex128 => "complex128",
            Kind::String => "string",
            Kind::Slice => "slice",
            Kind::Map => "map",
            Kind::Struct => "struct",
            Kind::Pointer => "ptr",
            Kind::Function => "func",
        }
    }
}

/// The result of looking up a field, or a method without arguments, of an object.
pub enum Field {
    /// Its value, or the method's result.
    Value(Value),
    /// The method returned an error (`error calling NAME: ...`).
    Failed(Failure),
    /// The type has the field, but the pointer is nil (`nil pointer evaluating TYPE.NAME`).
    NilPointer,
    /// The type has neither field nor method of this name (`can't evaluate field NAME in type TYPE`).
    Unknown,
}

/// A value of the host program: a struct, a pointer (which may be nil), a named type such as an enum, or a slice or map
/// with elements of such types.
///
/// Only `type_name` and `kind` are always called; the use of the other methods depends on the kind. A pointer answers
/// `field` for what it points to.
pub trait Object: Any + Send + Sync {
    /// The type, as `%T` prints it: `v1.PodSpec`, `*v1.PodSecurityContext`, `[]v1.Container`.
    fn type_name(&self) -> Cow<'_, str>;

    /// The kind of the type.
    fn kind(&self) -> Kind;

    /// Whether it is a nil pointer, slice or map. Nil pointers are false.
    fn is_nil(&self) -> bool {
        false
    }

    /// A field of a struct (or of the struct that a pointer points to), or the result of a method without arguments.
    fn field(&self, _name: &str) -> Field {
        Field::Unknown
    }

    /// The fields of a struct in Go's order, for printing.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// What a pointer that is not nil points to.
    fn target(&self) -> Option<Value> {
        None
    }

    /// The plain value of a named bool, number or string: `"TCP"` of a `v1.Protocol`, 1 of an enum.
    fn plain(&self) -> Option<Value> {
        None
    }

    /// What the type's `String` or `Error` method returns, if it has one. All printing uses it.
    fn text(&self) -> Option<EcoString> {
        None
    }

    /// The number of elements of a slice, or of entries of a map.
    fn len(&self) -> usize {
        0
    }

    /// Whether a slice or map is empty.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An element of a slice.
    fn element(&self, _index: usize) -> Option<Value> {
        None
    }

    /// The entries of a map, in the order of their keys.
    fn entries(&self) -> Vec<(Value, Value)> {
        Vec::new()
    }

    /// The value of a key of a map whose keys are strings, if the map has the key.
    fn entry(&self, _key: &str) -> Option<Value> {
        None
    }

    /// What `index` gives for a key that a map does not have: the zero value of the elements' type.
    fn absent(&self) -> Value {
        Value::Missing
    }

    /// Whether it equals a value of the same type; nothing if the type cannot be compared (`eq` then fails). Named bools,
    /// numbers and strings need not answer.
    fn equals(&self, _other: &Value) -> Option<bool> {
        None
    }

    /// What Go's JSON encoder makes of it. `toJson`, `toYaml` and the like go this way.
    fn to_data(&self) -> Result<tree::Value, Failure>;

    /// The same as a JSON text. Go writes the fields of a struct in their order, which a tree does not keep.
    fn to_json(&self) -> Result<String, Failure> {
        Ok(crate::json::to_string(&self.to_data()?))
    }
}
