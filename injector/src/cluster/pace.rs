//! How often the API server is asked.

use std::time::Duration;

/// How long to wait for what. The default is for clusters; tests use shorter times.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The wait after a first failure. It doubles with each.
    pub shortest: Duration,
    /// The longest wait after failures.
    pub longest: Duration,
    /// The wait after a missing permission, or if the cluster does not have the resource.
    pub slow: Duration,
    /// How long something has to work until its failures are forgotten.
    pub steady: Duration,
    /// The longest silence of a watch. The API server sends bookmarks about each minute, so if nothing arrives, the
    /// connection may be lost without an error.
    pub silence: Duration,
    /// How long changes are collected before they are published.
    pub collect: Duration,
    /// How long a Lease lasts unless it is renewed.
    pub lease: Duration,
    /// The shortest and the longest wait between two patches of one caBundle.
    pub patch: (Duration, Duration),
    /// How long a certificate from a new CA waits until the webhook configurations carry that CA everywhere.
    pub trust: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            shortest: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            slow: Duration::from_secs(180),
            steady: Duration::from_secs(30),
            silence: Duration::from_secs(150),
            collect: Duration::from_millis(50),
            lease: Duration::from_secs(15),
            patch: (Duration::from_millis(100), Duration::from_secs(60)),
            trust: Duration::from_secs(30),
        }
    }
}
