//! When the next request for a key may be sent: one value for all reasons to wait.

use super::Failure;
use std::time::Duration;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// The current token can still be used.
    Renewal,
    /// A service has rejected the current token.
    Replacement,
    /// A caller has no token.
    Token,
}

/// The pace of the requests for one key. It is kept longer than the key's token.
///
/// Times are those of the monotonic clock.
#[derive(Clone, Debug)]
pub(super) struct Pace<E> {
    renewal_from: Duration,
    replacement_from: Duration,
    token_from: Duration,
    /// The service demands that no request is sent until then.
    silent_until: Duration,
    /// Boxed, as few keys have one.
    failure: Option<Box<Failed<E>>>,
    /// The ends of the last fetches, once for each request that was answered with a token or a refusal.
    answered: Vec<Duration>,
    /// So many fetches from before `clear` are under way, each of which may be answered.
    earlier: usize,
    /// `clear` was called since the last request: one more is granted.
    is_fresh_try: bool,
}

#[derive(Clone, Debug)]
struct Failed<E> {
    error: E,
    at: Duration,
    times: u32,
    was_usable: bool,
}

/// Entra answers AADSTS50196 to more than 15 equal requests in 5 minutes (Microsoft Learn, "Microsoft
/// Entra authentication and authorization error codes").
pub(crate) const WINDOW: Duration = Duration::from_secs(5 * 60);

const FIRST: Duration = Duration::from_secs(1);
/// The longest pause while there is a usable token.
const LONGEST_WHILE_USABLE: Duration = Duration::from_secs(60);
/// The longest pause without a token, for an error that can pass by itself.
const LONGEST_IN_OUTAGE: Duration = Duration::from_secs(10);
/// The longest pause without a token, for an error that lasts until somebody acts.
const LONGEST_WHEN_FINAL: Duration = Duration::from_secs(60);
/// The pause after a refusal, which lasts until an administrator acts. Ten of these fill the window.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);
/// The most that a `Retry-After` can ask for: a wrong `86400` must not stop the application.
const LONGEST_ASKED_WHILE_USABLE: Duration = Duration::from_secs(300);
const LONGEST_ASKED: Duration = Duration::from_secs(30);
/// Bounds of the pause when a renewal brings the same token again.
const UNCHANGED: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(60 * 60));
/// Whoever hands out a rejected token may hand out the same one all day.
const REPLACED_AT_MOST_EVERY: Duration = Duration::from_secs(60);
/// Requests beyond the share for those who call `invalidate_all` because somebody has fixed the cause.
const FRESH_TRIES: usize = 3;

impl<E: Failure> Pace<E> {
    pub(super) fn new() -> Self {
        Self {
            renewal_from: Duration::ZERO,
            replacement_from: Duration::ZERO,
            token_from: Duration::ZERO,
            silent_until: Duration::ZERO,
            failure: None,
            answered: Vec::new(),
            earlier: 0,
            is_fresh_try: false,
        }
    }

    /// The earliest time at which a request may go out. `share` is how many may be answered in
    /// [`WINDOW`].
    pub(super) fn next(&self, need: Need, share: usize, now: Duration) -> Duration {
        let from = match need {
            Need::Renewal => self.renewal_from,
            Need::Replacement => self.replacement_from,
            Need::Token => self.token_from,
        };
        let recent = self.recent(now);
        let spared = match (recent.len() + self.earlier).checked_sub(self.most(share)) {
            None => Duration::ZERO,
            // So many of the window's first have to leave it, and then this one.
            Some(before) => recent.get(before).copied().unwrap_or(now) + WINDOW,
        };
        from.max(self.silent_until).max(spared)
    }

