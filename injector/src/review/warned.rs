//! Warnings in the form that Kubernetes accepts: the API server puts them into HTTP headers, and kubectl prints them.

use std::fmt::Display;

use crate::json;
use crate::value::{Map, Value};

/// The API server truncates longer ones.
const LONGEST: usize = 256;
/// More than anyone would read. Together they stay within the API server's limit for one answer, 4096 characters.
const MOST: usize = 15;

/// The texts of warnings.
pub(super) fn texts(warnings: impl Iterator<Item = impl Display>) -> Vec<String> {
    let mut warnings = warnings.map(|warning| text(&warning.to_string()));
    let mut texts: Vec<_> = warnings.by_ref().take(MOST).collect();
    if warnings.next().is_some() {
        texts.push("there is more to warn of, which is left out".to_owned());
    }
    texts
}

/// One line without control characters, which a header cannot have.
fn text(warning: &str) -> String {
    let line = json::visible(warning).replace('\t', " ");
    match line.char_indices().nth(LONGEST) {
        None => line,
        Some(_) => line.chars().take(LONGEST - 1).chain(['…']).collect(),
    }
}

/// Adds warnings to a response, if there are any.
pub(super) fn add(response: &mut Map, warnings: &[String]) {
    if !warnings.is_empty() {
        response.insert("warnings", warnings.iter().map(String::as_str).collect::<Value>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_one_line_that_the_api_server_takes() {
        let long = format!("a\tb\n{}", "é".repeat(300));
        let made = texts([long.as_str(), "short"].into_iter());
        assert!(made[0].starts_with("a b\\u000aé") && made[0].ends_with("é…"), "{}", made[0]);
        assert_eq!((made[0].chars().count(), made[1].as_str()), (LONGEST, "short"));
    }

    #[test]
    fn warnings_together_are_within_the_limit() {
        let long = "x".repeat(400);
        let made = texts(std::iter::repeat_n(&long, 1000));
        assert_eq!(
            (made.len(), made.last().map(String::as_str)),
            (16, Some("there is more to warn of, which is left out"))
        );
        assert!(made.iter().map(String::len).sum::<usize>() < 4096);
        assert_eq!(texts(std::iter::repeat_n(&long, MOST)).len(), MOST);
    }
}
