//! When a key that has failed is tried again.

use super::Failure;
use crate::time::Moment;
use std::time::Duration;

/// The memory of a key's last failure.
#[derive(Clone, Debug)]
pub(super) struct BackOff<E> {
    /// `None`: the service keeps handing out the token that is here already.
    error: Option<E>,
    failures: u32,
    /// Whether a token could still be served when it failed.
    was_usable: bool,
    /// Whether it holds whatever becomes of the token: the service demanded silence.
    is_firm: bool,
    since: Duration,
    until: Duration,
}

const FIRST: Duration = Duration::from_secs(1);
/// While a token is served there is time.
const LONGEST_WHILE_USABLE: Duration = Duration::from_secs(60);
/// Nobody is served: look soon whether the outage is over.
const LONGEST_IN_OUTAGE: Duration = Duration::from_secs(10);
/// Nobody is served, and somebody has to mend something first.
const LONGEST_WHEN_MISCONFIGURED: Duration = Duration::from_secs(60);
/// Bounds on what a service may ask for: a stray `Retry-After: 86400` must not end the service.
const LONGEST_ASKED_WHILE_USABLE: Duration = Duration::from_secs(300);
const LONGEST_ASKED: Duration = Duration::from_secs(30);
/// Bounds of the pause when a refresh brings the same token again.
const SAME_TOKEN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(60 * 60));

impl<E: Failure> BackOff<E> {
    /// After a failure. `jitter` is in [0, 1).
    pub(super) fn after(
        previous: Option<&Self>,
        error: E,
        is_usable: bool,
        now: Moment,
        jitter: f64,
    ) -> Self {
        // At expiry it begins anew: what was patient while tokens were served must not keep
        // callers waiting now.
        let failures = previous
            .filter(|previous| previous.was_usable == is_usable && previous.error.is_some())
            .map_or(1, |previous| previous.failures.saturating_add(1));
        let longest = match (is_usable, error.is_transient()) {
            (true, _) => LONGEST_WHILE_USABLE,
            (false, true) => LONGEST_IN_OUTAGE,
            (false, false) => LONGEST_WHEN_MISCONFIGURED,
        };
        let doubled = FIRST
            .saturating_mul(1 << (failures - 1).min(16))
            .min(longest);
        let mut pause = doubled.mul_f64(1.0 - jitter / 4.0);
        if let Some(asked) = error.retry_after() {
            let most = if is_usable {
                LONGEST_ASKED_WHILE_USABLE
            } else {
                LONGEST_ASKED
            };
            pause = pause.max(asked.min(most));
        }
        let silence = error.silence();
        if let Some(silence) = silence {
            pause = silence;
        }
        Self {
            error: Some(error),
            failures,
            was_usable: is_usable,
            is_firm: silence.is_some(),
            since: now.monotonic,
            until: now.monotonic + pause,
        }
    }

    /// After a refresh that brought no later expiry: IMDS hands out one token for a day. The less
    /// of its life remains, the sooner it is worth asking again.
    pub(super) fn after_the_same_token(remaining: Duration, now: Moment) -> Self {
        let pause = (remaining / 4).clamp(SAME_TOKEN.0, SAME_TOKEN.1);
        Self {
            error: None,
            failures: 1,
            was_usable: true,
            is_firm: false,
            since: now.monotonic,
            until: now.monotonic + pause,
        }
    }

    /// Whether no request may go out yet.
    pub(super) fn is_on(&self, is_usable: bool, now: Moment) -> bool {
        let is_for_now = self.is_firm || self.was_usable == is_usable;
        is_for_now && now.monotonic < self.until
    }

    /// Whether it holds whatever becomes of the token.
    pub(super) fn is_firm(&self) -> bool {
        self.is_firm
    }

    pub(super) fn until_next(&self, now: Moment) -> Duration {
        self.until.saturating_sub(now.monotonic)
    }

