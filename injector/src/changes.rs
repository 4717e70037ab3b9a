//! What differs between two objects, field by field: for people, and for those who count.

use std::collections::BTreeSet;
use std::fmt;

use crate::json;
use crate::value::{Map, Value};

/// One field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where: `spec.containers[istio-proxy].image`. Elements of lists are called by their names, if they have any.
    pub path: String,
    /// The old value; none for what is new.
    pub from: Option<Value>,
    /// The new value; none for what is gone.
    pub to: Option<Value>,
}

/// As much of a value as fits a line.
const SHOWN: usize = 60;

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Value| {
            let text = json::to_string(value);
            match text.char_indices().nth(SHOWN) {
                Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
                None => text,
            }
        };
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "~ {}: {} -> {}", self.path, shown(from), shown(to)),
            (None, Some(to)) => write!(f, "+ {}: {}", self.path, shown(to)),
            (Some(from), None) => write!(f, "- {}: {}", self.path, shown(from)),
            (None, None) => Ok(()),
        }
    }
}

/// The differences, in the order of the old object; none for equal ones.
pub fn changes(from: &Value, to: &Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare(String::new(), Some(from), Some(to), &mut found);
    found
}

fn compare(path: String, from: Option<&Value>, to: Option<&Value>, found: &mut Vec<Change>) {
    match (from, to) {
        (Some(from), Some(to)) if from == to => {}
        (Some(Value::Map(from)), Some(Value::Map(to))) => compare_maps(&path, from, to, found),
        (Some(Value::List(from)), Some(Value::List(to))) if have_names(from) && have_names(to) => {
            compare_lists(path, from, to, found);
        }
        (from, to) => found.push(Change { path, from: from.cloned(), to: to.cloned() }),
    }
}

fn compare_maps(path: &str, from: &Map, to: &Map, found: &mut Vec<Change>) {
    let keys: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    for key in keys {
        let path = match path {
            "" => key.to_string(),
            _ if key.contains(['.', '/']) => format!("{path}[{key}]"),
            _ => format!("{path}.{key}"),
        };
        compare(path, from.get(key), to.get(key), found);
    }
}

fn compare_lists(path: String, from: &[Value], to: &[Value], found: &mut Vec<Change>) {
    let find = |list: &'_ [Value], wanted: &str| list.iter().position(|element| name(element) == Some(wanted));
    let names: Vec<_> =
        from.iter().chain(to.iter().filter(|e| name(e).is_some_and(|n| find(from, n).is_none()))).collect();
    let before = found.len();
    for name in names.into_iter().filter_map(name) {
        let element = |list: &[Value]| find(list, name).and_then(|i| list.get(i)).cloned();
        compare(format!("{path}[{name}]"), element(from).as_ref(), element(to).as_ref(), found);
    }
    if found.len() == before {
        // The same elements in another order.
        let order = |list: &[Value]| Some(list.iter().filter_map(name).map(Value::from).collect());
        found.push(Change { path: format!("{path} (order)"), from: order(from), to: order(to) });
    }
}

fn name(element: &Value) -> Option<&str> {
    element.str_at(&["name"])
}

/// Whether each element has a name of its own.
fn have_names(list: &[Value]) -> bool {
    let names: BTreeSet<_> = list.iter().filter_map(name).collect();
    names.len() == list.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(from: &str, to: &str) -> Vec<String> {
        let parse = |text: &str| json::parse(text.as_bytes()).unwrap();
        changes(&parse(from), &parse(to)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_field_that_differs_is_named() {
        let from = r#"{"a":1,"c":[{"name":"x","v":1},{"name":"y"}],"m":{"k.io/b":"1"},"l":[1]}"#;
        let to = r#"{"b":1,"c":[{"name":"x","v":2},{"name":"z"}],"m":{"k.io/b":"2"},"l":[2]}"#;
        assert_eq!(
            shown(from, to),
            [
                "- a: 1",
                "+ b: 1",
                "~ c[x].v: 1 -> 2",
                r#"- c[y]: {"name":"y"}"#,
                r#"+ c[z]: {"name":"z"}"#,
                "~ l: [1] -> [2]",
                r#"~ m[k.io/b]: "1" -> "2""#
            ]
        );
        assert_eq!(shown(from, from), [""; 0]);
    }

    #[test]
    fn another_order_is_a_change() {
        let (a, b) = (r#"[{"name":"x"},{"name":"y"}]"#, r#"[{"name":"y"},{"name":"x"}]"#);
        assert_eq!(shown(a, b), [r#"~  (order): ["x","y"] -> ["y","x"]"#]);
        assert_eq!(shown(r#"[{"name":"x"},{"name":"x"}]"#, "[]").len(), 1);
    }

    #[test]
    fn long_values_are_cut() {
        let long = format!(r#"{{"a":"{}"}}"#, "é".repeat(100));
        assert_eq!(shown("{}", &long), [format!("+ a: \"{}...", "é".repeat(59))]);
    }
}
