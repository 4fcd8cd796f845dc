//! Entra's refusals: the code, the message, `error` and the status of each.
//!
//! Microsoft Learn: "Microsoft Entra authentication and authorization error codes". The `error`
//! values are those of RFC 6749 section 5.2; `invalid_resource` is of RFC 8707 section 2.

mod access;
mod client_assertion;
mod federated_credential;
mod request;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    clock,
    guid::guid,
    wire::http::{Request, Response},
};

/// A refusal by the token endpoint.
#[derive(Debug)]
pub(crate) struct Refusal {
    error: &'static str,
    code: u32,
    message: String,
    claims: Option<String>,
}

impl Refusal {
    fn new(error: &'static str, code: u32, message: String) -> Refusal {
        Refusal {
            error,
            code,
            message,
            claims: None,
        }
    }

    fn client(code: u32, message: String) -> Refusal {
        Refusal::new("invalid_client", code, message)
    }

    fn request(code: u32, message: String) -> Refusal {
        Refusal::new("invalid_request", code, message)
    }

    /// The `error_description`. It ends with the ids by which an administrator finds the request in
    /// the sign-in logs.
    pub(crate) fn description(
        &self,
        trace_id: &str,
        correlation_id: &str,
        timestamp: &str,
    ) -> String {
        format!(
            "AADSTS{}: {} Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: \
             {timestamp}",
            self.code, self.message
        )
    }

    /// RFC 6749 section 5.2 gives `invalid_client` 401 and the others 400.
    fn status(&self) -> u16 {
        if self.error == "invalid_client" {
            401
        } else {
            400
        }
    }

    pub(crate) fn response(&self, request: &Request, now: i64) -> Response {
        let trace_id = guid();
        let correlation_id = client_request_id(request)
            .filter(|id| Uuid::try_parse(id).is_ok())
            .map_or_else(guid, str::to_owned);
        let timestamp = clock::entra_timestamp(now);
        let mut body = json!({
            "error": self.error,
            "error_description": self.description(&trace_id, &correlation_id, &timestamp),
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        });
        if let (Some(claims), Some(body)) = (&self.claims, body.as_object_mut()) {
            body.insert("claims".to_owned(), Value::from(claims.as_str()));
        }
        with_entra_headers(Response::json(self.status(), &body), request, &trace_id)
    }
}

/// The id that the client gave to the request, in a header, or in the URL as MSAL for Node does.
fn client_request_id(request: &Request) -> Option<&str> {
    request
        .header("client-request-id")
        .or_else(|| request.query("client-request-id"))
}

/// Adds the headers that all responses of the token endpoint have.
pub(crate) fn with_entra_headers(
    response: Response,
    request: &Request,
    trace_id: &str,
) -> Response {
    let response = response
        // RFC 6749 section 5.1.
        .with("Cache-Control", "no-store, no-cache")
        .with("Pragma", "no-cache")
        .with("x-ms-request-id", trace_id)
        .with("x-ms-ests-server", "2.1.00000.0 - EMULATOR ProdSlices")
        .with(
            "Strict-Transport-Security",
            "max-age=31536000; includeSubDomains",
        )
        .with("X-Content-Type-Options", "nosniff");
    match client_request_id(request) {
        Some(id) => response.with("client-request-id", id),
        None => response,
    }
}
