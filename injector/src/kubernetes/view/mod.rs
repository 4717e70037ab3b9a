//! Objects as templates see them: a tree with a type, whose fields go by their Go names.

use std::borrow::Cow;

use super::typed;
use super::types::{Base, Field, Kind, Shape, Type, plain, pointer};
use crate::template::{self, Failure, IntType, List, Object};
use crate::value::{EcoString, Map, Value};

#[cfg(test)]
mod tests;

/// The view of an object, which is as [`round_trip`](typed::round_trip) returns it. Nothing is copied.
pub fn view(value: &Value, kind: impl Into<Kind>) -> template::Value {
    of(Some(value), kind.into())
}

/// The value of a field: what is absent is Go's zero value.
fn of(value: Option<&Value>, kind: Kind) -> template::Value {
    let value = value.filter(|v| !v.is_null());
    match (kind.shape, kind.base) {
        (Shape::Plain | Shape::Pointer, Base::Any) => value.map_or(template::Value::Nil, template::Value::from),
        (Shape::Plain, Base::String | Base::Bool | Base::Int32 | Base::Int64) => scalar(value, kind.base),
        (Shape::Map, Base::String) => strings(value).into(),
        (Shape::List, Base::String | Base::Bool | Base::Int32 | Base::Int64) => list(value, kind.base).into(),
        (Shape::List, Base::Any) => match value {
            Some(value) => value.into(),
            None => List::Nil(template::ANY).into(),
        },
        (Shape::Plain, Base::Struct(_) | Base::Quantity | Base::IntOrString | Base::Time)
        | (Shape::Pointer | Shape::List | Shape::Map, _) => {
            template::Value::object(View { value: value.cloned().unwrap_or_default(), kind })
        }
    }
}

fn scalar(value: Option<&Value>, base: Base) -> template::Value {
    let number = || value.and_then(Value::as_i64).unwrap_or_default();
    match base {
        Base::String => match value {
            Some(Value::String(text)) => text.clone().into(),
            _ => "".into(),
        },
        Base::Bool => value.and_then(Value::as_bool).unwrap_or_default().into(),
        Base::Int32 => template::Value::Int(number(), IntType::Int32),
        Base::Int64 => template::Value::Int(number(), IntType::Int64),
        Base::Quantity | Base::IntOrString | Base::Time | Base::Any | Base::Struct(_) => template::Value::Nil,
    }
}

fn list(value: Option<&Value>, base: Base) -> List {
    let name = base.go_name();
    match value.and_then(Value::as_list) {
        Some(list) => List::typed(name, list.iter().map(|v| scalar(Some(v), base)).collect()),
        None => List::Nil(name),
    }
}

fn strings(value: Option<&Value>) -> template::Map {
    value.and_then(Value::as_map).map_or(template::Map::NilStrings, |map| template::Map::Strings(map.clone()))
}

/// A value of a type that the language does not have: a struct, a pointer, a list or map of structs, an amount, a
/// port, a point in time.
pub struct View {
    /// Null if it is nil, or the zero value.
    value: Value,
    kind: Kind,
}

impl View {
    fn get(&self, field: &Field) -> template::Value {
        of(self.value.get(field.json), field.kind)
    }

    /// A struct that is embedded: its JSON is among that of the outer one.
    fn embedded(&self, of_type: Type) -> template::Value {
        let is_of = |key: &str| of_type.fields().iter().any(|field| field.json == key);
        let fields = self.value.as_map().into_iter().flat_map(Map::iter).filter(|(key, _)| is_of(key));
        view(&fields.map(|(key, value)| (key.clone(), value.clone())).collect::<Map>().into(), of_type)
    }

    /// A field by its Go name, also of a struct that is embedded, or that has JSON of its own as `metadata`.
    fn struct_field(&self, of_type: Type, name: &str) -> template::Field {
        if let Some(field) = of_type.go_field(name) {
            return template::Field::Value(self.get(field));
        }
        if let Some(embedded) = of_type.embedded().filter(|e| e.short_name() == name) {
            return template::Field::Value(self.embedded(embedded));
        }
        // The metadata's own fields, and the methods that return them: `GetLabels` for `Labels`.
        let of_meta = || Type::OBJECT_META.go_field(name.strip_prefix("Get").unwrap_or(name));
        if of_type == Type::OBJECT_META {
            return of_meta().map_or(template::Field::Unknown, |field| template::Field::Value(self.get(field)));
        }
        match of_type.go_field("ObjectMeta").zip(of_meta()) {
            Some((meta, field)) => {
                let value = self.value.get(meta.json).and_then(|meta| meta.get(field.json));
                template::Field::Value(of(value, field.kind))
            }
            None => template::Field::Unknown,
        }
    }

    /// A field or method of an amount, a port or a point in time.
    fn opaque_field(&self, name: &str) -> template::Field {
        let value = match (self.kind.base, name) {
            (Base::Quantity | Base::IntOrString | Base::Time, "String") => self.text().unwrap_or_default().into(),
            (Base::IntOrString, "IntVal") => template::Value::from(self.port_number()),
            (Base::IntOrString, "StrVal") => scalar(Some(&self.value), Base::String),
            (Base::IntOrString, "Type") => template::Value::Int(self.value.as_str().is_some().into(), IntType::Int64),
            (Base::IntOrString, "IntValue") => {
                let digits = self.value.as_str().map(|s| s.parse().unwrap_or(0));
                template::Value::int(digits.unwrap_or_else(|| self.port_number().into()))
            }
            (Base::Time, "IsZero") => self.value.is_null().into(),
            (Base::Quantity, "IsZero") => (self.text().as_deref() == Some("0")).into(),
            _ => return template::Field::Unknown,
        };
        template::Field::Value(value)
    }

