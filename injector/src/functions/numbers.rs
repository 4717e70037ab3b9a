//! Numbers: conversions as the package `cast` makes them, and arithmetic. Integers wrap around, as Go's do.

use super::{bounded, failure};
use crate::template;
use crate::template::{Args, Failure, Functions, IntType, List, Object, Type, Value};

pub fn add(f: &mut Functions) {
    use Type::{Any, Float64, Int, String};
    f.add("atoi", &[String], |a| Ok(Value::int(atoi(a.text(0)))));
    f.add("int64", &[Any], |a| Ok(to_int(a.value(0)).into()));
    f.add("int", &[Any], |a| Ok(Value::int(to_int(a.value(0)))));
    f.add("float64", &[Any], |a| Ok(to_float(a.value(0)).into()));
    f.add("toDecimal", &[Any], |a| Ok(i64::from_str_radix(&template::text(a.value(0)), 8).unwrap_or(0).into()));
    f.add("add1", &[Any], |a| Ok(to_int(a.value(0)).wrapping_add(1).into()));
    f.add_variadic("add", &[], Any, |a| Ok(fold(0, a.0, i64::wrapping_add)));
    f.add("sub", &[Any, Any], |a| Ok(to_int(a.value(0)).wrapping_sub(to_int(a.value(1))).into()));
    f.add("div", &[Any, Any], |a| divided(a, i64::wrapping_div));
    f.add("mod", &[Any, Any], |a| divided(a, i64::wrapping_rem));
    f.add_variadic("mul", &[Any], Any, |a| Ok(fold(to_int(a.value(0)), a.rest(1), i64::wrapping_mul)));
    f.add_variadic("max", &[Any], Any, |a| Ok(fold(to_int(a.value(0)), a.rest(1), i64::max)));
    f.alias("biggest", "max");
    f.add_variadic("min", &[Any], Any, |a| Ok(fold(to_int(a.value(0)), a.rest(1), i64::min)));
    f.add_variadic("maxf", &[Any], Any, |a| Ok(fold_floats(a, larger)));
    f.add_variadic("minf", &[Any], Any, |a| Ok(fold_floats(a, |x, y| -larger(-x, -y))));
    f.add("add1f", &[Any], |a| decimal(to_float(a.value(0)), &[Value::int(1)], Decimal::add, |x, y| x + y));
    f.add_variadic("addf", &[], Any, |a| decimal(0.0, a.0, Decimal::add, |x, y| x + y));
    f.add_variadic("subf", &[Any], Any, |a| decimal(to_float(a.value(0)), a.rest(1), Decimal::sub, |x, y| x - y));
    f.add_variadic("mulf", &[Any], Any, |a| decimal(to_float(a.value(0)), a.rest(1), Decimal::mul, |x, y| x * y));
    f.add_variadic("divf", &[Any], Any, |a| {
        if a.rest(1).iter().any(|v| to_float(v) == 0.0) {
            return failure("decimal division by 0");
        }
        decimal(to_float(a.value(0)), a.rest(1), Decimal::div, |x, y| x / y)
    });
    f.add("ceil", &[Any], |a| Ok(to_float(a.value(0)).ceil().into()));
    f.add("floor", &[Any], |a| Ok(to_float(a.value(0)).floor().into()));
    f.add_variadic("round", &[Any, Int], Float64, |a| {
        let from = a.rest(2).first().map_or(0.5, to_float);
        Ok(round(to_float(a.value(0)), a.int(1), from).into())
    });
    f.add("until", &[Int], |a| steps(0, a.int(0), if a.int(0) < 0 { -1 } else { 1 }).map(ints));
    f.add("untilStep", &[Int, Int, Int], |a| steps(a.int(0), a.int(1), a.int(2)).map(ints));
    f.add_variadic("seq", &[], Int, |a| {
        let texts: Vec<_> = sequence(a)?.iter().map(i64::to_string).collect();
        Ok(texts.join(" ").into())
    });
}

/// `strconv.Atoi` without its error: too large a number is the largest one.
fn atoi(text: &str) -> i64 {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    text.parse().unwrap_or(if text.starts_with('-') { i64::MIN } else { i64::MAX })
}

/// `cast.ToInt64`: 0 for what is no number.
pub fn to_int(value: &Value) -> i64 {
    match value {
        Value::Bool(b) => (*b).into(),
        Value::Int(i, _) => *i,
        Value::Uint(u, _) => *u as i64,
        Value::Float(f) => *f as i64,
        Value::String(s) => template::parse_int(whole(s)).unwrap_or(0),
        Value::Object(object) => behind(&**object).map_or(0, |v| to_int(&v)),
        Value::Missing | Value::Nil | Value::Complex(_, _) | Value::List(_) | Value::Map(_) | Value::Function(_) => 0,
    }
}

/// What a pointer points to, or the number or text of a named type, such as an enum.
fn behind(object: &dyn Object) -> Option<Value> {
    object.target().or_else(|| object.plain())
}

/// A decimal number's text without its fraction (`trimDecimal` of `cast`).
fn whole(text: &str) -> &str {
    let Some((whole, fraction)) = text.split_once('.') else { return text };
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    match digits.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        true if digits.is_empty() => "0",
        true => whole,
        false => text,
    }
}

