//! `printf`.

use super::function::{Failure, MAX_RESULT};
use super::print::{Flags, Printer};
use super::value::Value;

/// As in Go, a width or precision above this is not a number.
const LARGEST: i64 = 1_000_000;

struct Format<'a> {
    text: &'a str,
    pos: usize,
    arguments: &'a [Value],
    next: usize,
    /// Whether `[n]` was used anywhere: superfluous arguments are not reported then.
    reordered: bool,
    /// Whether all `[n]` of this verb were right.
    good: bool,
}

/// Formats arguments as Go's `Sprintf` does, with what it writes for mistakes.
pub fn printf(format: &str, arguments: &[Value]) -> Result<String, Failure> {
    let mut out = String::with_capacity(format.len() + 16);
    let mut f = Format { text: format, pos: 0, arguments, next: 0, reordered: false, good: true };
    while let Some(percent) = f.rest().find('%') {
        out.push_str(f.rest().get(..percent).unwrap_or_default());
        f.pos += percent + 1;
        f.verb(&mut out);
        if out.len() > MAX_RESULT {
            return Err(format!("the text is longer than {MAX_RESULT} bytes").into());
        }
    }
    out.push_str(f.rest());
    f.report_extra(&mut out);
    Ok(out)
}

impl<'a> Format<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or_default()
    }

    fn at(&self, byte: u8) -> bool {
        self.text.as_bytes().get(self.pos) == Some(&byte)
    }

    fn verb(&mut self, out: &mut String) {
        self.good = true;
        let mut flags = self.flags();
        let mut after_index = self.index();
        if self.at(b'*') {
            self.pos += 1;
            let width = self.star();
            if width.is_none() {
                out.push_str("%!(BADWIDTH)");
            }
            if width.is_some_and(|w| w < 0) {
                flags.minus = true;
                flags.zero = false;
            }
            flags.width = width.map(|w| usize::try_from(w.unsigned_abs()).unwrap_or_default());
            after_index = false;
        } else {
            flags.width = self.number();
            self.good &= !(after_index && flags.width.is_some());
        }
        if self.at(b'.') && self.pos + 1 < self.text.len() {
            self.pos += 1;
            self.good &= !after_index;
            after_index = self.index();
            if self.at(b'*') {
                self.pos += 1;
                flags.precision = self.star().and_then(|p| usize::try_from(p).ok());
                if flags.precision.is_none() {
                    out.push_str("%!(BADPREC)");
                }
                after_index = false;
            } else {
                flags.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !after_index {
            self.index();
        }
        let Some(verb) = self.rest().chars().next() else {
            out.push_str("%!(NOVERB)");
            return;
        };
        self.pos += verb.len_utf8();
        if verb == '%' {
            out.push('%');
        } else if !self.good {
            out.push_str(&format!("%!{verb}(BADINDEX)"));
        } else if let Some(argument) = self.arguments.get(self.next) {
            self.next += 1;
            if verb == 'v' {
                flags.syntax = std::mem::take(&mut flags.sharp);
                flags.names = std::mem::take(&mut flags.plus);
            }
            Printer { out, flags }.argument(argument, verb);
        } else {
            out.push_str(&format!("%!{verb}(MISSING)"));
        }
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        loop {
            match self.text.as_bytes().get(self.pos) {
                Some(b'#') => flags.sharp = true,
                Some(b'0') => flags.zero = !flags.minus,
                Some(b'+') => flags.plus = true,
                Some(b'-') => {
                    flags.minus = true;
                    flags.zero = false;
                }
                Some(b' ') => flags.space = true,
                _ => return flags,
            }
            self.pos += 1;
        }
    }

    fn number(&mut self) -> Option<usize> {
        let digits = self.rest().len() - self.rest().trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let text = self.rest().get(..digits).unwrap_or_default();
        let number = text.parse::<i64>().ok().filter(|n| *n <= LARGEST);
        if digits > 0 && number.is_none() {
            // As in Go, a number that is too large consumes the rest.
            self.pos = self.text.len();
            return None;
        }
        self.pos += digits;
        number.and_then(|n| usize::try_from(n).ok())
    }

    /// The value of the argument that `*` consumes.
    fn star(&mut self) -> Option<i64> {
        let value = self.arguments.get(self.next)?;
        self.next += 1;
        let number = if let Value::Int(i, _) = value {
            Some(*i)
        } else if let Value::Uint(u, _) = value {
            i64::try_from(*u).ok()
        } else {
            None
        };
        number.filter(|n| (-LARGEST..=LARGEST).contains(n))
    }

    /// `[n]`: the argument to take next. Whether there was one.
    fn index(&mut self) -> bool {
        if !self.at(b'[') {
            return false;
        }
        self.reordered = true;
        let Some(close) = self.rest().find(']') else {
            self.good = false;
            self.pos += 1;
            return false;
        };
        let number = self.rest().get(1..close).and_then(|t| t.parse::<usize>().ok());
        let index = number.and_then(|n| n.checked_sub(1));
        self.pos += close + 1;
        match index.filter(|i| *i < self.arguments.len()) {
            Some(index) => {
                self.next = index;
                true
            }
            None => {
                self.good = false;
                number.is_some()
            }
        }
    }

    fn report_extra(&self, out: &mut String) {
        let Some(extra) = self.arguments.get(self.next..).filter(|e| !e.is_empty() && !self.reordered) else { return };
        out.push_str("%!(EXTRA ");
        for (i, value) in extra.iter().enumerate() {
            out.push_str(if i > 0 { ", " } else { "" });
            if value.is_nothing() {
                out.push_str("<nil>");
            } else {
                out.push_str(&value.type_name());
                out.push('=');
                Printer { out, flags: Flags::default() }.argument(value, 'v');
            }
        }
        out.push(')');
    }
}
