//! What can be wrong with a template.

use std::fmt;

/// An error in a template, in Go's words, with the template's line below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The name of the template as it was parsed.
    pub template: String,
    /// The line, from 1.
    pub line: usize,
    /// For errors while rendering: the byte in the line, from 0 as Go counts; the template that was executed (its own name
    /// or that of a `define`); and the expression.
    pub execution: Option<Execution>,
    /// What is wrong.
    pub problem: String,
    /// The template's line.
    pub source_line: String,
}

/// The place in an execution at which an error happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The byte in the line, from 0.
    pub column: usize,
    /// The template that was executed.
    pub executing: String,
    /// The expression.
    pub expression: String,
}

impl Error {
    pub(super) fn new(template: &str, text: &str, pos: usize, problem: String) -> Error {
        let before = text.get(..pos).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        Error {
            template: template.into(),
            line: before.matches('\n').count() + 1,
            execution: None,
            problem,
            source_line: line.into(),
        }
    }

    /// Go's text alone, without the template's line.
    pub fn as_go(&self) -> String {
        let Error { template, line, execution, problem, .. } = self;
        match execution {
            None => format!("template: {template}:{line}: {problem}"),
            Some(Execution { column, executing, expression }) => format!(
                "template: {template}:{line}:{column}: executing {} at <{expression}>: {problem}",
                super::quote::quote(executing)
            ),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{} | {}", self.as_go(), self.line, self.source_line)
    }
}

impl std::error::Error for Error {}
