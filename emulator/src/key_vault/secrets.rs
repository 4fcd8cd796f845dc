//! Reading secrets.
//!
//! Microsoft Learn, "Authentication, requests and responses" (Key Vault), and the REST API
//! reference, "Get Secret". The `AKV` messages are the ones that users report.

use serde_json::json;

use crate::{
    key_vault::access::{authenticate, check_role},
    wire::http::{Request, Response},
    world::{
        World,
        directory::{Directory, KeyVault},
        signing_key::SigningKey,
    },
};

/// The end of the host name of every vault.
pub(crate) const DOMAIN: &str = ".vault.azure.net";

/// Responds to a request to the vault with this host name. `now` is the time on its clock.
pub(crate) fn respond(
    world: &World,
    key: &SigningKey,
    request: &Request,
    host: &str,
    now: i64,
) -> Response {
    run(&world.directory, key, request, host, now)
        .unwrap_or_else(|refusal| refusal)
        .with("Cache-Control", "no-cache")
}

/// The vault with this host name. `localhost` is the host name of the only vault.
fn find<'a>(directory: &'a Directory, host: &str) -> Option<&'a KeyVault> {
    match (host.strip_suffix(DOMAIN), &directory.key_vaults[..]) {
        (Some(name), _) => directory.key_vault(name),
        (None, [only]) => Some(only),
        (None, _) => None,
    }
}

fn run(
    directory: &Directory,
    key: &SigningKey,
    request: &Request,
    host: &str,
    now: i64,
) -> Result<Response, Response> {
    let Some(vault) = find(directory, host) else {
        return Err(Response::empty(404));
    };
    let caller = authenticate(directory, key, request, vault, now)?;
    if request.query("api-version").is_none_or(str::is_empty) {
        return Err(Response::error(
            400,
            "BadParameter",
            "AKV10046: Unable to find a valid api-version on the request.",
        ));
    }
    let path = request.path.trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    match (request.method.as_str(), &segments[..]) {
        ("GET", ["secrets", secret] | ["secrets", secret, _]) => {
            check_role(directory, &caller, vault, secret)?;
            let version = segments.get(2).copied().filter(|it| !it.is_empty());
            get_secret(vault, secret, version)
        }
        _ => Err(Response::error(
            404,
            "NotFound",
            "The emulator's key vault can only read secrets.",
        )),
    }
}

fn get_secret(vault: &KeyVault, name: &str, version: Option<&str>) -> Result<Response, Response> {
    vault
        .secrets
        .iter()
        .find(|secret| {
            secret.name.eq_ignore_ascii_case(name)
                && version.is_none_or(|version| version == secret.version)
        })
        .map(|secret| {
            Response::json(
                200,
                &json!({
                    "value": secret.value,
                    "id": format!(
                        "https://{}{DOMAIN}/secrets/{}/{}", vault.name, secret.name, secret.version
                    ),
                    "attributes": {"enabled": true, "recoveryLevel": "Recoverable+Purgeable"},
                }),
            )
        })
        .ok_or_else(|| {
            Response::error(
                404,
                "SecretNotFound",
                &format!("A secret with (name/id) {name} was not found in this key vault."),
            )
        })
}
