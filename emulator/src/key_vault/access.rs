//! Who may read secrets: the token, the tenant of the vault, the roles.

use serde_json::json;

use crate::{
    wire::http::{Request, Response},
    world::{
        bearer_token::{self, Caller, TokenProblem},
        directory::{Directory, KeyVault},
        roles::contains,
        signing_key::SigningKey,
        tokens::v1_issuer,
    },
};

/// The resource that a token for Key Vault is for.
const RESOURCE: &str = "https://vault.azure.net";

pub(crate) fn authenticate(
    directory: &Directory,
    key: &SigningKey,
    request: &Request,
    vault: &KeyVault,
    now: i64,
) -> Result<Caller, Response> {
    let unauthorized = |message: &str| {
        Response::error(401, "Unauthorized", message).with(
            "WWW-Authenticate",
            &format!(
                "Bearer authorization=\"https://login.windows.net/{}\", resource=\"{RESOURCE}\"",
                vault.tenant_id
            ),
        )
    };
    let caller =
        bearer_token::read(key, directory, request, &[RESOURCE], now).map_err(|problem| {
            unauthorized(&match problem {
                TokenProblem::Missing => {
                    "AKV10000: Request is missing a Bearer or PoP token.".to_owned()
                }
                TokenProblem::WrongAudience(found) => {
                    format!("AKV10022: Invalid audience. Expected {RESOURCE}, found: {found}.")
                }
                TokenProblem::NotAJwt
                | TokenProblem::InvalidSignature
                | TokenProblem::Expired
                | TokenProblem::NotYetValid
                | TokenProblem::UnknownIssuer => "AKV10001: Error validating token.".to_owned(),
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

pub(crate) fn check_role(
    directory: &Directory,
    caller: &Caller,
    vault: &KeyVault,
    secret: &str,
) -> Result<(), Response> {
    let allowed = directory.role_assignments.iter().any(|assignment| {
        !caller.object_id.is_empty()
            && assignment.principal_id == caller.object_id
            && assignment.role.reads_secrets()
            && contains(&assignment.scope, &vault.id)
    });
    if allowed {
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
    Err(Response::json(
        403,
        &json!({"error": {
            "code": "Forbidden",
            "message": message,
            "innererror": {"code": "ForbiddenByRbac"},
        }}),
    ))
}
