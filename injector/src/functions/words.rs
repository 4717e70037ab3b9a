//! Functions on strings that know words: abbreviations, line breaks, and cases of identifiers.

use super::bounded;
use super::strings::{lower, upper};
use crate::template::{Functions, Type};

pub fn add(f: &mut Functions) {
    use Type::{Int, String};
    f.add("abbrev", &[Int, String], |a| {
        Ok(if a.int(0) < 4 { a.text(1).into() } else { abbreviate(a.text(1), 0, a.int(0)).into() })
    });
    f.add("abbrevboth", &[Int, Int, String], |a| {
        let (left, right, text) = (a.int(0), a.int(1), a.text(2));
        let too_short = right < 4 || left > 0 && right < 7;
        Ok(if too_short { text.into() } else { abbreviate(text, left, right).into() })
    });
    f.add("initials", &[String], |a| Ok(initials(a.text(0)).into()));
    f.add("swapcase", &[String], |a| Ok(swap_case(a.text(0)).into()));
    f.add("wrap", &[Int, String], |a| Ok(wrap(a.text(1), a.int(0), "", false)?.into()));
    f.add("wrapWith", &[Int, String, String], |a| Ok(wrap(a.text(2), a.int(0), a.text(1), true)?.into()));
    f.add("snakecase", &[String], |a| Ok(join_words(a.text(0), '_').into()));
    f.add("kebabcase", &[String], |a| Ok(join_words(a.text(0), '-').into()));
    f.add("camelcase", &[String], |a| Ok(pascal_case(a.text(0)).into()));
}

/// At most `width` bytes of the text, around `offset`, with `...` in place of what is left out. Empty if the width leaves no
/// room for that.
fn abbreviate(text: &str, offset: i64, width: i64) -> String {
    let (Ok(width), size) = (usize::try_from(width), text.len()) else { return String::new() };
    if width < 4 || size == 0 {
        return String::new();
    }
    if size <= width {
        return text.into();
    }
    let cut = |from: usize, to: usize| {
        String::from_utf8_lossy(text.as_bytes().get(from..to).unwrap_or_default()).into_owned()
    };
    let room = width - 3;
    let mut offset = usize::try_from(offset).unwrap_or(0).min(size);
    if size - offset < room {
        offset = size - room;
    }
    if offset <= 4 {
        return cut(0, room) + "...";
    }
    if width < 7 {
        return String::new();
    }
    match offset + room < size {
        true => format!("...{}", abbreviate(&cut(offset, size), 0, room as i64)),
        false => format!("...{}", cut(size - room, size)),
    }
}

fn initials(text: &str) -> String {
    text.split_whitespace().filter_map(|word| word.chars().next()).collect()
}

fn swap_case(text: &str) -> String {
    let swap = |c: char| {
        if c.is_uppercase() {
            lower(c)
        } else if c.is_lowercase() {
            upper(c)
        } else {
            c
        }
    };
    text.chars().map(swap).collect()
}

/// Lines of at most `width` bytes, broken at spaces; words that are longer stay whole, or are cut.
fn wrap(text: &str, width: i64, newline: &str, cut_words: bool) -> Result<String, crate::template::Failure> {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let newline = if newline.is_empty() { "\n" } else { newline };
    bounded((text.len() / width + 1).saturating_mul(newline.len()), "the text")?;
    let bytes = text.as_bytes();
    let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
    let mut out = Vec::with_capacity(text.len());
    let mut offset = 0;
    while bytes.len() - offset > width {
        if bytes.get(offset) == Some(&b' ') {
            offset += 1;
            continue;
        }
        let end = offset + width;
        let space = part(offset, end + 1).iter().rposition(|b| *b == b' ').map(|i| i + offset);
        let space = space.or_else(|| match cut_words {
            true => None,
            false => Some(part(end, bytes.len()).iter().position(|b| *b == b' ').map_or(bytes.len(), |i| i + end)),
        });
        let stop = space.unwrap_or(end);
        out.extend_from_slice(part(offset, stop));
        if stop == bytes.len() {
            offset = stop;
            break;
        }
        out.extend_from_slice(newline.as_bytes());
        offset = if space.is_some() { stop + 1 } else { stop };
    }
    out.extend_from_slice(part(offset, bytes.len()));
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn connects(c: char) -> bool {
    matches!(c, '-' | '_') || c.is_whitespace()
}

/// Words that begin with a capital, with nothing between them; leading and doubled connectors stay.
fn pascal_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next_if(|c| connects(*c)) {
        out.push(c);
    }
    let Some(first) = chars.next() else { return out };
    // A word in capitals keeps only its first one.
    let mut capitals = first.is_uppercase();
    let mut last = upper(first);
    for c in chars {
        if connects(last) {
            if connects(c) {
                out.push(last);
                continue;
            }
            capitals = c.is_uppercase();
            last = upper(c);
            continue;
        }
        out.push(last);
        capitals &= c.is_uppercase() || connects(c);
        last = if capitals { lower(c) } else { c };
    }
    out.push(last);
    out
}

