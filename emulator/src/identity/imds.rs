//! The identity endpoint of the Azure Instance Metadata Service (IMDS).
//!
//! Microsoft Learn: "How to use managed identities for Azure resources on an Azure VM to acquire
//! an access token", "Azure Instance Metadata Service".

use serde_json::json;

use crate::{
    clock,
    identity::token::HostTokens,
    wire::http::{Request, Response, duplicate},
    world::{World, principals::ManagedIdentity},
};

pub(crate) const PATH: &str = "/metadata/identity/oauth2/token";

/// The versions of the identity endpoint, newest first.
const API_VERSIONS: [&str; 4] = ["2021-02-01", "2019-08-01", "2018-10-01", "2018-02-01"];

const IDENTITY_NOT_FOUND: &str = "Identity not found";
const MULTIPLE_IDENTITIES: &str = "Multiple user assigned identities exist, please specify the \
     clientId / resourceId of the identity in the token request";

pub(crate) fn respond(
    tokens: &mut HostTokens<'_>,
    request: &Request,
) -> Result<Response, Response> {
    if request.method != "GET" {
        return Err(refusal(405, "invalid_request", "Method not allowed").with("Allow", "GET"));
    }
    if !request
        .header("metadata")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    {
        return Err(refusal(
            400,
            "bad_request_102",
            "Required metadata header not specified",
        ));
    }
    if request.header("x-forwarded-for").is_some() {
        return Err(refusal(
            400,
            "invalid_request",
            "The request must not contain an X-Forwarded-For header",
        ));
    }
    if let Some(name) = duplicate(&request.query) {
        let message = format!("The query parameter '{name}' must not be given more than once");
        return Err(refusal(400, "invalid_request", &message));
    }
    match request.query("api-version") {
        None => {
            return Err(wrong_version(
                "Bad request. api-version was not specified in the request",
            ));
        }
        Some(version) if !API_VERSIONS.contains(&version) => {
            return Err(wrong_version(
                "Bad request. api-version is invalid or not supported",
            ));
        }
        Some(_) => {}
    }
    let Some(resource) = request.query("resource").filter(|value| !value.is_empty()) else {
        return Err(refusal(
            400,
            "invalid_request",
            "Required query variable 'resource' is missing",
        ));
    };

    let identity = select(tokens.world, request)?;
    let issued = tokens
        .issue(&identity, resource)
        .map_err(|description| refusal(400, "invalid_resource", &description))?;
    let expires_in = issued.expires_on - clock::now() - tokens.clock_error;
    Ok(Response::json(
        200,
        &json!({
            "access_token": issued.token,
            "client_id": identity.client_id,
            "expires_in": expires_in.to_string(),
            "expires_on": issued.expires_on.to_string(),
            "ext_expires_in": expires_in.to_string(),
            "not_before": issued.not_before.to_string(),
            "refresh_token": "",
            "resource": resource,
            "token_type": "Bearer",
        }),
    ))
}

/// The identity that the request asks for. If the request names none, it is the system-assigned
/// identity, or the only user-assigned identity.
fn select(world: &World, request: &Request) -> Result<ManagedIdentity, Response> {
    let selectors: Vec<&(String, String)> = request
        .query
        .iter()
        .filter(|(name, _)| {
            matches!(
                name.as_str(),
                "client_id" | "object_id" | "msi_res_id" | "mi_res_id"
            )
        })
        .collect();
    let mut on_host = world.directory.host_identities();
    let found = match selectors[..] {
        [] => {
            let all: Vec<&ManagedIdentity> = on_host.collect();
            match all.iter().find(|identity| identity.resource_id.is_none()) {
                Some(system_assigned) => Some(*system_assigned),
                None if all.len() > 1 => {
                    return Err(refusal(400, "invalid_request", MULTIPLE_IDENTITIES));
                }
                None => all.first().copied(),
            }
        }
        [(name, value)] => on_host.find(|identity| {
            let id = match name.as_str() {
                "client_id" => Some(&identity.client_id),
                "object_id" => Some(&identity.principal_id),
                _ => identity.resource_id.as_ref(),
            };
            id.is_some_and(|id| id.eq_ignore_ascii_case(value))
        }),
        _ => {
            return Err(refusal(
                400,
                "invalid_request",
                "Only one of client_id, object_id and msi_res_id may be given",
            ));
        }
    };
    found
        .cloned()
        .ok_or_else(|| refusal(400, "invalid_request", IDENTITY_NOT_FOUND))
}

fn refusal(status: u16, error: &str, description: &str) -> Response {
    Response::json(
        status,
        &json!({"error": error, "error_description": description}),
    )
}

fn wrong_version(message: &str) -> Response {
    Response::json(
        400,
        &json!({"error": message, "newest-versions": API_VERSIONS}),
    )
}
