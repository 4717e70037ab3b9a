//! Go's `text/template`: the language of Istio's injection templates.
//!
//! A template is parsed once and rendered by any number of threads. Values are Go values as far as a template can see
//! (`value`), things that only the host program knows are `Object`s, and functions carry their parameters' types
//! (`function`), so that a wrong argument is reported as Go reports it, before the function is called.
//!
//! ```text
//! text ──lex──▶ tokens ──parse──▶ tree ──eval (values, functions)──▶ text
//! ```
//!
//! It differs from Go in three ways: texts are UTF-8 (what would cut a character in two leaves U+FFFD), output, loops and
//! depth are limited, and addresses are not printed.

mod ast;
mod builtin;
mod collection;
mod compare;
mod error;
mod eval;
mod expression;
mod float;
mod format;
pub mod function;
mod lex;
mod number;
mod object;
mod parse;
mod print;
mod quote;
pub mod reads;
#[cfg(test)]
mod tests;
pub mod value;

pub use builtin::{html, urlquery};
pub use collection::{ANY, Dict, List, Map, Typed};
pub use error::{Error, Execution};
pub use format::printf;
pub use function::{Args, Failure, Function, Functions, HostType, Type};
pub(crate) use number::parse_int;
pub use object::{Field, IntType, Kind, Object, UintType};
pub use print::{print, text, write};
pub use quote::quote;
pub use value::Value;

use parse::Trees;

/// What a rendering may use at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of output.
    pub output: usize,
    /// Rounds of all loops and calls of templates, together.
    pub rounds: usize,
    /// Templates that call templates, one inside the other. Each uses the thread's stack.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { output: 16 << 20, rounds: 1_000_000, depth: 200 }
    }
}

/// The source of a piece of the output in the template; used to find the template's line for a line of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The start of the piece in the output.
    pub output: usize,
    /// The start of its source in the template's text.
    pub source: usize,
    /// Whether it is the template's text itself; otherwise an action printed it.
    pub text: bool,
}

/// A parsed template.
pub struct Template {
    name: String,
    text: String,
    trees: Trees,
}

impl Template {
    /// Parses a template. The functions named in it must be among those given, or Go's own.
    pub fn parse(name: &str, text: &str, functions: &Functions) -> Result<Template, Box<Error>> {
        let trees = parse::parse(name, text, functions)?;
        Ok(Template { name: name.into(), text: text.into(), trees })
    }

    /// The template's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The template's text.
    pub fn source(&self) -> &str {
        &self.text
    }

    /// Appends what the template makes of the data to the output.
    pub fn render(&self, data: &Value, limits: &Limits, out: &mut String) -> Result<(), Box<Error>> {
        self.render_with(data, limits, out, None)
    }

    /// Like `render`, and records the source of each piece of the output.
    pub fn render_marked(&self, data: &Value, limits: &Limits, out: &mut String) -> Result<Vec<Mark>, Box<Error>> {
        let mut marks = Vec::new();
        self.render_with(data, limits, out, Some(&mut marks))?;
        Ok(marks)
    }

    fn render_with(
        &self,
        data: &Value,
        limits: &Limits,
        out: &mut String,
        marks: Option<&mut Vec<Mark>>,
    ) -> Result<(), Box<Error>> {
        match self.trees.get(self.name.as_str()) {
            Some(tree) => eval::render(self, tree, data, limits, out, marks),
            None => Ok(()),
        }
    }

    /// The template's line, from 1, that the byte at an offset of the output came from.
    pub fn line_of(&self, marks: &[Mark], output: usize) -> Option<usize> {
        let mark = marks.get(marks.partition_point(|m| m.output <= output).checked_sub(1)?)?;
        let source = if mark.text { mark.source + (output - mark.output) } else { mark.source };
        Some(self.text.get(..source)?.matches('\n').count() + 1)
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template").field("name", &self.name).finish_non_exhaustive()
    }
}
