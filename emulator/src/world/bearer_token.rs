//! The bearer token of a request to a resource: the checks that all resources share.

use azure_core::base64;
use serde_json::Value;

use crate::{
    wire::http::Request,
    world::{directory::Directory, signing_key::SigningKey, tokens::v1_issuer},
};

/// The caller, from a valid token.
pub(crate) struct Caller {
    pub(crate) tenant_id: String,
    pub(crate) client_id: String,
    /// Empty if the app has no service principal. Then it has no role.
    pub(crate) object_id: String,
    /// The application permissions that the token has.
    pub(crate) roles: Vec<String>,
}

/// Why a token is not valid.
pub(crate) enum TokenProblem {
    Missing,
    NotAJwt,
    InvalidSignature,
    Expired,
    NotYetValid,
    /// The token is for this other audience.
    WrongAudience(String),
    UnknownIssuer,
}

/// Checks the bearer token in this order: form, signature, times, audience, issuer.
pub(crate) fn read(
    key: &SigningKey,
    directory: &Directory,
    request: &Request,
    audiences: &[&str],
    now: i64,
) -> Result<Caller, TokenProblem> {
    // RFC 9110 section 11.1: the scheme's case does not matter.
    let token = request
        .header("authorization")
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .map(|(_, token)| token.trim())
        .ok_or(TokenProblem::Missing)?;
    let claims: Value = token
        .split('.')
        .nth(1)
        .and_then(|part| base64::decode_url_safe(part).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or(TokenProblem::NotAJwt)?;
    if !key.has_signed(token) {
        return Err(TokenProblem::InvalidSignature);
    }
    if now >= number(&claims, "exp") {
        return Err(TokenProblem::Expired);
    }
    if now < number(&claims, "nbf") {
        return Err(TokenProblem::NotYetValid);
    }
    let audience = text(&claims, "aud");
    if !audiences.contains(&audience.trim_end_matches('/')) {
        return Err(TokenProblem::WrongAudience(audience.to_owned()));
    }
    let tenant_id = text(&claims, "tid");
    let of_tenant = directory.tenant(tenant_id).is_some_and(|tenant| {
        [v1_issuer(&tenant.id), directory.cloud.issuer(&tenant.id)]
            .contains(&text(&claims, "iss").to_owned())
    });
    if !of_tenant {
        return Err(TokenProblem::UnknownIssuer);
    }
    let client_id = match text(&claims, "appid") {
        "" => text(&claims, "azp"),
        client_id => client_id,
    };
    Ok(Caller {
        tenant_id: tenant_id.to_owned(),
        client_id: client_id.to_owned(),
        object_id: text(&claims, "oid").to_owned(),
        roles: claims
            .get("roles")
            .and_then(|roles| serde_json::from_value(roles.clone()).ok())
            .unwrap_or_default(),
    })
}

fn text<'a>(claims: &'a Value, name: &str) -> &'a str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(claims: &Value, name: &str) -> i64 {
    claims.get(name).and_then(Value::as_i64).unwrap_or_default()
}