    fn port_number(&self) -> i32 {
        self.value.as_i64().and_then(|i| i32::try_from(i).ok()).unwrap_or_default()
    }
}

impl Object for View {
    fn type_name(&self) -> Cow<'_, str> {
        self.kind.go_name()
    }

    fn kind(&self) -> template::Kind {
        match self.kind.shape {
            Shape::Plain => template::Kind::Struct,
            Shape::Pointer => template::Kind::Pointer,
            Shape::List => template::Kind::Slice,
            Shape::Map => template::Kind::Map,
        }
    }

    fn is_nil(&self) -> bool {
        self.kind.shape != Shape::Plain && self.value.is_null()
    }

    fn field(&self, name: &str) -> template::Field {
        match (self.kind.shape, self.kind.base) {
            (Shape::Plain | Shape::Pointer, Base::Struct(of_type)) => {
                let field = self.struct_field(of_type, name);
                let exists = matches!(field, template::Field::Value(_));
                if exists && self.is_nil() { template::Field::NilPointer } else { field }
            }
            (Shape::Plain | Shape::Pointer, _) if !self.is_nil() => self.opaque_field(name),
            // Methods of v1.ResourceList.
            (Shape::Map, Base::Quantity) => match RESOURCES.iter().find(|(method, _)| *method == name) {
                Some((_, key)) => {
                    template::Field::Value(of(self.value.get(key).or(Some(&Value::from("0"))), pointer(Base::Quantity)))
                }
                None => template::Field::Unknown,
            },
            (Shape::Plain | Shape::Pointer | Shape::List | Shape::Map, _) => template::Field::Unknown,
        }
    }

    fn fields(&self) -> Vec<(&'static str, template::Value)> {
        let Base::Struct(of_type) = self.kind.base else { return Vec::new() };
        let mut out = Vec::with_capacity(of_type.fields().len());
        let mut embedded = of_type.embedded();
        for field in of_type.fields() {
            if !field.promoted {
                out.push((field.go, self.get(field)));
            } else if let Some(inner) = embedded.take() {
                out.push((inner.short_name(), self.embedded(inner)));
            }
        }
        out
    }

    fn target(&self) -> Option<template::Value> {
        (!self.is_nil()).then(|| of(Some(&self.value), plain(self.kind.base)))
    }

    fn text(&self) -> Option<EcoString> {
        match (self.kind.shape, self.kind.base, &self.value) {
            (Shape::List | Shape::Map, _, _) | (Shape::Pointer, _, Value::Null) => None,
            (_, Base::Quantity, Value::String(text)) => Some(text.clone()),
            (_, Base::Quantity | Base::IntOrString, Value::Null) => Some("0".into()),
            (_, Base::IntOrString, Value::String(text)) => Some(text.clone()),
            (_, Base::IntOrString, _) => Some(self.port_number().to_string().into()),
            // As Go prints times: 2024-01-01 00:00:00 +0000 UTC.
            (_, Base::Time, value) => {
                let (date, time) =
                    value.as_str().unwrap_or("0001-01-01T00:00:00Z").trim_end_matches('Z').split_once('T')?;
                Some(format!("{date} {time} +0000 UTC").into())
            }
            (Shape::Plain | Shape::Pointer, _, _) => None,
        }
    }

    fn len(&self) -> usize {
        self.value.as_list().map_or_else(|| self.value.as_map().map_or(0, Map::len), |list| list.len())
    }

    fn element(&self, index: usize) -> Option<template::Value> {
        Some(of(Some(self.value.as_list()?.get(index)?), self.kind.element()))
    }

    fn entries(&self) -> Vec<(template::Value, template::Value)> {
        let entry = |(key, value): (&EcoString, &Value)| (key.clone().into(), of(Some(value), self.kind.element()));
        self.value.as_map().map_or_else(Vec::new, |map| map.iter().map(entry).collect())
    }

    fn entry(&self, key: &str) -> Option<template::Value> {
        Some(of(Some(self.value.get(key)?), self.kind.element()))
    }

    fn absent(&self) -> template::Value {
        of(None, self.kind.element())
    }

    fn to_data(&self) -> Result<Value, Failure> {
        Ok(match (self.kind.shape, &self.value) {
            (Shape::Plain, Value::Null) => typed::zero(self.kind),
            _ => self.value.clone(),
        })
    }

    fn to_json(&self) -> Result<String, Failure> {
        Ok(typed::to_json(&self.value, self.kind))
    }
}

/// The methods of `v1.ResourceList`, and the resource that each returns.
const RESOURCES: [(&str, &str); 5] = [
    ("Cpu", "cpu"),
    ("Memory", "memory"),
    ("Pods", "pods"),
    ("Storage", "storage"),
    ("StorageEphemeral", "ephemeral-storage"),
];