/// `strconv.ParseFloat`, with underscores between digits.
fn parse_float(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    if bytes.iter().enumerate().any(|(i, b)| *b == b'_' && !(digit(i.checked_sub(1)) && digit(i.checked_add(1)))) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// `cast.ToFloat64`: 0 for what is no number.
pub fn to_float(value: &Value) -> f64 {
    match value {
        Value::Float(f) => *f,
        Value::String(s) => parse_float(s).unwrap_or(0.0),
        Value::Uint(u, _) => *u as f64,
        Value::Bool(_) | Value::Int(_, _) => to_int(value) as f64,
        Value::Object(object) => behind(&**object).map_or(0.0, |v| to_float(&v)),
        Value::Missing | Value::Nil | Value::Complex(_, _) | Value::List(_) | Value::Map(_) | Value::Function(_) => 0.0,
    }
}

fn fold(start: i64, values: &[Value], with: fn(i64, i64) -> i64) -> Value {
    values.iter().map(to_int).fold(start, with).into()
}

fn fold_floats(args: Args<'_>, with: fn(f64, f64) -> f64) -> Value {
    args.rest(1).iter().map(to_float).fold(to_float(args.value(0)), with).into()
}

/// Go's `math.Max`: not a number if either is not.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

fn divided(args: Args<'_>, with: fn(i64, i64) -> i64) -> Result<Value, Failure> {
    match to_int(args.value(1)) {
        0 => failure("runtime error: integer divide by zero"),
        by => Ok(with(to_int(args.value(0)), by).into()),
    }
}

fn round(value: f64, places: i64, from: f64) -> f64 {
    let power = 10f64.powf(places as f64);
    let digits = power * value;
    (if digits.fract() >= from { digits.ceil() } else { digits.floor() }) / power
}

fn steps(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, Failure> {
    let up = stop >= start;
    if step == 0 || up != (step > 0) {
        return Ok(Vec::new());
    }
    bounded(usize::try_from(start.abs_diff(stop) / step.unsigned_abs()).unwrap_or(usize::MAX), "the list")?;
    let more = |i: &i64| if up { *i < stop } else { *i > stop };
    Ok(std::iter::successors(Some(start), |i| i.checked_add(step)).take_while(more).collect())
}

fn ints(numbers: Vec<i64>) -> Value {
    List::typed("int", numbers.into_iter().map(|i| Value::Int(i, IntType::Int)).collect()).into()
}

/// sprig's `seq`: END, or START END, or START STEP END; both ends belong to it.
fn sequence(args: Args<'_>) -> Result<Vec<i64>, Failure> {
    let (start, step, end) = match args.len() {
        1 => (1, 1, args.int(0)),
        2 => (args.int(0), 1, args.int(1)),
        3 => (args.int(0), args.int(1), args.int(2)),
        _ => return Ok(Vec::new()),
    };
    let down = end < start;
    let by = match (args.len(), down) {
        (3, true) if step > 0 => return Ok(Vec::new()),
        (3, _) => step,
        (_, true) => -1,
        (_, false) => 1,
    };
    steps(start, end.saturating_add(if down { -1 } else { 1 }), by)
}

/// A decimal number, exact.
#[derive(Clone, Copy)]
struct Decimal {
    digits: i128,
    /// How many of the digits come after the point.
    scale: u32,
}

impl Decimal {
    /// The shortest decimal that reads as this double.
    fn new(value: f64) -> Option<Self> {
        let text = format!("{value}");
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Some(Decimal { digits, scale: u32::try_from(fraction.len()).ok()? })
    }

    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        let at = |d: Self| 10i128.checked_pow(scale - d.scale)?.checked_mul(d.digits);
        Some((at(self)?, at(other)?, scale))
    }

    fn add(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.aligned(other)?;
        Some(Decimal { digits: a.checked_add(b)?, scale })
    }

    fn sub(self, other: Self) -> Option<Self> {
        self.add(Decimal { digits: other.digits.checked_neg()?, scale: other.scale })
    }

    fn mul(self, other: Self) -> Option<Self> {
        Some(Decimal { digits: self.digits.checked_mul(other.digits)?, scale: self.scale.checked_add(other.scale)? })
    }

    /// Rounded to 16 digits after the point, halves away from zero.
    fn div(self, other: Self) -> Option<Self> {
        const PLACES: u32 = 16;
        let (a, b, _) = self.aligned(other)?;
        let a = a.checked_mul(10i128.checked_pow(PLACES)?)?;
        let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
        let up = rest.unsigned_abs().checked_mul(2)? >= b.unsigned_abs();
        let away = if (a < 0) == (b < 0) { 1 } else { -1 };
        Some(Decimal { digits: if up { quotient.checked_add(away)? } else { quotient }, scale: PLACES })
    }

    fn value(self) -> f64 {
        format!("{}e-{}", self.digits, self.scale).parse().unwrap_or(f64::NAN)
    }
}

/// Decimal arithmetic on doubles, so that 0.1 and 0.2 are 0.3; plain if the numbers are too far apart for it.
fn decimal(
    start: f64,
    values: &[Value],
    exact: fn(Decimal, Decimal) -> Option<Decimal>,
    plain: fn(f64, f64) -> f64,
) -> Result<Value, Failure> {
    let numbers: Vec<f64> = values.iter().map(to_float).collect();
    let exactly = || {
        let mut total = Decimal::new(start)?;
        for number in &numbers {
            total = exact(total, Decimal::new(*number)?)?;
        }
        Some(total.value())
    };
    Ok(exactly().unwrap_or_else(|| numbers.iter().copied().fold(start, plain)).into())
}
