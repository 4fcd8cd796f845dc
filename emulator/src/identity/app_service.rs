//! The identity endpoint of App Service, Functions and Container Apps.
//!
//! Microsoft Learn: "How to use managed identities for App Service and Azure Functions", section
//! "REST endpoint reference".

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

use crate::{
    guid::guid,
    identity::token::HostTokens,
    wire::http::{Request, Response, duplicate},
    world::{World, principals::ManagedIdentity},
};

pub(crate) const PATH: &str = "/msi/token";

const API_VERSION: &str = "2019-08-01";

/// Takes the SHA-256 of a token that is to be replaced. The source is MSAL.NET; Microsoft Learn does
/// not describe it.
const REFRESH_API_VERSION: &str = "2025-03-30";

pub(crate) fn respond(
    tokens: &mut HostTokens<'_>,
    identity_header: &str,
    request: &Request,
) -> Result<Response, Response> {
    if request.method != "GET" {
        return Err(refusal(405, "Method not allowed.").with("Allow", "GET"));
    }
    // The header protects against server-side request forgery.
    if request.header("x-identity-header") != Some(identity_header) {
        return Err(refusal(
            401,
            "The X-IDENTITY-HEADER header is missing or is not this instance's.",
        ));
    }
    if let Some(name) = duplicate(&request.query) {
        return Err(refusal(
            400,
            &format!("The parameter '{name}' is duplicated."),
        ));
    }
    let replaced = match request.query("api-version") {
        Some(API_VERSION) => None,
        Some(REFRESH_API_VERSION) if tokens.world.settings.app_service_refresh => {
            request.query("token_sha256_to_refresh")
        }
        _ => {
            let message = format!("The parameter 'api-version' must be {API_VERSION}.");
            return Err(refusal(400, &message));
        }
    };
    let Some(resource) = request.query("resource").filter(|value| !value.is_empty()) else {
        return Err(refusal(400, "The parameter 'resource' is missing."));
    };

    let identity = select(tokens.world, request)?;
    if let Some(hash) = replaced {
        tokens
            .kept
            .retain(|_, kept| !sha256(&kept.token).eq_ignore_ascii_case(hash));
    }
    let issued = tokens
        .issue(&identity, resource)
        .map_err(|description| refusal(400, &description))?;
    Ok(Response::json(
        200,
        &json!({
            "access_token": issued.token,
            "client_id": identity.client_id,
            "expires_on": issued.expires_on.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }),
    ))
}

/// The identity that the request asks for. If the request names none, it is the system-assigned
/// identity. Unlike IMDS, App Service never chooses a user-assigned identity.
fn select(world: &World, request: &Request) -> Result<ManagedIdentity, Response> {
    let mut selectors = request.query.iter().filter(|(name, _)| {
        matches!(
            name.as_str(),
            "client_id" | "principal_id" | "object_id" | "mi_res_id"
        )
    });
    let (selector, more) = (selectors.next(), selectors.next());
    if more.is_some() {
        return Err(refusal(
            400,
            "Only one of client_id, principal_id and mi_res_id may be given.",
        ));
    }
    let mut on_host = world.directory.host_identities();
    let Some((name, value)) = selector else {
        return on_host
            .find(|identity| identity.resource_id.is_none())
            .cloned()
            .ok_or_else(|| refusal(400, "Unable to load the proper Managed Identity."));
    };
    on_host
        .find(|identity| {
            let id = match name.as_str() {
                "client_id" => Some(&identity.client_id),
                "mi_res_id" => identity.resource_id.as_ref(),
                _ => Some(&identity.principal_id),
            };
            id.is_some_and(|id| id.eq_ignore_ascii_case(value))
        })
        .cloned()
        .ok_or_else(|| {
            refusal(
                400,
                "No User Assigned or Delegated Managed Identity found for specified \
                 ClientId/ResourceId/PrincipalId.",
            )
        })
}

fn sha256(token: &str) -> String {
    let hash = digest(&SHA256, token.as_bytes());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn refusal(status: u16, message: &str) -> Response {
    Response::json(
        status,
        &json!({"statusCode": status, "message": message, "correlationId": guid()}),
    )
}
