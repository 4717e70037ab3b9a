//! Log lines on standard error: one line for each event, as text or JSON.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::SystemTime;

use log::kv::{self, Key, Value, VisitSource};
use log::{Level, LevelFilter, Log, Metadata, Record};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::json;
use crate::review::{Answer, Outcome};
use crate::value::{Map, Value as Tree};

/// The format of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `TIME LEVEL message key=value`
    Text,
    /// One JSON object for each line.
    Json,
}

struct Logger(Format);

/// Logs this crate's events from now on. A second call changes the level only.
pub fn start(format: Format, level: LevelFilter) {
    let _ = log::set_boxed_logger(Box::new(Logger(format)));
    log::set_max_level(level);
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Events of libraries are left out: they are about bytes and frames.
        metadata.target().starts_with("sidecar_injector")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = line(self.0, record, SystemTime::now());
            // There is nowhere left to report this.
            let _ = io::stderr().lock().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

/// One line about an answer, with nothing from the pod but its names and an invalid switch.
pub(super) fn answered(answer: &Answer) {
    let level = match &answer.outcome {
        Outcome::Refused(_) => Level::Error,
        Outcome::Injected { .. } | Outcome::Skipped(_) | Outcome::Passed(_) => Level::Debug,
    };
    if level > log::max_level() {
        return;
    }
    let fields = answer.log_fields();
    let arguments = format_args!("pod {}", answer.outcome.word());
    let record = Record::builder().level(level).target(module_path!()).args(arguments).key_values(&fields).build();
    log::logger().log(&record);
}

fn line(format: Format, record: &Record<'_>, time: SystemTime) -> String {
    let (time, level, message) = (rfc3339(time), record.level(), record.args().to_string());
    match format {
        Format::Text => {
            let mut fields = Text(format!("{time} {level:<5} "));
            fields.message(&message);
            let _ = record.key_values().visit(&mut fields);
            fields.0.push('\n');
            fields.0
        }
        Format::Json => {
            let mut fields = Json(Map::from_iter([
                ("time", Tree::from(time)),
                ("level", Tree::from(level.as_str().to_ascii_lowercase())),
                ("msg", Tree::from(message)),
            ]));
            let _ = record.key_values().visit(&mut fields);
            json::to_string(&fields.0) + "\n"
        }
    }
}

struct Text(String);

impl Text {
    /// Text from outside must not look like a separate line or field.
    fn message(&mut self, message: &str) {
        for c in message.chars() {
            if c == '\'' || c == '"' || c == '\\' { self.0.push(c) } else { self.0.extend(c.escape_debug()) }
        }
    }
}

impl<'kvs> VisitSource<'kvs> for Text {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let value = value.to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@+".contains(c);
        // Writing to memory cannot fail.
        let _ = if !value.is_empty() && value.chars().all(plain) {
            write!(self.0, " {key}={value}")
        } else {
            write!(self.0, " {key}={value:?}")
        };
        Ok(())
    }
}

struct Json(Map);

impl<'kvs> VisitSource<'kvs> for Json {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let tree = match (value.to_i64(), value.to_bool()) {
            (Some(number), _) => Tree::from(number),
            (None, Some(truth)) => Tree::Bool(truth),
            (None, None) => Tree::from(value.to_string()),
        };
        self.0.insert(key.as_str(), tree);
        Ok(())
    }
}

/// A time as RFC 3339 writes it, in UTC.
pub(super) fn rfc3339(time: SystemTime) -> String {
    let milliseconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis());
    let nanoseconds = i128::try_from(milliseconds).unwrap_or_default() * 1_000_000;
    let formatted = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).map(|time| time.format(&Rfc3339));
    formatted.map_or_else(|_| String::new(), Result::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn logged(format: Format, message: &str, fields: &[(&str, Value<'_>)]) -> String {
        let fields = fields.to_vec();
        let record = |arguments: std::fmt::Arguments<'_>| {
            let mut builder = Record::builder();
            let record = builder.level(Level::Info).args(arguments).key_values(&fields).build();
            line(format, &record, SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_000_000_123))
        };
        record(format_args!("{message}"))
    }

    #[test]
    fn a_line_has_time_level_message_and_fields() {
        let fields = [("namespace", Value::from("default")), ("empty", Value::from("")), ("count", Value::from(3))];
        assert_eq!(
            logged(Format::Text, "pod injected", &fields),
            "2025-11-24T16:00:00.123Z INFO  pod injected namespace=default empty=\"\" count=3\n"
        );
        assert_eq!(
            logged(Format::Json, "pod injected", &fields),
            "{\"count\":3,\"empty\":\"\",\"level\":\"info\",\"msg\":\"pod injected\",\"namespace\":\"default\",\
             \"time\":\"2025-11-24T16:00:00.123Z\"}\n"
        );
    }

    #[test]
    fn no_text_breaks_out_of_its_line_or_field() {
        let evil = "x\n2026 ERROR forged\r\u{1b}[31m\u{2028} key=value";
        for format in [Format::Text, Format::Json] {
            let line = logged(format, evil, &[("name", Value::from(evil))]);
            let inner = line.strip_suffix('\n').unwrap();
            assert!(!inner.contains(['\n', '\r', '\u{1b}', '\u{2028}']), "{line:?}");
        }
        let text = logged(Format::Text, "m", &[("name", Value::from(evil))]);
        assert!(text.contains(" name=\"x\\n2026 ERROR forged"), "{text}");
    }
}
