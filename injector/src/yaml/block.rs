//! The plain part of YAML, read line by line: block lists and maps of scalars on one line, and literal text.
//! That is what templates make. Lists and maps in brackets are read from events, one by one.
//!
//! Anything uncertain or wrong is left to the events of `granit-parser`. Those of the parser that it comes from took 1.1
//! million instructions for Istio's sidecar, two fifths of an admission. This takes a third of that.

use std::borrow::Cow;

use granit_parser::ScalarStyle;

use super::read::{self, Entries};
use crate::value::{EcoString, Value};

/// Deeper documents are left to the events.
const MAX_DEPTH: usize = 64;

/// Longer keys are left to the events: YAML limits them.
const MAX_KEY: usize = 256;

/// The document, if all of it is plain.
pub(super) fn read(text: &str) -> Option<Value> {
    if !text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')) {
        return None;
    }
    let lines = Lines { text, rest: text, start: 0, indent: 0, content: "" };
    let mut reader = Reader { lines, depth: 0, elements: Vec::new(), entries: Vec::new() };
    reader.lines.next();
    let document = reader.node()?;
    reader.lines.is_at_end().then_some(document)
}

/// The line that is being read, and the text after it.
struct Lines<'t> {
    text: &'t str,
    rest: &'t str,
    /// The start of the line's content.
    start: usize,
    /// How many spaces the line begins with.
    indent: usize,
    /// The line without the spaces around it; empty at the end.
    content: &'t str,
}

impl<'t> Lines<'t> {
    /// Goes on to the next line that is neither blank nor a comment.
    fn next(&mut self) {
        (self.indent, self.content) = (0, "");
        while !self.rest.is_empty() {
            let end = find(self.rest, b'\n').unwrap_or(self.rest.len());
            let line = self.rest.get(..end).unwrap_or_default();
            let rest = self.rest.get(end + 1..).unwrap_or_default();
            let indent = indent(line);
            self.start = self.text.len() - self.rest.len() + indent;
            self.rest = rest;
            let content = line.get(indent..).unwrap_or_default();
            if !content.is_empty() && !content.starts_with('#') {
                (self.indent, self.content) = (indent, content.trim_ascii_end());
                return;
            }
        }
    }

    fn is_at_end(&self) -> bool {
        self.content.is_empty()
    }

    /// Whether the line belongs to what began at this column.
    fn is_below(&self, column: usize) -> bool {
        !self.is_at_end() && self.indent > column
    }

    /// Whether the line is an element of a list at this column.
    fn is_element_at(&self, column: usize) -> bool {
        self.indent == column && is_element(self.content)
    }

    /// The literal text that begins on the next line, for something at this column, with a newline at its end.
    fn literal(&mut self, column: usize) -> Option<String> {
        let own = indent(self.rest);
        let mut blank = 0;
        let mut text = String::new();
        while let Some((line, rest)) = self.rest.split_once('\n') {
            let indent = indent(line);
            match indent == line.len() {
                true if text.is_empty() || line.len() > own => return None,
                true => blank += 1,
                false if indent < own => break,
                false => {
                    text.extend(std::iter::repeat_n('\n', std::mem::take(&mut blank)));
                    text.push_str(line.get(own..)?);
                    text.push('\n');
                }
            }
            self.rest = rest;
        }
        // The last line may lack its newline, and the text with it.
        let is_whole = self.rest.contains('\n') || self.rest.is_empty();
        (own > column && is_whole && !text.is_empty()).then_some(text)
    }

    /// The list or map in brackets that begins with these last bytes of the line, for something at this column. The
    /// bracket at its end may be further left than its content: at least at the column `closing`.
    fn flow(&mut self, bytes: usize, column: usize, closing: usize) -> Option<&'t str> {
        let from = self.text.get(self.start + self.content.len() - bytes..)?;
        let length = flow_length(from)?;
        let (line, rest) = from.get(length..)?.split_once('\n').unwrap_or((from.get(length..)?, ""));
        self.rest = rest;
        let flow = from.get(..length)?;
        let is_indented = |line: &str| match line.trim_ascii_start() {
            "" => true,
            own if own.starts_with(['}', ']']) => indent(line) >= closing,
            _ => indent(line) > column,
        };
        (line.trim_ascii().is_empty() && flow.lines().skip(1).all(is_indented)).then_some(flow)
    }
}

/// The length of the list or map in brackets at the beginning, if there is nothing unusual in it.
fn flow_length(text: &str) -> Option<usize> {
    let (mut depth, mut before) = (0, b' ');
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' | b'\'' if !b" \n{[,:".contains(&before) => return None,
            b'"' => loop {
                match bytes.next()?.1 {
                    b'"' => break,
                    b'\\' => drop(bytes.next()),
                    _ => (),
                }
            },
            b'\'' => while bytes.next()?.1 != b'\'' {},
            b'#' | b'&' | b'*' | b'!' | b'|' | b'>' | b'%' | b'@' | b'`' | b'?' | b'\\' => return None,
            _ => (),
        }
        before = byte;
        match depth {
            0 => return Some(at + 1),
            1..=MAX_DEPTH => (),
            _ => return None,
        }
    }
    None
}

// The searches of the standard library take longer to begin than these short texts to end.

