//! The faults.

use cross_tenant_identity_emulator::{Endpoint, Fault};
use std::{ops::RangeInclusive, time::Duration};

/// How a request with a fault ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// It succeeds in spite of the fault.
    Survives,
    /// It is not tried again.
    Refused,
    /// It is tried again, by the rules of its leg.
    Transient,
    /// The service asks for a longer pause than a caller waits: no further try in this call.
    Later,
    /// No response arrives, or it has no end.
    Hangs,
}

pub(super) struct Cell {
    pub(super) name: &'static str,
    pub(super) fault: Fault,
    pub(super) fate: Fate,
    /// A part of the error's text.
    pub(super) says: &'static str,
    pub(super) status: Option<u16>,
}

impl Cell {
    /// With 404 and 410, IMDS says that it is being updated; from another service they are final
    /// (Microsoft Learn, "How to use managed identities for Azure resources on an Azure VM to
    /// acquire an access token").
    pub(super) fn fate_at(&self, endpoint: Endpoint) -> Fate {
        match (endpoint, self.status) {
            (Endpoint::Imds, Some(404 | 410)) => Fate::Transient,
            _ => self.fate,
        }
    }

    /// The number of requests, and the longest time that a caller waits for their result.
    pub(super) fn tries_at(&self, endpoint: Endpoint) -> (RangeInclusive<usize>, Duration) {
        let seconds = Duration::from_secs;
        match (self.fate_at(endpoint), endpoint) {
            (Fate::Survives | Fate::Refused | Fate::Later, _) => (1..=1, Duration::ZERO),
            (_, Endpoint::Token) => (3..=3, seconds(30)),
            (Fate::Hangs, _) => (5..=6, seconds(75)),
            // The endpoint recovers within 70 s, and the pauses are up to 10 s.
            (_, _) if self.status == Some(410) => (9..=12, seconds(75)),
            (Fate::Transient, _) => (6..=6, seconds(75)),
        }
    }

    /// The status that an SDK client gets. Unlike this crate, it has no size limit for a body.
    pub(super) fn status_at_resource(&self) -> Option<u16> {
        match (self.fate, &self.fault) {
            (Fate::Survives, _) | (_, Fault::Response { status: 200, .. }) => Some(200),
            _ => self.status,
        }
    }
}

impl Fate {
    pub(super) fn is_transient(self) -> bool {
        matches!(self, Self::Transient | Self::Later | Self::Hangs)
    }
}

fn cell(
    name: &'static str,
    fault: Fault,
    fate: Fate,
    status: Option<u16>,
    says: &'static str,
) -> Cell {
    Cell {
        name,
        fault,
        fate,
        says,
        status,
    }
}

