//! Compares the host's clock with Entra's clock, which a refusal for time shows.

use super::after;
use azure_core::time::{Duration, OffsetDateTime, parse_rfc3339};

/// A response takes seconds to arrive, and Entra tolerates some minutes. A smaller difference
/// between the clocks is not the cause of a refusal.
const TOLERANCE: Duration = Duration::minutes(2);

/// Both clocks at the time of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clocks {
    host: OffsetDateTime,
    entra: OffsetDateTime,
}

impl Clocks {
    /// `description` is Entra's sentence, "… Current time: 2026-11-24T02:01:51.0000000Z, assertion
    /// valid from …". `None` if it contains no time.
    pub(super) fn read(description: &str, host: OffsetDateTime) -> Option<Self> {
        let rest = after(description, "current time:")?.trim_start();
        let time = rest.split(',').next()?.trim_end();
        Some(Self {
            host,
            entra: parse_rfc3339(time).ok()?,
        })
    }

    pub(super) fn differ(self) -> bool {
        (self.host - self.entra).abs() > TOLERANCE
    }

    /// For example "60 minutes ahead of".
    pub(super) fn difference(self) -> String {
        let difference = self.host - self.entra;
        let by = match difference.abs().whole_minutes() {
            minutes @ 0..=180 => format!("{minutes} minutes"),
            minutes => format!("{} hours", minutes / 60),
        };
        match difference.is_negative() {
            true => format!("{by} behind"),
            false => format!("{by} ahead of"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENTENCE: &str = "AADSTS700024: Client assertion is not within its valid time range. Current time: 2023-11-14T22:13:20.0000000Z, assertion valid from 2023-11-14T23:08:20.0000000Z, expiry time of assertion 2023-11-15T23:13:20.0000000Z. Review the documentation.";

    fn read(seconds: i64) -> Clocks {
        let host = OffsetDateTime::from_unix_timestamp(1_700_000_000 + seconds).unwrap();
        Clocks::read(SENTENCE, host).unwrap()
    }

    #[test]
    fn the_difference_has_a_direction() {
        for (seconds, told) in [
            (3600, "60 minutes ahead of"),
            (-3600, "60 minutes behind"),
            (26 * 3600, "26 hours ahead of"),
            (-200, "3 minutes behind"),
        ] {
            assert!(read(seconds).differ());
            assert_eq!(read(seconds).difference(), told);
        }
    }

    #[test]
    fn some_seconds_are_no_difference() {
        for seconds in [0, 119, -119] {
            assert!(!read(seconds).differ());
        }
    }

    #[test]
    fn a_sentence_without_a_time_gives_no_clocks() {
        let host = OffsetDateTime::UNIX_EPOCH;
        for odd in [
            "",
            "Current time:",
            "Current time: soon, x",
            "current time: 9999999",
        ] {
            assert_eq!(Clocks::read(odd, host), None);
        }
    }
}
