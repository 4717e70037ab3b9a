//! The positions of everything in a text.

use std::ops::Range;

use granit_parser::{Event, Parser, Span, StrInput};

use super::{Position, read};

/// A value of a text, and the bytes that it spans. A value that is an alias has no parts of its own here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// From its first byte up to its end. Of an entry of a map, its key is not part of it.
    pub bytes: Range<usize>,
    /// The entries of a map: the key, its start, and the value.
    pub entries: Vec<(String, usize, Outline)>,
    /// The elements of a list.
    pub elements: Vec<Outline>,
}

/// The outline of the first document; nothing if the text is no YAML, or has no document.
pub fn outline(text: &str) -> Option<Outline> {
    let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut reader = Reader { text, lines, parser: read::parser(text) };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(..), _) => {}
            (Event::StreamEnd | Event::DocumentEnd, _) => return None,
            (event, span) => return reader.value(&event, span, 0),
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    /// The start of each line.
    lines: Vec<usize>,
    parser: Parser<'t, StrInput<'t>>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Option<(Event<'t>, Span)> {
        read::next(&mut self.parser).ok()?
    }

    fn byte(&self, position: Position) -> usize {
        let start = self.lines.get(position.line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..).unwrap_or_default();
        start + line.char_indices().nth(position.column - 1).map_or(line.len(), |(at, _)| at)
    }

    fn value(&mut self, event: &Event<'_>, span: Span, depth: usize) -> Option<Outline> {
        let start = self.byte(read::start(span));
        let mut outline = Outline { bytes: start..start, ..Outline::default() };
        if depth > read::MAX_DEPTH {
            return None;
        }
        if let Event::MappingStart(..) = event {
            loop {
                let key = match self.next()? {
                    (Event::MappingEnd, _) => break,
                    (Event::Scalar(key, ..), span) => (key.to_string(), self.byte(read::start(span))),
                    (other, span) => (String::new(), self.value(&other, span, depth + 1)?.bytes.start),
                };
                let (event, span) = self.next()?;
                let value = self.value(&event, span, depth + 1)?;
                outline.bytes.end = outline.bytes.end.max(value.bytes.end).max(key.1);
                outline.entries.push((key.0, key.1, value));
            }
        } else if let Event::SequenceStart(..) = event {
            loop {
                match self.next()? {
                    (Event::SequenceEnd, _) => break,
                    (event, span) => {
                        let value = self.value(&event, span, depth + 1)?;
                        outline.bytes.end = outline.bytes.end.max(value.bytes.end);
                        outline.elements.push(value);
                    }
                }
            }
        } else {
            let end = Position { line: span.end.line(), column: span.end.col() + 1 };
            outline.bytes.end = self.byte(end).max(start);
        }
        Some(outline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        fn tell(text: &str, outline: &Outline, path: &str, out: &mut Vec<String>) {
            let bytes = text.get(outline.bytes.clone()).unwrap();
            out.push(format!("{path}={bytes}"));
            for (key, start, value) in &outline.entries {
                assert!(text.get(*start..).unwrap().trim_start_matches('"').starts_with(key.as_str()));
                tell(text, value, &format!("{path}.{key}"), out);
            }
            for (index, value) in outline.elements.iter().enumerate() {
                tell(text, value, &format!("{path}[{index}]"), out);
            }
        }
        let mut out = Vec::new();
        tell(text, &outline(text).unwrap(), "", &mut out);
        out
    }

    #[test]
    fn every_value_has_its_position() {
        let text = "é: [1, \"two\"]\nlist:\n- name: a\n  more: {x: y}\n- b\n";
        assert_eq!(
            told(text),
            [
                "=é: [1, \"two\"]\nlist:\n- name: a\n  more: {x: y}\n- b",
                ".é=[1, \"two\"",
                ".é[0]=1",
                ".é[1]=\"two\"",
                ".list=name: a\n  more: {x: y}\n- b",
                ".list[0]=name: a\n  more: {x: y",
                ".list[0].name=a",
                ".list[0].more={x: y",
                ".list[0].more.x=y",
                ".list[1]=b",
            ]
        );
    }

    #[test]
    fn what_is_no_yaml_has_no_outline() {
        assert_eq!(outline("a: [1"), None);
        assert_eq!(outline(""), None);
    }
}
