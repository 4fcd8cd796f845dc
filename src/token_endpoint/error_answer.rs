//! An error response of the token endpoint.

use crate::{diagnosis, error_body::ErrorBody, managed_identity::number, redact};
use azure_core::http::RawResponse;
use serde_json::Value;

/// RFC 6749 §5.2, and what Entra adds (Microsoft Learn, "Microsoft Entra authentication and
/// authorization error codes", "Handling error codes in your application"). A gateway may have
/// wrapped it in a form of its own.
pub(super) struct ErrorAnswer {
    pub(super) error: Option<String>,
    pub(super) error_description: Option<String>,
    pub(super) codes: Vec<u32>,
    pub(super) suberror: Option<String>,
    timestamp: Option<String>,
    trace_id: Option<String>,
    correlation_id: Option<String>,
    pub(super) has_claims: bool,
    body: ErrorBody,
}

impl ErrorAnswer {
    /// Whatever of it can be read: one field of another type must not hide the rest.
    pub(super) fn of(answer: &RawResponse) -> Self {
        let body = ErrorBody::of(answer);
        let listed = match body.value_at("/error_codes") {
            Some(Value::Array(codes)) => codes.as_slice(),
            _ => &[],
        };
        let mut codes: Vec<u32> = listed
            .iter()
            .filter_map(|code| u32::try_from(number(code)?).ok())
            .collect();
        // The number is in the text, too, wherever that stands, and in a link.
        for code in diagnosis::codes_in(body.text()) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        if codes.is_empty() {
            codes.extend(body.at("/error_uri").and_then(|uri| {
                let (_, code) = uri.split_once("code=")?;
                code.parse::<u32>().ok()
            }));
        }
        let text = |path: &str| body.at(path).map(str::to_owned);
        Self {
            error: body.code().map(Into::into),
            error_description: body.message().map(Into::into),
            codes,
            suberror: text("/suberror"),
            timestamp: text("/timestamp"),
            trace_id: text("/trace_id"),
            correlation_id: text("/correlation_id"),
            has_claims: body.value_at("/claims").is_some(),
            body,
        }
    }

    pub(super) fn is_entras(&self) -> bool {
        self.error.is_some() || self.error_description.is_some() || !self.codes.is_empty()
    }

    /// The error and the first sentence of its description, or the start of whatever else answered.
    pub(super) fn said(&self, assertion: &str) -> String {
        if self.error.is_none() && self.error_description.is_none() {
            let beginning = self.body.beginning(&[assertion]);
            return match beginning.as_str() {
                "" => ", with an empty body".to_owned(),
                _ => format!(", not in Microsoft Entra's form; it begins: {beginning}"),
            };
        }
        let mut said = String::new();
        if let Some(error) = &self.error {
            said.push(' ');
            said.push_str(&redact::excerpt(error.as_bytes(), &[assertion]));
        }
        if let Some(description) = &self.error_description {
            let first = diagnosis::first_sentence(sentence(description));
            said.push_str(", ");
            said.push_str(&redact::excerpt(
                first.trim_end_matches('.').as_bytes(),
                &[assertion],
            ));
        }
        said
    }

    /// All that was answered in words, as far as it may be shown.
    pub(super) fn whole(&self, assertion: &str) -> String {
        match &self.error_description {
            Some(description) => redact::excerpt(sentence(description).as_bytes(), &[assertion]),
            None => self.body.beginning(&[assertion]),
        }
    }

    /// What Microsoft's support and the sign-in logs find the request by.
    pub(super) fn ids(&self, assertion: &str) -> Vec<(&'static str, String)> {
        [
            ("Trace ID", &self.trace_id),
            ("correlation ID", &self.correlation_id),
            ("timestamp", &self.timestamp),
        ]
        .into_iter()
        .filter_map(|(name, value)| {
            let value = redact::redact(value.as_deref()?, &[assertion]);
            Some((name, redact::printable(&value, 60)))
        })
        .collect()
    }
}

/// The description without the ids that follow it: after spaces today, after `\r\n` in older
/// answers.
fn sentence(description: &str) -> &str {
    let end = description.find("Trace ID:").unwrap_or(description.len());
    description[..end].trim()
}
