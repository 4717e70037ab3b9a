//! Small values: booleans, durations.

use std::time::Duration;

/// The spellings of a boolean, those of Go's `strconv.ParseBool`.
pub const BOOL_ALLOWED: &str = "1, t, T, true, TRUE, True, 0, f, F, false, FALSE or False";

/// Reads a boolean in one of the spellings of [`BOOL_ALLOWED`].
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("give {BOOL_ALLOWED}")),
    }
}

/// What a duration may be, for error messages.
pub const DURATION_ALLOWED: &str = "a duration longer than 0 with its unit, such as 5s, 500ms or 1m30s";

/// Reads a duration as Go's `time.ParseDuration` does, without a sign: numbers, fractions too, each with
/// a unit (`ns`, `us`, `ms`, `s`, `m`, `h`). What is bounded by none could not be done.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("give {DURATION_ALLOWED}");
    let mut rest = text;
    let mut nanoseconds = 0.0_f64;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let (number, tail) = rest.split_at(unit_at);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return Err(bad()),
        };
        nanoseconds += number.parse::<f64>().map_err(|_| bad())? * scale;
        rest = tail;
    }
    // Go's durations end at 2^63 nanoseconds, about 292 years.
    if !(1.0..i64::MAX as f64).contains(&nanoseconds) {
        return Err(bad());
    }
    Ok(Duration::from_nanos(nanoseconds as u64))
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
