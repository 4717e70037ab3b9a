//! Whether a call kept the promise.

use super::pod::{State, say};
use harness::Outcome;

/// A call that was disturbed, and what came of it.
pub struct Case<'a> {
    pub name: String,
    pub before: &'a State,
    pub wanted: &'a State,
    pub outcome: Outcome,
    pub now: State,
    /// Texts of which the error has to hold one.
    pub cause: &'a [&'a str],
}

/// How many kept it.
#[derive(Default)]
pub struct Tally {
    tried: usize,
    reached: usize,
    undone: usize,
    told: usize,
    broken: Vec<String>,
}

impl Tally {
    /// Judges a case: the wanted state and exit status 0, or the state before and another one, with an
    /// error that names the cause.
    pub fn judge(&mut self, case: &Case<'_>) -> bool {
        self.tried += 1;
        let Case { name, before, wanted, outcome, now, cause } = case;
        let errors = outcome.errors();
        let mut wrong = String::new();
        if outcome.succeeded() {
            if now != *wanted {
                wrong = format!("exit status 0, but against the wanted state:\n{}", now.against(wanted));
            }
        } else if now != *before {
            wrong = format!("{:?}, but against the state before:\n{}", outcome.status, now.against(before));
        } else if outcome.status == Some(1) && !cause.iter().any(|c| errors.contains(c)) {
            wrong = format!("the error names none of {cause:?}\n");
        } else if outcome.status != Some(1) {
            wrong = format!("exit status {:?}\n", outcome.status);
        }
        if wrong.is_empty() {
            *(if outcome.succeeded() { &mut self.reached } else { &mut self.undone }) += 1;
            return true;
        }
        self.broken.push(format!("{name}: {wrong}  error: {errors}"));
        false
    }

    /// A case in which every further request was refused, so that nothing could be rolled back: it has to report that.
    pub fn told(&mut self, name: &str, log: &str) {
        self.tried += 1;
        self.told += 1;
        if !log.contains("The current state is unknown") && !log.contains("Differences from the state before") {
            self.broken.push(format!("{name}: it does not say what is left"));
        }
    }

    /// Adds the cases of another one.
    pub fn add(&mut self, other: Self) {
        self.tried += other.tried;
        self.reached += other.reached;
        self.undone += other.undone;
        self.told += other.told;
        self.broken.extend(other.broken);
    }

    /// Prints the figures, and fails if the promise was broken.
    #[track_caller]
    pub fn say(self, what: &str) {
        let Self { tried, reached, undone, told, broken } = self;
        say(format_args!(
            "{what}: {tried} tried, {} kept the promise ({reached} reached the wanted state, {undone} changed nothing){}",
            tried - broken.len() - told,
            if told > 0 {
                format!("; {told} could not undo, every further request being refused, and said so")
            } else {
                String::new()
            }
        ));
        assert!(broken.is_empty(), "{} of {tried} broke the promise:\n{}", broken.len(), broken.join("\n"));
    }
}
