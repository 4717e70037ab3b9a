//! Values as Go's `fmt` prints them.

use std::fmt::Write;

use super::collection::{ANY, List};
use super::float;
use super::function::MAX_RESULT;
use super::object::{Kind, Object};
use super::quote::{is_printable, quote, quote_with};
use super::value::{EcoString, MAX_DEPTH, Value};

/// The length at which printing stops: more than functions may return, or templates may output.
const MAX_PRINTED: usize = 2 * MAX_RESULT;

/// Flags of a printing verb, as Go names them: `%[+#- 0][width][.precision]verb`.
#[derive(Clone, Default)]
pub(super) struct Flags {
    pub plus: bool,
    pub minus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    pub width: Option<usize>,
    pub precision: Option<usize>,
    /// `%+v`
    pub names: bool,
    /// `%#v`
    pub syntax: bool,
}

/// A value as `%v` prints it, in a text of its own.
pub fn text(value: &Value) -> EcoString {
    if let Value::String(s) = value {
        return s.clone();
    }
    let mut out = String::new();
    write(&mut out, value);
    out.into()
}

/// Prints a value as `%v` does.
pub fn write(out: &mut String, value: &Value) {
    match value {
        Value::String(s) => out.push_str(s),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        // Writing to a string cannot fail.
        Value::Int(i, _) => drop(write!(out, "{i}")),
        Value::Float(f) => out.push_str(&float::shortest(*f)),
        Value::Missing
        | Value::Nil
        | Value::Uint(_, _)
        | Value::Complex(_, _)
        | Value::List(_)
        | Value::Map(_)
        | Value::Function(_)
        | Value::Object(_) => Printer { out, flags: Flags::default() }.argument(value, 'v'),
    }
}

/// A value as `%s` prints it: an error text for everything that is not a string.
pub(super) fn as_string(value: &Value) -> String {
    let mut out = String::new();
    Printer { out: &mut out, flags: Flags::default() }.argument(value, 's');
    out
}

pub(super) struct Printer<'o> {
    pub out: &'o mut String,
    pub flags: Flags,
}

