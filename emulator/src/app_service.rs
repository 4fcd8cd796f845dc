//! The identity endpoint of App Service, Functions and Container Apps.
//!
//! Microsoft Learn: "How to use managed identities for App Service and Azure Functions", section
//! "REST endpoint reference".

use serde_json::json;

use crate::{
    identity_tokens::identity_token,
    keys::SigningKey,
    principals::{ManagedIdentity, guid},
    wire::{Answer, Request, duplicate},
    world::World,
};

pub(crate) const PATH: &str = "/msi/token";

const API_VERSION: &str = "2019-08-01";

pub(crate) fn answer(
    world: &mut World,
    key: &SigningKey,
    request: &Request,
    identity_header: &str,
    wrong_clock: i64,
) -> Answer {
    respond(world, key, request, identity_header, wrong_clock).unwrap_or_else(|refused| refused)
}

fn respond(
    world: &mut World,
    key: &SigningKey,
    request: &Request,
    identity_header: &str,
    wrong_clock: i64,
) -> Result<Answer, Answer> {
    if request.method != "GET" {
        return Err(refuse(405, "Method not allowed.").with("Allow", "GET"));
    }
    // The header is what keeps a request that somebody tricked the app into from being answered.
    if request.header("x-identity-header") != Some(identity_header) {
        return Err(refuse(
            401,
            "The X-IDENTITY-HEADER header is missing or is not this instance's.",
        ));
    }
    if let Some(name) = duplicate(&request.query) {
        return Err(refuse(
            400,
            &format!("The parameter '{name}' is duplicated."),
        ));
    }
    if request.query("api-version") != Some(API_VERSION) {
        return Err(refuse(
            400,
            &format!("The parameter 'api-version' must be {API_VERSION}."),
        ));
    }
    let Some(resource) = request.query("resource").filter(|value| !value.is_empty()) else {
        return Err(refuse(400, "The parameter 'resource' is missing."));
    };

    let identity = select(world, request)?;
    let issued = identity_token(world, key, &identity, resource, wrong_clock)
        .map_err(|description| refuse(400, &description))?;
    Ok(Answer::json(
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

/// Other than IMDS, App Service never takes a user-assigned identity that was not asked for.
fn select(world: &World, request: &Request) -> Result<ManagedIdentity, Answer> {
    let mut selectors = request.query.iter().filter(|(name, _)| {
        matches!(
            name.as_str(),
            "client_id" | "principal_id" | "object_id" | "mi_res_id"
        )
    });
    let (selector, more) = (selectors.next(), selectors.next());
    if more.is_some() {
        return Err(refuse(
            400,
            "Only one of client_id, principal_id and mi_res_id may be given.",
        ));
    }
    let mut on_host = world.directory.host_identities();
    let Some((name, value)) = selector else {
        return on_host
            .find(|identity| identity.resource_id.is_none())
            .cloned()
            .ok_or_else(|| refuse(400, "Unable to load the proper Managed Identity."));
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
            refuse(
                400,
                "No User Assigned or Delegated Managed Identity found for specified \
                 ClientId/ResourceId/PrincipalId.",
            )
        })
}

fn refuse(status: u16, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"statusCode": status, "message": message, "correlationId": guid()}),
    )
}
