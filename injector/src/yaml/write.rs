//! From the tree to the text: the layout that yaml.v2 gives to block style, state for state.

use std::fmt::Write;

use super::scalar::{self, Style};
use super::{float, order, resolve};
use crate::json;
use crate::value::{Map, Value};

/// Beyond this column, the next single space in a value becomes a line break.
const WIDTH: usize = 80;
const INDENT: usize = 2;

pub(super) fn write(value: &Value) -> String {
    let mut writer = Writer::default();
    writer.value(value, Context::Other);
    writer.indent();
    writer.out
}

/// What a value is part of.
#[derive(Clone, Copy, PartialEq)]
enum Context {
    /// The value of a map's key: a list there is not indented.
    Map,
    /// A key before `:`, which stays on its line.
    SimpleKey,
    Other,
}

struct Writer {
    out: String,
    column: usize,
    /// The column of the current list or map; none before the first.
    level: Option<usize>,
    /// Whether the last thing written separates words.
    separated: bool,
    /// Whether there are only indentation and indicators on this line.
    indented: bool,
}

impl Default for Writer {
    fn default() -> Self {
        Writer { out: String::new(), column: 0, level: None, separated: true, indented: true }
    }
}

impl Writer {
    fn value(&mut self, value: &Value, context: Context) {
        match value {
            Value::Null => self.word("null"),
            Value::Bool(b) => self.word(if *b { "true" } else { "false" }),
            Value::Int(i) => self.word(&ecow::eco_format!("{i}")),
            Value::Uint(u) => self.word(&ecow::eco_format!("{u}")),
            Value::Float(f) => self.word(&number(*f)),
            Value::String(text) => self.string(text, context),
            Value::List(list) => self.list(list, context),
            Value::Map(map) => self.map(map),
        }
    }

    fn list(&mut self, list: &[Value], context: Context) {
        if list.is_empty() {
            return self.word("[]");
        }
        let outer = self.level;
        if context != Context::Map || self.indented {
            self.deeper();
        }
        for element in list {
            self.indent();
            self.indicator("-", true, true);
            self.value(element, Context::Other);
        }
        self.level = outer;
    }

    fn map(&mut self, map: &Map) {
        if map.is_empty() {
            return self.word("{}");
        }
        let outer = self.level;
        self.deeper();
        for (key, value) in order::sorted(map) {
            self.indent();
            if scalar::is_simple_key(key) {
                self.string(key, Context::SimpleKey);
                self.indicator(":", false, false);
            } else {
                self.indicator("?", true, true);
                self.string(key, Context::Map);
                self.indent();
                self.indicator(":", true, true);
            }
            self.value(value, Context::Map);
        }
        self.level = outer;
    }

    fn deeper(&mut self) {
        self.level = Some(self.level.map_or(0, |level| level + INDENT));
    }

    /// Brings the cursor to the start of the current level, on a line of its own.
    fn indent(&mut self) {
        let level = self.level.unwrap_or(0);
        if !self.indented || self.column > level || (self.column == level && !self.separated) {
            self.new_line();
        }
        while self.column < level {
            self.put(' ');
        }
        self.separated = true;
        self.indented = true;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// A line break of the text itself.
    fn put_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.indented = true;
    }

    fn indicator(&mut self, text: &str, space_before: bool, indents: bool) {
        if space_before && !self.separated {
            self.put(' ');
        }
        self.out.push_str(text);
        self.column += text.len();
        self.separated = false;
        self.indented = self.indented && indents;
    }

    /// Something short in ASCII that needs no quotes.
    fn word(&mut self, text: &str) {
        self.indicator(text, true, false);
    }

    fn string(&mut self, text: &str, context: Context) {
        let simple_key = context == Context::SimpleKey;
        let outer = self.level;
        // Further lines of a scalar are indented below what it belongs to.
        self.level = Some(self.level.map_or(INDENT, |level| level + INDENT));
        match scalar::style(text, simple_key) {
            Style::Plain => self.plain(text, !simple_key),
            Style::Single => self.single_quoted(text, !simple_key),
            Style::Double => self.double_quoted(text, !simple_key),
            Style::Literal => self.literal(text),
        }
        self.level = outer;
    }