    /// How many requests the next fetch may have answered.
    pub(super) fn budget(&self, share: usize, now: Duration) -> u32 {
        if self.is_silent(now) {
            return 0;
        }
        let taken = self.recent(now).len() + self.earlier;
        let left = self.most(share).saturating_sub(taken);
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// The last failure, for a caller who comes `next` before the next try.
    pub(super) fn remembered(&self, now: Duration, next: Duration) -> Option<E> {
        let failed = self.failure.as_ref()?;
        let age = now.saturating_sub(failed.at);
        Some(failed.error.recalled(age, next.saturating_sub(now)))
    }

    /// A fetch begins.
    pub(super) fn begun(&mut self, need: Need, now: Duration) {
        if need == Need::Replacement {
            self.replacement_from = now + REPLACED_AT_MOST_EVERY;
        }
    }

    /// So many requests of a fetch have been answered.
    pub(super) fn count(&mut self, answered: u32, now: Duration) {
        let old = self.answered.len() - self.recent(now).len();
        self.answered.drain(..old);
        // Nearly every key has one.
        self.answered.reserve_exact(answered as usize);
        for _ in 0..answered {
            self.answered.push(now);
            self.is_fresh_try = false;
        }
    }

    /// The fetch that is under way is one from before `clear`.
    pub(super) fn mark_earlier(&mut self) {
        self.earlier += 1;
    }

    /// The same as `count` for such a fetch. It leaves the try that was granted then.
    pub(super) fn count_earlier(&mut self, answered: u32, now: Duration) {
        self.earlier = self.earlier.saturating_sub(1);
        let is_fresh_try = self.is_fresh_try;
        self.count(answered, now);
        self.is_fresh_try = is_fresh_try;
    }

    /// Also for a failure that is not remembered here.
    pub(super) fn succeeded(&mut self) {
        self.failure = None;
        self.renewal_from = Duration::ZERO;
        self.token_from = Duration::ZERO;
    }

    /// A renewal has brought the token that is here already: IMDS hands out one for a day. The less of
    /// its life remains, the sooner it is worth asking again.
    pub(super) fn unchanged(&mut self, remaining: Duration, now: Duration) {
        self.failure = None;
        self.renewal_from = now + (remaining / 4).clamp(UNCHANGED.0, UNCHANGED.1);
    }

    /// `is_usable` says whether there is a token to be served. `jitter` is in [0, 1).
    pub(super) fn failed(&mut self, error: E, is_usable: bool, now: Duration, jitter: f64) {
        // The back-off begins again when the token expires: long pauses that nobody noticed before would
        // make callers wait now.
        let before = self.failure.as_ref();
        let times = before
            .filter(|before| before.was_usable == is_usable)
            .map_or(1, |before| before.times.saturating_add(1));
        let doubled = |longest: Duration| {
            let pause = FIRST.saturating_mul(1 << (times - 1).min(16)).min(longest);
            pause.mul_f64(1.0 - jitter / 4.0)
        };
        let mut pause = match (is_usable, error.is_refusal(), error.is_transient()) {
            (true, true, _) => LONGEST_WHILE_USABLE,
            (true, false, _) => doubled(LONGEST_WHILE_USABLE),
            (false, true, _) => AFTER_REFUSAL,
            (false, false, true) => doubled(LONGEST_IN_OUTAGE),
            (false, false, false) => doubled(LONGEST_WHEN_FINAL),
        };
        let asked = error.retry_after().map(|asked| {
            asked.min(match is_usable {
                true => LONGEST_ASKED_WHILE_USABLE,
                false => LONGEST_ASKED,
            })
        });
        if let Some(asked) = asked {
            pause = pause.max(asked);
            self.replacement_from = self.replacement_from.max(now + pause);
        }
        self.heed(&error, now);
        self.renewal_from = now + pause;
        self.token_from = match is_usable {
            true => now,
            false => now + pause,
        };
        self.failure = Some(Box::new(Failed {
            error,
            at: now,
            times,
            was_usable: is_usable,
        }));
    }

    /// Keeps the pause that the service demands with an error.
    pub(super) fn heed(&mut self, error: &E, now: Duration) {
        if let Some(silence) = error.silence() {
            self.silent_until = self.silent_until.max(now + silence);
        }
    }

    /// Forgets everything but the fetches that are under way.
    pub(super) fn forget(&mut self) {
        *self = Self {
            earlier: self.earlier,
            ..Self::new()
        };
    }

    /// Forgets failures. The number of requests still counts, and so does a pause that the service
    /// demands.
    pub(super) fn clear(&mut self, now: Duration) {
        if !self.is_silent(now) {
            self.failure = None;
        }
        self.renewal_from = Duration::ZERO;
        self.token_from = Duration::ZERO;
        self.replacement_from = Duration::ZERO;
        self.is_fresh_try = true;
    }

    /// The service demands that no request is sent until then.
    pub(super) fn silent_until(&self) -> Duration {
        self.silent_until
    }

    /// Whether the service demands that no request is sent now.
    fn is_silent(&self, now: Duration) -> bool {
        now < self.silent_until
    }

    /// When there is nothing left to remember.
    pub(super) fn idle_from(&self, now: Duration) -> Duration {
        if self.earlier > 0 {
            return now + WINDOW;
        }
        let failed = self.failure.as_ref().map(|failed| failed.at);
        let last = self.answered.last().copied().max(failed);
        let last = last.map_or(Duration::ZERO, |last| last + WINDOW);
        [
            self.renewal_from,
            self.token_from,
            self.replacement_from,
            self.silent_until,
        ]
        .into_iter()
        .fold(last, Duration::max)
    }

    fn most(&self, share: usize) -> usize {
        match self.is_fresh_try {
            true => share.saturating_add(FRESH_TRIES),
            false => share,
        }
    }

    fn recent(&self, now: Duration) -> &[Duration] {
        let old = self.answered.partition_point(|at| now >= *at + WINDOW);
        &self.answered[old..]
    }
}

#[cfg(test)]
mod tests;
