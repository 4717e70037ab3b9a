//! How long to wait before something is tried again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Waits that double up to a limit.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    shortest: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(shortest: Duration, longest: Duration) -> Self {
        Backoff { shortest, longest, next: shortest }
    }

    /// The next wait.
    pub(super) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = self.next.saturating_mul(2).min(self.longest);
        scattered(wait)
    }

    /// Starts with the shortest wait again.
    pub(super) fn reset(&mut self) {
        self.next = self.shortest;
    }
}

/// Between three quarters of a time and all of it, at random: replicas that lost the same server do not all come back
/// at the same moment.
pub(super) fn scattered(time: Duration) -> Duration {
    // Each RandomState has its own seed, which is random enough here.
    let random = RandomState::new().hash_one(0_u8);
    time.mul_f64(1.0 - f64::from(u8::try_from(random % 256).unwrap_or_default()) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(1000));
        for longest in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.wait();
            assert!(wait <= ms(longest) && wait >= ms(longest * 3 / 4 - 1), "{wait:?} {longest}");
        }
        backoff.reset();
        assert!(backoff.wait() <= ms(100));
    }
}
