//! Label selectors.

use std::sync::LazyLock;

use regex::Regex;
use sidecar_injector::kubernetes::selector::Selector;
use sidecar_injector::kubernetes::{Type, typed};
use sidecar_injector::value::{EcoString, Map, Value};
use sidecar_injector::{json, yaml};

use crate::one_line;

/// Kubernetes' own expressions for what a label may be.
static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\A([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\z").expect("an expression"));
static DOMAIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\A[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z").expect("an expression")
});

/// A selector is valid exactly if Kubernetes' expressions match its parts; it matches the labels that it names and as its
/// parts do.
///
/// The text is the selector, and, after a zero byte, labels, each in a line as `key=value`.
pub fn selector(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let (text, labels) = text.split_once('\0').unwrap_or((text, ""));
    let Ok(value) = yaml::parse(text) else { return };
    let labels: Map = labels.lines().filter_map(|line| line.split_once('=')).collect();
    let of = Type::named("metav1.LabelSelector").expect("a type");
    let selector = Selector::parse(&value);
    if let Err(error) = &selector {
        one_line(&error.to_string());
    }
    let Ok(typed) = typed::round_trip(&value, of, typed::Mode::Yaml) else {
        assert!(selector.is_err(), "{text:?} is none");
        return;
    };
    assert_eq!(Selector::parse(&typed), selector, "{text:?} through its type");
    let required = typed.get("matchLabels").and_then(Value::as_map).cloned().unwrap_or_default();
    let expressions = typed.list_at(&["matchExpressions"]);
    let valid = required.iter().all(|(key, value)| is_key(key) && value.as_str().is_none_or(is_value))
        && expressions.iter().all(is_valid);
    assert_eq!(selector.is_ok(), valid, "{} is {selector:?}", json::to_string(&typed));
    let Ok(selector) = selector else { return };
    assert_eq!(selector.is_empty(), required.is_empty() && expressions.is_empty());

    // The labels that are required, those of the input, and both.
    let text_of = |(key, value): (&EcoString, &Value)| (key.clone(), value.as_str().unwrap_or_default().to_owned());
    let named: Map = required.iter().map(text_of).collect();
    let mut both = labels.clone();
    named.iter().for_each(|(key, value)| drop(both.insert(key.clone(), value.clone())));
    let fits = |labels: &Map| expressions.iter().all(|e| holds(e, labels));
    assert_eq!(selector.matches(&named), fits(&named), "{text:?} matches what it names");
    assert_eq!(selector.matches(&both), fits(&both), "{text:?} matches what it names and more");
    let has = |(key, value): (&EcoString, &Value)| labels.get(key) == Some(value);
    assert_eq!(selector.matches(&labels), named.iter().all(has) && fits(&labels), "{text:?} matches {labels:?}");
    for key in named.keys() {
        let mut fewer = both.clone();
        fewer.remove(key);
        assert!(!selector.matches(&fewer), "{text:?} matches without {key:?}");
    }
}

fn is_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(|p| p.len() <= 253 && DOMAIN.is_match(p)) && name.len() <= 63 && NAME.is_match(name)
}

fn is_value(value: &str) -> bool {
    value.len() <= 63 && (value.is_empty() || NAME.is_match(value))
}

fn parts(expression: &Value) -> (&str, &str, Vec<&str>) {
    let text = |key| expression.str_at(&[key]).unwrap_or_default();
    let values = expression.list_at(&["values"]).iter().map(|v| v.as_str().unwrap_or_default());
    (text("key"), text("operator"), values.collect())
}

fn is_valid(expression: &Value) -> bool {
    let (key, operator, values) = parts(expression);
    let values_fit = match operator {
        "In" | "NotIn" => !values.is_empty() && values.iter().all(|v| is_value(v)),
        "Exists" | "DoesNotExist" => values.is_empty(),
        _ => false,
    };
    is_key(key) && values_fit
}

fn holds(expression: &Value, labels: &Map) -> bool {
    let (key, operator, values) = parts(expression);
    let among = labels.str(key).is_some_and(|value| values.contains(&value));
    match operator {
        "In" => among,
        "NotIn" => !among,
        "Exists" => labels.contains_key(key),
        _ => !labels.contains_key(key),
    }
}
