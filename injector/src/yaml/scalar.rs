//! How a string is written: which characters it has decides about its quotes.

use super::resolve;

/// The ways to write a string.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// The longest key, in bytes, that is written without `? ` before it.
const MAX_SIMPLE_KEY: usize = 128;

/// The style of a string; `simple_key`: as a key before `:`.
pub(super) fn style(text: &str, simple_key: bool) -> Style {
    let traits = Traits::of(text);
    if text.contains('\n') {
        let literal = !simple_key && !traits.special && !traits.space_before_break && !traits.trailing_space;
        return if literal { Style::Literal } else { Style::Double };
    }
    // yaml.v2 prints this key bare, and then reads it as the merge key.
    let merges = simple_key && text == "<<";
    if merges || !resolve::is_text(text) || traits.special || traits.space_before_break || traits.space_after_break {
        return Style::Double;
    }
    let plain = !traits.breaks && !traits.outer_blank && !traits.indicator;
    match (plain, traits.breaks && simple_key) {
        (_, true) => Style::Double,
        (true, false) => Style::Plain,
        (false, false) => Style::Single,
    }
}

/// Whether a key comes before `:` on its own line.
pub(super) fn is_simple_key(key: &str) -> bool {
    key.len() <= MAX_SIMPLE_KEY && !key.contains(is_break)
}

/// The line breaks of YAML 1.1.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What yaml.v2 prints unescaped: not the tab, and nothing beyond the basic plane. U+2028 and U+2029 are escaped though
/// yaml.v2 prints them: they are line breaks to YAML 1.1 alone, and yaml.v2 indents what follows.
pub(super) fn is_printable(c: char) -> bool {
    let basic =
        matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}');
    basic && !matches!(c, '\u{2028}' | '\u{2029}')
}

/// What matters about a string.
#[derive(Default)]
struct Traits {
    /// It begins like something else, or has `: ` or ` #` inside.
    indicator: bool,
    breaks: bool,
    /// A character that has to be escaped.
    special: bool,
    /// A space or line break at the start or end.
    outer_blank: bool,
    trailing_space: bool,
    space_before_break: bool,
    space_after_break: bool,
}

impl Traits {
    fn of(text: &str) -> Self {
        let mut traits = Traits { indicator: starts_like_another(text), ..Traits::default() };
        let mut previous = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let blank_follows = chars.peek().is_none_or(|c| matches!(c, ' ' | '\t'));
            let blank_before = previous.is_some_and(|c| matches!(c, ' ' | '\t' | '\0') || is_break(c));
            traits.indicator |= previous.is_some() && (c == ':' && blank_follows || c == '#' && blank_before);
            traits.special |= !is_printable(c);
            let after_break = previous.is_some_and(is_break);
            if c == ' ' {
                traits.space_after_break |= after_break;
            } else if is_break(c) {
                traits.breaks = true;
                traits.space_before_break |= previous == Some(' ');
            }
            previous = Some(c);
        }
        let outer = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
        traits.outer_blank = outer(text.chars().next()) || outer(previous);
        traits.trailing_space = previous == Some(' ');
        traits
    }
}

/// Whether the first characters of a text mean something in YAML.
fn starts_like_another(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.starts_with(b"---") || bytes.starts_with(b"...") {
        return true;
    }
    match bytes.first() {
        Some(b'?' | b':' | b'-') => matches!(bytes.get(1), None | Some(b' ' | b'\t')),
        Some(first) => b"#,[]{}&*!|>'\"%@`".contains(first),
        None => false,
    }
}
