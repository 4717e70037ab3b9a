//! Foreign text in messages: printable, quoted, not too long.

use std::fmt::{self, Write as _};

/// The text, or the beginning of it if it is too long for a message.
pub fn shortened(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}... ({} bytes)", text.get(..end).unwrap_or_default(), text.len()),
        None => text.to_owned(),
    }
}

/// A text with its control characters escaped, except line ends and tabs: the comment of a foreign rule,
/// for example, must not control a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |b: u8| (b' '..=b'~').contains(&b) || matches!(b, b'\n' | b'\t');
        if self.0.bytes().all(plain) {
            return f.write_str(self.0);
        }
        let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        for part in self.0.split_inclusive(steers) {
            let plain = part.trim_end_matches(steers);
            f.write_str(plain)?;
            part.chars().next_back().filter(|c| steers(*c)).map_or(Ok(()), |c| c.escape_default().fmt(f))?;
        }
        Ok(())
    }
}

/// A text as a JSON string (RFC 8259, section 7).
pub fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_strings_stay_on_their_line() {
        assert_eq!(json_string("a\"b\\c\nd\te\u{1}"), r#""a\"b\\c\nd\te\u0001""#);
    }
}
