//! The lines of a template, and of what it rendered to, around something that is wrong.

use std::fmt;

use crate::json;
use crate::template::{self, Limits, Template};
use crate::yaml::{self, Position, Step};

/// How many rendered lines are shown before and after the wrong one.
const AROUND: usize = 2;
/// How much of a line is shown, in characters.
const WIDTH: usize = 100;

/// The lines around a place in rendered text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The template's line, from 1, that made the rendered one.
    pub line: Option<usize>,
    /// That line.
    pub text: String,
    /// Rendered lines and their numbers.
    pub rendered: Vec<(usize, String)>,
    /// The number of the wrong one.
    pub at: usize,
}

impl Context {
    /// The lines around a position. Renders again, to find the template's line.
    pub(super) fn of(template: &Template, data: &template::Value, rendered: &str, position: Position) -> Self {
        let before = rendered.split_inclusive('\n').take(position.line.saturating_sub(1));
        let start: usize = before.map(str::len).sum();
        let marks = template.render_marked(data, &Limits::default(), &mut String::new()).unwrap_or_default();
        let line = template.line_of(&marks, start + position.column.saturating_sub(1));
        let source = line.and_then(|line| template.source().lines().nth(line - 1)).unwrap_or_default();
        let first = position.line.saturating_sub(AROUND).max(1);
        let lines = rendered.lines().enumerate().skip(first - 1).take(position.line + AROUND + 1 - first);
        Context {
            line,
            text: shown(source.trim()),
            rendered: lines.map(|(index, line)| (index + 1, shown(line))).collect(),
            at: position.line,
        }
    }

    /// The lines around a path of what was rendered.
    pub(super) fn of_path<'p>(
        template: &Template,
        data: &template::Value,
        path: impl Iterator<Item = Step<'p>>,
    ) -> Option<Box<Self>> {
        let mut rendered = String::new();
        template.render(data, &Limits::default(), &mut rendered).ok()?;
        let position = yaml::locate(&rendered, &path.collect::<Vec<_>>())?;
        Some(Box::new(Self::of(template, data, &rendered, position)))
    }

    /// The rendered line that is wrong.
    pub fn rendered_line(&self) -> &str {
        self.rendered.iter().find(|(number, _)| *number == self.at).map_or("", |(_, line)| line)
    }
}

fn shown(line: &str) -> String {
    json::visible(line).chars().take(WIDTH).collect()
}

/// The template's line, and the rendered ones, each on a line of its own.
impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "\ntemplate:\n  > {line:4} | {}", self.text)?;
        }
        f.write_str("\nrendered:")?;
        for (number, line) in &self.rendered {
            let mark = if *number == self.at { '>' } else { ' ' };
            write!(f, "\n  {mark} {number:4} | {line}")?;
        }
        Ok(())
    }
}

/// A context, if there is one.
pub(super) struct Shown<'c>(pub(super) &'c Option<Box<Context>>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |context| context.fmt(f))
    }
}