fn answer(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Fault {
    Fault::Response {
        status,
        headers: vec![("content-type".to_owned(), content_type.to_owned())],
        body: body.into(),
    }
}

const ZEROS: &[u8] = include_bytes!("one_mebibyte_of_zeros.gz");

pub(super) fn all() -> Vec<Cell> {
    use Fate::*;
    let json = |body: &str| Fault::json(200, body);
    let gzip_bomb = Fault::Response {
        status: 200,
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("content-encoding".to_owned(), "gzip".to_owned()),
        ],
        body: ZEROS.repeat(100),
    };
    let texts = r#"{"error":"invalid_request\u0000\u001b[2J","error_description":"AADSTS90014: \u0000 \u001b[31m red \u202e","error_codes":[90014]}"#;
    let json_error = |status| Fault::json(status, r#"{"error":"unknown","error_description":"?"}"#);
    vec![
        cell(
            "a delay",
            Fault::Delay(Duration::from_millis(5)),
            Survives,
            None,
            "",
        ),
        cell(
            "a clock a minute fast",
            Fault::WrongClock { seconds: 60 },
            Survives,
            None,
            "",
        ),
        cell(
            "a clock a minute slow",
            Fault::WrongClock { seconds: -60 },
            Survives,
            None,
            "",
        ),
        cell("400", json_error(400), Refused, Some(400), "HTTP 400"),
        cell(
            "400 with an empty body",
            Fault::status(400),
            Refused,
            Some(400),
            "HTTP 400",
        ),
        cell("401", json_error(401), Refused, Some(401), "HTTP 401"),
        cell("403", json_error(403), Refused, Some(403), "HTTP 403"),
        cell("404", json_error(404), Refused, Some(404), "HTTP 404"),
        cell("408", json_error(408), Transient, Some(408), "HTTP 408"),
        cell("410", json_error(410), Refused, Some(410), "HTTP 410"),
        cell("429", Fault::status(429), Transient, Some(429), "HTTP 429"),
        cell("500", Fault::status(500), Transient, Some(500), "HTTP 500"),
        cell("503", Fault::status(503), Transient, Some(503), "HTTP 503"),
        cell(
            "Retry-After of nothing",
            Fault::retry_after(503, "0"),
            Transient,
            Some(503),
            "HTTP 503",
        ),
        cell(
            "Retry-After of an hour",
            Fault::retry_after(429, "3600"),
            Later,
            Some(429),
            "HTTP 429",
        ),
        cell(
            "Retry-After as a date",
            Fault::retry_after_date(503, Duration::from_secs(6 * 3600)),
            Later,
            Some(503),
            "HTTP 503",
        ),
        cell(
            "Retry-After of nonsense",
            Fault::retry_after(503, "-5; soon"),
            Transient,
            Some(503),
            "HTTP 503",
        ),
        cell(
            "a redirect",
            Fault::Redirect {
                location: "https://example.com/".into(),
            },
            Refused,
            Some(302),
            "redirect",
        ),
        cell("a reset before the head", Fault::Reset, Transient, None, ""),
        cell(
            "a reset in the head",
            Fault::ResetInHead,
            Transient,
            None,
            "",
        ),
        cell(
            "a reset after the head",
            Fault::ResetInBody,
            Transient,
            None,
            "",
        ),
        cell(
            "a truncated body",
            Fault::Truncate { after: 20 },
            Transient,
            None,
            "",
        ),
        cell(
            "silence",
            Fault::Silence,
            Hangs,
            None,
            "no whole answer within",
        ),
        cell(
            "a trickle",
            Fault::Trickle {
                pause: Duration::from_secs(3600),
            },
            Hangs,
            None,
            "no whole answer within",
        ),
        cell(
            "another content type",
            answer(200, "image/png", r#"{"x":1}"#),
            Refused,
            Some(200),
            "image/png",
        ),
        cell(
            "a proxy's web page",
            Fault::Html,
            Refused,
            Some(200),
            "text/html",
        ),
        cell(
            "a proxy's error page",
            answer(502, "text/html", "<h1>Bad Gateway</h1>"),
            Transient,
            Some(502),
            "Bad Gateway",
        ),
        cell("no JSON", Fault::NotJson, Refused, Some(200), "HTTP 200"),
        cell("a gzip bomb", gzip_bomb, Refused, Some(200), "HTTP 200"),
        cell(
            "10 MiB",
            answer(200, "application/json", " ".repeat(10 << 20)),
            Refused,
            None,
            "1024 KiB",
        ),
        cell(
            "deep JSON",
            answer(200, "application/json", "[".repeat(500_000)),
            Refused,
            Some(200),
            "HTTP 200",
        ),
        cell(
            "deep JSON in an error",
            answer(400, "application/json", "[".repeat(500_000)),
            Refused,
            Some(400),
            "HTTP 400",
        ),
        cell(
            "wrong types",
            json(r#"{"access_token":5,"expires_in":{},"expires_on":[],"token_type":true}"#),
            Refused,
            Some(200),
            "HTTP 200",
        ),
        cell("missing fields", json("{}"), Refused, Some(200), "HTTP 200"),
        cell("a list", json("[]"), Refused, Some(200), "HTTP 200"),
        cell(
            "no body",
            answer(200, "application/json", ""),
            Refused,
            Some(200),
            "HTTP 200",
        ),
        cell(
            "NUL and ANSI in texts",
            Fault::json(400, texts),
            Refused,
            Some(400),
            "90014",
        ),
    ]
}
