//! Regular expressions in Go's syntax (RE2). Both libraries match in linear time.

use regex::{Regex, RegexBuilder};

use super::failure;
use crate::template::{Failure, Functions, List, Type, Value};

pub fn add(f: &mut Functions) {
    use Type::{Int, String};
    f.add("regexMatch", &[String, String], |a| Ok(compile(a.text(0)).is_ok_and(|r| r.is_match(a.text(1))).into()));
    f.add("mustRegexMatch", &[String, String], |a| Ok(compile(a.text(0))?.is_match(a.text(1)).into()));
    f.add("regexFind", &[String, String], |a| {
        Ok(compile(a.text(0))?.find(a.text(1)).map_or("", |m| m.as_str()).into())
    });
    f.add("regexFindAll", &[String, String, Int], |a| {
        let regex = compile(a.text(0))?;
        let found = regex.find_iter(a.text(1)).take(limit(a.int(2))).map(|m| m.as_str());
        Ok(strings(found.collect()))
    });
    f.add("regexReplaceAll", &[String, String, String], |a| {
        Ok(compile(a.text(0))?.replace_all(a.text(1), a.text(2)).as_ref().into())
    });
    f.add("regexReplaceAllLiteral", &[String, String, String], |a| {
        Ok(compile(a.text(0))?.replace_all(a.text(1), regex::NoExpand(a.text(2))).as_ref().into())
    });
    f.add("regexSplit", &[String, String, Int], |a| {
        Ok(strings(split(&compile(a.text(0))?, a.text(0), a.text(1), a.int(2))))
    });
    f.add("regexQuoteMeta", &[String], |a| Ok(quote(a.text(0)).into()));
    for (must, name) in [
        ("mustRegexFind", "regexFind"),
        ("mustRegexFindAll", "regexFindAll"),
        ("mustRegexReplaceAll", "regexReplaceAll"),
        ("mustRegexReplaceAllLiteral", "regexReplaceAllLiteral"),
        ("mustRegexSplit", "regexSplit"),
    ] {
        f.alias(must, name);
    }
}

/// The most bytes that a compiled expression may take.
const MAX_SIZE: usize = 4 << 20;

fn compile(pattern: &str) -> Result<Regex, Failure> {
    match RegexBuilder::new(&translate(pattern)).size_limit(MAX_SIZE).build() {
        Ok(regex) => Ok(regex),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            failure(format!("error parsing regexp: {reason}: `{pattern}`"))
        }
    }
}

/// A pattern for the crate `regex`: Go's classes are of ASCII, `\Q..\E` quotes, and a class knows neither nested classes
/// nor `&&`, `--` and `~~`.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut class = false;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let next = after.chars().next();
        let (text, used): (&str, usize) = match (c, next) {
            ('\\', Some('Q')) => {
                let quoted = after.get(1..).unwrap_or_default();
                let (literal, skipped) = match quoted.split_once("\\E") {
                    Some((literal, _)) => (literal, literal.len() + 2),
                    None => (quoted, quoted.len()),
                };
                out.push_str(&regex::escape(literal));
                ("", 2 + skipped)
            }
            ('\\', Some('d')) => (if class { "0-9" } else { "[0-9]" }, 2),
            ('\\', Some('D')) => ("[^0-9]", 2),
            ('\\', Some('w')) => (if class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }, 2),
            ('\\', Some('W')) => ("[^0-9A-Za-z_]", 2),
            ('\\', Some('s')) => (if class { "\\t\\n\\f\\r " } else { "[\\t\\n\\f\\r ]" }, 2),
            ('\\', Some('S')) => ("[^\\t\\n\\f\\r ]", 2),
            ('\\', Some('b')) if !class => ("(?-u:\\b)", 2),
            ('\\', Some(escaped)) => {
                out.push('\\');
                out.push(escaped);
                ("", 1 + escaped.len_utf8())
            }
            ('[', Some(':')) if class && after.contains(":]") => ("[", 1),
            ('[', _) if class => ("\\[", 1),
            // A brace that starts no repetition is a character.
            ('{', _) if !class && !starts_repetition(after) => ("\\{", 1),
            ('[', Some('^')) => {
                class = true;
                // A bracket that comes first belongs to the class.
                match after.get(1..).is_some_and(|t| t.starts_with(']')) {
                    true => ("[^\\]", 3),
                    false => ("[^", 2),
                }
            }
            ('[', Some(']')) => {
                class = true;
                ("[\\]", 2)
            }
            ('[', _) => {
                class = true;
                ("[", 1)
            }
            (']', _) if class => {
                // The end of a named class inside is no end of the class.
                class = out.ends_with(':')
                    && out.rfind("[:").is_some_and(|at| !out.get(at..).unwrap_or_default().contains(']'));
                ("]", 1)
            }
            ('&' | '~' | '-', Some(same)) if class && same == c => {
                out.push('\\');
                out.push(c);
                ("", 1)
            }
            _ => {
                out.push(c);
                ("", c.len_utf8())
            }
        };
        out.push_str(text);
        rest = rest.get(used..).unwrap_or_default();
    }
    out
}

/// Whether what follows a brace makes a repetition of it: `n}`, `n,}`, `n,m}`.
fn starts_repetition(after: &str) -> bool {
    let Some((body, _)) = after.split_once('}') else { return false };
    let (least, most) = body.split_once(',').unwrap_or((body, ""));
    !least.is_empty() && [least, most].iter().all(|n| n.bytes().all(|b| b.is_ascii_digit()))
}

fn limit(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// A list of texts; a nil one if there are none, as Go's.
fn strings(texts: Vec<&str>) -> Value {
    if texts.is_empty() { List::Nil("string").into() } else { List::strings(texts).into() }
}

/// Go's `Regexp.Split`.
fn split<'a>(regex: &Regex, pattern: &str, text: &'a str, count: i64) -> Vec<&'a str> {
    if count == 0 {
        return Vec::new();
    }
    if !pattern.is_empty() && text.is_empty() {
        return vec![""];
    }
    let (mut parts, mut start, mut end) = (Vec::new(), 0, 0);
    for found in regex.find_iter(text).take(limit(count)) {
        if count > 0 && parts.len() + 1 >= limit(count) {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(text.get(start..end).unwrap_or_default());
        }
        start = found.end();
    }
    if end != text.len() {
        parts.push(text.get(start..).unwrap_or_default());
    }
    parts
}

/// `regexp.QuoteMeta`.
fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
