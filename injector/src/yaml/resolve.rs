//! The meaning of a plain scalar, by yaml.v2's rules, which are mostly those of YAML 1.1.

/// The meaning of a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A point in time. It stays text when read, but has to be quoted when written.
    Timestamp,
    Text,
}

impl Meaning {
    /// The name of the type, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Meaning::Null => "null",
            Meaning::Bool(_) => "a boolean",
            Meaning::Int(_) | Meaning::Uint(_) => "an integer",
            Meaning::Float(_) => "a float",
            Meaning::Timestamp => "a timestamp",
            Meaning::Text => "text",
        }
    }
}

/// The meaning of a plain scalar without a tag.
pub(super) fn resolve(text: &str) -> Meaning {
    let Some(&first) = text.as_bytes().first() else { return Meaning::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            word(text).unwrap_or(Meaning::Text)
        }
        b'.' => word(text).or_else(|| fraction(text).map(Meaning::Float)).unwrap_or(Meaning::Text),
        b'+' | b'-' | b'0'..=b'9' if is_timestamp(text) => Meaning::Timestamp,
        b'+' | b'-' | b'0'..=b'9' => word(text).unwrap_or_else(|| number(text)),
        _ => Meaning::Text,
    }
}

/// Whether this text, written plain, would be read as this very text. Numbers in base 60, which the readers here
/// take for text, count as numbers for the sake of other readers.
pub(super) fn is_text(text: &str) -> bool {
    resolve(text) == Meaning::Text && !is_base60(text)
}

fn word(text: &str) -> Option<Meaning> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Meaning::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Meaning::Bool(false),
        "~" | "null" | "Null" | "NULL" => Meaning::Null,
        ".nan" | ".NaN" | ".NAN" => Meaning::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Meaning::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Meaning::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Meaning {
    let stripped;
    let plain = match text.contains('_') {
        true => {
            stripped = text.replace('_', "");
            stripped.as_str()
        }
        false => text,
    };
    if let Some(integer) = integer(plain) {
        return integer;
    }
    if let Some(float) = decimal(plain) {
        return Meaning::Float(float);
    }
    // A sign after the prefix: `0b-101` is -5.
    match plain.strip_prefix("0b").map(|digits| i64::from_str_radix(digits, 2)) {
        Some(Ok(value)) => Meaning::Int(value),
        Some(Err(_)) | None => Meaning::Text,
    }
}

/// An integer as Go reads it with base 0: a sign, then `0x`, `0o`, `0b`, or a leading 0 for octal.
fn integer(plain: &str) -> Option<Meaning> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, plain.get(1..)?),
        b'+' => (false, plain.get(1..)?),
        _ => (false, plain),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    // `from_str_radix` would take a second sign.
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(value)) => Some(Meaning::Int(value)),
        // Only a number without a sign may be larger than the largest signed one.
        (false, Err(_)) => (!plain.starts_with('+')).then_some(Meaning::Uint(magnitude)),
        (true, _) => 0i64.checked_sub_unsigned(magnitude).map(Meaning::Int),
    }
}

/// A float: digits with a point or an exponent, or digits alone; nothing if it does not fit a double.
fn decimal(plain: &str) -> Option<f64> {
    let digits = |s: &mut &[u8]| {
        let count = s.iter().take_while(|b| b.is_ascii_digit()).count();
        *s = s.get(count..).unwrap_or_default();
        count
    };
    let mut rest = plain.as_bytes();
    if let [b'+' | b'-', tail @ ..] = rest {
        rest = tail;
    }
    let whole = digits(&mut rest);
    let mut fraction = 0;
    if let [b'.', tail @ ..] = rest {
        rest = tail;
        fraction = digits(&mut rest);
    }
    if whole + fraction == 0 {
        return None;
    }
    if let [b'e' | b'E', tail @ ..] = rest {
        rest = match tail {
            [b'+' | b'-', tail @ ..] => tail,
            _ => tail,
        };
        if digits(&mut rest) == 0 {
            return None;
        }
    }
    if !rest.is_empty() {
        return None;
    }
    plain.parse::<f64>().ok().filter(|f| f.is_finite())
}

/// A float that begins with a point. Underscores may be between digits.
fn fraction(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let between_digits = |at: usize| {
        let digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    if text.match_indices('_').any(|(at, _)| !between_digits(at)) {
        return None;
    }
    decimal(&text.replace('_', ""))
}

/// `1:30`, `-1:30.5`: base 60 of YAML 1.1.
fn is_base60(text: &str) -> bool {
    let bytes = text.as_bytes();
    if !matches!(bytes.first(), Some(b'+' | b'-' | b'0'..=b'9')) || !bytes.contains(&b':') {
        return false;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let head = parts.next().unwrap_or_default();
    if !head.starts_with(|c: char| c.is_ascii_digit()) || head.contains(|c: char| !c.is_ascii_digit() && c != '_') {
        return false;
    }
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let part = match part.split_once('.') {
            Some((part, fraction)) if parts.peek().is_none() => {
                if fraction.contains(|c: char| !c.is_ascii_digit() && c != '_') {
                    return false;
                }
                part
            }
            _ => part,
        };
        match part.as_bytes() {
            [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9'] => {}
            _ => return false,
        }
    }
    true
}

/// A date, or a date with a time, in one of the four forms that yaml.v2 knows.
pub(super) fn is_timestamp(text: &str) -> bool {
    let mut rest = Clock(text.as_bytes());
    let Some(year) = rest.digits(4, 4) else { return false };
    if !rest.skip(b'-') {
        return false;
    }
    let Some(month) = rest.digits(1, 2).filter(|m| (1..=12).contains(m)) else { return false };
    if !rest.skip(b'-') {
        return false;
    }
    let Some(_) = rest.digits(1, 2).filter(|d| (1..=days(year, month)).contains(d)) else { return false };
    match rest.0.split_first() {
        None => true,
        Some((b'T' | b't', tail)) => {
            rest.0 = tail;
            rest.time() && rest.zone()
        }
        Some((b' ', tail)) => {
            rest.0 = tail;
            rest.time() && rest.0.is_empty()
        }
        Some(_) => false,
    }
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// What is left of a timestamp.
struct Clock<'t>(&'t [u8]);

impl Clock<'_> {
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.0.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(digits.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0')))
    }

    fn skip(&mut self, byte: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == byte => {
                self.0 = rest;
                true
            }
            Some(_) | None => false,
        }
    }

    fn time(&mut self) -> bool {
        let hour = self.digits(1, 2).is_some_and(|h| h < 24) && self.skip(b':');
        let minute = hour && self.digits(1, 2).is_some_and(|m| m < 60) && self.skip(b':');
        if !minute || self.digits(1, 2).is_none_or(|s| s >= 60) {
            return false;
        }
        if let [b'.' | b',', b'0'..=b'9', rest @ ..] = self.0 {
            let more = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            self.0 = rest.get(more..).unwrap_or_default();
        }
        true
    }

    /// `Z`, or `+hh:mm`.
    fn zone(&mut self) -> bool {
        if self.0 == b"Z" {
            return true;
        }
        (self.skip(b'+') || self.skip(b'-'))
            && self.digits(2, 2).is_some_and(|h| h <= 24)
            && self.skip(b':')
            && self.digits(2, 2).is_some_and(|m| m <= 60)
            && self.0.is_empty()
    }
}
