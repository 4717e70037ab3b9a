//! Label selectors.

use std::fmt;

use super::typed::{self, Mode, round_trip};
use super::types::Type;
use crate::value::{EcoString, Map, Value};

/// Why a selector is invalid. The texts are Kubernetes'.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// It is no selector at all.
    #[error(transparent)]
    Type(typed::Error),
    /// An operator does not exist.
    #[error("{0:?} is not a valid label selector operator (In, NotIn, Exists and DoesNotExist are)")]
    Operator(EcoString),
    /// What should be the key of a label cannot be one.
    #[error("key: Invalid value: {key:?}: {reason}")]
    Key {
        /// The key.
        key: EcoString,
        /// What is wrong with it.
        reason: String,
    },
    /// What should be the value of a label cannot be one.
    #[error("values[{index}][{key}]: Invalid value: {value:?}: {reason}")]
    Value {
        /// The key of the label.
        key: EcoString,
        /// Which of the values it is.
        index: usize,
        /// The value.
        value: EcoString,
        /// What is wrong with it.
        reason: String,
    },
    /// An operator needs values, and has none.
    #[error("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty (key {0:?})")]
    NoValues(EcoString),
    /// An operator takes no values, and has some.
    #[error("values: Invalid value: {values:?}: values set must be empty for exists and does not exist (key {key:?})")]
    Values {
        /// The key of the label.
        key: EcoString,
        /// The values.
        values: Vec<EcoString>,
    },
}

/// A label selector, ready to match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// One of a selector's requirements. It prints as `kubectl get -l` takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    key: EcoString,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq)]
enum Operator {
    In(Vec<EcoString>),
    NotIn(Vec<EcoString>),
    Exists,
    DoesNotExist,
}

impl Selector {
    /// Reads a `metav1.LabelSelector` of a YAML document. `null` is empty.
    pub fn parse(selector: &Value) -> Result<Selector, Error> {
        let Some(of) = Type::named("metav1.LabelSelector") else { return Ok(Selector::default()) };
        let selector = round_trip(selector, of, Mode::Yaml).map_err(Error::Type)?;
        let mut requirements = Vec::new();
        let labels = selector.get("matchLabels").and_then(Value::as_map);
        for (key, value) in labels.into_iter().flat_map(Map::iter) {
            requirements.push(Requirement::new(key.clone(), Operator::In(vec![text(Some(value))]))?);
        }
        for expression in selector.list_at(&["matchExpressions"]) {
            let values = expression.list_at(&["values"]).iter().map(|v| text(Some(v))).collect();
            let operator = Operator::parse(&text(expression.get("operator")), values, &text(expression.get("key")))?;
            requirements.push(Requirement::new(text(expression.get("key")), operator)?);
        }
        Ok(Selector { requirements })
    }

    /// Whether it has no requirement, and so matches everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether labels fulfil all requirements.
    pub fn matches(&self, labels: &Map) -> bool {
        self.unmet(labels).is_none()
    }

    /// The first requirement that labels do not fulfil.
    pub fn unmet(&self, labels: &Map) -> Option<&Requirement> {
        self.requirements.iter().find(|r| !r.matches(labels.str(&r.key)))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operator {
            Operator::In(values) => write!(f, "{} in ({})", self.key, values.join(", ")),
            Operator::NotIn(values) => write!(f, "{} notin ({})", self.key, values.join(", ")),
            Operator::Exists => self.key.fmt(f),
            Operator::DoesNotExist => write!(f, "!{}", self.key),
        }
    }
}

fn text(value: Option<&Value>) -> EcoString {
    if let Some(Value::String(text)) = value { text.clone() } else { EcoString::new() }
}

