//! Functions on strings. Lengths and positions count bytes, as Go's do.

use super::{bounded, failure};
use crate::template;
use crate::template::{Args, Failure, Functions, List, Map, Type, Value, quote};
use crate::value as tree;
use crate::value::EcoString;

pub fn add(f: &mut Functions) {
    use Type::{Any, Int, String};
    f.add("trim", &[String], |a| Ok(a.text(0).trim().into()));
    f.add("upper", &[String], |a| Ok(each(a.text(0), upper)));
    f.add("lower", &[String], |a| Ok(each(a.text(0), lower)));
    f.add("title", &[String], |a| Ok(title(a.text(0)).into()));
    f.add("untitle", &[String], |a| Ok(untitle(a.text(0)).into()));
    f.add("repeat", &[Int, String], |a| repeat(a.int(0), a.text(1)));
    f.add("trimAll", &[String, String], |a| Ok(a.text(1).trim_matches(|c| a.text(0).contains(c)).into()));
    f.alias("trimall", "trimAll");
    f.add("trimSuffix", &[String, String], |a| Ok(a.text(1).strip_suffix(a.text(0)).unwrap_or(a.text(1)).into()));
    f.add("trimPrefix", &[String, String], |a| Ok(a.text(1).strip_prefix(a.text(0)).unwrap_or(a.text(1)).into()));
    f.add("nospace", &[String], |a| Ok(a.text(0).replace(char::is_whitespace, "").into()));
    f.add("contains", &[String, String], |a| Ok(a.text(1).contains(a.text(0)).into()));
    f.add("hasPrefix", &[String, String], |a| Ok(a.text(1).starts_with(a.text(0)).into()));
    f.add("hasSuffix", &[String, String], |a| Ok(a.text(1).ends_with(a.text(0)).into()));
    f.add("trunc", &[Int, String], |a| Ok(truncate(a.int(0), a.text(1)).into()));
    f.add("substr", &[Int, Int, String], |a| substring(a.int(0), a.int(1), a.text(2)));
    f.add("replace", &[String, String, String], |a| {
        let grown = a.text(2).len().saturating_add(1).saturating_mul(a.text(1).len() + 1);
        // Only a replacement that is longer than what it replaces makes text grow.
        bounded(if a.text(1).len() > a.text(0).len() { grown } else { 0 }, "the text")?;
        Ok(a.text(2).replace(a.text(0), a.text(1)).into())
    });
    f.add("plural", &[String, String, Int], |a| Ok(a.value(if a.int(2) == 1 { 0 } else { 1 }).clone()));
    f.add("indent", &[Int, String], |a| Ok(indent(a.int(0), a.text(1))?.into()));
    f.add("nindent", &[Int, String], |a| Ok(format!("\n{}", indent(a.int(0), a.text(1))?).into()));
    f.add_variadic("quote", &[], Any, |a| Ok(joined(a, " ", |v| quote(&template::text(v))).into()));
    f.add_variadic("squote", &[], Any, |a| Ok(joined(a, " ", |v| format!("'{}'", template::text(v))).into()));
    // sprig trims the format, not the text: the last value keeps its spaces.
    f.add_variadic("cat", &[], Any, |a| Ok(joined(a, " ", |v| template::text(v).into()).into()));
    f.add("toString", &[Any], |a| Ok(template::text(a.value(0)).into()));
    f.add("toStrings", &[Any], |a| Ok(List::strings(strings(a.value(0))).into()));
    f.add("join", &[String, Any], |a| Ok(strings(a.value(1)).join(a.text(0)).into()));
    f.add("sortAlpha", &[Any], |a| {
        let mut texts = match a.value(0).elements() {
            Some(_) => strings(a.value(0)),
            None => vec![template::text(a.value(0))],
        };
        texts.sort();
        Ok(List::strings(texts).into())
    });
    f.add("splitList", &[String, String], |a| Ok(List::strings(split(a.text(0), a.text(1), -1)).into()));
    f.add("split", &[String, String], |a| Ok(numbered(split(a.text(0), a.text(1), -1))));
    f.add("splitn", &[String, Int, String], |a| Ok(numbered(split(a.text(0), a.text(2), a.int(1)))));
}

/// Some texts of a call's arguments, those that are nothing left out.
fn joined(args: Args<'_>, separator: &str, text: impl Fn(&Value) -> String) -> String {
    args.0.iter().filter(|v| !v.is_nothing()).map(text).collect::<Vec<_>>().join(separator)
}

fn each(text: &str, change: fn(char) -> char) -> Value {
    text.chars().map(change).collect::<String>().into()
}

