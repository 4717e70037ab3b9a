//! What has been done about one webhook configuration, and when the next is due.

use tokio::time::Instant;

use super::backoff::Backoff;
use super::pace::Pace;
use crate::value::Value;

/// How often another CA has to overwrite this one before that is logged.
pub(super) const FIGHT: u32 = 3;

/// What has been done about one webhook configuration.
pub(super) struct Progress {
    pace: Pace,
    backoff: Backoff,
    /// When it may be patched again.
    pub(super) not_before: Instant,
    /// The result of the last patch. The watch may not have shown it yet.
    outcome: Option<Value>,
    /// The versions before that. The watch may still show them, one after the other.
    outdated: Vec<String>,
    /// How many times another client has overwritten this CA.
    reverted: u32,
    /// Whether this CA has not been set yet.
    is_first: bool,
    /// Whether the last patch failed.
    pub(super) failed: bool,
    /// Whether it was logged that no webhook in it is managed.
    pub(super) told_empty: bool,
}

impl Progress {
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        Progress {
            pace,
            backoff: Backoff::new(pace.patch.0, pace.patch.1),
            not_before: now,
            outcome: None,
            outdated: Vec::new(),
            reverted: 0,
            is_first: true,
            failed: false,
            told_empty: false,
        }
    }

    /// Starts over with another CA.
    pub(super) fn restart(&mut self, now: Instant) {
        let new = Progress::new(self.pace, now);
        let (outcome, outdated) = (self.outcome.take(), std::mem::take(&mut self.outdated));
        *self = Progress { outcome, outdated, told_empty: self.told_empty, ..new };
    }

    /// The latest known state of the configuration: what the watch shows, or the result of a patch to that.
    pub(super) fn latest(&mut self, found: &Value) -> Value {
        if let Some(outcome) = &self.outcome
            && self.outdated.iter().any(|version| version == version_of(found))
        {
            return outcome.clone();
        }
        self.outcome = None;
        self.outdated.clear();
        found.clone()
    }

    /// Records the result of a patch to the latest version.
    pub(super) fn made(&mut self, latest: &Value, outcome: Value) {
        self.outdated.push(version_of(latest).to_owned());
        self.outcome = Some(outcome);
    }

    /// Records an attempt, and returns how many times another client has overwritten this CA.
    pub(super) fn attempt(&mut self, now: Instant) -> u32 {
        // If the CA has stayed for several of the longest waits, no client keeps overwriting it.
        if now.duration_since(self.not_before) > self.pace.patch.1 * 5 {
            self.backoff.reset();
            self.reverted = 0;
        } else if !self.failed && !self.is_first {
            self.reverted += 1;
        }
        self.is_first = false;
        self.not_before = now + self.backoff.wait();
        self.reverted
    }
}

fn version_of(configuration: &Value) -> &str {
    configuration.str_at(&["resourceVersion"]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::value::Map;

    #[test]
    fn what_the_watch_has_not_shown_yet_is_known() {
        let version = |n: &str| Value::from(Map::from_iter([("resourceVersion", n)]));
        let mut progress = Progress::new(Pace::default(), Instant::now());
        assert_eq!(progress.latest(&version("1")), version("1"));
        progress.made(&version("1"), version("3"));
        assert_eq!(progress.latest(&version("1")), version("3"));
        progress.made(&version("3"), version("5"));
        for shown in ["1", "3", "5"] {
            assert_eq!(progress.latest(&version(shown)), version("5"), "{shown}");
        }
        assert_eq!(progress.latest(&version("6")), version("6"));
    }

    #[test]
    fn attempts_become_more_seldom_until_it_has_been_right_for_long() {
        let mut now = Instant::now();
        let mut progress = Progress::new(Pace::default(), now);
        let mut attempt = |after: Duration| {
            now += after;
            let reverted = progress.attempt(now);
            (reverted, progress.not_before - now)
        };
        let mut wait = Duration::ZERO;
        for longest in [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000] {
            let longest = Duration::from_millis(longest);
            wait = attempt(wait).1;
            assert!(wait <= longest && wait > longest.mul_f64(0.74), "{wait:?} {longest:?}");
        }
        assert_eq!(attempt(wait).0, 12);
        let (reverted, wait) = attempt(Duration::from_secs(400));
        assert!(reverted == 0 && wait <= Duration::from_millis(100), "{reverted} {wait:?}");
    }
}
