//! The functions that the language itself has.

use std::fmt::Write;
use std::sync::LazyLock;

use super::collection::ANY;
use super::compare::{equal, less};
use super::format::printf;
use super::function::{Args, Failure, Function, Functions, Special, Type, convert};
use super::object::Kind;
use super::print::{print, println};
use super::quote::is_printable;
use super::value::Value;

type Result<T = Value> = std::result::Result<T, Failure>;

/// Go's own functions.
pub(super) fn functions() -> &'static Functions {
    static FUNCTIONS: LazyLock<Functions> = LazyLock::new(make);
    &FUNCTIONS
}

fn make() -> Functions {
    use Type::{Any, Reflect, String};
    let mut f = Functions::new();
    f.insert("and", Function::special(Special::And));
    f.insert("or", Function::special(Special::Or));
    f.add("not", &[Reflect], |a| Ok((!a.value(0).is_true()).into()));
    f.add("len", &[Reflect], length);
    f.add_variadic("index", &[Reflect], Reflect, index);
    f.add_variadic("slice", &[Reflect], Reflect, slice);
    f.add_variadic("call", &[Reflect], Reflect, call);
    f.add_variadic("print", &[], Any, |a| Ok(print(a.rest(0)).into()));
    f.add_variadic("println", &[], Any, |a| Ok(println(a.rest(0)).into()));
    f.add_variadic("printf", &[String], Any, |a| Ok(printf(a.text(0), a.rest(1))?.into()));
    f.add_variadic("html", &[], Any, |a| Ok(html(&operands(a)).into()));
    f.add_variadic("js", &[], Any, |a| Ok(js(&operands(a)).into()));
    f.add_variadic("urlquery", &[], Any, |a| Ok(urlquery(&operands(a)).into()));
    f.add_variadic("eq", &[Reflect], Reflect, eq);
    f.add("ne", &[Reflect, Reflect], |a| Ok((!equal(a.value(0), a.value(1))?).into()));
    f.add("lt", &[Reflect, Reflect], |a| Ok(less(a.value(0), a.value(1))?.into()));
    f.add("le", &[Reflect, Reflect], |a| Ok(at_most(a)?.into()));
    f.add("gt", &[Reflect, Reflect], |a| Ok((!at_most(a)?).into()));
    f.add("ge", &[Reflect, Reflect], |a| Ok((!less(a.value(0), a.value(1))?).into()));
    f
}

fn eq(args: Args<'_>) -> Result {
    let others = args.rest(1);
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if equal(args.value(0), other)? {
            return Ok(true.into());
        }
    }
    Ok(false.into())
}

fn at_most(args: Args<'_>) -> Result<bool> {
    Ok(less(args.value(0), args.value(1))? || equal(args.value(0), args.value(1))?)
}

/// What a pointer points to, through any number of pointers; nothing if one is nil.
fn indirect(value: &Value) -> Option<Value> {
    let mut value = value.clone();
    loop {
        let Some(pointer) = value.as_object().filter(|o| o.kind() == Kind::Pointer) else { return Some(value) };
        value = pointer.target()?;
    }
}

const NO_TYPE: &str = "reflect: call of reflect.Value.Type on zero Value";

fn length(args: Args<'_>) -> Result {
    let nil = matches!(args.value(0), Value::Nil);
    let value = indirect(args.value(0)).filter(|_| !nil).ok_or("len of nil pointer")?;
    if value.is_nothing() {
        return Err(NO_TYPE.into());
    }
    match value.length() {
        Some(length) => Ok(Value::int(i64::try_from(length).unwrap_or(i64::MAX))),
        None => Err(format!("len of type {}", value.type_name()).into()),
    }
}

/// An index into something of a given length; the length itself is allowed.
fn position(index: &Value, length: usize) -> Result<usize> {
    let number = match index {
        Value::Int(i, _) => *i,
        // Go converts without a check, so a huge index would become negative.
        Value::Uint(u, _) => *u as i64,
        Value::Missing | Value::Nil => return Err("cannot index slice/array with nil".into()),
        Value::Object(object) if matches!(object.kind(), Kind::Int(_) | Kind::Uint(_)) => {
            return position(&object.plain().unwrap_or_default(), length);
        }
        Value::Bool(_)
        | Value::Float(_)
        | Value::Complex(_, _)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Function(_)
        | Value::Object(_) => {
            return Err(format!("cannot index slice/array with type {}", index.type_name()).into());
        }
    };
    let position = usize::try_from(number).ok().filter(|p| *p <= length);
    position.ok_or_else(|| format!("index out of range: {number}").into())
}

fn index(args: Args<'_>) -> Result {
    let mut item = args.value(0).clone();
    if item.is_nothing() {
        return Err("index of untyped nil".into());
    }
    for index in args.rest(1) {
        if matches!(item, Value::Nil) {
            return Err("index of nil pointer".into());
        }
        item = element(&indirect(&item).ok_or("index of nil pointer")?, index)?;
    }
    Ok(item)
}

