//! The tokens of managed identities. The host keeps a token and returns it again.

use serde_json::{Value, json};
use std::collections::HashMap;

use crate::{
    clock,
    entra::refusal::Refusal,
    guid::guid,
    world::{
        World,
        cloud::Cloud,
        principals::ManagedIdentity,
        signing_key::SigningKey,
        tokens::{BACKDATED_SECONDS, TOKEN_EXCHANGE_APP_ID, opaque, roles, seconds, v1_issuer},
    },
};

/// The tokens that the host keeps, by principal id and resource.
pub(crate) type TokenCache = HashMap<(String, String), IdentityToken>;

const HOUR: i64 = 60 * 60;

#[derive(Clone)]
pub(crate) struct IdentityToken {
    pub(crate) token: String,
    pub(crate) not_before: i64,
    pub(crate) expires_on: i64,
}

/// What an identity endpoint needs to give a token.
pub(crate) struct HostTokens<'a> {
    pub(crate) world: &'a World,
    pub(crate) kept: &'a mut TokenCache,
    pub(crate) key: &'a SigningKey,
    /// By how many seconds the clock is wrong for this request.
    pub(crate) clock_error: i64,
}

impl HostTokens<'_> {
    /// The token of `identity` for `resource`. The host returns the same token until it is close to
    /// its expiry. There is no way to force a new one (Microsoft Learn, "Managed identities for Azure
    /// resources frequently asked questions").
    ///
    /// With a `clock_error` (in seconds) the token is new, and the host does not keep it. A host that
    /// returns expired tokens keeps the first one, which expired an hour before.
    ///
    /// # Errors
    ///
    /// Entra's error description, if the identity's tenant does not know `resource`.
    pub(crate) fn issue(
        &mut self,
        identity: &ManagedIdentity,
        resource: &str,
    ) -> Result<IdentityToken, String> {
        let HostTokens {
            world,
            key,
            clock_error,
            ..
        } = *self;
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
        let exchange = known.uri == world.directory.cloud.token_exchange_audience();
        let lifetime = seconds(world.settings.assertion_lifetime);
        let expired = world.directory.host_returns_expired_tokens;
        let cache_key = (identity.principal_id.clone(), resource.to_owned());
        if let Some(kept) = self.kept.get(&cache_key) {
            let lifetime = kept.expires_on - kept.not_before - BACKDATED_SECONDS;
            let near_expiry = (5 * 60).min(lifetime / 10);
            if clock_error == 0 && (expired || kept.expires_on - now > near_expiry) {
                return Ok(kept.clone());
            }
        }

        let ago = if expired { lifetime + HOUR } else { 0 };
        let now = now + clock_error - ago;
        let not_before = now - BACKDATED_SECONDS;
        let expires_on = now + lifetime;
        let claims = if exchange {
            exchange_claims(world.directory.cloud, identity, not_before, expires_on)
        } else {
            let mut claims = resource_claims(identity, resource, not_before, expires_on);
            if let Some(roles) = roles(&world.directory, &identity.principal_id, resource) {
                claims["roles"] = json!(roles);
            }
            claims
        };
        let token = IdentityToken {
            token: key.sign(&claims),
            not_before,
            expires_on,
        };
        if clock_error == 0 {
            self.kept.insert(cache_key, token.clone());
        }
        Ok(token)
    }
}

/// The claims of a token for token exchange, which clients use as client assertion.
fn exchange_claims(
    cloud: Cloud,
    identity: &ManagedIdentity,
    not_before: i64,
    expires_on: i64,
) -> Value {
    json!({
        "aud": TOKEN_EXCHANGE_APP_ID,
        "iss": cloud.issuer(&identity.tenant_id),
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
