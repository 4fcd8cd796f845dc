//! Answers, and refusals in App Service's shape.

use super::exposition;
use aws_lc_rs::rand;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};
use serde_json::{Value, json};
use std::time::Duration;

/// What is sent.
pub(super) struct Answer(Response<Full<Bytes>>);

impl Answer {
    pub(super) fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    pub(super) fn text(status: StatusCode, body: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body.to_owned())
    }

    pub(super) fn metrics(text: String) -> Self {
        Self::new(StatusCode::OK, exposition::CONTENT_TYPE, text)
    }

    fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        // A token must not lie in a cache of HTTP (RFC 6749, section 5.1).
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self(response)
    }

    pub(super) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        let (name, value) = (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        self.0.headers_mut().insert(name, value);
        self
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        self.0
    }
}

/// Why there is no token.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// In a word, for metrics and logs.
    pub(super) outcome: &'static str,
    pub(super) message: String,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(
        status: StatusCode,
        outcome: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            outcome,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }
}

impl From<Refusal> for Answer {
    /// The shape is in Microsoft's SDKs: they show the user `message`.
    fn from(refusal: Refusal) -> Self {
        let body = json!({
            "statusCode": refusal.status.as_u16(),
            "message": refusal.message,
            "correlationId": correlation_id(),
        });
        let mut answer = Self::json(refusal.status, &body);
        if let Some(after) = refusal.retry_after {
            let seconds = after.as_secs_f64().ceil().max(1.0) as u64;
            answer.0.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        answer
    }
}

/// A GUID of random bits (RFC 9562, section 5.4). The nil one, if the system has none: it is no
/// secret.
fn correlation_id() -> String {
    let mut bytes = [0; 16];
    if rand::fill(&mut bytes).is_ok() {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correlation_id_is_a_new_guid() {
        let (one, other) = (correlation_id(), correlation_id());
        assert!(crate::guid::is_guid(&one), "{one}");
        assert_ne!(one, other);
    }
}
