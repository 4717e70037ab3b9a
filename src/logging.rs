//! The log: lines on standard error, as Istio's programs write them or as JSON.

use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::{LevelFilter, Log, Metadata, Record};

use crate::text::{Printable, json_string};

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logging {
    /// The least important level that is written.
    pub level: LevelFilter,
    /// JSON objects in place of text.
    pub json: bool,
}

impl Default for Logging {
    fn default() -> Self {
        Self { level: LevelFilter::Info, json: false }
    }
}

impl Logging {
    /// Makes this the process's log. A second call changes nothing but the level: there is one log a process.
    pub fn install(self) {
        log::set_max_level(self.level);
        // An error only means that there is a log already.
        let _ = log::set_boxed_logger(Box::new(self));
    }

    fn line(&self, record: &Record<'_>) -> String {
        let text = record.args().to_string();
        if self.json {
            let (time, level) = (now(), word(record.level()));
            format!("{{\"time\":\"{time}\",\"level\":\"{level}\",\"msg\":{}}}\n", json_string(&text))
        } else {
            log_line(record.level(), &text)
        }
    }
}

/// A line of the log: time, level and text, with tabs between them. Control characters in the text are escaped.
pub fn log_line(level: log::Level, text: &str) -> String {
    format!("{}\t{}\t{}\n", now(), word(level), Printable(text))
}

fn now() -> String {
    utc(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

const fn word(level: log::Level) -> &'static str {
    match level {
        log::Level::Error => "error",
        log::Level::Warn => "warn",
        log::Level::Info => "info",
        log::Level::Debug | log::Level::Trace => "debug",
    }
}

impl Log for Logging {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            // One write a line, so that the lines of two calls do not mix. There is nowhere to report a
            // standard error that cannot be written to.
            let _ = std::io::stderr().write_all(self.line(record).as_bytes());
        }
    }

    fn flush(&self) {}
}

/// A time since 1970 as `2026-08-01T12:34:56.123456Z`. The days are counted from a 1 March, so that
/// the leap day is a year's last (H. Hinnant, "chrono-compatible low-level date algorithms").
fn utc(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        time.subsec_micros()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let printed = |microseconds| utc(Duration::from_micros(microseconds));
        assert_eq!(printed(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(printed(951_782_400_000_000), "2000-02-29T00:00:00.000000Z");
        assert_eq!(printed(1_785_587_696_123_456), "2026-08-01T12:34:56.123456Z");
        assert_eq!(printed(4_107_542_399_999_999), "2100-02-28T23:59:59.999999Z");
    }

    #[test]
    fn no_text_steers_a_terminal() {
        let printed = |text| Printable(text).to_string();
        assert_eq!(printed("two\nlines\tand é"), "two\nlines\tand é");
        assert_eq!(printed("a\u{1b}[2J\u{9b}\rb\0"), "a\\u{1b}[2J\\u{9b}\\rb\\u{0}");
        let record = Record::builder().level(log::Level::Warn).args(format_args!("\u{1b}c")).build();
        assert!(Logging::default().line(&record).ends_with("\twarn\t\\u{1b}c\n"));
    }

    #[test]
    fn both_forms() {
        let record = Record::builder().level(log::Level::Warn).args(format_args!("two\nlines")).build();
        let text = Logging::default().line(&record);
        assert!(text.contains("Z\twarn\ttwo\nlines\n"), "{text}");
        let json = Logging { json: true, ..Logging::default() }.line(&record);
        assert!(json.ends_with("\"level\":\"warn\",\"msg\":\"two\\nlines\"}\n"), "{json}");
    }
}
