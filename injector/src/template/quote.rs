//! Go's string and character literals, read and written.

use std::fmt::Write;

/// Whether Go prints a character as it is, and does not escape it.
pub(super) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    // The standard library escapes what is not printable by the same categories as Go; only at the start of a text it
    // escapes combining characters too.
    let mut text = String::from("a");
    text.push(c);
    text.escape_debug().nth(2).is_none()
}

fn escape(out: &mut String, c: char, quote: char, ascii: bool) {
    if c == quote || c == '\\' {
        out.push('\\');
        out.push(c);
        return;
    }
    if (c.is_ascii() || !ascii) && is_printable(c) {
        out.push(c);
        return;
    }
    let code = u32::from(c);
    // Writing to a string cannot fail.
    let _ = match c {
        '\x07' => out.write_str("\\a"),
        '\x08' => out.write_str("\\b"),
        '\x0c' => out.write_str("\\f"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\x0b' => out.write_str("\\v"),
        '\0'..='\x1f' | '\x7f' => write!(out, "\\x{code:02x}"),
        _ if code < 0x10000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// A text as `%q` writes it (`%+q` if only ASCII may remain).
pub fn quote_with(text: &str, quote: char, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    text.chars().for_each(|c| escape(&mut out, c, quote, ascii));
    out.push(quote);
    out
}

/// A text as `%q` writes it: in double quotes, with Go's escapes.
pub fn quote(text: &str) -> String {
    quote_with(text, '"', false)
}

/// The error of Go's `strconv` for a literal that it cannot parse.
pub(super) const INVALID: &str = "invalid syntax";

/// The text that a string literal denotes, given with its quotes. Bytes that are not UTF-8 become U+FFFD.
pub(super) fn unquote(literal: &str) -> Result<String, &'static str> {
    if let Some(raw) = literal.strip_prefix('`').and_then(|t| t.strip_suffix('`')) {
        return Ok(raw.replace('\r', ""));
    }
    let body = literal.strip_prefix('"').and_then(|t| t.strip_suffix('"')).ok_or(INVALID)?;
    if !body.contains('\\') {
        return Ok(body.to_owned());
    }
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while !rest.is_empty() {
        let (unit, after) = unescape(rest, '"')?;
        match unit {
            Unit::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Unit::Byte(b) => bytes.push(b),
        }
        rest = after;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The number that a character literal denotes, given with its quotes.
pub(super) fn unquote_char(literal: &str) -> Result<u32, String> {
    let body = literal.strip_prefix('\'').ok_or(INVALID)?;
    let (unit, rest) = unescape(body, '\'')?;
    if rest != "'" {
        return Err(format!("malformed character constant: {literal}"));
    }
    Ok(match unit {
        Unit::Char(c) => c.into(),
        Unit::Byte(b) => b.into(),
    })
}

enum Unit {
    Char(char),
    Byte(u8),
}

fn unescape(text: &str, quote: char) -> Result<(Unit, &str), &'static str> {
    let mut chars = text.chars();
    let first = chars.next().ok_or(INVALID)?;
    if first == quote {
        return Err(INVALID);
    }
    if first != '\\' {
        return Ok((Unit::Char(first), chars.as_str()));
    }
    let kind = chars.next().ok_or(INVALID)?;
    let rest = chars.as_str();
    let number = |digits: usize, radix: u32| -> Result<(u32, &str), &'static str> {
        let (code, after) = rest.split_at_checked(digits).ok_or(INVALID)?;
        if !code.bytes().all(|b| char::from(b).is_digit(radix)) {
            return Err(INVALID);
        }
        Ok((u32::from_str_radix(code, radix).map_err(|_| INVALID)?, after))
    };
    let plain = |c: char| Ok((Unit::Char(c), rest));
    match kind {
        'a' => plain('\x07'),
        'b' => plain('\x08'),
        'f' => plain('\x0c'),
        'n' => plain('\n'),
        'r' => plain('\r'),
        't' => plain('\t'),
        'v' => plain('\x0b'),
        '\\' => plain('\\'),
        c @ ('"' | '\'') if c == quote => plain(c),
        'x' => {
            let (code, after) = number(2, 16)?;
            Ok((Unit::Byte(code as u8), after))
        }
        'u' | 'U' => {
            let (code, after) = number(if kind == 'u' { 4 } else { 8 }, 16)?;
            Ok((Unit::Char(char::from_u32(code).ok_or(INVALID)?), after))
        }
        c @ '0'..='7' => {
            let (low, after) = number(2, 8)?;
            let code = c.to_digit(8).unwrap_or_default() * 64 + low;
            Ok((Unit::Byte(u8::try_from(code).map_err(|_| INVALID)?), after))
        }
        _ => Err(INVALID),
    }
}
