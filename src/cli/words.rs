//! The words of a call that are no flags: a command, and the description of a packet.

use super::{CLEAN_PROGRAM, Command, Ignored, PROGRAM, ShapeError, file_name, shortened};

/// The words that are no flags.
#[derive(Default)]
pub(super) struct Words {
    /// The command.
    pub(super) command: Option<Command>,
    /// What follows `explain`.
    pub(super) packet: Vec<String>,
}

impl Words {
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
        let program = Some(file_name(text.as_ref())).filter(|_| index == 0);
        let named = match program.as_deref() {
            Some(PROGRAM) => return,
            Some(CLEAN_PROGRAM) => Some(Command::Clean),
            Some(_) | None => Command::named(&text),
        };
        match (self.command, named) {
            (None, Some(command)) => self.command = Some(command),
            // What only looks must not be taken for what removes.
            (Some(first), Some(second)) if first != second => {
                errors.push(ShapeError::TwoCommands(first.name(), second.name()));
            }
            (Some(_), Some(_)) => {}
            (_, None) => ignored.push(Ignored::Stray(shortened(&text))),
        }
    }
}