impl Operator {
    fn parse(operator: &str, values: Vec<EcoString>, key: &EcoString) -> Result<Operator, Error> {
        let some =
            |values: Vec<EcoString>| if values.is_empty() { Err(Error::NoValues(key.clone())) } else { Ok(values) };
        let none = |values: Vec<EcoString>| match values.is_empty() {
            true => Ok(()),
            false => Err(Error::Values { key: key.clone(), values }),
        };
        match operator {
            "In" => some(values).map(Operator::In),
            "NotIn" => some(values).map(Operator::NotIn),
            "Exists" => none(values).map(|()| Operator::Exists),
            "DoesNotExist" => none(values).map(|()| Operator::DoesNotExist),
            _ => Err(Error::Operator(operator.into())),
        }
    }
}

impl Requirement {
    fn new(key: EcoString, operator: Operator) -> Result<Requirement, Error> {
        check_key(&key).map_err(|reason| Error::Key { key: key.clone(), reason })?;
        let values: &[EcoString] = match &operator {
            Operator::In(values) | Operator::NotIn(values) => values,
            Operator::Exists | Operator::DoesNotExist => &[],
        };
        for (index, value) in values.iter().enumerate() {
            let error = |reason| Error::Value { key: key.clone(), index, value: value.clone(), reason };
            check_value(value).map_err(error)?;
        }
        Ok(Requirement { key, operator })
    }

