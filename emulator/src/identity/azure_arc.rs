//! The identity endpoint of the Azure Connected Machine agent (Azure Arc).
//!
//! Microsoft Learn: "Authenticate against Azure resources with Azure Arc-enabled servers". The first
//! request is refused with the path of a file. The second one proves that the client may read it.

use serde_json::json;
use std::{fs, io, path::PathBuf};

use crate::{
    clock,
    guid::guid,
    identity::token::HostTokens,
    wire::http::{Request, Response},
};

/// The agent itself serves `/metadata/identity/oauth2/token` on a port of its own. Here IMDS has
/// this path.
pub(crate) const PATH: &str = "/arc/metadata/identity/oauth2/token";

const API_VERSION: &str = "2020-06-01";

/// Where key files are written, and which of them are valid.
#[derive(Default)]
pub(crate) struct Keys {
    pub(crate) directory: Option<PathBuf>,
    valid: Vec<Key>,
}

struct Key {
    path: PathBuf,
    content: String,
}

impl Keys {
    /// Writes a new key file, and returns its path.
    fn create(&mut self) -> io::Result<PathBuf> {
        let Some(directory) = &self.directory else {
            return Err(io::Error::other("no directory for key files is set"));
        };
        let key = Key {
            path: directory.join(format!("{}.key", guid())),
            content: guid().repeat(2),
        };
        fs::write(&key.path, &key.content)?;
        let path = key.path.clone();
        self.valid.push(key);
        Ok(path)
    }

    /// Whether the key is valid. It is valid once.
    fn accept(&mut self, content: &str) -> bool {
        let Some(index) = self.valid.iter().position(|key| key.content == content) else {
            return false;
        };
        let key = self.valid.remove(index);
        // A test may have removed it.
        let _ = fs::remove_file(key.path);
        true
    }
}

pub(crate) fn respond(
    tokens: &mut HostTokens<'_>,
    keys: &mut Keys,
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
            "invalid_request",
            "Required metadata header not specified",
        ));
    }
    if request.query("api-version") != Some(API_VERSION) {
        return Err(refusal(
            400,
            "invalid_request",
            "Bad request. api-version is invalid or not supported",
        ));
    }
    let Some(resource) = request.query("resource").filter(|value| !value.is_empty()) else {
        return Err(refusal(
            400,
            "invalid_request",
            "Required query variable 'resource' is missing",
        ));
    };
    match request.header("authorization") {
        None => return Err(challenge(keys)),
        Some(value) => {
            let content = value.strip_prefix("Basic ").unwrap_or_default();
            if !keys.accept(content) {
                return Err(refusal(
                    403,
                    "unauthorized_client",
                    "The key in the Authorization header is not valid",
                ));
            }
        }
    }

    let identity = tokens
        .world
        .directory
        .host_identities()
        .find(|identity| identity.resource_id.is_none())
        .cloned()
        .ok_or_else(|| refusal(400, "invalid_request", "Identity not found"))?;
    let issued = tokens
        .issue(&identity, resource)
        .map_err(|description| refusal(400, "invalid_resource", &description))?;
    // MSAL for Python reads `expires_in`, MSAL for Node `expires_on`.
    let expires_in = issued.expires_on - clock::now() - tokens.clock_error;
    Ok(Response::json(
        200,
        &json!({
            "access_token": issued.token,
            "expires_in": expires_in.to_string(),
            "expires_on": issued.expires_on.to_string(),
            "not_before": issued.not_before.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }),
    ))
}

fn challenge(keys: &mut Keys) -> Response {
    match keys.create() {
        Ok(path) => Response::empty(401).with(
            "WWW-Authenticate",
            &format!("Basic realm={}", path.display()),
        ),
        Err(error) => refusal(500, "server_error", &format!("no key file: {error}")),
    }
}

fn refusal(status: u16, error: &str, description: &str) -> Response {
    Response::json(
        status,
        &json!({"error": error, "error_description": description}),
    )
}
