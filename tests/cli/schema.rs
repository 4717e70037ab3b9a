//! Holds documents against `docs/schema.json`. Knows the part of JSON Schema (2020-12) that the schema uses, and
//! panics at any other word, so that nothing in the schema goes unchecked.

use serde_json::{Map, Value};

/// The schema in the documentation.
fn schema() -> Value {
    serde_json::from_str(include_str!("../../docs/schema.json")).expect("the schema is JSON")
}

/// The keywords that do not constrain a document.
const NOTES: [&str; 4] = ["$schema", "$defs", "title", "description"];

/// Expects that the document matches the schema.
#[track_caller]
pub fn validate(document: &Value) {
    let schema = schema();
    let mut problems = Vec::new();
    check(&schema, &schema, document, "$", &mut problems);
    assert!(problems.is_empty(), "{problems:#?} in {document:#}");
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    for (word, says) in schema.as_object().expect("a schema is an object") {
        let good = match word.as_str() {
            word if NOTES.contains(&word) => true,
            "$ref" => {
                let name = says.as_str().and_then(|s| s.strip_prefix("#/$defs/")).expect("a reference");
                check(root, &root["$defs"][name], value, at, problems);
                true
            }
            "const" => value == says,
            "enum" => says.as_array().expect("a list").contains(value),
            "type" => match says.as_array() {
                Some(types) => types.iter().any(|t| has_type(value, t)),
                None => has_type(value, says),
            },
            "minimum" => value.as_i64().is_none_or(|v| v >= says.as_i64().expect("a number")),
            "maximum" => value.as_i64().is_none_or(|v| v <= says.as_i64().expect("a number")),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, says, item, &format!("{at}[{index}]"), problems);
                }
                true
            }
            "required" => {
                let names = says.as_array().expect("a list").iter().map(|n| n.as_str().expect("a name"));
                value.as_object().is_none_or(|v| names.into_iter().all(|name| v.contains_key(name)))
            }
            "properties" => {
                let known = says.as_object().expect("an object");
                for (name, member) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = known.get(name) {
                        check(root, schema, member, &format!("{at}.{name}"), problems);
                    }
                }
                true
            }
            "additionalProperties" => {
                assert_eq!(says, &Value::Bool(false), "the schema knows all members");
                let none = Map::new();
                let known = schema["properties"].as_object().unwrap_or(&none);
                value.as_object().is_none_or(|v| v.keys().all(|name| known.contains_key(name)))
            }
            "oneOf" => {
                let fits = |schema: &&Value| {
                    let mut inner = Vec::new();
                    check(root, schema, value, at, &mut inner);
                    inner.is_empty()
                };
                says.as_array().expect("a list").iter().filter(fits).count() == 1
            }
            word => panic!("the schema uses {word:?}, which this test does not know"),
        };
        if !good {
            problems.push(format!("{at}: {word} {says} does not hold for {value}"));
        }
    }
}

fn has_type(value: &Value, name: &Value) -> bool {
    match name.as_str().expect("a name") {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        name => panic!("the schema uses the type {name:?}, which this test does not know"),
    }
}

#[test]
fn the_check_refuses() {
    let good = serde_json::json!({
        "version": 1, "command": "apply", "outcome": "applied", "status": 0, "errors": [], "warnings": [], "rules": [],
        "routing": [], "differences": [], "findings": []
    });
    validate(&good);
    for (member, bad) in [
        ("version", Value::from(2)),
        ("command", "applied".into()),
        ("status", "0".into()),
        ("status", (-1).into()),
        ("errors", Value::Null),
        ("warnings", vec![1].into()),
        ("other", true.into()),
        ("rules", vec![serde_json::json!({"family": "IPv5", "rules": []})].into()),
        ("trace", serde_json::json!({"packet": 1})),
    ] {
        let mut document = good.clone();
        document[member] = bad;
        assert!(std::panic::catch_unwind(|| validate(&document)).is_err(), "{member}");
    }
    let mut document = good;
    document.as_object_mut().unwrap().remove("version");
    assert!(std::panic::catch_unwind(|| validate(&document)).is_err());
}
