//! The times in the lifetime of a token: when it is renewed, when calls wait for the new token, and when
//! it is no longer used.

use crate::time::{Moment, Ticks, nanos};
use azure_core::{credentials::AccessToken, time::OffsetDateTime};
use std::time::Duration;

/// A token that was just received.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    pub(crate) token: AccessToken,
    /// When the service wants it to be renewed (`refresh_in`), if it says so.
    pub(crate) refresh_on: Option<OffsetDateTime>,
}

/// What a call does with the current token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Returns it at once.
    Fresh,
    /// Returns it at once, while it is renewed.
    Usable,
    /// Waits some seconds for the new token, and otherwise returns this one.
    Due,
    /// Does not use it.
    Expired,
}

/// A long-lived token is renewed at half its life, as MSAL.NET does for tokens of managed
/// identities: hours remain to get through an outage.
const LONG: Duration = Duration::from_secs(2 * 60 * 60);
/// A shorter one is renewed when a third of its life is left, so that nobody
/// notices an outage of 20 minutes. At least this much is left, and at most half of the life.
const RENEW_BEFORE: Duration = Duration::from_secs(10 * 60);
/// SDK clients ask for a later expiry 5 minutes (Event Hubs: 6) before it.
const DUE_BEFORE: Duration = Duration::from_secs(7 * 60);
/// A token must still be valid when the request that carries it arrives.
const EXPIRED_BEFORE: Duration = Duration::from_secs(30);
/// A very short `refresh_in` must not turn every call into a request.
const EARLIEST_RENEWAL: Duration = Duration::from_secs(5 * 60);

/// The life of one token, counted from its receipt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    received: Moment,
    /// Fresh before this moment, by both clocks.
    fresh_until: Ticks,
    // In nanoseconds, which take half the space of a `Duration`: there is one of these for each token.
    due: u64,
    expired: u64,
    whole: u64,
}

impl Life {
    /// `jitter` is in [0, 1). It is chosen once for each token, so that tokens which were received
    /// together are not renewed together.
    pub(super) fn new(fetched: &Fetched, received: Moment, jitter: f64) -> Self {
        let after = |on: OffsetDateTime| {
            let on = Duration::try_from(on - OffsetDateTime::UNIX_EPOCH).unwrap_or_default();
            on.saturating_sub(received.wall)
        };
        let whole = after(fetched.token.expires_on);
        let latest = whole - RENEW_BEFORE.min(whole / 2);
        let renew = match fetched.refresh_on.map(after) {
            // One that has passed on arrival says nothing.
            None | Some(Duration::ZERO) => match whole >= LONG {
                true => whole / 2,
                false => latest.min(whole - whole / 3),
            },
            // One that is too late leaves no time for the renewal, so callers would have to wait.
            Some(asked) => asked.max(EARLIEST_RENEWAL.min(whole / 4)).min(latest),
        };
        // A tenth of all that remains can be more than the time until an early renewal.
        let margin = (whole - renew).min(renew);
        let renew = renew.saturating_sub(margin.mul_f64(jitter / 10.0));
        Self {
            received,
            fresh_until: match renew {
                // Also for a look at the clocks that is some milliseconds behind.
                Duration::ZERO => Moment::ZERO.into(),
                _ => (received + renew).into(),
            },
            due: nanos(whole - DUE_BEFORE.min(whole / 4)),
            expired: nanos(whole - EXPIRED_BEFORE.min(whole / 10)),
            whole: nanos(whole),
        }
    }

    pub(super) fn stage(&self, now: Moment) -> Stage {
        // Expiry first: a token whose lifetime is zero is never fresh.
        if self.until_expired(now).is_zero() {
            Stage::Expired
        } else if nanos(self.lived(now)) >= self.due {
            Stage::Due
        } else if self.is_fresh(now.into()) {
            Stage::Fresh
        } else {
            Stage::Usable
        }
    }

    pub(super) fn is_fresh(&self, now: Ticks) -> bool {
        now.wall < self.fresh_until.wall && now.monotonic < self.fresh_until.monotonic
    }

    /// How long until it should be renewed.
    pub(super) fn until_renewal(&self, now: Moment) -> Duration {
        let now = Ticks::from(now);
        let wall = self.fresh_until.wall.saturating_sub(now.wall);
        let monotonic = self.fresh_until.monotonic.saturating_sub(now.monotonic);
        Duration::from_nanos(wall.min(monotonic))
    }

    /// How long until it is no longer served.
    pub(super) fn until_expired(&self, now: Moment) -> Duration {
        Duration::from_nanos(self.expired).saturating_sub(self.lived(now))
    }

    /// How long until it expires.
    pub(super) fn remaining(&self, now: Moment) -> Duration {
        Duration::from_nanos(self.whole).saturating_sub(self.lived(now))
    }

