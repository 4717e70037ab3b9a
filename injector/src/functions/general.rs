//! Defaults, choices, types and failure.

use super::{failure, is_empty};
use crate::template;
use crate::template::{Args, Functions, Type, Value};

pub fn add(f: &mut Functions) {
    use Type::{Any, Bool, String};
    f.add("hello", &[], |_| Ok("Hello!".into()));
    f.add("fail", &[String], |a| failure(a.text(0)));
    f.add_variadic("default", &[Any], Any, |a| Ok(given(a).unwrap_or_else(|| a.value(0)).clone()));
    f.add("empty", &[Any], |a| Ok(is_empty(a.value(0)).into()));
    f.add_variadic("coalesce", &[], Any, |a| Ok(a.0.iter().find(|v| !is_empty(v)).cloned().unwrap_or(Value::Nil)));
    f.add_variadic("all", &[], Any, |a| Ok((!a.0.iter().any(is_empty)).into()));
    f.add_variadic("any", &[], Any, |a| Ok(a.0.iter().any(|v| !is_empty(v)).into()));
    f.add("ternary", &[Any, Any, Bool], |a| Ok(a.value(if a.bool(2) { 0 } else { 1 }).clone()));
    f.add("typeOf", &[Any], |a| Ok(a.value(0).type_name().as_ref().into()));
    f.add("typeIs", &[String, Any], |a| Ok((a.value(1).type_name() == a.text(0)).into()));
    f.add("typeIsLike", &[String, Any], |a| {
        let name = a.value(1).type_name();
        Ok((name == a.text(0) || name.strip_prefix('*') == Some(a.text(0))).into())
    });
    f.add("kindOf", &[Any], |a| Ok(a.value(0).kind().name().into()));
    f.add("kindIs", &[String, Any], |a| Ok((a.value(1).kind().name() == a.text(0)).into()));
    f.add("deepEqual", &[Any, Any], |a| Ok(equal(a.value(0), a.value(1)).into()));
}

/// The value that is not the default, unless it is empty.
fn given(args: Args<'_>) -> Option<&Value> {
    args.rest(1).first().filter(|v| !is_empty(v))
}

/// `reflect.DeepEqual`: the same type and the same content.
pub fn equal(a: &Value, b: &Value) -> bool {
    equal_at(a, b, 100)
}

fn equal_at(a: &Value, b: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    if a.is_nothing() || b.is_nothing() {
        return a.is_nothing() && b.is_nothing();
    }
    if a.type_name() != b.type_name() || a.is_nil() != b.is_nil() {
        return false;
    }
    if let (Some(a), Some(b)) = (a.elements(), b.elements()) {
        return a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| equal_at(a, b, depth));
    }
    if let (Some(a), Some(b)) = (a.entries(), b.entries()) {
        return a.len() == b.len() && a.iter().zip(&b).all(|((k, a), (l, b))| k == l && equal_at(a, b, depth));
    }
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Object(_), Value::Object(_)) => a.to_data().is_ok_and(|a| b.to_data().is_ok_and(|b| a == b)),
        // Plain values of one type are equal if they print alike.
        (a, b) => template::text(a) == template::text(b),
    }
}
