//! The values: checked against the types in Istio's operator, and then a tree for templates.

use super::table::VALUES;
use crate::json;
use crate::mesh::duration;
use crate::value::{EcoString, Map, Value};

/// A field of Istio's values.
pub(super) struct Field {
    /// The name in the `.proto` file.
    pub(super) name: &'static str,
    /// The name in JSON.
    pub(super) json: &'static str,
    pub(super) kind: Kind,
}

/// What a field holds.
pub(super) enum Kind {
    String,
    Bool,
    Int32,
    Uint32,
    Int64,
    Double,
    Duration,
    /// Any object.
    Object,
    Any,
    List(&'static Kind),
    Map(&'static Kind),
    Enum(&'static [&'static str]),
    Message(&'static [Field]),
}

/// A value of a wrong type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {value} is not allowed; it has to be {allowed}")]
pub struct WrongType {
    /// The path, such as `global.proxy.statusPort`.
    pub path: String,
    /// The same, step by step.
    pub(super) steps: Vec<EcoString>,
    /// The value as JSON, cut to 80 characters.
    pub value: String,
    /// What is allowed there.
    pub allowed: String,
}

/// Checks the values. Fields that Istio does not know may hold anything.
pub(super) fn check(values: &Value) -> Result<(), WrongType> {
    Checker { path: Vec::new() }.message(&VALUES, values)
}

/// The values as templates see them: all numbers are doubles.
pub(super) fn for_templates(values: &Value) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "what Go's JSON decoder makes of numbers")]
    match values {
        Value::Int(i) => Value::Float(*i as f64),
        Value::Uint(u) => Value::Float(*u as f64),
        Value::List(list) => list.iter().map(for_templates).collect(),
        Value::Map(map) => map.iter().map(|(key, value)| (key.clone(), for_templates(value))).collect::<Map>().into(),
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::String(_) => values.clone(),
    }
}

struct Checker {
    path: Vec<EcoString>,
}

impl Checker {
    fn message(&mut self, fields: &'static [Field], value: &Value) -> Result<(), WrongType> {
        let Value::Map(map) = value else { return self.wrong(value, "an object") };
        for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
            if let Some(field) = fields.iter().find(|field| field.json == *key || field.name == *key) {
                self.path.push(key.clone());
                self.value(&field.kind, value)?;
                self.path.pop();
            }
        }
        Ok(())
    }

    fn value(&mut self, kind: &'static Kind, value: &Value) -> Result<(), WrongType> {
        let number = |least: i128, most: i128| integer(value).is_some_and(|i| (least..=most).contains(&i));
        let (fits, allowed) = match kind {
            Kind::String => (matches!(value, Value::String(_)), "a string; put it in quotes"),
            Kind::Bool => (matches!(value, Value::Bool(_)), "true or false, without quotes"),
            Kind::Int32 => (number(i32::MIN.into(), i32::MAX.into()), "an integer from -2147483648 to 2147483647"),
            Kind::Uint32 => (number(0, u32::MAX.into()), "an integer from 0 to 4294967295"),
            Kind::Int64 => (number(i64::MIN.into(), i64::MAX.into()), "a 64-bit integer"),
            Kind::Double => (is_number(value), "a number"),
            Kind::Duration => {
                (value.as_str().and_then(duration::parse).is_some(), "a duration such as \"45s\" or \"1m30s\"")
            }
            Kind::Object => (matches!(value, Value::Map(_)), "an object"),
            Kind::Any => (true, ""),
            Kind::List(element) => return self.list(element, value),
            Kind::Map(element) => return self.map(element, value),
            Kind::Enum(names) => {
                let fits = value.as_str().is_some_and(|name| names.contains(&name))
                    || number(i32::MIN.into(), i32::MAX.into());
                return if fits { Ok(()) } else { self.wrong(value, &format!("one of {}", names.join(", "))) };
            }
            Kind::Message(fields) => return self.message(fields, value),
        };
        if fits { Ok(()) } else { self.wrong(value, allowed) }
    }

    fn list(&mut self, element: &'static Kind, value: &Value) -> Result<(), WrongType> {
        let Value::List(list) = value else { return self.wrong(value, "a list") };
        list.iter().enumerate().try_for_each(|(index, value)| {
            self.path.push(ecow::eco_format!("{index}"));
            self.value(element, value)?;
            self.path.pop();
            Ok(())
        })
    }

    fn map(&mut self, element: &'static Kind, value: &Value) -> Result<(), WrongType> {
        let Value::Map(map) = value else { return self.wrong(value, "an object") };
        map.iter().filter(|(_, value)| !value.is_null()).try_for_each(|(key, value)| {
            self.path.push(key.clone());
            self.value(element, value)?;
            self.path.pop();
            Ok(())
        })
    }

    fn wrong(&self, value: &Value, allowed: &str) -> Result<(), WrongType> {
        let path = if self.path.is_empty() { "the whole text".to_owned() } else { self.path.join(".") };
        let value = json::to_string(value).chars().take(80).collect();
        Err(WrongType { path, steps: self.path.clone(), value, allowed: allowed.to_owned() })
    }
}

/// An integer, as a number or as a string of one.
fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(i) => Some((*i).into()),
        Value::Uint(u) => Some((*u).into()),
        #[expect(clippy::cast_possible_truncation, reason = "whole, and below 2^53")]
        Value::Float(f) => (f.fract() == 0.0 && f.abs() < 9e15).then_some(*f as i128),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}

fn is_number(value: &Value) -> bool {
    match value {
        Value::Int(_) | Value::Uint(_) | Value::Float(_) => true,
        Value::String(text) => text.parse::<f64>().is_ok(),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn problem(text: &str) -> String {
        check(&yaml::parse(text).unwrap()).map_or_else(|e| e.to_string(), |()| String::new())
    }

    #[test]
    fn known_fields_have_their_types() {
        assert_eq!(
            problem("global: {hub: h, tag: 1.20, proxy: {statusPort: 15020, resources: {limits: {cpu: '1'}}}}"),
            ""
        );
        assert_eq!(problem("global: {proxy: {statusPort: '15020', tracer: none, privileged: null}}\nown: [1]"), "");
        let port = "global.proxy.statusPort: -1 is not allowed; it has to be an integer from 0 to 4294967295";
        assert_eq!(problem("global: {proxy: {statusPort: -1}}"), port);
        let cpu = "global.proxy.resources.requests.cpu: 1 is not allowed; it has to be a string; put it in quotes";
        assert_eq!(problem("global: {proxy: {resources: {requests: {cpu: 1}}}}"), cpu);
        let secrets = "global.imagePullSecrets: \"str\" is not allowed; it has to be a list";
        assert_eq!(problem("global: {imagePullSecrets: str}"), secrets);
        assert!(problem("global: {proxy: {privileged: 'true'}}").ends_with("true or false, without quotes"));
        assert!(problem("global: {proxy: {tracer: jaeger}}").contains("one of zipkin, lightstep"));
        assert_eq!(problem("[]"), "the whole text: [] is not allowed; it has to be an object");
    }

    #[test]
    fn numbers_are_doubles_for_templates() {
        let values = yaml::parse("a: [1, {b: 18446744073709551615}]\nc: '1'").unwrap();
        let expected = "a:\n- 1\n- b: 1.8446744073709552e+19\nc: \"1\"\n";
        let seen = for_templates(&values);
        assert_eq!(seen.list_at(&["a"]).first(), Some(&Value::Float(1.0)));
        assert_eq!(yaml::to_string(&seen), expected);
    }
}
