//! What the operator of the service hears of a key whose fetches fail: once, then once a minute, and
//! when it is over.

use std::time::Duration;

const REPORTED_EVERY: Duration = Duration::from_secs(60);

/// Fetches of a key have failed since then.
#[derive(Debug)]
pub(super) struct Outage {
    since: Duration,
    reported: Option<Duration>,
}

impl Outage {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            since: now,
            reported: None,
        }
    }

    /// A fetch has failed. True if that is to be reported.
    pub(super) fn failed(&mut self, now: Duration) -> bool {
        let is_old = |at: Duration| now.saturating_sub(at) >= REPORTED_EVERY;
        let is_news = self.reported.is_none_or(is_old);
        if is_news {
            self.reported = Some(now);
        }
        is_news
    }

    /// How long it has lasted.
    pub(super) fn lasted(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }
}
