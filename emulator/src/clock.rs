//! The only place of the emulator that reads the clock or waits, and Azure's formats for times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// The Unix time in seconds.
#[allow(
    clippy::disallowed_methods,
    reason = "the only place that reads the clock"
)]
pub(crate) fn now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(_) => 0,
    }
}

/// Limits a clock offset, so that adding a lifetime to the time does not overflow.
pub(crate) fn bounded_offset(seconds: i64) -> i64 {
    seconds.clamp(-(1 << 60), 1 << 60)
}

/// Waits on the emulator's own runtime. Its time is never paused.
#[allow(clippy::disallowed_methods, reason = "the only place that waits")]
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

/// Writes the number of seconds if the time has no calendar date.
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
    fn times_have_the_formats_of_azure_and_http() {
        assert_eq!(entra_timestamp(1_700_000_000), "2023-11-14 22:13:20Z");
        assert_eq!(iso(1_700_000_000), "2023-11-14T22:13:20.0000000Z");
        assert_eq!(http_date(1_700_000_000), "Tue, 14 Nov 2023 22:13:20 GMT");
    }

    #[test]
    fn a_time_without_a_calendar_date_is_written_in_seconds() {
        assert_eq!(iso(i64::MAX), i64::MAX.to_string());
    }
}
