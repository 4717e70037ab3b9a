//! The outcome for people.

use std::fmt::Write as _;

use super::{CheckOutcome, CheckResult, Subject};

/// A line for each check: what, family, outcome, time, and further detail.
pub fn table(verdicts: &[CheckResult<'_>]) -> String {
    let mut rows = vec![["check", "family", "outcome", "time", "detail"].map(str::to_owned)];
    rows.extend(verdicts.iter().map(|v| {
        let time = v.observation.as_ref().map_or_else(|| "-".to_owned(), |o| format!("{:.1?}", o.time));
        [v.check.subject.to_string(), v.check.family.to_string(), v.outcome.name().to_owned(), time, detail(v)]
    }));
    let width =
        |column: usize| rows.iter().filter_map(|r| r.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..4).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths.get(column).copied().unwrap_or(0);
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

/// The table's text; the failure's message has the rest.
fn detail(verdict: &CheckResult<'_>) -> String {
    match &verdict.outcome {
        CheckOutcome::Failed(_) => "see below".to_owned(),
        CheckOutcome::Passed(text) | CheckOutcome::Partly(text) | CheckOutcome::NotChecked(text) => text.clone(),
    }
}

/// What failed, a line each; what is wrong if nothing at all was proved; `None` if all is well.
pub fn problems(verdicts: &[CheckResult<'_>]) -> Option<String> {
    let failed: Vec<_> =
        verdicts.iter().filter(|v| matches!(v.outcome, CheckOutcome::Failed(_))).map(problem).collect();
    if !failed.is_empty() {
        return Some(failed.join("\n"));
    }
    if verdicts.iter().any(|v| v.outcome.proves()) {
        return None;
    }
    let of_inbound = verdicts.iter().filter(|v| v.check.subject == Subject::Inbound).map(problem);
    Some(format!("inconclusive: nothing could be checked:\n{}", of_inbound.collect::<Vec<_>>().join("\n")))
}

fn problem(verdict: &CheckResult<'_>) -> String {
    let to = verdict.observation.as_ref().and_then(|o| o.to);
    let to = to.map(|to| format!(", connection to {to}")).unwrap_or_default();
    format!("{}: {}{to}: {}", verdict.check.family, verdict.check.subject, verdict.outcome.detail())
}
