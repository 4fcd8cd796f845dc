//! The tokens of managed identities, which IMDS and App Service hand out and keep.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

use crate::{
    clock,
    keys::SigningKey,
    principals::{
        ManagedIdentity, TOKEN_EXCHANGE_APP_ID, TOKEN_EXCHANGE_AUDIENCE, guid, issuer, v1_issuer,
    },
    refusal::Refusal,
    world::World,
};

/// Tokens by principal id and resource.
pub(crate) type IdentityTokens = HashMap<(String, String), IdentityToken>;

#[derive(Clone)]
pub(crate) struct IdentityToken {
    pub(crate) token: String,
    pub(crate) not_before: i64,
    pub(crate) expires_on: i64,
}

/// Tokens say that they were issued five minutes before they were, for clocks that are behind.
pub(crate) const BACKDATED_SECONDS: i64 = 5 * 60;

/// The token of `identity` for `resource`: the one that was handed out before, until that is
/// near its expiry. The host has no way to force a new one (Microsoft Learn, "Managed identities
/// for Azure resources frequently asked questions").
///
/// `wrong_clock` seconds other than 0 make a token for this one answer that is not kept.
///
/// # Errors
///
/// Entra's error text, if `resource` is none in the identity's tenant.
pub(crate) fn identity_token(
    world: &mut World,
    key: &SigningKey,
    identity: &ManagedIdentity,
    resource: &str,
    wrong_clock: i64,
) -> Result<IdentityToken, String> {
    let now = clock::now();
    let Some(known) = world.directory.resource(&identity.tenant_id, resource) else {
        let tenant = world.directory.tenant(&identity.tenant_id);
        let name = tenant.map_or(identity.tenant_id.as_str(), |tenant| {
            tenant.display_name.as_str()
        });
        return Err(Refusal::unknown_resource(resource, name).description(
            &guid(),
            &guid(),
            &clock::entra_timestamp(now),
        ));
    };
    let exchange = known.uri == TOKEN_EXCHANGE_AUDIENCE;
    let lifetime = seconds(world.settings.assertion_lifetime);
    let place = (identity.principal_id.clone(), resource.to_owned());
    if let Some(kept) = world.identity_tokens.get(&place) {
        let whole_life = kept.expires_on - kept.not_before - BACKDATED_SECONDS;
        let near_expiry = (5 * 60).min(whole_life / 10);
        if wrong_clock == 0 && kept.expires_on - now > near_expiry {
            return Ok(kept.clone());
        }
    }

    let now = now + wrong_clock;
    let not_before = now - BACKDATED_SECONDS;
    let expires_on = now + lifetime;
    let claims = if exchange {
        exchange_claims(identity, not_before, expires_on)
    } else {
        resource_claims(identity, resource, not_before, expires_on)
    };
    let token = IdentityToken {
        token: key.sign(&claims),
        not_before,
        expires_on,
    };
    if wrong_clock == 0 {
        world.identity_tokens.insert(place, token.clone());
    }
    Ok(token)
}

/// The claims of the token that serves as client assertion.
pub(crate) fn exchange_claims(
    identity: &ManagedIdentity,
    not_before: i64,
    expires_on: i64,
) -> Value {
    json!({
        "aud": TOKEN_EXCHANGE_APP_ID,
        "iss": issuer(&identity.tenant_id),
        "iat": not_before,
        "nbf": not_before,
        "exp": expires_on,
        "aio": opaque(),
        "azp": identity.client_id,
        "azpacr": "2",
        "idtyp": "app",
        "oid": identity.principal_id,
        "rh": opaque(),
        "sub": identity.principal_id,
        "tid": identity.tenant_id,
        "uti": opaque(),
        "ver": "2.0",
    })
}

fn resource_claims(
    identity: &ManagedIdentity,
    resource: &str,
    not_before: i64,
    expires_on: i64,
) -> Value {
    json!({
        "aud": resource,
        "iss": v1_issuer(&identity.tenant_id),
        "iat": not_before,
        "nbf": not_before,
        "exp": expires_on,
        "aio": opaque(),
        "appid": identity.client_id,
        "appidacr": "2",
        "idp": v1_issuer(&identity.tenant_id),
        "idtyp": "app",
        "oid": identity.principal_id,
        "rh": opaque(),
        "sub": identity.principal_id,
        "tid": identity.tenant_id,
        "uti": opaque(),
        "ver": "1.0",
        "xms_mirid": identity.resource_id,
    })
}

/// Stands for claims that mean something to Entra alone.
pub(crate) fn opaque() -> String {
    guid().replace('-', "")
}

pub(crate) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 4)
}
