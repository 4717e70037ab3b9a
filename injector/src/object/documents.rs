//! A text taken apart into documents, as Kubernetes' YAML reader does it.

use std::borrow::Cow;

/// One document of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<'t> {
    /// Its text: lines that end with a line feed. A `---` line that follows another one belongs to it.
    pub text: Cow<'t, str>,
    /// Which document it is, counted from 1.
    pub number: usize,
    /// The line of the whole text on which it begins, counted from 1.
    pub line: usize,
}

/// A line that begins with `---` and continues with something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("after `---`, a line may only have blanks and a comment, not {rest:?}")]
pub struct SeparatorError {
    /// The line, counted from 1.
    pub line: usize,
    /// What follows `---`, cut to 80 characters.
    pub rest: String,
}

/// The documents of a text.
pub fn documents(text: &str) -> impl Iterator<Item = Result<Document<'_>, SeparatorError>> {
    let mut documents = Documents { rest: text, line: 1, number: 0 };
    std::iter::from_fn(move || documents.next().transpose())
}

struct Documents<'t> {
    rest: &'t str,
    line: usize,
    number: usize,
}

impl<'t> Documents<'t> {
    fn next(&mut self) -> Result<Option<Document<'t>>, SeparatorError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (first_line, mut length, mut lines) = (self.line, 0, 0);
        let mut rest = self.rest;
        while !rest.is_empty() {
            let (line, tail) = rest.split_at(rest.find('\n').map_or(rest.len(), |at| at + 1));
            rest = tail;
            if let Some(after) = line.strip_prefix("---") {
                let after = after.trim();
                if !after.is_empty() && !after.starts_with('#') {
                    let rest = after.chars().take(80).collect();
                    self.rest = "";
                    return Err(SeparatorError { line: first_line + lines, rest });
                }
                if length > 0 {
                    lines += 1;
                    break;
                }
            }
            length += line.len();
            lines += 1;
        }
        let text = self.rest.get(..length).unwrap_or_default();
        self.rest = rest;
        self.line += lines;
        self.number += 1;
        Ok(Some(Document { text: with_line_feeds(text), number: self.number, line: first_line }))
    }
}

/// The text with a line feed, and nothing else, at the end of each line.
fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if text.ends_with('\n') && !text.contains("\r\n") {
        return Cow::Borrowed(text);
    }
    let mut lines = text.replace("\r\n", "\n");
    if !lines.ends_with('\n') {
        lines.push('\n');
    }
    Cow::Owned(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(String, usize)> {
        documents(text).map(|d| d.map(|d| (d.text.into_owned(), d.line)).unwrap()).collect()
    }

    fn own(parts: &[(&str, usize)]) -> Vec<(String, usize)> {
        parts.iter().map(|(text, line)| ((*text).to_owned(), *line)).collect()
    }

    #[test]
    fn separators_divide_documents_and_are_dropped() {
        assert_eq!(split("a: 1\n---\nb: 2\n--- # next\nc: 3\n"), own(&[("a: 1\n", 1), ("b: 2\n", 3), ("c: 3\n", 5)]));
    }

    #[test]
    fn a_separator_before_any_text_stays() {
        assert_eq!(split("---\na: 1\n---\n---\nb: 2\n"), own(&[("---\na: 1\n", 1), ("---\nb: 2\n", 4)]));
        assert_eq!(split("---\n---\n"), own(&[("---\n", 1)]));
        assert_eq!(split(""), []);
    }

    #[test]
    fn every_line_ends_with_a_line_feed() {
        assert_eq!(split("a: 1\r\n---\r\nb: 2"), own(&[("a: 1\n", 1), ("b: 2\n", 3)]));
    }

    #[test]
    fn only_a_comment_may_follow_a_separator() {
        let errors: Vec<_> = documents("a: 1\n--- b: 2\n").collect();
        let expected = "after `---`, a line may only have blanks and a comment, not \"b: 2\"";
        assert_eq!(errors, [Err(SeparatorError { line: 2, rest: "b: 2".to_owned() })]);
        assert_eq!(errors[0].clone().unwrap_err().to_string(), expected);
        assert!(documents("----\n").next().unwrap().is_err());
    }
}
