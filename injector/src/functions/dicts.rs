//! Functions on maps. `set`, `unset` and the merges change the map that they are given, as Go's do.

use std::collections::HashSet;
use std::sync::Arc;

use super::{failure, is_empty};
use crate::template;
use crate::template::value::{EcoString, EcoVec};
use crate::template::{ANY, Dict, Failure, Functions, List, Map, Type, Value};

pub fn add(f: &mut Functions) {
    use Type::{Any, Map as AnyMap, String};
    f.add_variadic("dict", &[], Any, |a| {
        let pairs = a.0.chunks(2).map(|pair| {
            let key = pair.first().map(template::text).unwrap_or_default();
            (key, pair.get(1).cloned().unwrap_or_else(|| "".into()))
        });
        Ok(Map::dict(pairs).into())
    });
    f.add("get", &[AnyMap, String], |a| Ok(a.map(0).get(a.text(1)).unwrap_or_else(|| "".into())));
    f.add("set", &[AnyMap, String, Any], |a| {
        let dict = changeable(a.map(0), "set")?;
        put(dict, a.string(1), a.value(2).clone())?;
        Ok(a.value(0).clone())
    });
    f.add("unset", &[AnyMap, String], |a| {
        if a.map(0).contains_key(a.text(1)) {
            changeable(a.map(0), "unset")?.unset(a.text(1));
        }
        Ok(a.value(0).clone())
    });
    f.add("hasKey", &[AnyMap, String], |a| Ok(a.map(0).contains_key(a.text(1)).into()));
    f.add_variadic("pluck", &[String], AnyMap, |a| Ok((1..a.len()).filter_map(|i| a.map(i).get(a.text(0))).collect()));
    // Go gives keys and values in a random order, this function in that of the keys.
    f.add_variadic("keys", &[], AnyMap, |a| {
        let keys = (0..a.len()).flat_map(|i| a.map(i).entries().into_iter().map(|(k, _)| k));
        Ok(List::strings(keys).into())
    });
    f.add("values", &[AnyMap], |a| Ok(a.map(0).entries().into_iter().map(|(_, v)| v).collect()));
    f.add_variadic("pick", &[AnyMap], String, |a| {
        let keys = (1..a.len()).map(|i| a.string(i));
        Ok(Map::dict(keys.filter_map(|k| a.map(0).get(&k).map(|v| (k, v)))).into())
    });
    f.add_variadic("omit", &[AnyMap], String, |a| {
        let omitted = |key: &str| (1..a.len()).any(|i| a.text(i) == key);
        Ok(Map::dict(a.map(0).entries().into_iter().filter(|(k, _)| !omitted(k))).into())
    });
    f.add_variadic("merge", &[AnyMap], AnyMap, |a| merged(a.0, false));
    f.add_variadic("mergeOverwrite", &[AnyMap], AnyMap, |a| merged(a.0, true));
    f.alias("mustMerge", "merge");
    f.alias("mustMergeOverwrite", "mergeOverwrite");
    f.add("deepCopy", &[Any], |a| match a.value(0).is_nothing() {
        true => failure("reflect: call of reflect.Value.Type on zero Value"),
        false => copy(a.value(0), 100),
    });
    f.alias("mustDeepCopy", "deepCopy");
    f.add_variadic("dig", &[], Any, |a| dig(a.0));
}

/// The map as one that can be changed. Data of the configuration and of the pod cannot: other pods, or other lines of the
/// template, would see it.
fn changeable<'a>(map: &'a Map, function: &str) -> Result<&'a Dict, Failure> {
    match map {
        Map::Dict(dict) => Ok(dict),
        Map::NilAny | Map::NilStrings => failure("assignment to entry in nil map"),
        Map::Data(_) | Map::Strings(_) => failure(format!(
            "{function} cannot change a map of the configuration or the pod: give it a copy, as in ({function} (deepCopy MAP) ...)"
        )),
    }
}

/// Sets a key of a map to anything but the map itself, or what has it inside: nothing would ever free it.
fn put(dict: &Dict, key: EcoString, value: Value) -> Result<(), Failure> {
    if holds(&value, dict, 100, &mut HashSet::new())? {
        return failure(format!(
            "the map cannot be put into itself, below its key {key:?}: give it a copy (deepCopy MAP)"
        ));
    }
    dict.set(key, value);
    Ok(())
}