/// What a run of characters in an identifier is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Connector,
    Punctuation,
    Upper,
    Letters,
    Number,
    Other,
    End,
}

fn kind(c: char) -> Word {
    if connects(c) {
        Word::Connector
    } else if c.is_ascii_punctuation() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~') {
        Word::Punctuation
    } else if c.is_uppercase() {
        Word::Upper
    } else if c.is_alphabetic() && c.is_lowercase() {
        Word::Letters
    } else if c.is_numeric() {
        Word::Number
    } else {
        Word::Other
    }
}

/// The first word of a text, and the rest.
fn next_word(text: &str) -> (Word, &str, &str) {
    let mut chars = text.char_indices();
    let Some((_, first)) = chars.next() else { return (Word::End, "", "") };
    let word = kind(first);
    let run = |same: &dyn Fn(Word) -> bool| {
        text.char_indices().find(|(i, c)| *i > 0 && !same(kind(*c))).map_or(text.len(), |(i, _)| i)
    };
    let end = match word {
        Word::Upper => match chars.next().map(|(_, c)| kind(c)) {
            Some(Word::Upper) => {
                let end = run(&|w| w == Word::Upper);
                let after = text.get(end..).and_then(|t| t.chars().next()).map(kind);
                // HTTPStatus is HTTP and Status.
                match after {
                    Some(Word::Letters) => {
                        text.get(..end).and_then(|t| t.char_indices().next_back()).map_or(end, |(i, _)| i)
                    }
                    _ => end,
                }
            }
            Some(Word::Letters) => run(&|w| w == Word::Letters),
            _ => first.len_utf8(),
        },
        Word::Connector | Word::Punctuation | Word::Letters | Word::Number | Word::Other => run(&|w| w == word),
        Word::End => 0,
    };
    let (head, rest) = text.split_at(end);
    let word = if word == Word::Upper && head.chars().any(|c| c.is_lowercase()) { Word::Upper } else { word };
    (word, head, rest)
}

fn push_lower(out: &mut String, word: &str, connector: char) {
    out.extend(word.chars().map(|c| if connects(c) { connector } else { lower(c) }));
}

/// An identifier's words in lower case with a connector between them. Numbers belong to the word before, unless letters
/// follow at once: `Bld4Floor` is `bld4_floor`, `HTTP2xx` is `http_2xx`.
fn join_words(text: &str, connector: char) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let (mut word, mut head, mut rest) = next_word(text);
    let joins = |w: Word| !matches!(w, Word::End | Word::Punctuation | Word::Connector);
    while !rest.is_empty() {
        if word != Word::Connector {
            push_lower(&mut out, head, connector);
        }
        let (before, last) = (word, head);
        (word, head, rest) = next_word(rest);
        match before {
            Word::Number => {
                while matches!(word, Word::Letters | Word::Number) {
                    push_lower(&mut out, head, connector);
                    (word, head, rest) = next_word(rest);
                }
                if joins(word) {
                    out.push(connector);
                }
            }
            Word::Connector => push_lower(&mut out, last, connector),
            Word::Punctuation | Word::End => {}
            Word::Upper | Word::Letters | Word::Other if word != Word::Number => {
                if joins(word) {
                    out.push(connector);
                }
            }
            Word::Upper | Word::Letters | Word::Other => {
                if rest.is_empty() {
                    continue;
                }
                let number = head;
                (word, head, rest) = next_word(rest);
                if word != Word::Letters {
                    push_lower(&mut out, number, connector);
                    if joins(word) {
                        out.push(connector);
                    }
                    continue;
                }
                out.push(connector);
                push_lower(&mut out, number, connector);
                while matches!(word, Word::Letters | Word::Number) {
                    push_lower(&mut out, head, connector);
                    (word, head, rest) = next_word(rest);
                }
                if joins(word) {
                    out.push(connector);
                }
            }
        }
    }
    push_lower(&mut out, head, connector);
    out
}
