//! Azure Key Vault, as far as a client learns its scope from it: the challenge, and secrets to be read.
//!
//! Microsoft Learn, "Authentication, requests and responses" (Key Vault) and the REST API reference,
//! "Get Secret". The `AKV` texts are those that users quote.

use serde_json::json;

use crate::{
    arm_access::{contains, error},
    bearer::{self, Caller, Flaw},
    directory::{Directory, KeyVault},
    keys::SigningKey,
    principals::v1_issuer,
    wire::{Answer, Request},
    world::World,
};

const RESOURCE: &str = "https://vault.azure.net";

/// The host names of vaults end so.
pub(crate) const DOMAIN: &str = ".vault.azure.net";

/// Answers a request to the vault of that name. `now` is Azure's idea of it.
pub(crate) fn answer(
    world: &World,
    key: &SigningKey,
    request: &Request,
    name: &str,
    now: i64,
) -> Answer {
    respond(&world.directory, key, request, name, now)
        .unwrap_or_else(|refused| refused)
        .with("Cache-Control", "no-cache")
}

fn respond(
    directory: &Directory,
    key: &SigningKey,
    request: &Request,
    name: &str,
    now: i64,
) -> Result<Answer, Answer> {
    let Some(vault) = directory.key_vault(name) else {
        // Nobody answers under such a name on Azure.
        return Err(Answer::empty(404));
    };
    let caller = authenticate(directory, key, request, vault, now)?;
    if request.query("api-version").is_none_or(str::is_empty) {
        return Err(error(
            400,
            "BadParameter",
            "AKV10046: Unable to find a valid api-version on the request.",
        ));
    }
    let path = request.path.trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    match (request.method.as_str(), &segments[..]) {
        ("GET", ["secrets", secret] | ["secrets", secret, _]) => {
            may_read_secrets(directory, &caller, vault, secret)?;
            let version = segments.get(2).copied().filter(|it| !it.is_empty());
            get_secret(vault, secret, version)
        }
        _ => Err(error(
            404,
            "NotFound",
            "The emulator's vault has secrets to be read, and nothing else.",
        )),
    }
}

fn authenticate(
    directory: &Directory,
    key: &SigningKey,
    request: &Request,
    vault: &KeyVault,
    now: i64,
) -> Result<Caller, Answer> {
    let unauthorized = |message: &str| {
        error(401, "Unauthorized", message).with(
            "WWW-Authenticate",
            &format!(
                "Bearer authorization=\"https://login.windows.net/{}\", resource=\"{RESOURCE}\"",
                vault.tenant_id
            ),
        )
    };
    let caller = bearer::read(key, directory, request, &[RESOURCE], now).map_err(|flaw| {
        unauthorized(&match flaw {
            Flaw::Missing => "AKV10000: Request is missing a Bearer or PoP token.".to_owned(),
            Flaw::Audience(found) => {
                format!("AKV10022: Invalid audience. Expected {RESOURCE}, found: {found}.")
            }
            Flaw::NoJwt | Flaw::Signature | Flaw::Expired | Flaw::NotYet | Flaw::Issuer => {
                "AKV10001: Error validating token.".to_owned()
            }
        })
    })?;
    if !caller.tenant_id.eq_ignore_ascii_case(&vault.tenant_id) {
        return Err(unauthorized(&format!(
            "AKV10032: Invalid issuer. Expected one of {}, found {}.",
            v1_issuer(&vault.tenant_id),
            v1_issuer(&caller.tenant_id)
        )));
    }
    Ok(caller)
}

fn may_read_secrets(
    directory: &Directory,
    caller: &Caller,
    vault: &KeyVault,
    secret: &str,
) -> Result<(), Answer> {
    let may = directory.role_assignments.iter().any(|assignment| {
        !caller.object_id.is_empty()
            && assignment.principal_id == caller.object_id
            && assignment.role.reads_secrets()
            && contains(&assignment.scope, &vault.id)
    });
    if may {
        return Ok(());
    }
    let message = format!(
        "Caller is not authorized to perform action on resource.\r\n\
         If role assignments, deny assignments or role definitions were changed recently, please \
         observe propagation time.\r\n\
         Caller: appid={};oid={};iss={}\r\n\
         Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\n\
         Resource: '{}/secrets/{secret}'\r\n\
         Assignment: (not found)\r\n\
         DenyAssignmentId: null\r\n\
         DecisionReason: null \r\n\
         Vault: {}\r\n",
        caller.client_id,
        caller.object_id,
        v1_issuer(&caller.tenant_id),
        vault.id.to_ascii_lowercase(),
        vault.name,
    );
    Err(Answer::json(
        403,
        &json!({"error": {
            "code": "Forbidden",
            "message": message,
            "innererror": {"code": "ForbiddenByRbac"},
        }}),
    ))
}

fn get_secret(vault: &KeyVault, name: &str, version: Option<&str>) -> Result<Answer, Answer> {
    vault
        .secrets
        .iter()
        .find(|secret| {
            secret.name.eq_ignore_ascii_case(name)
                && version.is_none_or(|version| version == secret.version)
        })
        .map(|secret| {
            Answer::json(
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
            error(
                404,
                "SecretNotFound",
                &format!("A secret with (name/id) {name} was not found in this key vault."),
            )
        })
}
