//! Durations, as templates see them: `*durationpb.Duration`, and the `time.Duration` of its `AsDuration`.

use std::any::Any;
use std::borrow::Cow;

use super::NIL;
use crate::json;
use crate::mesh::duration::{self, HOUR, MILLISECOND, MINUTE, SECOND};
use crate::template::{self, Failure, HostType, IntType, Object};
use crate::value::{EcoString, Value};

/// A duration, as a parameter of a function.
pub static DURATION: HostType = HostType {
    name: "*durationpb.Duration",
    nilable: true,
    accepts: |object| {
        let object: &dyn Any = object;
        object.is::<Duration>()
    },
};

/// A pointer to a `google.protobuf.Duration`, which may be nil.
#[derive(Clone)]
pub struct Duration {
    pub(super) nanoseconds: Option<i64>,
}

/// Go's `time.Duration`.
struct GoDuration {
    nanoseconds: i64,
}

impl Duration {
    /// The text of Go's `Duration.String`; of nil, of zero.
    pub fn text(&self) -> String {
        duration::to_go(self.nanoseconds.unwrap_or(0))
    }

    /// The message's seconds and nanoseconds; of nil, of zero.
    fn parts(&self) -> (i64, i64) {
        let nanoseconds = self.nanoseconds.unwrap_or(0);
        (nanoseconds / SECOND, nanoseconds % SECOND)
    }
}

impl Object for Duration {
    fn type_name(&self) -> Cow<'_, str> {
        "*durationpb.Duration".into()
    }

    fn kind(&self) -> template::Kind {
        template::Kind::Pointer
    }

    fn is_nil(&self) -> bool {
        self.nanoseconds.is_none()
    }

    fn field(&self, name: &str) -> template::Field {
        let (seconds, rest) = self.parts();
        template::Field::Value(match name {
            "Seconds" | "Nanos" if self.is_nil() => return template::Field::NilPointer,
            "GetSeconds" | "Seconds" => seconds.into(),
            "GetNanos" | "Nanos" => template::Value::Int(rest, IntType::Int32),
            "AsDuration" => template::Value::object(GoDuration { nanoseconds: self.nanoseconds.unwrap_or(0) }),
            "String" => Object::text(self).unwrap_or(NIL).into(),
            _ => return template::Field::Unknown,
        })
    }

    fn text(&self) -> Option<EcoString> {
        if self.is_nil() {
            return Some(NIL);
        }
        let (seconds, rest) = self.parts();
        let part = |name: &str, value: i64| if value == 0 { String::new() } else { format!("{name}:{value}") };
        let (seconds, rest) = (part("seconds", seconds), part("nanos", rest));
        Some(format!("{seconds} {rest}").trim().into())
    }

    fn to_data(&self) -> Result<Value, Failure> {
        Ok(json::parse(self.to_json()?.as_bytes())?)
    }

    fn to_json(&self) -> Result<String, Failure> {
        if self.is_nil() {
            return Ok("null".to_owned());
        }
        // As for a wrapper: the struct, without what is zero.
        let (seconds, rest) = self.parts();
        let parts = [("seconds", seconds), ("nanos", rest)];
        let parts = parts.into_iter().filter(|(_, part)| *part != 0);
        Ok(json::object(parts.map(|(name, part)| (name, part.to_string()))))
    }
}

impl GoDuration {
    /// As Go's `Duration.Seconds`, which adds the whole and the rest: 1.118 s is 1.1179999999999999.
    #[expect(clippy::cast_precision_loss, reason = "Go loses it too")]
    fn in_units_of(&self, unit: i64) -> f64 {
        (self.nanoseconds / unit) as f64 + (self.nanoseconds % unit) as f64 / unit as f64
    }
}

impl Object for GoDuration {
    fn type_name(&self) -> Cow<'_, str> {
        "time.Duration".into()
    }

    fn kind(&self) -> template::Kind {
        template::Kind::Int(IntType::Int64)
    }

    fn field(&self, name: &str) -> template::Field {
        template::Field::Value(match name {
            "String" => duration::to_go(self.nanoseconds).into(),
            "Hours" => self.in_units_of(HOUR).into(),
            "Minutes" => self.in_units_of(MINUTE).into(),
            "Seconds" => self.in_units_of(SECOND).into(),
            "Milliseconds" => (self.nanoseconds / MILLISECOND).into(),
            "Microseconds" => (self.nanoseconds / 1_000).into(),
            "Nanoseconds" => self.nanoseconds.into(),
            _ => return template::Field::Unknown,
        })
    }

    fn plain(&self) -> Option<template::Value> {
        Some(self.nanoseconds.into())
    }

    fn text(&self) -> Option<EcoString> {
        Some(duration::to_go(self.nanoseconds).into())
    }

    fn to_data(&self) -> Result<Value, Failure> {
        Ok(self.nanoseconds.into())
    }
}
