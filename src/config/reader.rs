//! Reads values out of the [`Flags`], with the rules of precedence.

use super::problems::{Problems, Quoted, UsageError, Warning};
use super::scalar;
use crate::cli::flags::Flag;
use crate::cli::{Flags, Given, Source};

/// Reads values, and notes what is wrong with them.
pub struct Reader<'a> {
    flags: &'a Flags,
    problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    /// A reader of these flags.
    pub fn new(flags: &'a Flags, problems: &'a mut Problems) -> Self {
        Self { flags, problems }
    }

    /// The text of a flag, if it was given anywhere; may be empty.
    pub fn text(&self, flag: &Flag) -> Option<&'a Given> {
        self.flags.of(flag).next()
    }

    /// The text of a variable that has no flag.
    pub fn variable(&self, name: &'static str) -> Option<&'a Given> {
        self.flags.variable(name)
    }

    /// A value that is a word of its own. Text that is not one is an error wherever it appears.
    pub fn word<T>(&mut self, flag: &Flag, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let given = self.text(flag)?;
        self.parsed(given, parse)
    }

    /// A number or duration: an empty variable is as good as none, an unparsable one is warned of and
    /// passed over; on the command line both are errors.
    pub fn number<T>(&mut self, flag: &Flag, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        for given in self.flags.of(flag) {
            match given.source {
                Source::Flag(_) | Source::Named(_) => return self.parsed(given, parse),
                Source::Variable(name) => {
                    if let Some(value) = self.parsed_or_warn(name, given, &parse) {
                        return Some(value);
                    }
                }
            }
        }
        None
    }

    /// A number or duration in a variable, with the rules of [`Reader::number`].
    pub fn parsed_or_warn<T>(
        &mut self,
        name: &'static str,
        given: &Given,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if given.text.is_empty() {
            return None;
        }
        match parse(&given.text) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.warn(Warning::Variable { name, value: Quoted::new(&given.text), reason });
                None
            }
        }
    }

    /// A boolean, with the rules of [`Reader::number`].
    pub fn boolean(&mut self, flag: &Flag, default: bool) -> bool {
        self.number(flag, scalar::parse_bool).unwrap_or(default)
    }

    /// A value whose variable must not be misread either; an empty one is as good as none.
    pub fn strict<T>(&mut self, flag: &Flag, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let given = self.flags.of(flag).find(|g| !(g.text.is_empty() && matches!(g.source, Source::Variable(_))))?;
        self.parsed(given, parse)
    }

    /// One value that must be right wherever it appears.
    pub fn parsed<T>(&mut self, given: &Given, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match parse(&given.text) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.error(UsageError::value(given, reason));
                None
            }
        }
    }

    /// A list: split at commas, trimmed, empty items dropped. The items that are wrong for one and the
    /// same reason are reported together.
    pub fn list<T>(&mut self, given: Option<&Given>, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let Some(given) = given else { return Vec::new() };
        let mut good = Vec::new();
        let mut bad: Vec<(String, Vec<&str>)> = Vec::new();
        for item in items(&given.text) {
            match parse(item) {
                Ok(value) => good.push(value),
                Err(reason) => match bad.iter_mut().find(|(r, _)| *r == reason) {
                    Some((_, items)) => items.push(item),
                    None => bad.push((reason, vec![item])),
                },
            }
        }
        if good.is_empty() && bad.is_empty() && !given.text.trim().is_empty() {
            self.warn(Warning::EmptyList { source_: given.source, value: Quoted::new(&given.text) });
        }
        for (reason, items) in bad {
            self.error(UsageError::Items { source_: given.source, items: Quoted::all(items), reason });
        }
        good
    }

    /// A list, or `*` for all: then `None`.
    pub fn list_or_all<T>(
        &mut self,
        given: Option<&Given>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        if given.is_some_and(|g| g.text.trim() == "*") {
            return None;
        }
        Some(self.list(given, |item| match item {
            "*" => Err("* means all and must be the only item".to_owned()),
            item => parse(item),
        }))
    }

    /// Notes an error.
    pub fn error(&mut self, error: UsageError) {
        self.problems.errors.push(error);
    }

    /// Notes a warning.
    pub fn warn(&mut self, warning: Warning) {
        self.problems.warnings.push(warning);
    }
}

/// The items of a list.
pub fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}
