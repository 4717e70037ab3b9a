//! Small values: booleans, durations.

use std::time::Duration;

/// Reads a boolean in one of the spellings of Go's `strconv.ParseBool`.
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("give 1, t, T, true, TRUE, True, 0, f, F, false, FALSE or False".to_owned()),
    }
}

/// Reads a duration as Go's `time.ParseDuration` does, without a sign: numbers, fractions too, each with
/// a unit (`ns`, `us`, `ms`, `s`, `m`, `h`). Zero is refused: nothing can be done within it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    // Go's durations end at 2^63 nanoseconds, about 292 years.
    let nanoseconds = nanoseconds(text).filter(|n| (1..i64::MAX as u64).contains(n));
    let duration = nanoseconds.map(Duration::from_nanos);
    duration.ok_or_else(|| "give a duration longer than 0 with its unit, such as 5s, 500ms or 1m30s".to_owned())
}

/// In whole numbers, since reading fractions as `f64` takes 14 KB.
fn nanoseconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let mut place = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if !whole.is_empty() || fraction.is_empty() {
            sum = whole.parse::<u64>().ok()?.checked_mul(place)?.checked_add(sum)?;
        }
        for digit in fraction.chars() {
            place /= 10;
            sum = sum.checked_add(place * u64::from(digit.to_digit(10)?))?;
        }
        rest = tail;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1.5h"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("0.25m.5s"), Ok(Duration::from_millis(15_500)));
        assert_eq!(parse_duration("5.s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse_duration("1.0000000019999s"), Ok(Duration::from_nanos(1_000_000_001)));
        for bad in
            ["", "0", "0s", "0.1ns", "5", "s", "-5s", "5 s", "5x", "1..5s", ".s", "5s ", "99999999999999h", "5sms"]
        {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn booleans() {
        assert_eq!(parse_bool("T"), Ok(true));
        assert_eq!(parse_bool("False"), Ok(false));
        assert!(parse_bool("yes").is_err() && parse_bool("").is_err() && parse_bool("tRUE").is_err());
    }
}
