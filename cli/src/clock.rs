//! The one place that reads the clock and sets a limit to waiting.

use azure_core::time::OffsetDateTime;
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) fn now() -> OffsetDateTime {
    std::time::SystemTime::now().into()
}

#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

/// `None` if the work has not ended within the limit.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

/// Before something is tried or looked at again.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// How long ago or ahead a time is, in its two largest units.
pub(crate) fn distance(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_has_two_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (-59, "59 s"),
            (3_599, "59 min"),
            (3_600, "1 h 0 min"),
            (-90_000, "1 d 1 h"),
        ] {
            assert_eq!(distance(seconds), expected);
        }
    }
}
