//! What a message's type is made of. The table of types is generated.

/// A message type: its name in Go, and its fields in the order in which they are declared.
#[derive(Debug)]
pub(super) struct MessageType {
    pub(super) go: &'static str,
    pub(super) fields: &'static [Field],
}

/// An enum type: its name in Go, and its values.
#[derive(Debug)]
pub(super) struct EnumType {
    pub(super) go: &'static str,
    pub(super) values: &'static [(&'static str, i32)],
}

/// One field.
#[derive(Debug)]
pub(super) struct Field {
    /// The name in the `.proto` file: snake_case.
    pub(super) name: &'static str,
    /// The name in JSON: lowerCamelCase.
    pub(super) json: &'static str,
    /// The name in Go.
    pub(super) go: &'static str,
    pub(super) kind: Kind,
    pub(super) shape: Shape,
    /// The oneof that the field is a member of.
    pub(super) one_of: Option<&'static str>,
}

/// How many values a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    List,
    /// A map from strings; these messages have no other keys.
    Map,
}

/// What one value of a field is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Scalar(ScalarKind),
    Enum(&'static EnumType),
    Message(&'static MessageType),
    /// `google.protobuf.BoolValue` and its like: a scalar that can be unset.
    Wrapper(ScalarKind),
    /// `google.protobuf.Duration`.
    Duration,
    /// `google.protobuf.Struct`: any JSON object.
    Struct,
}

/// A scalar type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarKind {
    Bool,
    Int32,
    Uint32,
    Int64,
    Uint64,
    Double,
    String,
}

impl MessageType {
    /// The field of a name in JSON.
    pub(super) fn field(&self, json: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.json == json)
    }

    /// The other members of the oneof that `field` is in.
    pub(super) fn rivals(&self, field: &Field) -> impl Iterator<Item = &'static Field> {
        let (one_of, json) = (field.one_of, field.json);
        self.fields.iter().filter(move |f| one_of.is_some() && f.one_of == one_of && f.json != json)
    }
}

impl EnumType {
    /// The number of a name.
    pub(super) fn number(&self, name: &str) -> Option<i32> {
        self.values.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }

    /// The name of a number.
    pub(super) fn name(&self, number: i32) -> Option<&'static str> {
        self.values.iter().find(|(_, v)| *v == number).map(|(n, _)| *n)
    }
}

impl Field {
    pub(super) const fn new(name: &'static str, json: &'static str, go: &'static str, kind: Kind) -> Self {
        Field { name, json, go, kind, shape: Shape::One, one_of: None }
    }

    pub(super) const fn list(self) -> Self {
        Field { shape: Shape::List, ..self }
    }

    pub(super) const fn map(self) -> Self {
        Field { shape: Shape::Map, ..self }
    }

    pub(super) const fn one_of(self, name: &'static str) -> Self {
        Field { one_of: Some(name), ..self }
    }

    /// Whether the field distinguishes "unset" from "zero". Fields that do not are left out if they are zero.
    pub(super) fn has_presence(&self) -> bool {
        match (self.shape, self.kind) {
            (Shape::List | Shape::Map, _) => false,
            (Shape::One, Kind::Scalar(_) | Kind::Enum(_)) => self.one_of.is_some(),
            (Shape::One, Kind::Message(_) | Kind::Wrapper(_) | Kind::Duration | Kind::Struct) => true,
        }
    }
}

impl ScalarKind {
    /// What a value has to be, for messages.
    pub(super) fn allowed(self) -> &'static str {
        match self {
            ScalarKind::Bool => "true or false, without quotes",
            ScalarKind::Int32 => "an integer from -2147483648 to 2147483647",
            ScalarKind::Uint32 => "an integer from 0 to 4294967295",
            ScalarKind::Int64 => "a 64-bit integer",
            ScalarKind::Uint64 => "a 64-bit integer, not negative",
            ScalarKind::Double => "a number",
            ScalarKind::String => "a string",
        }
    }
}
