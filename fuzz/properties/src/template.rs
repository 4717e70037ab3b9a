//! Templates, with all functions, on data that stays the same.

use std::sync::LazyLock;

use sidecar_injector::template::{Error, Functions, Limits, Template, Value};
use sidecar_injector::{functions, json};

const NAME: &str = "fuzzed";

static FUNCTIONS: LazyLock<Functions> =
    LazyLock::new(|| functions::all(|name| (name == "KNOWN").then(|| "value".to_owned())));

/// What templates see.
static DATA: LazyLock<Value> = LazyLock::new(|| {
    let text = r#"{
        "text": "some text", "empty": "", "number": 15020, "float": 1.5, "yes": true, "no": false, "nothing": null,
        "list": ["a", "b c", null, 3], "none": [], "map": {"k1": "v1", "k2": {"k3": [1, {"k4": "v4"}]}},
        "labels": {"app": "a", "example.com/name": "b"}, "html": "<a href='x'>&\"</a>", "letters": "äöü€😀"
    }"#;
    json::parse(text.as_bytes()).expect("JSON").into()
});

/// Few enough that it ends soon.
const LIMITS: Limits = Limits { output: 1 << 16, rounds: 500, depth: 20 };
/// What a template may use that is tried again.
const LESS: Limits = Limits { output: 200, rounds: 20, depth: 5 };

/// A template that can be parsed ends, within its limits, and gives the same each time; text after it follows
/// unchanged. An error has its place.
pub fn template(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let template = match Template::parse(NAME, text, &FUNCTIONS) {
        Ok(template) => template,
        Err(error) => {
            assert!(error.execution.is_none(), "nothing is executed yet: {error}");
            return error_is_within(text, &error);
        }
    };
    let (result, out) = render(&template, &LIMITS);
    let mut marked = String::new();
    let marks = template.render_marked(&DATA, &LIMITS, &mut marked);
    assert_eq!(marks.as_ref().map(drop), result.as_ref().map(drop), "rendered a second time");
    assert_eq!(marked, out, "rendered a second time");
    if let Err(error) = &result {
        let execution = error.execution.as_ref().unwrap_or_else(|| panic!("without a place in the line: {error}"));
        assert!(execution.column <= error.source_line.len(), "{error}");
        assert!(!execution.executing.is_empty() || text.contains("\"\""), "{error}");
        return error_is_within(text, error);
    }
    assert!(out.len() <= LIMITS.output, "{} bytes", out.len());
    let marks = marks.unwrap_or_default();
    assert!(marks.is_sorted_by_key(|m| m.output), "{marks:?}");
    for mark in marks {
        assert!(mark.output <= out.len() && text.is_char_boundary(mark.source), "{mark:?}");
        assert!(template.line_of(&[mark], mark.output).is_some(), "{mark:?} has no line");
    }

    let (less, shorter) = render(&template, &LESS);
    assert!(less.is_err() || shorter == out, "with lower limits it is something else");
    assert!(shorter.len() > LESS.output || out.starts_with(&shorter), "with lower limits it begins as something else");
    if !text.contains("define") && !text.contains("block") {
        let longer = format!("{text}$@{{{{\"more\"}}}}");
        let longer = Template::parse(NAME, &longer, &FUNCTIONS).unwrap_or_else(|e| panic!("{e}"));
        let (result, all) = render(&longer, &LIMITS);
        assert!(result.is_err() || all == format!("{out}$@more"), "more after it gives {all:?}");
    }
}

fn render(template: &Template, limits: &Limits) -> (Result<(), Box<Error>>, String) {
    let mut out = String::new();
    (template.render(&DATA, limits, &mut out), out)
}

/// Checks the place of an error.
fn error_is_within(text: &str, error: &Error) {
    assert_eq!(error.template, NAME);
    assert!(!error.problem.is_empty(), "{error}");
    let line = error.line.checked_sub(1).and_then(|before| text.split('\n').nth(before));
    let line = line.unwrap_or_else(|| panic!("line {} of {text:?}: {error}", error.line));
    assert_eq!(error.source_line.trim_end_matches('\r'), line.trim_end_matches('\r'), "{error}");
    assert!(error.as_go().starts_with(&format!("template: {NAME}:{}:", error.line)), "{error}");
}
