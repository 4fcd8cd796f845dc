//! The identity endpoint of Service Fabric. It speaks HTTPS.
//!
//! Microsoft Learn: "How to leverage a Service Fabric application's managed identity to access Azure
//! services".

use serde_json::json;

use crate::{
    guid::guid,
    identity::token::HostTokens,
    wire::http::{Request, Response},
};

pub(crate) const PATH: &str = "/metadata/identity/oauth2/token";

/// The first version has no selector: the deployment fixes the identity.
const FIRST_VERSION: &str = "2019-07-01-preview";
/// This one takes `principalId`. The source is the Azure SDK for .NET.
const SELECTOR_VERSION: &str = "2020-05-01";

pub(crate) fn respond(
    tokens: &mut HostTokens<'_>,
    secret: &str,
    request: &Request,
) -> Result<Response, Response> {
    match request.header("secret") {
        None => {
            return Err(refusal(
                400,
                "SecretHeaderNotFound",
                "Secret is not found in the request headers.",
            ));
        }
        // The document: 404 is an unknown authentication code, or an application without identity.
        Some(value) if value != secret => return Err(not_found()),
        Some(_) => {}
    }
    let selected = match request.query("api-version") {
        Some(FIRST_VERSION) => None,
        Some(SELECTOR_VERSION) => request.query("principalId"),
        _ => {
            return Err(refusal(
                400,
                "InvalidApiVersion",
                "The api-version is not supported.",
            ));
        }
    };
    let Some(resource) = request.query("resource").filter(|value| !value.is_empty()) else {
        return Err(refusal(
            400,
            "ArgumentNullOrEmpty",
            "The parameter 'resource' should not be null or empty string.",
        ));
    };
    let identity = tokens
        .world
        .directory
        .host_identities()
        .find(|identity| match selected {
            Some(id) => identity.principal_id.eq_ignore_ascii_case(id),
            None => true,
        })
        .cloned()
        .ok_or_else(not_found)?;
    let issued = tokens
        .issue(&identity, resource)
        .map_err(|description| refusal(400, "ManagedIdentityTokenError", &description))?;
    Ok(Response::json(
        200,
        &json!({
            "token_type": "Bearer",
            "expires_on": issued.expires_on,
            "access_token": issued.token,
            "resource": resource,
        }),
    ))
}

fn not_found() -> Response {
    refusal(
        404,
        "ManagedIdentityNotFound",
        "Managed Identity is not found.",
    )
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    let error = json!({"correlationId": guid(), "code": code, "message": message});
    Response::json(status, &json!({ "error": error }))
}
