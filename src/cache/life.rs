//! The times in a token's life: when it is renewed, when a caller is made to wait for its
//! successor, and when it is no longer served.

use crate::time::Moment;
use azure_core::{credentials::AccessToken, time::OffsetDateTime};
use std::time::{Duration, SystemTime};

/// A token that has just come.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    pub(crate) token: AccessToken,
    /// When the service would like it renewed, if it says so.
    pub(crate) refresh_on: Option<OffsetDateTime>,
}

/// What a caller may expect of the token at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Served at once.
    Fresh,
    /// Served at once; its successor is on the way.
    Usable,
    /// Served, unless its successor comes within moments.
    Due,
    /// Not served.
    Expired,
}

/// A long-lived token is renewed at half its life, as MSAL.NET does for tokens of managed
/// identities: hours remain to get through an outage.
const LONG: Duration = Duration::from_secs(2 * 60 * 60);
/// A shorter one is renewed this long before it expires.
const RENEW_BEFORE: Duration = Duration::from_secs(10 * 60);
/// SDK clients ask for a later expiry 5 minutes (Event Hubs: 6) before it.
const DUE_BEFORE: Duration = Duration::from_secs(7 * 60);
/// A token must still be valid when the request that carries it arrives.
const EXPIRED_BEFORE: Duration = Duration::from_secs(30);
/// A `refresh_in` of next to nothing must not make every call a request.
const EARLIEST_RENEWAL: Duration = Duration::from_secs(5 * 60);

/// The life of one token, counted from its receipt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    received: Moment,
    renew: Duration,
    due: Duration,
    expired: Duration,
    whole: Duration,
}

impl Life {
    /// `jitter` is in [0, 1): rolled once per token, so that keys which came together are not
    /// renewed together, and no call rolls again until it hits.
    pub(super) fn new(fetched: &Fetched, received: Moment, jitter: f64) -> Self {
        let after = |on: OffsetDateTime| {
            SystemTime::from(on)
                .duration_since(received.wall)
                .unwrap_or_default()
        };
        let whole = after(fetched.token.expires_on);
        let renew = match fetched.refresh_on.map(after) {
            // None, or one that has passed on arrival: no word at all.
            None | Some(Duration::ZERO) => {
                if whole >= LONG {
                    whole / 2
                } else {
                    whole - RENEW_BEFORE.min(whole / 2)
                }
            }
            Some(asked) => asked.max(EARLIEST_RENEWAL.min(whole / 4)).min(whole),
        };
        // Of an early renewal a tenth of all that remains could be more than what comes before it.
        let margin = (whole - renew).min(renew);
        Self {
            received,
            renew: renew.saturating_sub(margin.mul_f64(jitter / 10.0)),
            due: whole - DUE_BEFORE.min(whole / 4),
            expired: whole - EXPIRED_BEFORE.min(whole / 10),
            whole,
        }
    }

    pub(super) fn stage(&self, now: Moment) -> Stage {
        let lived = self.lived(now);
        // A life of nothing has no first moment.
        if lived >= self.expired {
            Stage::Expired
        } else if lived >= self.due {
            Stage::Due
        } else if lived >= self.renew {
            Stage::Usable
        } else {
            Stage::Fresh
        }
    }

    /// Whether a second more or less means nothing to it.
    pub(super) fn is_long(&self) -> bool {
        self.whole >= Duration::from_secs(60)
    }

    /// How long until it should be renewed.
    pub(super) fn until_renewal(&self, now: Moment) -> Duration {
        self.renew.saturating_sub(self.lived(now))
    }

    /// How long until it is no longer served.
    pub(super) fn until_expired(&self, now: Moment) -> Duration {
        self.expired.saturating_sub(self.lived(now))
    }

    /// How long until it expires.
    pub(super) fn remaining(&self, now: Moment) -> Duration {
        self.whole.saturating_sub(self.lived(now))
    }

    /// The clock that says later in life is believed: the monotonic one stands still while the
    /// machine sleeps, the wall clock can be set back.
    fn lived(&self, now: Moment) -> Duration {
        let wall = now
            .wall
            .duration_since(self.received.wall)
            .unwrap_or_default();
        wall.max(now.monotonic.saturating_sub(self.received.monotonic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment {
        wall: SystemTime::UNIX_EPOCH,
        monotonic: Duration::ZERO,
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn life(whole: i64, refresh_in: Option<i64>) -> Life {
        let on =
            |after: i64| OffsetDateTime::UNIX_EPOCH + azure_core::time::Duration::seconds(after);
        let fetched = Fetched {
            token: AccessToken::new("t", on(whole)),
            refresh_on: refresh_in.map(on),
        };
        Life::new(&fetched, START, 0.0)
    }

    fn after(lived: Duration) -> Moment {
        Moment {
            wall: START.wall + lived,
            monotonic: START.monotonic + lived,
        }
    }

    #[test]
    fn each_length_of_life_has_its_times() {
        for (whole, renew, due, expired) in [
            (60, 30, 45, 54),
            (300, 150, 225, 270),
            (600, 300, 450, 570),
            (1200, 600, 900, 1170),
            (3600, 3000, 3180, 3570),
            (7199, 6599, 6779, 7169),
            (7200, 3600, 6780, 7170),
            (86_400, 43_200, 85_980, 86_370),
        ] {
            let life = life(whole, None);
            let times = [life.renew, life.due, life.expired].map(|time| time.as_secs());
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
                assert_eq!(
                    life.stage(after(seconds(at))),
                    stage,
                    "{whole} s, after {at} s"
                );
            }
        }
    }

    #[test]
    fn the_services_own_wish_counts_within_the_life() {
        for (refresh_in, renew) in [
            (1800, 1800),
            (1, 300),
            (299, 300),
            (0, 3000),
            (-5, 3000),
            (3600, 3600),
            (999_999, 3600),
        ] {
            assert_eq!(
                life(3600, Some(refresh_in)).renew,
                seconds(renew),
                "{refresh_in}"
            );
        }
        assert_eq!(life(60, Some(1)).renew, seconds(15));
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
            token: AccessToken::new(
                "t",
                OffsetDateTime::UNIX_EPOCH + azure_core::time::Duration::hours(1),
            ),
            refresh_on: None,
        };
        let renew = |jitter| Life::new(&fetched, START, jitter).renew;
        assert_eq!(renew(0.0), seconds(3000));
        assert_eq!(renew(0.5), seconds(2970));
        assert!(renew(0.999_999) > seconds(2940));
    }

    #[test]
    fn the_clock_that_says_later_in_life_is_believed() {
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
    }
}