/// The upper case of a letter if that is one letter: Go maps each character to one.
pub fn upper(c: char) -> char {
    let mut all = c.to_uppercase();
    all.next().filter(|_| all.next().is_none()).unwrap_or(c)
}

/// The lower case of a letter if that is one letter.
pub fn lower(c: char) -> char {
    let mut all = c.to_lowercase();
    all.next().filter(|_| all.next().is_none()).unwrap_or(c)
}

/// `strings.Title`: each letter that begins a word in upper case.
fn title(text: &str) -> String {
    let mut before = ' ';
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        out.push(if separates(before) { upper(c) } else { c });
        before = c;
    }
    out
}

fn separates(c: char) -> bool {
    match c.is_ascii() {
        true => !(c.is_ascii_alphanumeric() || c == '_'),
        false => !c.is_alphabetic() && !c.is_numeric() && c.is_whitespace(),
    }
}

/// The first letter of each word in lower case.
fn untitle(text: &str) -> String {
    let mut first = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let blank = c.is_whitespace();
        out.push(if first && !blank { lower(c) } else { c });
        first = blank;
    }
    out
}

fn repeat(count: i64, text: &str) -> Result<Value, Failure> {
    let Ok(count) = usize::try_from(count) else { return failure("strings: negative Repeat count") };
    bounded(text.len().saturating_mul(count), "the text")?;
    Ok(text.repeat(count).into())
}

/// A range of bytes. Characters that it cuts through become U+FFFD.
fn bytes(text: &str, from: usize, to: usize) -> String {
    String::from_utf8_lossy(text.as_bytes().get(from..to).unwrap_or_default()).into_owned()
}

fn truncate(count: i64, text: &str) -> String {
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    match (count < 0, size < text.len()) {
        (true, true) => bytes(text, text.len() - size, text.len()),
        (false, true) => bytes(text, 0, size),
        (_, false) => text.into(),
    }
}

fn substring(start: i64, end: i64, text: &str) -> Result<Value, Failure> {
    let length = text.len() as i64;
    let (from, to) = match (start < 0, end < 0 || end > length) {
        (true, _) => (0, end),
        (false, true) => (start, length),
        (false, false) => (start, end),
    };
    if to < 0 {
        return failure(format!("runtime error: slice bounds out of range [:{to}]"));
    }
    if to > length {
        return failure(format!("runtime error: slice bounds out of range [:{to}] with length {length}"));
    }
    if from > to {
        return failure(format!("runtime error: slice bounds out of range [{from}:{to}]"));
    }
    Ok(bytes(text, from as usize, to as usize).into())
}

/// sprig's `indent`: every line, the first one too.
fn indent(spaces: i64, text: &str) -> Result<String, Failure> {
    let Ok(spaces) = usize::try_from(spaces) else { return failure("strings: negative Repeat count") };
    bounded(spaces.saturating_mul(text.matches('\n').count() + 1), "the text")?;
    let pad = " ".repeat(spaces);
    Ok(format!("{pad}{}", text.replace('\n', &format!("\n{pad}"))))
}

/// The texts of a list's elements, nothing left out but nothing itself; of anything else, its own.
pub fn strings(value: &Value) -> Vec<EcoString> {
    match value.elements() {
        Some(elements) => elements.iter().filter(|v| !v.is_nothing()).map(template::text).collect(),
        None if value.is_nothing() => Vec::new(),
        None => vec![template::text(value)],
    }
}

/// Go's `strings.SplitN`.
fn split<'a>(separator: &str, text: &'a str, count: i64) -> Vec<&'a str> {
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    if limit == 0 {
        return Vec::new();
    }
    if !separator.is_empty() {
        return text.splitn(limit, separator).collect();
    }
    // Without a separator: into characters.
    let cuts: Vec<usize> = text.char_indices().map(|(i, _)| i).take(limit).chain([text.len()]).collect();
    let mut parts: Vec<&str> = cuts.windows(2).filter_map(|w| text.get(*w.first()?..*w.last()?)).collect();
    if let (Some(last), Some(start)) = (parts.last_mut(), cuts.len().checked_sub(2).and_then(|i| cuts.get(i))) {
        *last = text.get(*start..).unwrap_or_default();
    }
    parts
}

/// Parts under the keys `_0`, `_1` and so on.
fn numbered(parts: Vec<&str>) -> Value {
    let map: tree::Map = parts.into_iter().enumerate().map(|(i, part)| (format!("_{i}"), part)).collect();
    Map::Strings(map).into()
}
