//! Differences of two texts, line by line, as diff(1) and patch(1) know them.

use std::fmt::Write as _;

use similar::udiff::UnifiedHunkHeader;
use similar::{Algorithm, capture_diff_slices, group_diff_ops};

/// How many lines are shown before and after a difference.
const SURROUNDINGS: usize = 3;

/// The unified diff of two texts; empty if they are the same.
pub fn diff(from: &str, to: &str, title: &str) -> String {
    if from == to {
        return String::new();
    }
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<_>>();
    let (from, to) = (lines(from), lines(to));
    let mut out = format!("--- {title}\n+++ {title}\n");
    // A `TextDiff` would do the rest too, with 100 KB of algorithms that are not used.
    for hunk in group_diff_ops(capture_diff_slices(Algorithm::Myers, &from, &to), SURROUNDINGS) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", UnifiedHunkHeader::new(&hunk));
        for change in hunk.iter().flat_map(|operation| operation.iter_changes(&from, &to)) {
            let _ = write!(out, "{}{}", change.tag(), change.value());
            if !change.value().ends_with('\n') {
                out.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    out
}

/// The text with the colours that git uses. What is added or removed begins with `+` or `-`, in a table after two spaces.
pub fn coloured(text: &str) -> String {
    let line = |line: &str| {
        let start = line.strip_prefix("  ").unwrap_or(line);
        let colour = match start.chars().next() {
            Some('+') => "\u{1b}[32m",
            Some('-') => "\u{1b}[31m",
            Some('@' | '~') => "\u{1b}[36m",
            Some(_) | None => return line.to_owned(),
        };
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        format!("{colour}{line}\u{1b}[0m{end}")
    };
    text.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_with_its_surroundings() {
        let lines = |n: std::ops::Range<u32>| n.map(|i| format!("{i}\n")).collect::<String>();
        assert_eq!(
            diff(&lines(0..9), &lines(0..9).replace("5\n", "five\nmore\n"), "f"),
            "--- f\n+++ f\n@@ -3,7 +3,8 @@\n 2\n 3\n 4\n-5\n+five\n+more\n 6\n 7\n 8\n"
        );
        assert_eq!(diff("a\n", "a\n", "f"), "");
        assert_eq!(diff("", "a", "f"), "--- f\n+++ f\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n");
    }

    #[test]
    fn colours_are_git_s() {
        assert_eq!(coloured("+a\n b\n-c"), "\u{1b}[32m+a\u{1b}[0m\n b\n\u{1b}[31m-c\u{1b}[0m");
    }
}
