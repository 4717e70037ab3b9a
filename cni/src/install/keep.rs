//! Keeps the plugin in place: looks when something happens, and leaves other writers their time.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::error::InstallError;
use super::object::Object;
use super::watch::{Watch, Woken};
use super::{Pass, Places, Standing, serve};

/// How an installer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All is in place.
    Installed,
    /// A signal ended it.
    BySignal,
}

/// When an installer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// As soon as all is in place, or something fails.
    Installed,
    /// When a signal asks for it.
    Signal,
}

/// The first and the longest time between two tries.
const RETRY: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(60)];

/// Repairs that follow each other faster than this are a quarrel.
const QUARREL: Duration = Duration::from_secs(10);

/// The number of repairs that are made at once: other programs write a file more than once when they start.
const AT_ONCE: u32 = 3;

/// Installs, and keeps the plugin installed. Answers health checks on `listener`.
pub fn keep(
    places: &Places,
    object: &Object,
    until: Until,
    listener: Option<TcpListener>,
) -> Result<Ended, InstallError> {
    // Before there are threads: signals are blocked in all of them.
    let mut watch = Watch::new([&places.configurations, &places.binaries])?;
    if let Some(listener) = listener {
        serve::start(listener, places.clone(), object.clone())?;
    }
    let mut keeper = Keeper::default();
    loop {
        // First the watch, then the look: what happens between them is seen.
        let pass = watch.follow().and_then(|()| places.install(object));
        let now = Instant::now();
        let next = match (pass, until) {
            (Ok(pass), _) => {
                let installed = matches!(pass.standing, Standing::Installed { .. });
                let next = keeper.passed(&pass, now);
                if installed && until == Until::Installed {
                    return Ok(Ended::Installed);
                }
                next
            }
            (Err(error), Until::Installed) if !error.is_passing() => return Err(error),
            (Err(error @ InstallError::Deleted { .. }), _) => return Err(error),
            (Err(error), _) => keeper.failed(&error, now),
        };
        if let Woken::End(signal) = watch.wait(next.not_before, next.at_latest)? {
            log::info!("exiting on {signal}");
            return Ok(Ended::BySignal);
        }
    }
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Next {
    not_before: Instant,
    at_latest: Option<Instant>,
}

/// What was logged and done before, so that nothing is logged twice and repairs back off.
#[derive(Debug, Default)]
struct Keeper {
    said: BTreeSet<String>,
    failures: u32,
    repairs: u32,
    repaired: Option<Instant>,
    was_in_place: bool,
}

impl Keeper {
    fn passed(&mut self, pass: &Pass, now: Instant) -> Next {
        self.failures = 0;
        let mut said = BTreeSet::new();
        for note in &pass.notes {
            self.once(note, &mut said, log::Level::Warn);
        }
        pass.done.iter().for_each(|done| log::info!("{done}"));
        let (installed, again) = match &pass.standing {
            Standing::Installed { file } => {
                self.once(&format!("in place, in {}", file.display()), &mut said, log::Level::Info);
                (true, None)
            }
            Standing::Waiting { reason, again } => {
                if again.is_none() {
                    self.once(&format!("waiting: {reason}"), &mut said, log::Level::Info);
                }
                (false, *again)
            }
        };
        self.said = said;
        let hold = self.hold(installed && !pass.done.is_empty(), now);
        self.was_in_place |= installed;
        if hold > Duration::ZERO {
            log::warn!(
                "this was repair number {} in a short time: another program writes the same files, which are checked \
                 again in {hold:?} at the earliest; keep that program from writing them (Cilium: cni.exclusive=false), \
                 or uninstall one of the two",
                self.repairs
            );
        }
        Next { not_before: now + hold, at_latest: again.map(|again| now + again) }
    }

    /// How long to leave the files alone after a repair.
    fn hold(&mut self, repaired: bool, now: Instant) -> Duration {
        if !repaired || !self.was_in_place {
            return Duration::ZERO;
        }
        let quiet = self.repaired.is_none_or(|last| now.duration_since(last) > QUARREL + 2 * back_off(self.repairs));
        self.repairs = if quiet { 1 } else { self.repairs.saturating_add(1) };
        self.repaired = Some(now);
        back_off(self.repairs)
    }

    fn failed(&mut self, error: &InstallError, now: Instant) -> Next {
        let mut said = BTreeSet::new();
        self.once(&error.to_string(), &mut said, log::Level::Error);
        self.said = said;
        let [first, longest] = RETRY;
        let delay = longest.min(first * 2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        // A change may be the remedy, unless it is this failure's own doing.
        Next { not_before: now + delay.min(Duration::from_secs(1)), at_latest: Some(now + delay) }
    }

    /// Logs what was not logged the last time.
    fn once(&self, text: &str, said: &mut BTreeSet<String>, level: log::Level) {
        if !self.said.contains(text) {
            log::log!(level, "{text}");
        }
        said.insert(text.to_owned());
    }
}

fn back_off(repairs: u32) -> Duration {
    let [first, longest] = RETRY;
    match repairs.checked_sub(AT_ONCE + 1) {
        None => Duration::ZERO,
        Some(more) => longest.min(first.saturating_mul(2_u32.saturating_pow(more))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired() -> Pass {
        let standing = Standing::Installed { file: "a".into() };
        Pass { standing, done: vec!["b".to_owned()], notes: Vec::new() }
    }

    #[test]
    fn repairs_come_slower_and_slower_in_a_quarrel_and_at_once_after_it() {
        let mut keeper = Keeper::default();
        let mut now = Instant::now();
        let mut holds = Vec::new();
        for _ in 0..15 {
            let next = keeper.passed(&repaired(), now);
            assert_eq!(next.at_latest, None);
            holds.push((next.not_before - now).as_millis());
            now = next.not_before;
        }
        // The first one is the installation.
        assert_eq!(holds[..8], [0, 0, 0, 0, 250, 500, 1000, 2000]);
        assert_eq!(holds[11..], [32_000, 60_000, 60_000, 60_000]);
        now += Duration::from_secs(200);
        assert_eq!(keeper.passed(&repaired(), now).not_before, now);
    }

    #[test]
    fn failures_are_tried_again_with_back_off() {
        let mut keeper = Keeper::default();
        let now = Instant::now();
        let error = InstallError::Locked { path: "a".into() };
        let delays: Vec<_> =
            (0..10).map(|_| (keeper.failed(&error, now).at_latest.unwrap() - now).as_millis()).collect();
        assert_eq!(delays, [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(keeper.failed(&error, now).not_before, now + Duration::from_secs(1));
        keeper.passed(&repaired(), now);
        assert_eq!(keeper.failed(&error, now).at_latest, Some(now + Duration::from_millis(250)));
    }
}
