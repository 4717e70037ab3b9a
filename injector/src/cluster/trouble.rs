//! A failure that continues is logged once, and so is its end.

use std::mem::Discriminant;
use std::time::{Duration, Instant};

use super::Error;
use super::backoff::{Backoff, scattered};
use super::pace::Pace;

/// Failures of one repeated operation.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What it is about: "nodes".
    resource: &'static str,
    /// The consequence, and which permission is needed.
    consequence: String,
    backoff: Backoff,
    pace: Pace,
    told: Vec<Discriminant<Error>>,
    well_since: Option<Instant>,
}

impl Trouble {
    pub(super) fn new(resource: &'static str, consequence: String, pace: Pace) -> Self {
        let backoff = Backoff::new(pace.shortest, pace.longest);
        Trouble { resource, consequence, backoff, pace, told: Vec::new(), well_since: None }
    }

    /// Logs a failure unless one of its kind has been logged already, and returns how long to wait.
    pub(super) fn failed(&mut self, error: &Error) -> Duration {
        self.well_since = None;
        let kind = std::mem::discriminant(error);
        if !self.told.contains(&kind) {
            self.told.push(kind);
            let consequence = &self.consequence;
            log::warn!(resource = self.resource; "{error}; {consequence}");
        }
        // An administrator has to change a role first.
        if matches!(error, Error::Forbidden { .. }) { scattered(self.pace.slow) } else { self.backoff.wait() }
    }

    /// How long to wait after something that is not a failure, but must not be repeated without a pause.
    pub(super) fn pause(&mut self) -> Duration {
        self.well_since = None;
        self.backoff.wait()
    }

    /// It works. If it works for a while, the failure is over; failures that come and go are not logged each time.
    pub(super) fn well(&mut self) {
        let since = *self.well_since.get_or_insert_with(Instant::now);
        if since.elapsed() < self.pace.steady {
            return;
        }
        self.backoff.reset();
        if !self.told.is_empty() {
            self.told.clear();
            log::info!(resource = self.resource; "the API server answers again");
        }
    }

    /// When to call `well` again, if that is needed.
    pub(super) fn is_over_in(&self) -> Option<Duration> {
        let since = self.well_since.filter(|_| !self.told.is_empty())?;
        Some(self.pace.steady.saturating_sub(since.elapsed()))
    }
}