    fn matches(&self, value: Option<&str>) -> bool {
        let among = |values: &[EcoString], value: &str| values.iter().any(|v| v == value);
        match &self.operator {
            Operator::In(values) => value.is_some_and(|v| among(values, v)),
            Operator::NotIn(values) => value.is_none_or(|v| !among(values, v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

const NAME: &str = "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
                    character";

/// The key of a label: a name, after the domain of its owner if there is one.
fn check_key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        return Err(format!("a valid label key must {NAME} with an optional DNS subdomain prefix and '/'"));
    }
    match prefix {
        Some("") => return Err("prefix part must be non-empty".to_owned()),
        Some(prefix) if prefix.len() > 253 => return Err("prefix part must be no more than 253 bytes".to_owned()),
        Some(prefix) if !prefix.split('.').all(is_domain_part) => {
            return Err(
                "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
                        '-' or '.', and must start and end with an alphanumeric character"
                    .to_owned(),
            );
        }
        Some(_) | None => {}
    }
    match name.len() {
        0 => Err("name part must be non-empty".to_owned()),
        64.. => Err("name part must be no more than 63 bytes".to_owned()),
        1..64 if !is_name(name) => Err(format!("name part must {NAME}")),
        1..64 => Ok(()),
    }
}

fn check_value(value: &str) -> Result<(), String> {
    if value.len() > 63 {
        return Err("must be no more than 63 bytes".to_owned());
    }
    if value.is_empty() || is_name(value) {
        return Ok(());
    }
    Err(format!("a valid label must be an empty string or {NAME}"))
}

fn is_name(name: &str) -> bool {
    let is_end = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    is_end(name.bytes().next())
        && is_end(name.bytes().next_back())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_domain_part(part: &str) -> bool {
    is_name(part) && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json;

    fn parse(text: &str) -> Result<Selector, String> {
        Selector::parse(&json::parse(text.as_bytes()).unwrap()).map_err(|e| e.to_string())
    }

    fn labels(pairs: &[(&str, &str)]) -> Map {
        pairs.iter().copied().collect()
    }

    #[track_caller]
    fn matches(selector: &str, pairs: &[(&str, &str)], expected: bool) {
        assert_eq!(parse(selector).unwrap().matches(&labels(pairs)), expected, "{selector} {pairs:?}");
    }

    #[test]
    fn labels_must_have_the_values() {
        let selector = r#"{"matchLabels":{"app":"a","tier":"b"}}"#;
        matches(selector, &[("app", "a"), ("tier", "b"), ("x", "y")], true);
        matches(selector, &[("app", "a")], false);
        matches(selector, &[("app", "a"), ("tier", "c")], false);
        matches(r#"{"matchLabels":{"n":1,"b":true}}"#, &[("n", "1"), ("b", "true")], true);
    }

    #[test]
    fn expressions_test_values_and_presence() {
        let expression = |operator: &str, values: &str| {
            format!(r#"{{"matchExpressions":[{{"key":"k","operator":"{operator}","values":{values}}}]}}"#)
        };
        for (operator, values, a, c, absent) in [
            ("In", r#"["a","b"]"#, true, false, false),
            ("NotIn", r#"["a","b"]"#, false, true, true),
            ("Exists", "[]", true, true, false),
            ("DoesNotExist", "null", false, false, true),
        ] {
            let selector = expression(operator, values);
            matches(&selector, &[("k", "a")], a);
            matches(&selector, &[("k", "c")], c);
            matches(&selector, &[("x", "a")], absent);
        }
    }

    #[test]
    fn a_selector_without_requirements_is_empty_and_matches() {
        for text in ["{}", "null", r#"{"matchLabels":{},"matchExpressions":[]}"#] {
            let selector = parse(text).unwrap();
            assert!(selector.is_empty() && selector.matches(&Map::new()), "{text}");
        }
        assert!(!parse(r#"{"matchLabels":{"a":"b"}}"#).unwrap().is_empty());
    }

    #[test]
    fn errors_name_what_is_invalid() {
        let error = |text| parse(text).unwrap_err();
        assert_eq!(
            error(r#"{"matchExpressions":[{"key":"k","operator":"in","values":["a"]}]}"#),
            r#""in" is not a valid label selector operator (In, NotIn, Exists and DoesNotExist are)"#
        );
        assert_eq!(
            error(r#"{"matchExpressions":[{"key":"k","operator":"In"}]}"#),
            r#"values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty (key "k")"#
        );
        assert_eq!(
            error(r#"{"matchExpressions":[{"key":"k","operator":"Exists","values":["a"]}]}"#),
            r#"values: Invalid value: ["a"]: values set must be empty for exists and does not exist (key "k")"#
        );
        assert_eq!(
            error(r#"{"matchLabels":{"a b":"c"}}"#),
            "key: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character"
        );
        assert_eq!(
            error(r#"{"matchLabels":{"a":"-"}}"#),
            "values[0][a]: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric \
             characters, '-', '_' or '.', and must start and end with an alphanumeric character"
        );
        assert!(error(r#"{"matchLabels":[]}"#).starts_with("json: cannot unmarshal array into Go struct field"));
    }

    #[test]
    fn keys_may_have_a_domain() {
        let key = |key: &str| check_key(key).is_ok();
        for good in ["a", "A.b_c-9", "example.com/name", "a/b", &"x".repeat(63)] {
            assert!(key(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a/", "/a", "a/b/c", "Example.com/a", "a..b/c", "ä", &"x".repeat(64)] {
            assert!(!key(bad), "{bad}");
        }
        let domain = |length: usize| format!("{}/a", "x".repeat(length));
        assert!(key(&domain(253)) && !key(&domain(254)) && !key(&domain(300)));
    }

    #[test]
    fn values_have_63_characters_at_most() {
        let value = |length: usize| check_value(&"x".repeat(length)).is_ok();
        assert!(value(0) && value(63) && !value(64) && !value(100));
    }

    proptest! {
        #[test]
        fn no_selector_panics(operator in "In|NotIn|Exists|DoesNotExist|\\PC{0,3}", key in "\\PC{0,8}", value in "\\PC{0,8}") {
            let expression = [("key", Value::from(key.as_str())), ("operator", operator.into()), ("values", [value].into_iter().collect())];
            let expressions: Value = [Value::Map(expression.into_iter().collect())].into_iter().collect();
            if let Ok(selector) = Selector::parse(&Value::Map([("matchExpressions", expressions)].into_iter().collect())) {
                selector.matches(&[(key, "a")].into_iter().collect());
            }
        }
    }
}
