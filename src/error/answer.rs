//! What an error keeps of a response that was not a success.

use crate::{diagnosis::Diagnosis, redact};
use azure_core::{
    error::ErrorKind,
    http::{RawResponse, headers::Headers},
};
use std::time::Duration;

/// What is known about a response that was not a success.
pub(crate) struct RefusedAnswer {
    pub(crate) headline: String,
    /// A short form of the response, escaped, without any secret.
    pub(crate) answer: String,
    pub(crate) diagnosis: Diagnosis,
    pub(crate) is_transient: bool,
    pub(crate) is_about_the_assertion: bool,
    pub(crate) silence: Option<Duration>,
    pub(crate) code: Option<u32>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) source: Option<azure_core::Error>,
}

impl RefusedAnswer {
    pub(crate) fn new(headline: String, answer: String, diagnosis: Diagnosis) -> Self {
        Self {
            headline,
            answer,
            code: diagnosis.code(),
            diagnosis,
            is_transient: false,
            is_about_the_assertion: false,
            silence: None,
            retry_after: None,
            source: None,
        }
    }
}

/// The error for a response outside 2xx as azure_core's own error, with the response in it, so that
/// code which looks for [`ErrorKind::HttpResponse`] finds it. A proxy can echo the request, so the
/// given secrets and everything with the shape of a token are redacted in the copy.
pub(crate) fn http_response(
    response: &RawResponse,
    error_code: Option<String>,
    secrets: &[&str],
) -> azure_core::Error {
    let mut headers = Headers::new();
    for (name, value) in response.headers().iter() {
        let value = redact::redact(value.as_str(), secrets).into_owned();
        headers.insert(name.clone(), value);
    }
    let body = String::from_utf8_lossy(response.body().as_ref());
    let body = redact::redact(&body, secrets).into_owned();
    let error_code = error_code.map(|code| redact::excerpt(code.as_bytes(), secrets));
    let status = response.status();
    // The message above has the status and the text.
    let message = format!("an answer of {} bytes", response.body().len());
    azure_core::Error::with_message(
        ErrorKind::HttpResponse {
            status,
            error_code,
            raw_response: Some(Box::new(RawResponse::from_bytes(status, headers, body))),
        },
        message,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::http::StatusCode;

    #[test]
    fn the_raw_response_in_an_error_contains_no_echoed_token() {
        let mut headers = Headers::new();
        headers.insert("x-echo", "Bearer eyJhbGciOiJub25lIn0.e30.");
        let echo = RawResponse::from_bytes(
            StatusCode::BadGateway,
            headers,
            "POST client_assertion=opaque-secret&x=eyJhbGciOiJub25lIn0.e30.",
        );
        let error = http_response(&echo, None, &["opaque-secret"]);
        let ErrorKind::HttpResponse {
            raw_response: Some(raw),
            ..
        } = error.kind()
        else {
            panic!("{error:?}");
        };
        let body = String::from_utf8_lossy(raw.body().as_ref()).into_owned();
        assert_eq!(body, "POST client_assertion=[redacted]&x=[redacted]");
        assert!(
            raw.headers()
                .iter()
                .all(|(_, value)| !value.as_str().contains("eyJ"))
        );
    }
}
