//! The errors of Microsoft Graph.
//!
//! Microsoft Learn, "Microsoft Graph error responses and resource types". The messages are the ones
//! that users report. Those that nobody has verified say so.

use serde_json::json;

use crate::{
    clock,
    wire::http::{Request, Response},
};

#[derive(Debug)]
pub(crate) struct Error {
    status: u16,
    code: &'static str,
    message: String,
}

impl Error {
    pub(crate) fn bad_request(message: impl Into<String>) -> Error {
        Error::new(400, "BadRequest", message)
    }

    /// Reported in microsoftgraph/msgraph-sdk-python#408.
    pub(crate) fn malformed_app_id() -> Error {
        Error::new(
            400,
            "Request_BadRequest",
            "Invalid value specified for object reference property 'appId'. Please ensure that \
             this value has an appropriate syntax and length.",
        )
    }

    /// Unverified.
    pub(crate) fn malformed_id(id: &str) -> Error {
        let message = format!("Invalid object identifier '{id}'.");
        Error::new(400, "Request_BadRequest", message)
    }

    pub(crate) fn unsupported_filter(property: &str, resource: &str) -> Error {
        Error::new(
            400,
            "Request_UnsupportedQuery",
            format!(
                "Unsupported or invalid query filter clause specified for property '{property}' \
                 of resource '{resource}'."
            ),
        )
    }

    /// The message names every reason that the token is invalid for.
    pub(crate) fn invalid_token(message: &str) -> Error {
        Error::new(401, "InvalidAuthenticationToken", message)
    }

    /// Microsoft Learn, "Error: The identity of the calling application could not be established".
    pub(crate) fn identity_not_found() -> Error {
        Error::new(
            401,
            "Authorization_IdentityNotFound",
            "The identity of the calling application could not be established.",
        )
    }

    /// Reported in GearPlug/microsoftgraph-python#20.
    pub(crate) fn only_delegated() -> Error {
        Error::bad_request("/me request is only valid with delegated authentication flow.")
    }

    pub(crate) fn denied() -> Error {
        Error::new(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
    }

    /// Reported in microsoftgraph/microsoft-graph-docs-contrib#1107.
    pub(crate) fn not_found(id: &str) -> Error {
        Error::new(
            404,
            "Request_ResourceNotFound",
            format!(
                "Resource '{id}' does not exist or one of its queried reference-property objects \
                 are not present."
            ),
        )
    }

    pub(crate) fn only_get() -> Error {
        let message = "The emulator's Microsoft Graph is read-only.";
        Error::new(405, "Request_BadRequest", message)
    }

    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Error {
        Error {
            status,
            code,
            message: message.into(),
        }
    }

    /// `request_id` is the id of this request. `now` is the time on Graph's clock.
    pub(crate) fn response(self, request: &Request, request_id: &str, now: i64) -> Response {
        let client_request_id = request.header("client-request-id").unwrap_or(request_id);
        let date = clock::iso(now);
        let body = json!({"error": {
            "code": self.code,
            "message": self.message,
            "innerError": {
                // Without fractions of a second and without a zone.
                "date": date.split('.').next(),
                "request-id": request_id,
                "client-request-id": client_request_id,
            },
        }});
        let response = Response::json(self.status, &body);
        match self.status {
            401 => response.with(
                "WWW-Authenticate",
                "Bearer realm=\"\", \
                 authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
                 client_id=\"00000003-0000-0000-c000-000000000000\"",
            ),
            405 => response.with("Allow", "GET"),
            _ => response,
        }
    }
}

/// The ids that every response of Graph has.
pub(crate) fn with_graph_headers(
    response: Response,
    request: &Request,
    request_id: &str,
) -> Response {
    let client_request_id = request.header("client-request-id").unwrap_or(request_id);
    response
        .with("Cache-Control", "no-cache")
        .with("request-id", request_id)
        .with("client-request-id", client_request_id)
}
