//! The emulator's one place that reads the clock and waits, and the ways in which Azure writes a
//! time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// Seconds since the epoch.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock"
)]
pub(crate) fn now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(_) => 0,
    }
}

/// A clock that is off by no more than this (some 36 thousand million years) still leaves room to
/// add lifetimes to its time.
pub(crate) fn bounded_offset(seconds: i64) -> i64 {
    seconds.clamp(-(1 << 60), 1 << 60)
}

/// A wait on the emulator's own runtime, whose time nobody pauses.
#[allow(clippy::disallowed_methods, reason = "the one place that waits")]
pub(crate) fn sleep(duration: Duration) -> tokio::time::Sleep {
    tokio::time::sleep(duration)
}

/// `2026-11-24 02:01:51Z`, as in `timestamp` of Entra's errors.
pub(crate) fn entra_timestamp(seconds: i64) -> String {
    format(
        seconds,
        format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z"),
    )
}

/// `2026-11-24T02:01:51.0000000Z`, as in the text of AADSTS700024.
pub(crate) fn iso(seconds: i64) -> String {
    format(
        seconds,
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].0000000Z"),
    )
}

/// `Tue, 24 Nov 2026 02:01:51 GMT` (RFC 9110 section 5.6.7).
pub(crate) fn http_date(seconds: i64) -> String {
    format(
        seconds,
        format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
        ),
    )
}

/// A time too far off to have a calendar date is written as its number of seconds.
fn format(seconds: i64, description: &[BorrowedFormatItem<'_>]) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| time.format(description).ok())
        .unwrap_or_else(|| seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_azure_and_http_write_it() {
        assert_eq!(entra_timestamp(1_700_000_000), "2023-11-14 22:13:20Z");
        assert_eq!(iso(1_700_000_000), "2023-11-14T22:13:20.0000000Z");
        assert_eq!(http_date(1_700_000_000), "Tue, 14 Nov 2023 22:13:20 GMT");
    }

    #[test]
    fn a_time_beyond_the_calendar_is_written_as_seconds() {
        assert_eq!(iso(i64::MAX), i64::MAX.to_string());
    }
}
