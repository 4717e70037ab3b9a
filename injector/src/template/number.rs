//! Go's number literals.

use super::lex::TokenKind;
use super::quote::{quote, unquote_char};
use super::value::{EcoString, Value};

/// A number literal. Go's constants have no type until they are used: a literal can be used as any of these that is
/// set.
#[derive(Clone, Debug)]
pub(super) struct Number {
    pub text: EcoString,
    pub int: Option<i64>,
    pub uint: Option<u64>,
    pub float: Option<f64>,
    pub complex: Option<(f64, f64)>,
    is_char: bool,
}

impl Number {
    /// Reads a literal of one of the three kinds of number tokens.
    pub fn parse(text: &str, kind: TokenKind) -> Result<Number, String> {
        let mut number =
            Number { text: text.into(), int: None, uint: None, float: None, complex: None, is_char: false };
        if kind == TokenKind::CharConstant {
            let code = unquote_char(text)?;
            number.int = Some(code.into());
            number.uint = Some(code.into());
            number.float = Some(code.into());
            number.is_char = true;
            return Ok(number);
        }
        if let Some(complex) = parse_complex(text) {
            number.set_complex(complex);
            return Ok(number);
        }
        if kind == TokenKind::Complex {
            return Err("syntax error scanning complex number".into());
        }
        number.uint = parse_uint(text);
        number.int = parse_int(text);
        if number.int == Some(0) {
            number.uint = Some(0);
        }
        if let Some(int) = number.int {
            number.float = Some(int as f64);
        } else if let Some(uint) = number.uint {
            number.float = Some(uint as f64);
        } else if let Some(float) = parse_float(text) {
            if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                return Err(format!("integer overflow: {}", quote(text)));
            }
            number.float = Some(float);
            number.int = exact_int(float);
            number.uint = exact_uint(float);
        } else {
            return Err(format!("illegal number syntax: {}", quote(text)));
        }
        Ok(number)
    }

    fn set_complex(&mut self, complex: (f64, f64)) {
        self.complex = Some(complex);
        if complex.1 == 0.0 {
            self.float = Some(complex.0);
            self.int = exact_int(complex.0);
            self.uint = exact_uint(complex.0);
        }
    }

    /// The value if no type is required.
    pub fn ideal(&self) -> Result<Value, String> {
        if let Some((re, im)) = self.complex {
            return Ok(Value::Complex(re, im));
        }
        let text = self.text.as_str();
        let hex = text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X")) && !text.contains(['p', 'P']);
        if let Some(float) = self.float
            && !hex
            && !self.is_char
            && text.contains(['.', 'e', 'E', 'p', 'P'])
        {
            return Ok(Value::Float(float));
        }
        self.int.map(Value::int).ok_or_else(|| format!("{text} overflows int"))
    }
}

const TWO_TO_63: f64 = (1u64 << 63) as f64;

fn exact_int(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && (-TWO_TO_63..TWO_TO_63).contains(&float)).then_some(float as i64)
}

fn exact_uint(float: f64) -> Option<u64> {
    (float.fract() == 0.0 && (0.0..2.0 * TWO_TO_63).contains(&float)).then_some(float as u64)
}

/// `2i` or `1+2i`.
fn parse_complex(text: &str) -> Option<(f64, f64)> {
    let body = text.strip_suffix('i')?;
    // The sign between the two parts is neither the first character nor that of an exponent.
    let split = body
        .char_indices()
        .filter(|&(i, c)| i > 0 && matches!(c, '+' | '-'))
        .find(|&(i, _)| !body.get(..i).is_some_and(|t| t.ends_with(['e', 'E', 'p', 'P'])));
    match split {
        None => Some((0.0, parse_float(body)?)),
        Some((i, _)) => Some((parse_float(body.get(..i)?)?, parse_float(body.get(i..)?)?)),
    }
}

/// Digits without their underscores, which Go allows between digits and after the base's prefix; and the base.
fn digits(text: &str) -> Option<(String, u32)> {
    let lower = text.to_ascii_lowercase();
    let (body, radix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (lower.get(2..)?, 16),
        [b'0', b'o', ..] => (lower.get(2..)?, 8),
        [b'0', b'b', ..] => (lower.get(2..)?, 2),
        [b'0', _, ..] => (lower.get(1..)?, 8),
        _ => (lower.as_str(), 10),
    };
    let prefixed = body.len() < lower.len();
    if body.ends_with('_') || body.contains("__") || (!prefixed && body.starts_with('_')) || body.is_empty() {
        return None;
    }
    let digits = body.replace('_', "");
    digits.chars().all(|c| c.is_digit(radix)).then_some((digits, radix))
}

/// An unsigned integer as Go's `ParseUint` reads it with base 0.
pub(crate) fn parse_uint(text: &str) -> Option<u64> {
    let (digits, radix) = digits(text)?;
    u64::from_str_radix(&digits, radix).ok()
}

/// A signed integer as Go's `ParseInt` reads it with base 0.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = digits(body)?;
    let size = u64::from_str_radix(&digits, radix).ok()?;
    if negative { 0i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() }
}

/// A number as Go's `ParseFloat` reads it, hexadecimal ones too. Overflow is none.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(body) => (-1.0, body),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(hex) = body.strip_prefix("0x").or_else(|| body.strip_prefix("0X")) {
        return hex_float(hex).map(|f| f * sign);
    }
    let lower = body.to_ascii_lowercase();
    if matches!(lower.as_str(), "inf" | "infinity") {
        return Some(f64::INFINITY * sign);
    }
    if lower == "nan" {
        return Some(f64::NAN);
    }
    if !body.starts_with(|c: char| c.is_ascii_digit() || c == '.') || body.contains('_') {
        return None;
    }
    body.parse::<f64>().ok().filter(|f| f.is_finite()).map(|f| f * sign)
}

fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let mut exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let value = u64::from_str_radix(&digits, 16).ok()?;
    exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    Some(value as f64 * 2f64.powi(exponent))
}
