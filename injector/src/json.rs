//! JSON texts: read with serde_json, written as Go's `encoding/json` writes them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use memchr::{memchr, memchr3};
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use crate::value::Value;

/// Reads one JSON text. Of a key that occurs twice, the last value counts. Nesting is limited to 128 levels.
pub fn parse(text: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(text)
}

/// Compact JSON as Go writes it: keys sorted, and `<`, `>`, `&`, U+2028 and U+2029 escaped.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> String {
    let mut out = Vec::new();
    // Writing to memory cannot fail, and all keys are strings; a float that is not finite becomes null.
    let written = value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, Go(CompactFormatter)));
    debug_assert!(written.is_ok());
    String::from_utf8(out).unwrap_or_default()
}

/// A list of what is JSON already.
pub fn list(elements: &[String]) -> String {
    format!("[{}]", elements.join(","))
}

/// An object of members whose values are JSON already, in this order.
pub fn object<K: AsRef<str>>(members: impl IntoIterator<Item = (K, String)>) -> String {
    let members = members.into_iter().map(|(key, value)| format!("{}:{value}", to_string(key.as_ref())));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// serde_json's compact form, with the escapes that Go adds so that JSON can be embedded in HTML.
struct Go(CompactFormatter);

impl Formatter for Go {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly no text has any: looking for the bytes that they begin with first makes this many times as fast.
        let bytes = fragment.as_bytes();
        if memchr3(b'<', b'>', b'&', bytes).or_else(|| memchr(0xe2, bytes)).is_none() {
            return writer.write_all(bytes);
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, special) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut chars = special.chars();
            if let Some(c) = chars.next() {
                write!(writer, "\\u{:04x}", u32::from(c))?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(float(value).as_bytes())
    }
}

/// A compact JSON text over several lines, indented by two spaces, as Go's `MarshalIndent` writes it.
pub fn pretty(compact: &str) -> String {
    let mut out = String::with_capacity(compact.len() * 2);
    let mut depth = 0;
    let line =
        |out: &mut String, depth: usize| out.extend(std::iter::once('\n').chain(std::iter::repeat_n(' ', depth * 2)));
    let mut chars = compact.chars().peekable();
    let mut string = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if string => {
                out.push(c);
                out.extend(chars.next());
                continue;
            }
            '"' => string = !string,
            _ if string => {}
            '{' | '[' => {
                out.push(c);
                if let Some(end) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
                continue;
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
                continue;
            }
            ':' => {
                out.push_str(": ");
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

/// A JSON text without the escapes that only HTML needs, as Go writes it with `SetEscapeHTML(false)`.
pub fn raw(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        let html = [("\\u003c", '<'), ("\\u003e", '>'), ("\\u0026", '&')].iter().find(|(e, _)| escape.starts_with(e));
        let used = match html {
            Some((escaped, c)) => {
                out.push(*c);
                escaped.len()
            }
            None => {
                // The character after a backslash is of one byte.
                out.push_str(escape.get(..2).unwrap_or(escape));
                2
            }
        };
        rest = escape.get(used..).unwrap_or_default();
    }
    out + rest
}

/// A text with its control characters written as JSON escapes them: for messages, of which no part may steer a terminal
/// or look like another line. Tabs stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && c != '\t';
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = if steers(c) { write!(out, "\\u{:04x}", u32::from(c)) } else { out.write_char(c) };
    }
    Cow::Owned(out)
}

/// A double as Go's `encoding/json` writes it: the shortest text, with an exponent below 1e-6 and from 1e21.
pub fn float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            // Go writes e+21, and e-7 without a leading zero.
            Some((mantissa, exponent)) if !exponent.starts_with('-') => format!("{mantissa}e+{exponent}"),
            _ => text,
        };
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        let text = "<a href=\"x\">&\u{2028}\n\u{7f}é";
        assert_eq!(to_string(&Value::from(text)), "\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u2028\\n\u{7f}é\"");
    }

    #[test]
    fn texts_are_laid_out_and_unescaped_as_go_does() {
        // The second value is a backslash and then "u003c".
        let compact = r#"{"a":[1,{"b":"x:{\"\\u003c"}],"c":{},"d":[],"e":"\u003c\n\u0026"}"#;
        let lines = [
            r#"{"#,
            r#"  "a": ["#,
            r#"    1,"#,
            r#"    {"#,
            r#"      "b": "x:{\"\\u003c""#,
            r#"    }"#,
            r#"  ],"#,
            r#"  "c": {},"#,
            r#"  "d": [],"#,
            r#"  "e": "\u003c\n\u0026""#,
            r#"}"#,
        ];
        assert_eq!(pretty(compact), lines.join("\n"));
        assert_eq!(raw(compact), r#"{"a":[1,{"b":"x:{\"\\u003c"}],"c":{},"d":[],"e":"<\n&"}"#);
    }

    #[test]
    fn control_characters_are_made_visible() {
        assert_eq!(visible("a\tb\u{1b}[2J\n\u{7f}\u{85}é"), "a\tb\\u001b[2J\\u000a\\u007f\\u0085é");
        assert!(matches!(visible("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn floats_are_written_as_go_does() {
        let texts = [15020.0, 1e21, 1e20, 1e-6, 1e-7, 0.5, -1.5e300, 0.0].map(float);
        assert_eq!(texts, ["15020", "1e+21", "100000000000000000000", "0.000001", "1e-7", "0.5", "-1.5e+300", "0"]);
    }

    #[test]
    fn doubles_are_read_to_the_last_bit() {
        for text in ["31.245270191439438", "121.48791951161945", "0.10000000000000002", "1.7976931348623157e+308"] {
            assert_eq!(to_string(&parse(text.as_bytes()).unwrap()), text);
        }
    }

    #[test]
    fn integers_are_exact() {
        let text = r#"{"a":9223372036854775807,"b":18446744073709551615,"c":-9223372036854775808,"d":[null,true]}"#;
        assert_eq!(to_string(&parse(text.as_bytes()).unwrap()), text);
    }
}
