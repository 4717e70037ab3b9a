//! The path of something in an object.

use std::fmt;

use crate::value::EcoString;
use crate::yaml;

/// A path into an object, such as `spec.containers[0].name`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Path {
    /// The innermost step first: paths are made on the way out of an object that has an error in it.
    steps: Vec<Step>,
}

#[derive(Clone, PartialEq, Eq)]
enum Step {
    Key(EcoString),
    Index(usize),
}

impl Path {
    /// Makes it the path as seen from the object that has it below a key.
    pub(super) fn push_key(&mut self, key: &str) {
        self.steps.push(Step::Key(key.into()));
    }

    /// Makes it the path as seen from the list that has it below an element.
    pub(super) fn push_index(&mut self, index: usize) {
        self.steps.push(Step::Index(index));
    }

    /// The path of steps from the outermost to the innermost.
    pub fn of(steps: &[yaml::Step<'_>]) -> Self {
        let owned = |step: &yaml::Step<'_>| match step {
            yaml::Step::Key(key) => Step::Key((*key).into()),
            yaml::Step::Index(index) => Step::Index(*index),
        };
        Path { steps: steps.iter().rev().map(owned).collect() }
    }

    /// The steps from the outermost to the innermost, as [`yaml::locate`] takes them.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = yaml::Step<'_>> {
        self.steps.iter().rev().map(|step| match step {
            Step::Key(key) => yaml::Step::Key(key),
            Step::Index(index) => yaml::Step::Index(*index),
        })
    }

    /// Whether it is the whole object.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("the object");
        }
        for (i, step) in self.steps().enumerate() {
            match step {
                yaml::Step::Index(index) => write!(f, "[{index}]")?,
                yaml::Step::Key(key) if !is_plain(key) => write!(f, "[{key:?}]")?,
                yaml::Step::Key(key) if i == 0 => f.write_str(key)?,
                yaml::Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

/// Fields, and the directives of strategic merge; not annotations and their like.
fn is_plain(key: &str) -> bool {
    let directive = key.starts_with('$') && !key.contains(char::is_control);
    directive || key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_users_write_it() {
        let mut path = Path::default();
        path.push_key("a.b/c");
        path.push_key("annotations");
        path.push_index(1);
        path.push_key("items");
        assert_eq!(path.to_string(), r#"items[1].annotations["a.b/c"]"#);
        assert_eq!(Path::of(&path.steps().collect::<Vec<_>>()), path);
        assert_eq!(path.steps().nth(1), Some(yaml::Step::Index(1)));
        assert_eq!(Path::default().to_string(), "the object");
    }
}
