//! Durations as Go and protobuf write and read them.

/// Nanoseconds in a second.
pub(super) const SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a minute.
pub(super) const MINUTE: i64 = 60 * SECOND;
/// Nanoseconds in an hour.
pub(super) const HOUR: i64 = 60 * MINUTE;
/// Nanoseconds in a millisecond.
pub(super) const MILLISECOND: i64 = 1_000_000;

const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", MILLISECOND),
    ("s", SECOND),
    ("m", MINUTE),
    ("h", HOUR),
];

/// Nanoseconds of a text such as `1m30s`, `-1.5h`, or `0`, as Go's `time.ParseDuration` reads it.
pub fn parse(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, after) = rest.split_at(digits(rest));
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(digits(after)),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let (unit, after) = after.split_at(after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len()));
        let (_, scale) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(scale.into())?)?.checked_add(part(fraction, scale))?;
        rest = after;
        if total > i128::from(i64::MAX) + i128::from(negative) {
            return None;
        }
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// The digits after a point, in nanoseconds. Fractions of a nanosecond are cut off.
fn part(fraction: &str, scale: i64) -> i128 {
    let digits = fraction.get(..fraction.len().min(18)).unwrap_or_default();
    let numerator: i128 = digits.parse().unwrap_or(0);
    let denominator = 10_i128.pow(u32::try_from(digits.len()).unwrap_or(0));
    numerator * i128::from(scale) / denominator
}

/// Seconds with 0, 3, 6 or 9 decimals and an `s`, as protobuf's JSON has them.
pub fn to_json(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let size = nanoseconds.unsigned_abs();
    let (seconds, rest) = (size / SECOND.unsigned_abs(), size % SECOND.unsigned_abs());
    match rest {
        0 => format!("{sign}{seconds}s"),
        _ if rest.is_multiple_of(1_000_000) => format!("{sign}{seconds}.{:03}s", rest / 1_000_000),
        _ if rest.is_multiple_of(1_000) => format!("{sign}{seconds}.{:06}s", rest / 1_000),
        _ => format!("{sign}{seconds}.{rest:09}s"),
    }
}

/// The text of Go's `Duration.String`: `1m30s`, `1.5s`, `300ms`.
pub fn to_go(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let size = nanoseconds.unsigned_abs();
    let (unit, scale) = match size {
        0 => return "0s".to_owned(),
        1..1_000 => ("ns", 1),
        1_000..1_000_000 => ("µs", 1_000),
        1_000_000..1_000_000_000 => ("ms", 1_000_000),
        _ => ("s", 1_000_000_000),
    };
    if unit != "s" {
        return format!("{sign}{}{unit}", decimal(size, scale));
    }
    let (minutes, rest) = (size / (60 * scale), size % (60 * scale));
    let seconds = decimal(rest, scale);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, m) => format!("{sign}{m}m{seconds}s"),
        (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
    }
}

/// `value / scale` without trailing zeros; `scale` is a power of ten.
fn decimal(value: u64, scale: u64) -> String {
    let (whole, rest) = (value / scale, value % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let text = format!("{rest:0width$}");
    format!("{whole}.{}", text.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let cases = [
            ("45s", Some(45 * SECOND)),
            ("1m30s", Some(90 * SECOND)),
            ("1.5s", Some(1500 * MILLISECOND)),
            ("-1s", Some(-SECOND)),
            ("+1h", Some(HOUR)),
            (".5s", Some(500 * MILLISECOND)),
            ("1.s", Some(SECOND)),
            ("10ms", Some(10 * MILLISECOND)),
            ("1µs", Some(1_000)),
            ("0", Some(0)),
            ("2562047h47m16.854775807s", Some(i64::MAX)),
            ("-2562047h47m16.854775808s", Some(i64::MIN)),
            ("2562047h47m16.854775808s", None),
            ("", None),
            ("-", None),
            ("3", None),
            (".s", None),
            ("x", None),
            ("1d", None),
            ("1s ", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse(text), want, "{text:?}");
        }
    }

    #[test]
    fn durations_are_written_as_protobuf_and_go_write_them() {
        let cases = [
            (0, "0s", "0s"),
            (90 * SECOND, "90s", "1m30s"),
            (1500 * MILLISECOND, "1.500s", "1.5s"),
            (-SECOND, "-1s", "-1s"),
            (10 * MILLISECOND, "0.010s", "10ms"),
            (1_000, "0.000001s", "1µs"),
            (1, "0.000000001s", "1ns"),
            (HOUR, "3600s", "1h0m0s"),
            (2 * HOUR + 5 * MINUTE + 250 * MILLISECOND, "7500.250s", "2h5m0.25s"),
        ];
        for (value, json, go) in cases {
            assert_eq!((to_json(value).as_str(), to_go(value).as_str()), (json, go));
        }
    }
}