    /// The more pessimistic of the two clocks wins: the monotonic one stands still while the machine
    /// sleeps, the wall clock can be set back.
    fn lived(&self, now: Moment) -> Duration {
        let wall = now.wall.saturating_sub(self.received.wall);
        wall.max(now.monotonic.saturating_sub(self.received.monotonic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment {
        wall: Duration::from_secs(1_800_000_000),
        monotonic: Duration::ZERO,
    };

    fn start() -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + START.wall
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn life(whole: i64, refresh_in: Option<i64>) -> Life {
        let on = |after: i64| start() + azure_core::time::Duration::seconds(after);
        let fetched = Fetched {
            token: AccessToken::new("t", on(whole)),
            refresh_on: refresh_in.map(on),
        };
        Life::new(&fetched, START, 0.0)
    }

    fn after(lived: Duration) -> Moment {
        START + lived
    }

    fn renewal(life: &Life) -> Duration {
        life.until_renewal(START)
    }

    #[test]
    fn each_length_of_life_has_its_times() {
        for (whole, renew, due, expired) in [
            (60, 30, 45, 54),
            (300, 150, 225, 270),
            (600, 300, 450, 570),
            (1200, 600, 900, 1170),
            (1500, 900, 1125, 1470),
            (3600, 2400, 3180, 3570),
            (7197, 4798, 6777, 7167),
            (7200, 3600, 6780, 7170),
            (86_400, 43_200, 85_980, 86_370),
        ] {
            let life = life(whole, None);
            let times =
                [nanos(renewal(&life)), life.due, life.expired].map(|it| it / 1_000_000_000);
            assert_eq!(times, [renew, due, expired], "{whole}");
            for (at, stage) in [
                (0, Stage::Fresh),
                (renew - 1, Stage::Fresh),
                (renew, Stage::Usable),
                (due - 1, Stage::Usable),
                (due, Stage::Due),
                (expired - 1, Stage::Due),
                (expired, Stage::Expired),
                (expired * 2, Stage::Expired),
            ] {
                let now = after(seconds(at));
                assert_eq!(life.stage(now), stage, "{whole} s, after {at} s");
                assert_eq!(life.is_fresh(now.into()), stage == Stage::Fresh);
            }
            // Each clock by itself.
            let (before, at) = (after(seconds(renew - 1)), after(seconds(renew)));
            for (wall, monotonic) in [(before.wall, at.monotonic), (at.wall, before.monotonic)] {
                let now = Moment { wall, monotonic };
                assert!(!life.is_fresh(now.into()));
            }
        }
    }

    #[test]
    fn a_refresh_in_counts_where_it_leaves_time_to_renew() {
        for (refresh_in, renew) in [
            (1800, 1800),
            (1, 300),
            (299, 300),
            (0, 2400),
            (-5, 2400),
            (3000, 3000),
            (3001, 3000),
            (3600, 3000),
            (999_999, 3000),
        ] {
            assert_eq!(
                renewal(&life(3600, Some(refresh_in))),
                seconds(renew),
                "{refresh_in}"
            );
        }
        assert_eq!(renewal(&life(60, Some(1))), seconds(15));
    }

    #[test]
    fn a_token_that_arrives_expired_is_expired_from_the_start() {
        for whole in [0, -1, -86_400] {
            assert_eq!(life(whole, None).stage(START), Stage::Expired);
        }
        assert_eq!(life(1, None).stage(START), Stage::Fresh);
    }

    #[test]
    fn jitter_moves_the_renewal_by_at_most_a_tenth_of_what_remains() {
        let fetched = Fetched {
            token: AccessToken::new("t", start() + azure_core::time::Duration::hours(1)),
            refresh_on: None,
        };
        let renew = |jitter| renewal(&Life::new(&fetched, START, jitter));
        assert_eq!(renew(0.0), seconds(2400));
        assert_eq!(renew(0.5), seconds(2340));
        assert!(renew(0.999_999) > seconds(2280));
    }

    #[test]
    fn the_more_pessimistic_clock_wins() {
        let life = life(3600, None);
        let at = |wall: u64, monotonic: u64| {
            life.stage(Moment {
                wall: START.wall + seconds(wall),
                monotonic: seconds(monotonic),
            })
        };
        assert_eq!(
            at(7200, 10),
            Stage::Expired,
            "a suspend, or the wall clock set forward"
        );
        assert_eq!(at(10, 7200), Stage::Expired, "the wall clock set back");
        let set_back = Moment {
            wall: START.wall - seconds(3600),
            monotonic: seconds(10),
        };
        assert_eq!(life.stage(set_back), Stage::Fresh);
        let at_zero = Moment {
            wall: Duration::ZERO,
            monotonic: seconds(3600),
        };
        assert_eq!(life.stage(at_zero), Stage::Expired);
    }
}
