//! The words of a call that are no flags: a command, and the description of a packet.

use std::ffi::OsString;

use super::{CLEAN_PROGRAM, Command, Ignored, Invocation, PROGRAM, ShapeError, file_name, utf8};
use crate::text::shortened;

/// What Istio's script for virtual machines calls the program with.
const OF_VIRTUAL_MACHINES: &str = "init";

/// Takes the words of a call, which go before the name that the program was called by.
pub(super) fn take<'a>(call: &mut Invocation, words: impl Iterator<Item = &'a OsString>) {
    let mut command = None;
    for (index, word) in words.enumerate() {
        let Some(text) = utf8(word, || "an argument".to_owned(), &mut call.errors) else { continue };
        if command == Some(Command::Explain) {
            call.packet.push(text);
            continue;
        }
        let first = Some(file_name(word)).filter(|_| index == 0);
        let named = match first.as_deref().unwrap_or(&text) {
            PROGRAM => continue,
            CLEAN_PROGRAM => Some(Command::Clean),
            _ => Command::named(&text),
        };
        match (command, named) {
            (None, Some(_)) => command = named,
            // What only looks must not be taken for what removes.
            (Some(first), Some(second)) if first != second => {
                call.errors.push(ShapeError::TwoCommands(first.name(), second.name()));
            }
            (Some(_), Some(_)) => {}
            // If a flag is wrong, this may have been its value.
            (_, None) if text == OF_VIRTUAL_MACHINES || !call.errors.iter().all(ShapeError::is_of_a_word) => {
                call.ignored.push(Ignored::Stray(shortened(&text)));
            }
            (_, None) => {
                let error = ShapeError::NoCommand { similar: similar(&text), word: shortened(&text) };
                if !call.errors.contains(&error) {
                    call.errors.push(error);
                }
            }
        }
    }
    call.command = command.unwrap_or(call.command);
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
