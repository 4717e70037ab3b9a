//! The words of a call that are no flags: a command, and the description of a packet.

use super::{CLEAN_PROGRAM, Command, Ignored, PROGRAM, ShapeError, file_name};
use crate::text::shortened;

/// What Istio's script for virtual machines calls the program with.
const OF_VIRTUAL_MACHINES: &str = "init";

/// The words that are no flags.
#[derive(Default)]
pub(super) struct CommandWords {
    /// The command.
    pub(super) command: Option<Command>,
    /// What follows `explain`.
    pub(super) packet: Vec<String>,
}

impl CommandWords {
    /// Takes the next word; `index` counts from 0.
    pub(super) fn take(
        &mut self,
        index: usize,
        text: String,
        ignored: &mut Vec<Ignored>,
        errors: &mut Vec<ShapeError>,
    ) {
        if self.command == Some(Command::Explain) {
            return self.packet.push(text);
        }
        let first = Some(file_name(text.as_ref())).filter(|_| index == 0);
        let named = match first.as_deref().unwrap_or(&text) {
            PROGRAM => return,
            CLEAN_PROGRAM => Some(Command::Clean),
            _ => Command::named(&text),
        };
        match (self.command, named) {
            (None, Some(command)) => self.command = Some(command),
            // What only looks must not be taken for what removes.
            (Some(first), Some(second)) if first != second => {
                errors.push(ShapeError::TwoCommands(first.name(), second.name()));
            }
            (Some(_), Some(_)) => {}
            // If a flag is wrong, this may have been its value.
            (_, None) if text == OF_VIRTUAL_MACHINES || !errors.iter().all(ShapeError::is_of_a_word) => {
                ignored.push(Ignored::Stray(shortened(&text)));
            }
            (_, None) => {
                let error = ShapeError::NoCommand { similar: similar(&text), word: shortened(&text) };
                if !errors.contains(&error) {
                    errors.push(error);
                }
            }
        }
    }
}

/// What may have been meant: a command, or the value of a switch.
fn similar(word: &str) -> Option<String> {
    if matches!(word, "true" | "false") {
        return Some(format!("--FLAG={word}"));
    }
    // Letters may be in another order, too many, or one may be lacking.
    let word = word.to_ascii_lowercase();
    let lacking = |c: &Command| c.name().chars().filter(|letter| !word.contains(*letter)).count();
    let nearest = Command::ALL.into_iter().filter(|c| word.len() <= c.name().len() + 2).min_by_key(lacking)?;
    (lacking(&nearest) <= 1).then(|| nearest.name().to_owned())
}
