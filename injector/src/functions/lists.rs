//! Functions on lists. Each makes a new one.

use super::general::equal;
use super::numbers::to_int;
use super::{bounded, failure, is_empty};
use crate::template::{ANY, Failure, Functions, List, Type, Value};

pub fn add(f: &mut Functions) {
    use Type::{Any, Int};
    f.add_variadic("list", &[], Any, |a| Ok(a.0.iter().cloned().collect()));
    f.alias("tuple", "list");
    f.add("append", &[Any, Any], |a| {
        let mut list = elements(a.value(0), "Cannot push on type")?;
        list.push(a.value(1).clone());
        Ok(list.into_iter().collect())
    });
    f.add("prepend", &[Any, Any], |a| {
        let list = elements(a.value(0), "Cannot prepend on type")?;
        Ok([a.value(1).clone()].into_iter().chain(list).collect())
    });
    f.add("first", &[Any], |a| Ok(or_nil(elements(a.value(0), "Cannot find first on type")?.into_iter().next())));
    f.add("last", &[Any], |a| Ok(or_nil(elements(a.value(0), "Cannot find last on type")?.pop())));
    f.add("rest", &[Any], |a| {
        let list = elements(a.value(0), "Cannot find rest on type")?;
        Ok(if list.is_empty() { Value::List(List::Nil(ANY)) } else { list.into_iter().skip(1).collect() })
    });
    f.add("initial", &[Any], |a| {
        let mut list = elements(a.value(0), "Cannot find initial on type")?;
        Ok(if list.pop().is_none() { Value::List(List::Nil(ANY)) } else { list.into_iter().collect() })
    });
    f.add("reverse", &[Any], |a| Ok(elements(a.value(0), "Cannot find reverse on type")?.into_iter().rev().collect()));
    f.add("compact", &[Any], |a| {
        Ok(elements(a.value(0), "Cannot compact on type")?.into_iter().filter(|v| !is_empty(v)).collect())
    });
    f.add("uniq", &[Any], |a| Ok(unique(elements(a.value(0), "Cannot find uniq on type")?).into_iter().collect()));
    f.add_variadic("without", &[Any], Any, |a| {
        let list = elements(a.value(0), "Cannot find without on type")?.into_iter();
        Ok(list.filter(|v| !a.rest(1).iter().any(|o| equal(v, o))).collect())
    });
    f.add("has", &[Any, Any], |a| {
        if a.value(1).is_nothing() {
            return Ok(false.into());
        }
        Ok(elements(a.value(1), "Cannot find has on type")?.iter().any(|v| equal(a.value(0), v)).into())
    });
    f.add_variadic("slice", &[Any], Any, |a| slice(a.value(0), a.rest(1)));
    f.add_variadic("concat", &[], Any, |a| {
        let mut all = Vec::new();
        for list in a.0 {
            all.extend(match list.elements() {
                Some(list) => list,
                None if list.is_nothing() => return failure(NIL),
                None => return failure(format!("Cannot concat type {} as list", list.kind().name())),
            });
            bounded(all.len(), "the list")?;
        }
        // Of nothing at all, Go's is a nil list.
        Ok(if all.is_empty() { Value::List(List::Nil(ANY)) } else { all.into_iter().collect() })
    });
    f.add("chunk", &[Int, Any], |a| chunk(a.int(0), &elements(a.value(1), "Cannot chunk type")?));
    for (must, name) in [
        ("mustAppend", "append"),
        ("push", "append"),
        ("mustPush", "append"),
        ("mustPrepend", "prepend"),
        ("mustFirst", "first"),
        ("mustLast", "last"),
        ("mustRest", "rest"),
        ("mustInitial", "initial"),
        ("mustReverse", "reverse"),
        ("mustCompact", "compact"),
        ("mustUniq", "uniq"),
        ("mustWithout", "without"),
        ("mustHas", "has"),
        ("mustSlice", "slice"),
        ("mustChunk", "chunk"),
    ] {
        f.alias(must, name);
    }
}

/// What Go reports if a function looks at the type of nothing.
const NIL: &str = "runtime error: invalid memory address or nil pointer dereference";

fn elements(list: &Value, what: &str) -> Result<Vec<Value>, Failure> {
    match list.elements() {
        Some(elements) => Ok(elements),
        None if list.is_nothing() => failure(NIL),
        None => failure(format!("{what} {}", list.kind().name())),
    }
}

fn or_nil(value: Option<Value>) -> Value {
    value.unwrap_or(Value::Nil)
}

fn unique(list: Vec<Value>) -> Vec<Value> {
    let mut seen: Vec<Value> = Vec::new();
    for value in list {
        if !seen.iter().any(|v| equal(v, &value)) {
            seen.push(value);
        }
    }
    seen
}

fn slice(list: &Value, indices: &[Value]) -> Result<Value, Failure> {
    let all = elements(list, "list should be type of slice or array but")?;
    if all.is_empty() {
        return Ok(Value::Nil);
    }
    let start = indices.first().map_or(0, to_int);
    let end = indices.get(1).map_or(all.len() as i64, to_int);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok()).filter(|(s, e)| s <= e && *e <= all.len());
    let Some((start, end)) = range else { return failure("reflect.Value.Slice: slice index out of bounds") };
    if let Value::List(list) = list {
        return Ok(list.slice(start, end).into());
    }
    // A slice of the host's type loses its name.
    Ok(all.into_iter().skip(start).take(end - start).collect())
}

fn chunk(size: i64, list: &[Value]) -> Result<Value, Failure> {
    let Some(size) = usize::try_from(size).ok().filter(|s| *s > 0) else {
        return failure(format!("cannot cut a list into chunks of {size} elements: the size must be at least 1"));
    };
    let chunks = list.chunks(size).map(|c| c.iter().cloned().collect()).collect();
    Ok(List::typed("[]interface {}", chunks).into())
}