    fn plain(&mut self, text: &str, fold: bool) {
        if !self.separated {
            self.put(' ');
        }
        if !fold || self.column + text.len() <= WIDTH || !text.contains(' ') {
            self.out.push_str(text);
            self.column += text.chars().count();
        } else {
            self.folded(text, |_, _| {});
        }
        self.separated = false;
        self.indented = false;
    }

    fn single_quoted(&mut self, text: &str, fold: bool) {
        self.indicator("'", true, false);
        if fold {
            self.folded(text, |writer, c| {
                if c == '\'' {
                    writer.put('\'');
                }
            });
        } else {
            for c in text.chars() {
                if c == '\'' {
                    self.put('\'');
                }
                self.put(c);
            }
        }
        self.indicator("'", false, false);
    }

    /// Text in which a space beyond the width may become a line break. `before` writes what goes before a
    /// character.
    fn folded(&mut self, text: &str, before: impl Fn(&mut Self, char)) {
        let (mut spaces, mut breaks) = (false, false);
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            if c == ' ' {
                let fold = !spaces && self.column > WIDTH && at > 0 && next.is_some_and(|next| next != ' ');
                if fold {
                    self.indent()
                } else {
                    self.put(c)
                }
                spaces = true;
            } else if scalar::is_break(c) {
                self.put_break(c);
                breaks = true;
            } else {
                if breaks {
                    self.indent();
                }
                before(self, c);
                self.put(c);
                self.indented = false;
                (spaces, breaks) = (false, false);
            }
        }
    }

    fn double_quoted(&mut self, text: &str, fold: bool) {
        self.indicator("\"", true, false);
        // yaml.v2 looks for a byte order mark at the start of the text instead of at each character.
        let escape_all = text.starts_with('\u{feff}');
        let mut spaces = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if escape_all || !scalar::is_printable(c) || scalar::is_break(c) || c == '"' || c == '\\' {
                self.escape(c);
                spaces = false;
            } else if c == ' ' {
                let next = chars.peek().map(|(_, c)| *c);
                if fold && !spaces && self.column > WIDTH && at > 0 && next.is_some() {
                    self.indent();
                    if next == Some(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"", false, false);
    }

    fn escape(&mut self, c: char) {
        let start = self.out.len();
        let short = match c {
            '\0' => '0',
            '\x07' => 'a',
            '\x08' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\x0b' => 'v',
            '\x0c' => 'f',
            '\r' => 'r',
            '\x1b' => 'e',
            '"' | '\\' => c,
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => '\0',
        };
        let code = u32::from(c);
        // Writing to a string does not fail.
        let _ = match (short, code) {
            ('\0', ..=0xff) => write!(self.out, "\\x{code:02X}"),
            ('\0', ..=0xffff) => write!(self.out, "\\u{code:04X}"),
            ('\0', _) => write!(self.out, "\\U{code:08X}"),
            (short, _) => write!(self.out, "\\{short}"),
        };
        self.column += self.out.len() - start;
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false);
        if text.starts_with(|c| c == ' ' || scalar::is_break(c)) {
            self.indicator("2", false, false);
        }
        let mut from_end = text.chars().rev();
        match (from_end.next().is_some_and(scalar::is_break), from_end.next().is_none_or(scalar::is_break)) {
            (false, _) => self.indicator("-", false, false),
            (true, true) => self.indicator("+", false, false),
            (true, false) => {}
        }
        self.new_line();
        self.indented = true;
        self.separated = true;
        let mut breaks = true;
        for c in text.chars() {
            if scalar::is_break(c) {
                self.put_break(c);
                breaks = true;
            } else {
                if breaks {
                    self.indent();
                }
                self.put(c);
                self.indented = false;
                breaks = false;
            }
        }
    }
}

/// A float goes through JSON first, and what looks like an integer there becomes one.
fn number(f: f64) -> String {
    if !f.is_finite() {
        return "null".to_owned();
    }
    let text = json::float(f);
    match resolve::resolve(&text) {
        resolve::Meaning::Int(i) => i.to_string(),
        resolve::Meaning::Uint(u) => u.to_string(),
        resolve::Meaning::Null
        | resolve::Meaning::Bool(_)
        | resolve::Meaning::Float(_)
        | resolve::Meaning::Timestamp
        | resolve::Meaning::Text => float::general64(f),
    }
}
