//! Points in time as Kubernetes reads and writes them: RFC 3339, to the second.

use crate::value::Value;

/// What Kubernetes writes for a point in time that it has read: UTC without fractions, and null for Go's zero time.
/// None if the text is not by RFC 3339.
pub(super) fn canonical(text: &str) -> Option<Value> {
    let (date, rest) = text.split_at_checked(10)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, rest) = rest.strip_prefix('T')?.split_at_checked(8)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let exists = (1..=12).contains(&month) && (1..=days(year, month)).contains(&day);
    if !exists || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let zone = match rest.strip_prefix(['.', ',']) {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            (zone.len() < fraction.len()).then_some(zone)?
        }
        None => rest,
    };
    let minutes = day_number(year, month, day) * 1440 + hour * 60 + minute - offset(zone)?;
    let (year, month, day) = date_of(minutes.div_euclid(1440));
    let (hour, minute) = (minutes.rem_euclid(1440) / 60, minutes.rem_euclid(60));
    if (year, month, day, hour, minute, second) == (1, 1, 1, 0, 0, 0) {
        return Some(Value::Null);
    }
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z").into())
}

/// Three numbers with these numbers of digits.
fn numbers(text: &str, separator: char, lengths: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut next = |length| {
        let part = parts.next()?;
        let plain = part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse().ok())?
    };
    Some([next(lengths[0])?, next(lengths[1])?, next(lengths[2])?])
}

/// The minutes by which a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, rest) = match zone.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+')?),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let [hours, minutes, _] = numbers(&format!("{hours}:{minutes}:00"), ':', [2, 2, 2])?;
    (hours <= 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The number of a day, counted from the first of March of the year 0 on: leap days come last in such years.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 + day - 1
}

fn date_of(number: i64) -> (i64, i64, i64) {
    // Days in 400, 100, 4 and 1 years; the last of each group has one more or one less.
    let (era, day) = (number.div_euclid(146_097), number.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    let month = (day * 5 + 2) / 153;
    let day = day - (month * 153 + 2) / 5 + 1;
    let year = era * 400 + year + i64::from(month > 9);
    (year, (month + 2) % 12 + 1, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<String> {
        canonical(text).map(|v| v.as_str().unwrap_or("null").to_owned())
    }

    #[test]
    fn times_are_written_in_utc_to_the_second() {
        let same = "2024-02-29T23:59:59Z";
        assert_eq!(written(same).as_deref(), Some(same));
        assert_eq!(written("2024-03-01T01:29:59.999+01:30").as_deref(), Some(same));
        assert_eq!(written("2023-12-31T23:00:00-02:00").as_deref(), Some("2024-01-01T01:00:00Z"));
        assert_eq!(written("0001-01-01T00:00:00Z").as_deref(), Some("null"));
        assert_eq!(written("2000-02-29T00:00:00+24:59").as_deref(), Some("2000-02-27T23:01:00Z"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let texts = ["", "2024-01-01", "2024-02-30T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00", "x"];
        for text in texts.iter().chain(&["2024-01-01T00:00:00.Z", "2024-01-01 00:00:00Z", "2024-1-01T00:00:00Z"]) {
            assert_eq!(written(text), None, "{text}");
        }
        for day in ["2023-02-29", "1900-02-29", "2024-04-31", "2024-06-31", "2024-01-32", "2024-00-01", "2024-+1-01"] {
            assert_eq!(written(&format!("{day}T00:00:00Z")), None, "{day}");
        }
        for zone in ["+25:00", "+01:60", "+1:00", "01:00", "+01"] {
            assert_eq!(written(&format!("2024-01-01T00:00:00{zone}")), None, "{zone}");
        }
    }

    #[test]
    fn every_day_has_its_number() {
        let start = day_number(1899, 12, 31);
        let mut before = (1899, 12, 31);
        for number in start + 1..start + 200_000 {
            let (year, month, day) = date_of(number);
            assert_eq!(day_number(year, month, day), number);
            assert!(before < (year, month, day) && day <= days(year, month), "{year}-{month}-{day}");
            before = (year, month, day);
        }
    }
}
