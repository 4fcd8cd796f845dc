//! Checks the token of a request, and finds the operation that the path names.

use crate::{
    arm::{access::authenticate, request::AuthorizedRequest},
    guid::guid,
    wire::http::{Request, Response},
    world::{World, signing_key::SigningKey},
};

/// Responds to a request to Resource Manager. `now` is the time on its clock.
pub(crate) fn respond(world: &World, key: &SigningKey, request: &Request, now: i64) -> Response {
    let correlation_id = guid();
    run(world, key, request, now)
        .unwrap_or_else(|refusal| refusal)
        .with("Cache-Control", "no-cache")
        .with("x-ms-request-id", &correlation_id)
        .with("x-ms-correlation-request-id", &correlation_id)
        .with(
            "x-ms-routing-request-id",
            &format!("EMULATOR:{correlation_id}"),
        )
}

fn run(world: &World, key: &SigningKey, request: &Request, now: i64) -> Result<Response, Response> {
    let directory = &world.directory;
    let caller = authenticate(key, directory, request, now)?;
    let path = request.path.trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    let lower: Vec<String> = segments
        .iter()
        .map(|part| part.to_ascii_lowercase())
        .collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let request = AuthorizedRequest {
        directory,
        caller: &caller,
        request,
        page_size: world.settings.page_size,
    };
    match lower[..] {
        ["subscriptions"] => request.list_subscriptions(),
        ["subscriptions", _] => request.get_subscription(segments[1]),
        ["subscriptions", _, "resourcegroups"] => request.list_resource_groups(segments[1]),
        ["subscriptions", _, "resourcegroups", _] => {
            request.get_resource_group(segments[1], segments[3])
        }
        [
            ..,
            "providers",
            "microsoft.authorization",
            "roleassignments",
        ] => {
            let scope = format!("/{}", segments[..segments.len() - 3].join("/"));
            request.list_role_assignments(&scope)
        }
        _ => Err(Response::error(
            404,
            "InvalidResourceType",
            "The resource type could not be found for this path.",
        )),
    }
}