fn find(text: &str, byte: u8) -> Option<usize> {
    text.bytes().position(|other| other == byte)
}

/// The position of the colon that makes the text before it a key.
fn value_start(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|&at| bytes.get(at) == Some(&b':') && matches!(bytes.get(at + 1), Some(b' ') | None))
}

fn has_comment(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair == b" #")
}

/// How many spaces a text begins with.
fn indent(text: &str) -> usize {
    text.bytes().take_while(|&byte| byte == b' ').count()
}

fn is_element(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-'] | [b'-', b' ', ..])
}

struct Reader<'t> {
    lines: Lines<'t>,
    /// How many lists and maps are open.
    depth: usize,
    /// The elements of all open lists.
    elements: Vec<Value>,
    /// The entries of all open maps.
    entries: Entries,
}

impl<'t> Reader<'t> {
    /// The list or map that begins with this line.
    fn node(&mut self) -> Option<Value> {
        let Lines { indent, content, .. } = self.lines;
        if is_element(content) { self.list(indent) } else { self.map(indent, entry(content)?) }
    }

    fn open(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    /// The list at this column, from this line on.
    fn list(&mut self, column: usize) -> Option<Value> {
        self.open()?;
        let start = self.elements.len();
        while self.lines.is_element_at(column) {
            let content = self.lines.content;
            let text = content.get(1..)?.trim_ascii_start();
            let element = match entry(text) {
                Some(first) => self.map(column + content.len() - text.len(), first)?,
                None => self.value(text, column, false)?,
            };
            self.elements.push(element);
        }
        self.depth -= 1;
        (!self.lines.is_below(column)).then(|| Value::List(self.elements.drain(start..).collect()))
    }

    /// The map at this column, from its first entry on.
    fn map(&mut self, column: usize, first: (EcoString, &'t str)) -> Option<Value> {
        self.open()?;
        let start = self.entries.len();
        let (mut key, mut text) = first;
        loop {
            let value = self.value(text, column, true)?;
            self.entries.push((key, value));
            if self.lines.is_at_end() || self.lines.indent < column {
                break;
            }
            (key, text) = entry(self.lines.content).filter(|_| self.lines.indent == column)?;
        }
        self.depth -= 1;
        Some(Value::Map(self.entries.drain(start..).collect()))
    }

    /// The value after `KEY:` or `-` at this column. A map's lists may begin at the map's own column.
    fn value(&mut self, text: &'t str, column: usize, in_map: bool) -> Option<Value> {
        let value = match text {
            "" => {
                self.lines.next();
                let is_below = self.lines.is_below(column) || in_map && self.lines.is_element_at(column);
                return if is_below { self.node() } else { Some(Value::Null) };
            }
            "|" => self.lines.literal(column)?.into(),
            "|-" => self.lines.literal(column)?.strip_suffix('\n')?.into(),
            _ if text.starts_with(['{', '[']) => {
                let closing = if in_map { column } else { column + 1 };
                read::from_events(self.lines.flow(text.len(), column, closing)?).ok()?
            }
            _ => scalar(text)?,
        };
        self.lines.next();
        // A scalar might go on there.
        (!self.lines.is_below(column)).then_some(value)
    }
}

/// A key, and the text after its colon.
fn entry(text: &str) -> Option<(EcoString, &str)> {
    let (key, rest) = match text.bytes().next()? {
        b'"' | b'\'' => {
            let (key, rest) = quoted(text)?;
            (key.as_ref().into(), rest.strip_prefix(':')?)
        }
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'/' | b'$' => {
            let end = value_start(text).filter(|end| *end <= MAX_KEY)?;
            let key = text.get(..end).filter(|key| !key.ends_with(' ') && !has_comment(key))?;
            (read::key(key, ScalarStyle::Plain, None).ok()?, text.get(end + 1..)?)
        }
        _ => return None,
    };
    let is_entry = key.len() <= MAX_KEY && (rest.is_empty() || rest.starts_with(' '));
    is_entry.then(|| (key, rest.trim_ascii_start()))
}

/// A scalar on one line.
fn scalar(text: &str) -> Option<Value> {
    match text.as_bytes() {
        [b'"' | b'\'', ..] => match quoted(text)? {
            (value, "") => Some(Value::String(value.as_ref().into())),
            (_, _) => None,
        },
        [b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'/' | b'$' | b'.' | b'(' | b'+' | b'~', ..]
        | [b'-', b'!'..=b'~', ..]
            if value_start(text).is_none() && !has_comment(text) =>
        {
            read::scalar(text, ScalarStyle::Plain, None).ok()
        }
        _ => None,
    }
}

/// The text in the quotes at the beginning, and what follows them.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mark = text.chars().next()?;
    let inner = text.get(1..)?;
    let (value, rest) = inner.split_once(mark)?;
    match mark {
        '\'' => (!rest.starts_with('\'')).then_some((value.into(), rest)),
        _ if !value.contains('\\') => Some((value.into(), rest)),
        _ => unescaped(inner),
    }
}

/// The text up to the closing double quote, with the escapes that JSON texts need, and what follows it.
fn unescaped(inner: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut value = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value.into(), chars.as_str())),
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                escaped @ ('"' | '\\') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
}
