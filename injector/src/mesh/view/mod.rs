//! How templates see messages: as the structs that protoc makes for Go. Fields have Go's names, each has a getter that
//! can be called on nil, enums print their names.

mod duration;

use std::any::Any;
use std::borrow::Cow;

use crate::json;
use crate::template::{self, Failure, HostType, IntType, List, Object};
use crate::value::{EcoString, Map, Value};

use super::descriptor::{EnumType, Field, Kind, MessageType, ScalarKind, Shape};
use super::{MeshConfig, ProxyConfig, write};

pub use duration::{DURATION, Duration};

/// Any message, as a parameter of a function.
pub static PROTO_MESSAGE: HostType = HostType {
    name: "protoreflect.ProtoMessage",
    nilable: true,
    accepts: |object| {
        let object: &dyn Any = object;
        object.is::<Message>() || object.is::<Wrapper>() || object.is::<Duration>()
    },
};

/// The mesh config, as a parameter of a function.
pub static MESH_CONFIG: HostType = HostType {
    name: "*v1alpha1.MeshConfig",
    nilable: true,
    accepts: |object| {
        let object: &dyn Any = object;
        object.downcast_ref::<Message>().is_some_and(|m| std::ptr::eq(m.kind, MeshConfig::kind()))
    },
};

/// A pointer to a message, which may be nil.
#[derive(Clone)]
pub struct Message {
    fields: Option<Map>,
    kind: &'static MessageType,
}

/// A pointer to a `google.protobuf.BoolValue` or one of its like, which may be nil.
#[derive(Clone)]
pub struct Wrapper {
    value: Option<Value>,
    kind: ScalarKind,
}

/// A value of an enum.
struct Enum {
    number: i32,
    kind: &'static EnumType,
}

/// A list of messages or enums, or a map to anything but strings.
struct Collection {
    values: Value,
    field: &'static Field,
}

impl ProxyConfig {
    /// The config as templates see it.
    pub fn view(&self) -> template::Value {
        template::Value::object(Message { fields: Some(self.fields.clone()), kind: ProxyConfig::kind() })
    }
}

impl MeshConfig {
    /// The config as templates see it.
    pub fn view(&self) -> template::Value {
        template::Value::object(Message { fields: Some(self.fields.clone()), kind: MeshConfig::kind() })
    }
}

/// What Go's `String` method of a message that is not there returns.
const NIL: EcoString = EcoString::inline("<nil>");

/// What `protoToJSON` gives for a message: compact JSON, a proxy config without what is the default. Nil gives `{}`; a
/// value that is not a message gives nothing.
pub fn proto_to_json(message: &template::Value) -> Option<String> {
    if message.is_nil() {
        return Some("{}".to_owned());
    }
    if let Some(message) = message.downcast::<Message>() {
        let fields = message.fields.clone()?;
        let is_proxy_config = std::ptr::eq(message.kind, ProxyConfig::kind());
        return Some(if is_proxy_config {
            ProxyConfig { fields }.to_stripped_json()
        } else {
            write::to_json(&fields, message.kind)
        });
    }
    if let Some(wrapper) = message.downcast::<Wrapper>() {
        return Some(json::to_string(wrapper.value.as_ref()?));
    }
    message.downcast::<Duration>()?.nanoseconds.map(|n| format!("{:?}", super::duration::to_json(n)))
}

impl Message {
    /// Whether some OpenTelemetry provider of a mesh config asks for attributes by OpenTelemetry's conventions.
    pub fn has_semantic_convention_provider(&self) -> bool {
        self.fields.as_ref().is_some_and(super::config::has_semantic_convention_provider)
    }

    fn value(&self, field: &'static Field) -> template::Value {
        let value = self.fields.as_ref().and_then(|fields| fields.get(field.json));
        many(field, value)
    }
}

/// A field's value in Go: zero or nil if it is absent.
fn many(field: &'static Field, value: Option<&Value>) -> template::Value {
    let is_string = matches!(field.kind, Kind::Scalar(ScalarKind::String));
    match (field.shape, value) {
        (Shape::One, value) => one(field.kind, value),
        (Shape::List, None) if is_string => List::Nil("string").into(),
        (Shape::List, Some(Value::List(list))) if is_string => {
            List::strings(list.iter().filter_map(Value::as_str)).into()
        }
        (Shape::Map, None) if is_string => template::Map::NilStrings.into(),
        (Shape::Map, Some(Value::Map(map))) if is_string => template::Map::Strings(map.clone()).into(),
        (Shape::List | Shape::Map, value) => {
            template::Value::object(Collection { values: value.cloned().unwrap_or_default(), field })
        }
    }
}

