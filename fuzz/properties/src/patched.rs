//! JSON patches, applied by what serde_json knows of pointers: nothing of this is the injector's.

use serde_json::Value;

/// The object with a patch applied to it.
pub(crate) fn patched(mut object: Value, patch: &str) -> Value {
    let operations: Vec<Value> = serde_json::from_str(patch).expect("a list");
    for operation in operations {
        let text = |key| operation.get(key).and_then(Value::as_str).expect("a text");
        let (op, path) = (text("op"), text("path"));
        let new = operation.get("value").cloned();
        let Some((parent, last)) = path.rsplit_once('/') else {
            assert_eq!((op, path), ("replace", ""), "only a replacement has no path");
            object = new.expect("a value");
            continue;
        };
        let last = last.replace("~1", "/").replace("~0", "~");
        let place = object.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent:?} for {operation}"));
        match (op, place) {
            ("add", Value::Object(map)) => drop(map.insert(last, new.expect("a value"))),
            ("replace", Value::Object(map)) => *map.get_mut(&last).expect("a member") = new.expect("a value"),
            ("remove", Value::Object(map)) => drop(map.remove(&last).expect("a member")),
            ("add", Value::Array(list)) => list.insert(last.parse().expect("an index"), new.expect("a value")),
            ("replace", Value::Array(list)) => {
                list[last.parse::<usize>().expect("an index")] = new.expect("a value");
            }
            ("remove", Value::Array(list)) => drop(list.remove(last.parse().expect("an index"))),
            (_, place) => panic!("{operation} for {place}"),
        }
    }
    object
}
