//! This machine's clock against the dates of the answers.

use crate::headers::header;
use azure_core::{
    http::{RawResponse, headers::HeaderName},
    time::{OffsetDateTime, parse_rfc7231},
};

const DATE: HeaderName = HeaderName::from_static("date");

/// How far this machine's clock is from another's.
#[derive(Debug, PartialEq)]
pub(super) struct Difference {
    /// At least so many seconds ahead; negative if behind.
    pub(super) seconds: i64,
    /// Whose clock the other is: an origin.
    pub(super) of: String,
}

impl Difference {
    /// What the `Date` of an answer tells (RFC 9110 §6.6.1), if it has one. It was written at some
    /// moment between sending and receiving, and leaves the fraction of its second out, so what can
    /// be explained by these is no difference.
    pub(super) fn of(
        answer: &RawResponse,
        sent: OffsetDateTime,
        received: OffsetDateTime,
        origin: &str,
    ) -> Option<Self> {
        let date = header(answer.headers(), &DATE)?;
        let date = parse_rfc7231(date.trim()).ok()?.unix_timestamp();
        let (sent, received) = (sent.unix_timestamp(), received.unix_timestamp());
        let seconds = if date > received {
            received.saturating_sub(date)
        } else {
            sent.saturating_sub(date).max(0)
        };
        Some(Self {
            seconds,
            of: origin.to_owned(),
        })
    }

    /// In words: "90 s behind that of …".
    pub(super) fn in_words(&self) -> String {
        let side = if self.seconds < 0 {
            "behind"
        } else {
            "ahead of"
        };
        format!(
            "{} s {side} that of {}",
            self.seconds.unsigned_abs(),
            self.of
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::http::{StatusCode, headers::Headers};

    fn difference(date: &str, sent: i64, received: i64) -> Option<i64> {
        let mut headers = Headers::new();
        headers.insert(DATE, date.to_owned());
        let answer = RawResponse::from_bytes(StatusCode::Ok, headers, "");
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let found = Difference::of(&answer, at(sent), at(received), "https://a.example");
        found.map(|it| it.seconds)
    }

    #[test]
    fn only_what_sending_and_receiving_cannot_explain_is_a_difference() {
        // 1_700_000_000 is 22:13:20.
        let date = "Tue, 14 Nov 2023 22:13:20 GMT";
        for (sent, received, expected) in [
            (0, 0, 0),
            (-10, 10, 0),
            (0, 5, 0),
            (-5, 0, 0),
            (90, 95, 90),
            (-95, -90, -90),
        ] {
            let found = difference(date, 1_700_000_000 + sent, 1_700_000_000 + received);
            assert_eq!(found, Some(expected), "{sent} {received}");
        }
    }

    #[test]
    fn what_is_no_date_tells_nothing() {
        for odd in ["", "soon", "1700000000", "Tue, 14 Nov 2023"] {
            assert_eq!(difference(odd, 0, 0), None, "{odd}");
        }
    }
}
