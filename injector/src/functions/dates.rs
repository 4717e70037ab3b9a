//! Durations. What needs the clock or a time zone is in `refused`.

use super::numbers::to_int;
use crate::template::{Args, Functions, IntType, Kind, Type, Value};

pub fn add(f: &mut Functions) {
    f.add("duration", &[Type::Any], |a| Ok(text(number(a, |t| t.parse().ok()).wrapping_mul(1_000_000_000)).into()));
    f.add("durationRound", &[Type::Any], |a| Ok(rounded(number(a, parse).unsigned_abs()).into()));
}

/// A text by its own rule, or an `int64`; anything else is 0.
fn number(args: Args<'_>, read: fn(&str) -> Option<i64>) -> i64 {
    let value = args.value(0);
    if let Value::String(text) = value {
        return read(text).unwrap_or(0);
    }
    if value.kind() == Kind::Int(IntType::Int64) { to_int(value) } else { 0 }
}

/// A duration in nanoseconds as Go's `Duration.String` writes it: `1m30s`, `1.5s`, `100ms`.
pub fn text(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let all = nanoseconds.unsigned_abs();
    let fraction = |value: u64, unit: u64| match value % unit {
        0 => format!("{}", value / unit),
        rest => {
            let digits = format!("{:0width$}", rest, width = unit.ilog10() as usize);
            format!("{}.{}", value / unit, digits.trim_end_matches('0'))
        }
    };
    match all {
        0 => "0s".into(),
        1..1_000 => format!("{sign}{all}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", fraction(all, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(all, 1_000_000)),
        _ => {
            let (minutes, rest) = (all / 60_000_000_000, all % 60_000_000_000);
            let seconds = format!("{}s", fraction(rest, 1_000_000_000));
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}"),
                (0, m) => format!("{sign}{m}m{seconds}"),
                (h, m) => format!("{sign}{h}h{m}m{seconds}"),
            }
        }
    }
}

/// Go's `time.ParseDuration`, in nanoseconds.
fn parse(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 6e10,
            "h" => 3.6e12,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
        rest = after;
    }
    (!text.is_empty() && total < 9.2e18).then_some((sign * total) as i64)
}

/// The largest unit that fits more than once.
fn rounded(nanoseconds: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    const UNITS: [(u64, &str); 6] = [
        (365 * 86_400 * SECOND, "y"),
        (30 * 86_400 * SECOND, "mo"),
        (86_400 * SECOND, "d"),
        (3_600 * SECOND, "h"),
        (60 * SECOND, "m"),
        (SECOND, "s"),
    ];
    UNITS
        .iter()
        .find(|(size, _)| nanoseconds > *size)
        .map_or_else(|| "0s".into(), |(size, name)| format!("{}{name}", nanoseconds / size))
}