fn element(item: &Value, index: &Value) -> Result {
    let out_of_range = |what: &str| format!("reflect: {what} index out of range").into();
    match item {
        Value::String(s) => {
            let byte = s.as_bytes().get(position(index, s.len())?).copied();
            byte.map(|b| Value::Uint(b.into(), super::object::UintType::Uint8)).ok_or_else(|| out_of_range("string"))
        }
        Value::List(list) => list.get(position(index, list.len())?).ok_or_else(|| out_of_range("slice")),
        Value::Map(map) => {
            let absent = if map.element_type() == ANY { Value::Nil } else { "".into() };
            Ok(map.get(key(index)?).unwrap_or(absent))
        }
        Value::Object(object) if object.kind() == Kind::Slice => {
            object.element(position(index, object.len())?).ok_or_else(|| out_of_range("slice"))
        }
        Value::Object(object) if object.kind() == Kind::Map => {
            Ok(object.entry(key(index)?).unwrap_or_else(|| object.absent()))
        }
        Value::Missing
        | Value::Nil
        | Value::Bool(_)
        | Value::Int(_, _)
        | Value::Uint(_, _)
        | Value::Float(_)
        | Value::Complex(_, _)
        | Value::Function(_)
        | Value::Object(_) => Err(format!("can't index item of type {}", item.type_name()).into()),
    }
}

fn key(index: &Value) -> Result<&str> {
    match index {
        Value::String(s) => Ok(s),
        Value::Missing | Value::Nil => Err("value is nil; should be of type string".into()),
        Value::Bool(_)
        | Value::Int(_, _)
        | Value::Uint(_, _)
        | Value::Float(_)
        | Value::Complex(_, _)
        | Value::List(_)
        | Value::Map(_)
        | Value::Function(_)
        | Value::Object(_) => Err(format!("value has type {}; should be string", index.type_name()).into()),
    }
}

fn slice(args: Args<'_>) -> Result {
    let item = args.value(0);
    if item.is_nothing() {
        return Err("slice of untyped nil".into());
    }
    let indexes = args.rest(1);
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let text = matches!(item, Value::String(_));
    if text && indexes.len() == 3 {
        return Err("cannot 3-index slice a string".into());
    }
    let sliceable = text || item.kind() == Kind::Slice;
    let Some(length) = item.length().filter(|_| sliceable) else {
        return Err(format!("can't slice item of type {}", item.type_name()).into());
    };
    let mut range = [0, length, length];
    for (place, index) in range.iter_mut().zip(indexes) {
        if matches!(index, Value::Nil) {
            return Err("cannot index slice/array with type interface {}".into());
        }
        *place = position(index, length)?;
    }
    let [from, to, end] = range;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}").into());
    }
    if indexes.len() == 3 && to > end {
        return Err(format!("invalid slice index: {to} > {end}").into());
    }
    if let Value::String(s) = item {
        // A cut inside a character leaves bytes that are not UTF-8; they become U+FFFD.
        let bytes = s.as_bytes().get(from..to).unwrap_or_default();
        return Ok(String::from_utf8_lossy(bytes).into_owned().into());
    }
    if let Value::List(list) = item {
        return Ok(Value::List(list.slice(from, to)));
    }
    Ok(item.elements().unwrap_or_default().into_iter().skip(from).take(to - from).collect())
}

fn call(args: Args<'_>) -> Result {
    let called = args.value(0);
    if called.is_nothing() {
        return Err("call of nil".into());
    }
    let Value::Function(function) = called else {
        return Err(format!("non-function of type {}", called.type_name()).into());
    };
    let arguments = args.rest(1);
    let fixed = function.parameters().len();
    if function.rest().is_some() && arguments.len() < fixed {
        return Err(format!("wrong number of args: got {} want at least {fixed}", arguments.len()).into());
    }
    if function.rest().is_none() && arguments.len() != fixed {
        return Err(format!("wrong number of args: got {} want {fixed}", arguments.len()).into());
    }
    let mut converted = Vec::with_capacity(arguments.len());
    for (i, argument) in arguments.iter().enumerate() {
        let to = function.parameters().get(i).copied().or(function.rest()).unwrap_or(Type::Any);
        let value = convert(argument.clone(), to).map_err(|_| {
            if argument.is_nothing() {
                return format!("arg {i}: value is nil; should be of type {}", to.name());
            }
            format!("arg {i}: value has type {}; should be {}", argument.type_name(), to.name())
        })?;
        converted.push(value);
    }
    function.call(&converted)
}

/// The arguments of a function that escapes text, as one text.
fn operands(args: Args<'_>) -> String {
    let shown: Vec<Value> =
        args.rest(0)
            .iter()
            .map(|value| {
                if value.is_nothing() { "<no value>".into() } else { indirect(value).unwrap_or_else(|| value.clone()) }
            })
            .collect();
    print(&shown)
}

/// Escapes text for HTML.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            // Writing to a string cannot fail.
            '<' | '>' | '&' | '=' | '\0'..='\x1f' => drop(write!(out, "\\u{:04X}", u32::from(c))),
            c if c.is_ascii() || is_printable(c) => out.push(c),
            c => drop(write!(out, "\\u{:04X}", u32::from(c))),
        }
    }
    out
}

/// Escapes text for the query of a URL, as Go's `url.QueryEscape` does.
pub fn urlquery(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(b)),
            b' ' => out.push('+'),
            b => drop(write!(out, "%{b:02X}")),
        }
    }
    out
}