/// Whether a value is a map, or has it inside. Maps and lists that have been `seen`, by their address, are not looked
/// into again.
fn holds(value: &Value, dict: &Dict, depth: usize, seen: &mut HashSet<usize>) -> Result<bool, Failure> {
    let Some(depth) = depth.checked_sub(1) else { return failure("value is nested too deeply to be put into a map") };
    let (address, inner) = match value {
        Value::Map(Map::Dict(inner)) if std::ptr::eq(Arc::as_ptr(inner), dict) => return Ok(true),
        Value::Map(Map::Dict(inner)) => {
            (Arc::as_ptr(inner).addr(), inner.entries().into_iter().map(|(_, v)| v).collect())
        }
        Value::List(List::Any(items)) => (items.as_ptr().addr(), items.clone()),
        Value::List(List::Typed(typed)) => (typed.items.as_ptr().addr(), typed.items.iter().cloned().collect()),
        // Data has no maps that can change.
        Value::List(List::Data(_) | List::Nil(_))
        | Value::Map(Map::Data(_) | Map::Strings(_) | Map::NilAny | Map::NilStrings)
        | Value::Missing
        | Value::Nil
        | Value::Bool(_)
        | Value::Int(_, _)
        | Value::Uint(_, _)
        | Value::Float(_)
        | Value::Complex(_, _)
        | Value::String(_)
        | Value::Function(_)
        | Value::Object(_) => return Ok(false),
    };
    let inner: EcoVec<Value> = inner;
    if !seen.insert(address) {
        return Ok(false);
    }
    for value in &inner {
        if holds(value, dict, depth, seen)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// All maps merged into the first one; into a copy of it if it is data, which cannot change.
fn merged(maps: &[Value], overwrite: bool) -> Result<Value, Failure> {
    let Some((first, sources)) = maps.split_first() else { return Ok(Value::Nil) };
    let target = copied_data(first)?;
    let Value::Map(Map::Dict(dict)) = &target else {
        return if sources.iter().all(is_empty) { Ok(target) } else { failure("assignment to entry in nil map") };
    };
    for source in sources {
        if let Value::Map(source) = source {
            merge_into(dict, source, overwrite, 100)?;
        }
    }
    Ok(target)
}

/// The value itself, or a copy that can be changed of a map from data.
fn copied_data(value: &Value) -> Result<Value, Failure> {
    if let Value::Map(Map::Data(_)) = value { copy(value, 100) } else { Ok(value.clone()) }
}

fn merge_into(target: &Dict, source: &Map, overwrite: bool, depth: usize) -> Result<(), Failure> {
    let Some(depth) = depth.checked_sub(1) else { return failure("maps are nested too deeply to be merged") };
    for (key, value) in source.entries() {
        if value.is_nothing() {
            // An explicit nil overwrites, as the only empty value that does.
            if overwrite {
                target.set(key, Value::Nil);
            }
            continue;
        }
        let old = target.get(&key).map(|old| copied_data(&old)).transpose()?;
        match (&old, &value) {
            (Some(Value::Map(Map::Dict(old))), Value::Map(new)) => {
                merge_into(old, new, overwrite, depth)?;
                put(target, key, Map::Dict(old.clone()).into())?;
            }
            (Some(old), _) if !overwrite && !is_empty(old) => {}
            // A map does not replace another one, not even with `mergeOverwrite`.
            (Some(old @ Value::Map(_)), Value::Map(_)) if !is_empty(old) => {}
            (Some(_) | None, _) => put(target, key, value)?,
        }
    }
    Ok(())
}

/// A copy that shares nothing that can be changed, and can be changed itself.
fn copy(value: &Value, depth: usize) -> Result<Value, Failure> {
    let Some(depth) = depth.checked_sub(1) else { return failure("value is nested too deeply to be copied") };
    if let (Value::List(list), false) = (value, value.is_nil())
        && list.element_type() == ANY
    {
        return list.iter().map(|v| copy(&v, depth)).collect();
    }
    let Value::Map(map @ (Map::Data(_) | Map::Dict(_))) = value else { return Ok(value.clone()) };
    let entries = map.entries().into_iter().map(|(k, v)| Ok((k, copy(&v, depth)?)));
    Ok(Map::dict(entries.collect::<Result<Vec<_>, Failure>>()?).into())
}

/// `dig KEY... DEFAULT MAP`: the value at a path of keys.
fn dig(args: &[Value]) -> Result<Value, Failure> {
    let [keys @ .., default, map] = args else { return failure("dig needs at least three arguments") };
    if keys.is_empty() {
        return failure("dig needs at least three arguments");
    }
    let mut at = map.clone();
    for key in keys {
        let Value::String(key) = key else {
            return failure(format!("interface conversion: interface {{}} is {}, not string", key.type_name()));
        };
        // Labels and annotations have strings for values, which is another type.
        let map = if let Value::Map(map) = &at
            && map.element_type() == ANY
        {
            map
        } else {
            let name = if at.is_nothing() { "nil".into() } else { at.type_name() };
            return failure(format!("interface conversion: interface {{}} is {name}, not map[string]interface {{}}"));
        };
        match map.get(key) {
            Some(next) => at = next,
            None => return Ok(default.clone()),
        }
    }
    Ok(at)
}