fn one(kind: Kind, value: Option<&Value>) -> template::Value {
    match kind {
        Kind::Scalar(kind) => scalar(kind, value),
        Kind::Wrapper(kind) => template::Value::object(Wrapper { value: value.cloned(), kind }),
        Kind::Enum(kind) => template::Value::object(Enum { number: number(kind, value), kind }),
        Kind::Message(kind) => {
            template::Value::object(Message { fields: value.and_then(Value::as_map).cloned(), kind })
        }
        Kind::Duration => {
            let nanoseconds = value.and_then(Value::as_str).and_then(super::duration::parse);
            template::Value::object(Duration { nanoseconds })
        }
        Kind::Struct => value.map_or(template::Map::NilAny.into(), template::Value::from),
    }
}

fn scalar(kind: ScalarKind, value: Option<&Value>) -> template::Value {
    let integer = || value.and_then(Value::as_i64).unwrap_or(0);
    match kind {
        ScalarKind::Bool => value.and_then(Value::as_bool).unwrap_or(false).into(),
        ScalarKind::Int32 => template::Value::Int(integer(), IntType::Int32),
        ScalarKind::Int64 => integer().into(),
        ScalarKind::Uint32 => u32::try_from(integer()).unwrap_or(0).into(),
        ScalarKind::Uint64 => match value {
            Some(Value::Uint(value)) => (*value).into(),
            _ => u64::try_from(integer()).unwrap_or(0).into(),
        },
        ScalarKind::Double => match value {
            Some(Value::Float(value)) => (*value).into(),
            _ => 0.0.into(),
        },
        ScalarKind::String => value.and_then(Value::as_str).unwrap_or_default().into(),
    }
}

fn number(kind: &EnumType, value: Option<&Value>) -> i32 {
    match value {
        Some(Value::String(name)) => kind.number(name).unwrap_or(0),
        Some(value) => value.as_i64().and_then(|n| i32::try_from(n).ok()).unwrap_or(0),
        None => 0,
    }
}

impl Object for Message {
    fn type_name(&self) -> Cow<'_, str> {
        format!("*{}", self.kind.go).into()
    }

    fn kind(&self) -> template::Kind {
        template::Kind::Pointer
    }

    fn is_nil(&self) -> bool {
        self.fields.is_none()
    }

    fn field(&self, name: &str) -> template::Field {
        let find = |go: &str| self.kind.fields.iter().find(|f| f.go == go);
        if let Some(field) = name.strip_prefix("Get").and_then(find) {
            return template::Field::Value(self.value(field));
        }
        match find(name) {
            // In Go, members of a oneof are hidden by an interface, and only their getters reach them.
            Some(field) if field.one_of.is_none() => match self.fields {
                Some(_) => template::Field::Value(self.value(field)),
                None => template::Field::NilPointer,
            },
            Some(_) | None => match (name, self.text()) {
                ("String", Some(text)) => template::Field::Value(text.into()),
                _ => template::Field::Unknown,
            },
        }
    }

    fn text(&self) -> Option<EcoString> {
        Some(self.fields.as_ref().map_or(NIL, |fields| write::to_json(fields, self.kind).into()))
    }

    fn to_data(&self) -> Result<Value, Failure> {
        Ok(json::parse(self.to_json()?.as_bytes())?)
    }

    fn to_json(&self) -> Result<String, Failure> {
        Ok(self.fields.as_ref().map_or_else(|| "null".to_owned(), |fields| write::to_json(fields, self.kind)))
    }
}