    /// The error for a caller who comes before there is another try, `next` from now at the earliest.
    pub(super) fn recall(&self, now: Moment, next: Duration) -> Option<E> {
        let age = now.monotonic.saturating_sub(self.since);
        let next = self.until_next(now).max(next);
        self.error.as_ref().map(|error| error.recalled(age, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[derive(Clone, Default)]
    struct Failed {
        is_transient: bool,
        retry_after: Option<Duration>,
    }

    impl Failure for Failed {
        fn is_transient(&self) -> bool {
            self.is_transient
        }
        fn retry_after(&self) -> Option<Duration> {
            self.retry_after
        }
        fn silence(&self) -> Option<Duration> {
            None
        }
        fn recalled(&self, _: Duration, _: Duration) -> Self {
            self.clone()
        }
    }

    const NOW: Moment = Moment {
        wall: SystemTime::UNIX_EPOCH,
        monotonic: Duration::from_secs(1000),
    };

    fn after(
        previous: Option<&BackOff<Failed>>,
        is_usable: bool,
        error: Failed,
    ) -> BackOff<Failed> {
        BackOff::after(previous, error, is_usable, NOW, 0.0)
    }

    /// The pauses, in seconds, of failures one after the other.
    fn pauses(is_usable: bool, error: Failed) -> Vec<u64> {
        let mut last = None;
        let mut next = || {
            let back_off = after(last.as_ref(), is_usable, error.clone());
            let pause = back_off.until_next(NOW).as_secs();
            last = Some(back_off);
            pause
        };
        (0..8).map(|_| next()).collect()
    }

    fn outage() -> Failed {
        Failed {
            is_transient: true,
            ..Default::default()
        }
    }

    fn asked(seconds: u64) -> Failed {
        Failed {
            retry_after: Some(Duration::from_secs(seconds)),
            ..outage()
        }
    }

    #[test]
    fn pauses_double_up_to_what_the_callers_can_bear() {
        assert_eq!(pauses(true, outage()), [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(
            pauses(true, Failed::default()),
            [1, 2, 4, 8, 16, 32, 60, 60]
        );
        assert_eq!(pauses(false, outage()), [1, 2, 4, 8, 10, 10, 10, 10]);
        assert_eq!(
            pauses(false, Failed::default()),
            [1, 2, 4, 8, 16, 32, 60, 60]
        );
    }

    #[test]
    fn what_the_service_asks_for_lengthens_a_pause_within_bounds_and_never_shortens_it() {
        assert_eq!(pauses(true, asked(3600))[..2], [300, 300]);
        assert_eq!(pauses(false, asked(3600))[..2], [30, 30]);
        assert_eq!(pauses(true, asked(3))[..4], [3, 3, 4, 8]);
        assert_eq!(pauses(false, asked(0))[..3], [1, 2, 4]);
    }

    #[test]
    fn it_begins_anew_at_expiry_and_after_a_token_that_was_the_same() {
        let mut patient = None;
        for _ in 0..6 {
            patient = Some(after(patient.as_ref(), true, outage()));
        }
        let at_expiry = after(patient.as_ref(), false, outage());
        assert_eq!(at_expiry.until_next(NOW), FIRST);
        assert!(
            !patient.unwrap().is_on(false, NOW),
            "it holds nobody up at expiry"
        );

        let same = BackOff::after_the_same_token(Duration::from_secs(3600), NOW);
        assert_eq!(after(Some(&same), true, outage()).until_next(NOW), FIRST);
    }

    #[test]
    fn jitter_shortens_a_pause_by_at_most_a_quarter() {
        let pause = |jitter| BackOff::after(None, outage(), true, NOW, jitter).until_next(NOW);
        assert_eq!(pause(0.0), Duration::from_secs(1));
        assert_eq!(pause(0.5), Duration::from_millis(875));
    }

    #[test]
    fn the_same_token_again_is_asked_about_the_sooner_the_less_remains_of_it() {
        for (remaining, pause) in [
            (10, 60),
            (240, 60),
            (4000, 1000),
            (14_400, 3600),
            (86_400, 3600),
        ] {
            let back_off =
                BackOff::<Failed>::after_the_same_token(Duration::from_secs(remaining), NOW);
            assert_eq!(back_off.until_next(NOW), Duration::from_secs(pause));
            assert!(back_off.is_on(true, NOW) && back_off.recall(NOW, Duration::ZERO).is_none());
        }
    }
}
