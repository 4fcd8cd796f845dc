//! The bearer token that a resource is shown: what every resource checks of it, in one order. Each has
//! words of its own for what it finds.

use azure_core::base64;
use serde_json::Value;

use crate::{
    directory::Directory,
    keys::SigningKey,
    principals::{issuer, v1_issuer},
    wire::Request,
};

/// Who asks, by a token that is good for the resource.
pub(crate) struct Caller {
    pub(crate) tenant_id: String,
    pub(crate) client_id: String,
    /// Empty for a token of an app without service principal: it can have no role.
    pub(crate) object_id: String,
}

/// What is wrong with it.
pub(crate) enum Flaw {
    Missing,
    NoJwt,
    Signature,
    Expired,
    NotYet,
    /// The one it is for.
    Audience(String),
    Issuer,
}

/// Reads the bearer token: signature, times, audience, then issuer.
pub(crate) fn read(
    key: &SigningKey,
    directory: &Directory,
    request: &Request,
    audiences: &[&str],
    now: i64,
) -> Result<Caller, Flaw> {
    // RFC 9110 section 11.1: the scheme's case does not matter.
    let token = request
        .header("authorization")
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
        .map(|(_, token)| token.trim())
        .ok_or(Flaw::Missing)?;
    let claims: Value = token
        .split('.')
        .nth(1)
        .and_then(|part| base64::decode_url_safe(part).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or(Flaw::NoJwt)?;
    if !key.signed(token) {
        return Err(Flaw::Signature);
    }
    if now >= number(&claims, "exp") {
        return Err(Flaw::Expired);
    }
    if now < number(&claims, "nbf") {
        return Err(Flaw::NotYet);
    }
    let audience = text(&claims, "aud");
    if !audiences.contains(&audience.trim_end_matches('/')) {
        return Err(Flaw::Audience(audience.to_owned()));
    }
    let tenant_id = text(&claims, "tid");
    let of_tenant = directory.tenant(tenant_id).is_some_and(|tenant| {
        [v1_issuer(&tenant.id), issuer(&tenant.id)].contains(&text(&claims, "iss").to_owned())
    });
    if !of_tenant {
        return Err(Flaw::Issuer);
    }
    let client_id = match text(&claims, "appid") {
        "" => text(&claims, "azp"),
        client_id => client_id,
    };
    Ok(Caller {
        tenant_id: tenant_id.to_owned(),
        client_id: client_id.to_owned(),
        object_id: text(&claims, "oid").to_owned(),
    })
}

fn text<'a>(claims: &'a Value, name: &str) -> &'a str {
    claims.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(claims: &Value, name: &str) -> i64 {
    claims.get(name).and_then(Value::as_i64).unwrap_or_default()
}
