//! Durations. What needs the clock or a time zone is in `refused`.

use super::numbers::to_int;
use crate::mesh::duration;
use crate::template::{Args, Functions, IntType, Kind, Type, Value};

pub fn add(f: &mut Functions) {
    f.add("duration", &[Type::Any], |a| {
        Ok(duration::to_go(number(a, |t| t.parse().ok()).wrapping_mul(1_000_000_000)).into())
    });
    f.add("durationRound", &[Type::Any], |a| Ok(rounded(number(a, duration::parse).unsigned_abs()).into()));
}

/// A text by its own rule, or an `int64`; anything else is 0.
fn number(args: Args<'_>, read: fn(&str) -> Option<i64>) -> i64 {
    let value = args.value(0);
    if let Value::String(text) = value {
        return read(text).unwrap_or(0);
    }
    if value.kind() == Kind::Int(IntType::Int64) { to_int(value) } else { 0 }
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