impl Printer<'_> {
    /// Writes a text, padded to the width.
    pub fn pad(&mut self, text: &str) {
        let width = self.flags.width.unwrap_or(0);
        let missing = width.saturating_sub(text.chars().count());
        if !self.flags.minus {
            self.fill(missing);
        }
        self.out.push_str(text);
        if self.flags.minus {
            self.fill(missing);
        }
    }

    fn fill(&mut self, count: usize) {
        let c = if self.flags.zero { '0' } else { ' ' };
        self.out.extend(std::iter::repeat_n(c, count));
    }

    fn pad_with_spaces(&mut self, text: &str) {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(text);
        self.flags.zero = zero;
    }

    /// Prints an argument of a printing function.
    pub fn argument(&mut self, value: &Value, verb: char) {
        let composed = matches!(value, Value::List(_) | Value::Map(_) | Value::Object(_));
        if value.is_nothing() && matches!(verb, 'v' | 'T') {
            self.pad("<nil>");
        } else if value.is_nothing() || (verb == 'w' && composed) {
            self.bad_verb(value, verb);
        } else if verb == 'T' {
            self.string(&value.type_name(), 's', value);
        } else {
            self.value(value, verb, 0);
        }
    }

    fn bad_verb(&mut self, value: &Value, verb: char) {
        self.out.push_str("%!");
        self.out.push(verb);
        if value.is_nothing() {
            self.out.push_str("(<nil>)");
            return;
        }
        self.out.push('(');
        self.out.push_str(&value.type_name());
        self.out.push('=');
        // A wrong verb on what a String method returns prints the value itself.
        match value.as_object().and_then(|o| o.plain()) {
            Some(plain) => self.value(&plain, 'v', 0),
            None => self.value(value, 'v', 0),
        }
        self.out.push(')');
    }

    pub fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > MAX_DEPTH {
            self.out.push_str("...");
            return;
        }
        // A value that contains itself several times prints without end. The caller refuses a text of this length.
        if self.out.len() > MAX_PRINTED {
            return;
        }
        match value {
            Value::Missing | Value::Nil => {
                if self.flags.syntax {
                    self.out.push_str("interface {}(nil)");
                } else {
                    self.out.push_str("<nil>");
                }
            }
            Value::Bool(b) => match verb {
                't' | 'v' => self.pad(if *b { "true" } else { "false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(i, _) => self.integer(i.unsigned_abs(), *i < 0, true, verb, value),
            Value::Uint(u, _) => self.integer(*u, false, false, verb, value),
            Value::Float(f) => self.float(*f, verb, value),
            Value::Complex(re, im) => self.complex(*re, *im, verb, value),
            Value::String(s) => self.string(s, verb, value),
            Value::List(list) => {
                if self.flags.syntax && matches!(list, List::Nil(_)) {
                    self.out.push_str(&value.type_name());
                    self.out.push_str("(nil)");
                    return;
                }
                self.list(&value.type_name(), list.iter(), verb, depth, list.element_type() == ANY);
            }
            Value::Map(map) => {
                if self.flags.syntax && map.is_nil() {
                    self.out.push_str(&value.type_name());
                    self.out.push_str("(nil)");
                    return;
                }
                let entries = map.entries().into_iter().map(|(k, v)| (Value::String(k), v));
                self.map(&value.type_name(), entries, verb, depth, map.element_type() == ANY);
            }
            // Go prints an address.
            Value::Function(_) => self.out.push_str("func"),
            Value::Object(object) => self.object(object.as_ref(), verb, depth, value),
        }
    }

    /// An element, which may be in an interface: `nil` in one is printed whatever the verb.
    fn element(&mut self, value: &Value, verb: char, depth: usize) {
        self.value(value, verb, depth);
    }

    fn separator(&mut self, index: usize) {
        if index > 0 {
            self.out.push_str(if self.flags.syntax { ", " } else { " " });
        }
    }

    fn list(&mut self, name: &str, items: impl Iterator<Item = Value>, verb: char, depth: usize, any: bool) {
        let (open, close) = if self.flags.syntax { ('{', '}') } else { ('[', ']') };
        if self.flags.syntax {
            self.out.push_str(name);
        }
        self.out.push(open);
        for (i, item) in items.enumerate() {
            self.separator(i);
            self.element(&item, verb, depth + 1 + usize::from(any));
        }
        self.out.push(close);
    }

    fn map(&mut self, name: &str, entries: impl Iterator<Item = (Value, Value)>, verb: char, depth: usize, any: bool) {
        if self.flags.syntax {
            self.out.push_str(name);
            self.out.push('{');
        } else {
            self.out.push_str("map[");
        }
        for (i, (key, value)) in entries.enumerate() {
            self.separator(i);
            self.value(&key, verb, depth + 1);
            self.out.push(':');
            self.element(&value, verb, depth + 1 + usize::from(any));
        }
        self.out.push(if self.flags.syntax { '}' } else { ']' });
    }

    fn object(&mut self, object: &dyn Object, verb: char, depth: usize, value: &Value) {
        if !self.flags.syntax
            && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
            && let Some(text) = object.text()
        {
            self.string(&text, verb, value);
            return;
        }
        match object.kind() {
            Kind::Struct => {
                if self.flags.syntax {
                    self.out.push_str(&object.type_name());
                }
                self.out.push('{');
                for (i, (name, field)) in object.fields().into_iter().enumerate() {
                    self.separator(i);
                    if self.flags.names || self.flags.syntax {
                        self.out.push_str(name);
                        self.out.push(':');
                    }
                    self.value(&field, verb, depth + 1);
                }
                self.out.push('}');
            }
            Kind::Pointer => match object.target() {
                None => self.pad("<nil>"),
                Some(target) => {
                    // Go prints an address inside other values, which no template can depend on.
                    if matches!(target.kind(), Kind::Struct | Kind::Slice | Kind::Map) {
                        self.out.push('&');
                    }
                    self.value(&target, verb, depth + 1);
                }
            },
            Kind::Slice => {
                let items = (0..object.len()).map(|i| object.element(i).unwrap_or_default());
                self.list(&object.type_name(), items, verb, depth, false);
            }
            Kind::Map => self.map(&object.type_name(), object.entries().into_iter(), verb, depth, false),
            Kind::Function => self.out.push_str("func"),
            Kind::Invalid
            | Kind::Bool
            | Kind::Int(_)
            | Kind::Uint(_)
            | Kind::Float64
            | Kind::Complex128
            | Kind::String => match object.plain() {
                Some(Value::String(s)) => self.string(&s, verb, value),
                Some(Value::Int(i, _)) => self.integer(i.unsigned_abs(), i < 0, true, verb, value),
                Some(plain) => self.value(&plain, verb, depth + 1),
                None => self.out.push_str("<nil>"),
            },
        }
    }

    // Simple values.

    fn string(&mut self, text: &str, verb: char, value: &Value) {
        let cut = match self.flags.precision {
            Some(precision) => text.char_indices().nth(precision).map_or(text, |(i, _)| text.get(..i).unwrap_or(text)),
            None => text,
        };
        match verb {
            'v' if self.flags.syntax => self.quoted(cut),
            'v' | 's' => self.pad(cut),
            'q' => self.quoted(cut),
            'x' | 'X' => self.hexadecimal(text.as_bytes(), verb == 'X'),
            _ => self.bad_verb(value, verb),
        }
    }

    fn quoted(&mut self, text: &str) {
        let raw =
            self.flags.sharp && text.chars().all(|c| c == '\t' || (!c.is_control() && c != '`' && c != '\u{feff}'));
        if raw {
            self.pad(&format!("`{text}`"));
        } else {
            self.pad(&quote_with(text, '"', self.flags.plus));
        }
    }

    fn hexadecimal(&mut self, bytes: &[u8], upper: bool) {
        let bytes = bytes.get(..self.flags.precision.unwrap_or(bytes.len())).unwrap_or(bytes);
        let prefix = if !self.flags.sharp {
            ""
        } else if upper {
            "0X"
        } else {
            "0x"
        };
        let mut text = String::with_capacity(bytes.len() * 2);
        for (i, byte) in bytes.iter().enumerate() {
            if self.flags.space && i > 0 {
                text.push(' ');
            }
            if i == 0 || self.flags.space {
                text.push_str(prefix);
            }
            let _ = if upper { write!(text, "{byte:02X}") } else { write!(text, "{byte:02x}") };
        }
        self.pad(&text);
    }

    fn integer(&mut self, size: u64, negative: bool, signed: bool, verb: char, value: &Value) {
        let digits = match verb {
            'v' if self.flags.syntax && !signed => format!("{size:x}"),
            'd' | 'v' => size.to_string(),
            'b' => format!("{size:b}"),
            'o' | 'O' => format!("{size:o}"),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'c' => return self.pad(&character(size, negative).to_string()),
            'q' => return self.pad(&quote_with(&character(size, negative).to_string(), '\'', self.flags.plus)),
            'U' => return self.unicode(if negative { size.wrapping_neg() } else { size }),
            _ => return self.bad_verb(value, verb),
        };
        let mut least = 0;
        if let Some(precision) = self.flags.precision {
            if precision == 0 && size == 0 {
                return self.pad_with_spaces("");
            }
            least = precision;
        } else if let Some(width) = self.flags.width.filter(|_| self.flags.zero) {
            least = width - usize::from(width > 0 && (negative || self.flags.plus || self.flags.space));
        }
        let sharp = self.flags.sharp || (verb == 'v' && self.flags.syntax && !signed);
        let mut text = String::new();
        text.push_str(match (negative, self.flags.plus, self.flags.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        });
        let zeros = "0".repeat(least.saturating_sub(digits.len()));
        text.push_str(match verb {
            'O' => "0o",
            'b' if sharp => "0b",
            'o' if sharp && zeros.is_empty() && !digits.starts_with('0') => "0",
            'x' | 'v' if sharp && verb != 'd' && (verb == 'x' || !signed) => "0x",
            'X' if sharp => "0X",
            _ => "",
        });
        text.push_str(&zeros);
        text.push_str(&digits);
        self.pad_with_spaces(&text);
    }

    fn unicode(&mut self, code: u64) {
        let digits = format!("{code:X}");
        let zeros = self.flags.precision.unwrap_or(4).max(4).saturating_sub(digits.len());
        let mut text = format!("U+{}{digits}", "0".repeat(zeros));
        let c = u32::try_from(code).ok().and_then(char::from_u32);
        if let Some(c) = c.filter(|c| self.flags.sharp && is_printable(*c)) {
            let _ = write!(text, " '{c}'");
        }
        self.pad_with_spaces(&text);
    }

    fn float(&mut self, number: f64, verb: char, value: &Value) {
        let (form, precision) = match verb {
            'v' => ('g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
            'f' | 'e' | 'E' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            _ => return self.bad_verb(value, verb),
        };
        let precision = self.flags.precision.or(precision);
        let text = float::format(number.abs(), form, precision);
        let mut body = text.trim_start_matches('+').to_owned();
        let shown = if number.is_sign_negative() && !number.is_nan() {
            "-"
        } else if self.flags.plus || (number.is_infinite() && !self.flags.space) {
            "+"
        } else if self.flags.space {
            " "
        } else {
            ""
        };
        if !number.is_finite() {
            return self.pad_with_spaces(&format!("{shown}{body}"));
        }
        if self.flags.sharp && form != 'b' {
            body = with_point(body, form, precision);
        }
        let width = self.flags.width.unwrap_or(0);
        if self.flags.zero && !shown.is_empty() && width > body.len() + 1 {
            self.out.push_str(shown);
            self.fill(width - body.len() - 1);
            self.out.push_str(&body);
            return;
        }
        self.pad(&format!("{shown}{body}"));
    }

    fn complex(&mut self, re: f64, im: f64, verb: char, value: &Value) {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            return self.bad_verb(value, verb);
        }
        self.out.push('(');
        self.float(re, verb, value);
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float(im, verb, value);
        self.flags.plus = plus;
        self.out.push_str("i)");
    }
}

fn character(code: u64, negative: bool) -> char {
    let code = u32::try_from(code).ok().filter(|_| !negative);
    code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// What `#` does to a float: a decimal point always, and for `%g` all digits of the precision.
fn with_point(body: String, form: char, precision: Option<usize>) -> String {
    let mut missing = match form {
        'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let hex = matches!(form, 'x' | 'X');
    let split = body.find(if hex { ['p', 'P'] } else { ['e', 'E'] }).unwrap_or(body.len());
    let (number, tail) = body.split_at(split);
    let significant = number.trim_start_matches(['0', '.']).chars().filter(|c| *c != '.').count();
    missing = missing.saturating_sub(significant);
    let point = if number.contains('.') {
        ""
    } else {
        missing = missing.saturating_sub(usize::from(number == "0"));
        "."
    };
    format!("{number}{point}{}{tail}", "0".repeat(missing))
}

/// `print`: a space between two values when neither is a string.
pub fn print(values: &[Value]) -> String {
    let mut out = String::new();
    let mut before_is_string = true;
    for (i, value) in values.iter().enumerate() {
        let is_string = matches!(value, Value::String(_));
        if i > 0 && !is_string && !before_is_string {
            out.push(' ');
        }
        Printer { out: &mut out, flags: Flags::default() }.argument(value, 'v');
        before_is_string = is_string;
    }
    out
}

/// `println`: a space between any two values, and a newline.
pub fn println(values: &[Value]) -> String {
    let mut out = String::new();
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        Printer { out: &mut out, flags: Flags::default() }.argument(value, 'v');
    }
    out.push('\n');
    out
}

/// A text as `%q` writes it; for functions.
pub fn quoted(text: &str) -> String {
    quote(text)
}
