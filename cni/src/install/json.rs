//! JSON as text: which members there are, their positions, and the same text with other whitespace. Values are never
//! read and written again, so numbers and strings keep their notation.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in order, and twice if they are there twice.
pub struct Ordered<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Ordered<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Ordered<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Ordered(members))
    }
}

/// A name has two members: which one counts depends on the reader.
#[derive(Clone, Copy, Debug)]
pub struct Twice;

impl<'a> Ordered<'a> {
    /// The member of that name, if there is one.
    pub fn get(&self, name: &str) -> Result<Option<&'a RawValue>, Twice> {
        let mut found = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| *value);
        let first = found.next();
        if found.next().is_some() { Err(Twice) } else { Ok(first) }
    }
}

/// The position of a value in the text that it was read from.
pub fn span(text: &str, value: &RawValue) -> Range<usize> {
    let start = (value.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + value.get().len()
}

/// How lines are laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What ends a line.
    pub newline: &'static str,
    /// The indentation that the first line already has, and all further lines need.
    pub indent: String,
    /// What a level is indented with.
    pub unit: String,
}

/// Valid JSON text with its blanks laid out anew, or without any.
pub fn laid_out(text: &str, layout: Option<&Layout>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let mut rest = text.char_indices().peekable();
    let line = |out: &mut String, depth: usize| {
        if let Some(layout) = layout {
            out.push_str(layout.newline);
            out.push_str(&layout.indent);
            (0..depth).for_each(|_| out.push_str(&layout.unit));
        }
    };
    while let Some((at, c)) = rest.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '"' => {
                let end = end_of_string(text, at);
                out.push_str(text.get(at..end).unwrap_or_default());
                while rest.next_if(|&(next, _)| next < end).is_some() {}
            }
            '{' | '[' => {
                out.push(c);
                while rest.next_if(|(_, blank)| matches!(blank, ' ' | '\t' | '\r' | '\n')).is_some() {}
                if let Some((_, close)) = rest.next_if(|(_, next)| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(if layout.is_some() { ": " } else { ":" }),
            _ => out.push(c),
        }
    }
    out
}

/// Without any blank between tokens: what two texts have in common if they differ in nothing but layout.
pub fn compact(text: &str) -> String {
    laid_out(text, None)
}

/// The end of the string that begins there, its quotation marks included.
fn end_of_string(text: &str, start: usize) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip_while(|&(at, _)| at <= start) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_leaves_tokens_as_they_are() {
        let text = " { \"a\\\"{\" : [ ] ,\n\"b\":[1.0 , 12345678901234567890123, {\"c\": \"x , y\"}],\"d\":{}} ";
        assert_eq!(compact(text), r#"{"a\"{":[],"b":[1.0,12345678901234567890123,{"c":"x , y"}],"d":{}}"#);
        let layout = Layout { newline: "\n", indent: "> ".to_owned(), unit: "\t".to_owned() };
        assert_eq!(
            laid_out(text, Some(&layout)),
            "{\n> \t\"a\\\"{\": [],\n> \t\"b\": [\n> \t\t1.0,\n> \t\t12345678901234567890123,\n> \t\t{\n> \t\t\t\"c\": \"x , y\"\n> \t\t}\n> \t],\n> \t\"d\": {}\n> }"
        );
    }

    #[test]
    fn members_are_in_order_and_have_a_place() {
        let text = r#"{"b": [1 , 2], "a": 1.0, "b": null}"#;
        let Ordered(members) = serde_json::from_str(text).unwrap();
        assert_eq!(members.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["b", "a", "b"]);
        assert_eq!(&text[span(text, members[0].1)], "[1 , 2]");
        let members = Ordered(members);
        assert!(members.get("b").is_err());
        assert_eq!(members.get("a").unwrap().unwrap().get(), "1.0");
        assert!(members.get("c").unwrap().is_none());
    }
}