impl Object for Wrapper {
    fn type_name(&self) -> Cow<'_, str> {
        match self.kind {
            ScalarKind::Bool => "*wrapperspb.BoolValue",
            ScalarKind::Int32 => "*wrapperspb.Int32Value",
            ScalarKind::Uint32 => "*wrapperspb.UInt32Value",
            ScalarKind::Int64 => "*wrapperspb.Int64Value",
            ScalarKind::Uint64 => "*wrapperspb.UInt64Value",
            ScalarKind::Double => "*wrapperspb.DoubleValue",
            ScalarKind::String => "*wrapperspb.StringValue",
        }
        .into()
    }

    fn kind(&self) -> template::Kind {
        template::Kind::Pointer
    }

    fn is_nil(&self) -> bool {
        self.value.is_none()
    }

    fn field(&self, name: &str) -> template::Field {
        match name {
            "GetValue" => template::Field::Value(scalar(self.kind, self.value.as_ref())),
            "Value" if self.value.is_some() => template::Field::Value(scalar(self.kind, self.value.as_ref())),
            "Value" => template::Field::NilPointer,
            "String" => template::Field::Value(self.text().unwrap_or_default().into()),
            _ => template::Field::Unknown,
        }
    }

    fn text(&self) -> Option<EcoString> {
        let text = |value| EcoString::from(format!("value:{}", json::to_string(value)));
        Some(self.value.as_ref().map_or(NIL, text))
    }

    fn to_data(&self) -> Result<Value, Failure> {
        // Go's encoder knows nothing of proto JSON here: it writes the struct, without what is zero.
        let field = |value: &Value| scalar(self.kind, Some(value)).is_true().then(|| ("value", value.clone()));
        Ok(self.value.as_ref().map_or(Value::Null, |value| Value::Map(field(value).into_iter().collect())))
    }
}

impl Object for Enum {
    fn type_name(&self) -> Cow<'_, str> {
        self.kind.go.into()
    }

    fn kind(&self) -> template::Kind {
        template::Kind::Int(IntType::Int32)
    }

    fn field(&self, name: &str) -> template::Field {
        match name {
            "String" => template::Field::Value(self.text().unwrap_or_default().into()),
            _ => template::Field::Unknown,
        }
    }

    fn plain(&self) -> Option<template::Value> {
        Some(template::Value::Int(self.number.into(), IntType::Int32))
    }

    fn text(&self) -> Option<EcoString> {
        Some(self.kind.name(self.number).map_or_else(|| self.number.to_string().into(), EcoString::from))
    }

    fn to_data(&self) -> Result<Value, Failure> {
        Ok(self.number.into())
    }
}

impl Object for Collection {
    fn type_name(&self) -> Cow<'_, str> {
        let element = one(self.field.kind, None);
        match self.field.shape {
            Shape::Map => format!("map[string]{}", element.type_name()).into(),
            Shape::List | Shape::One => format!("[]{}", element.type_name()).into(),
        }
    }

    fn kind(&self) -> template::Kind {
        match self.field.shape {
            Shape::Map => template::Kind::Map,
            Shape::List | Shape::One => template::Kind::Slice,
        }
    }

    fn is_nil(&self) -> bool {
        self.values.is_null()
    }

    fn len(&self) -> usize {
        self.values.as_list().map_or_else(|| self.values.as_map().map_or(0, Map::len), |list| list.len())
    }

    fn element(&self, index: usize) -> Option<template::Value> {
        Some(one(self.field.kind, Some(self.values.as_list()?.get(index)?)))
    }

    fn entries(&self) -> Vec<(template::Value, template::Value)> {
        let map = self.values.as_map().cloned().unwrap_or_default();
        map.iter().map(|(k, v)| (k.clone().into(), one(self.field.kind, Some(v)))).collect()
    }

    fn entry(&self, key: &str) -> Option<template::Value> {
        Some(one(self.field.kind, Some(self.values.get(key)?)))
    }

    fn absent(&self) -> template::Value {
        one(self.field.kind, None)
    }

    fn to_data(&self) -> Result<Value, Failure> {
        Ok(json::parse(self.to_json()?.as_bytes())?)
    }

    fn to_json(&self) -> Result<String, Failure> {
        let encoded = |value: &Value| one(self.field.kind, Some(value)).to_json();
        Ok(match &self.values {
            Value::List(list) => json::list(&list.iter().map(encoded).collect::<Result<Vec<_>, _>>()?),
            Value::Map(map) => {
                let members = map.iter().map(|(key, value)| Ok((key, encoded(value)?)));
                json::object(members.collect::<Result<Vec<_>, Failure>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::String(_) => {
                "null".to_owned()
            }
        })
    }
}
