//! The credential: from a managed identity's assertion to an access token of the target tenant.

use crate::{
    assertion::{AssertionSource, ManagedIdentityAssertion, ManagedIdentityAssertionOptions},
    authority::{AZURE_AUTHORITY_HOST, AuthorityHost, ClientId, TenantId, quoted},
    cache::{Cache, Fetched},
    environment::Environment,
    error::Error,
    time::{Clock, SystemClock},
    token_endpoint::{TokenEndpoint, TokenRequest},
};
use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    http::{ClientOptions, RetryOptions},
};
use azure_identity::ClientAssertion;
use std::{fmt, sync::Arc};
use tracing::{Instrument, debug, debug_span, info};

/// Authenticates a multi-tenant app in a target tenant, with a managed identity of its home
/// tenant in place of a secret.
///
/// It is a [`TokenCredential`]: hand it to any Azure SDK client. Tokens are kept per tenant, app
/// and scopes until they near their expiry; callers that want the same one share one request. A
/// renewal that fails leaves the token at hand in use for as long as it lives.
///
/// Cheap to share as an [`Arc`]; make one per service, not one per request.
pub struct CrossTenantManagedIdentityCredential {
    family: Arc<Family>,
    tenant: TenantId,
    client_id: ClientId,
}

/// What a credential shares with all that [`for_tenant`] makes of it.
///
/// [`for_tenant`]: CrossTenantManagedIdentityCredential::for_tenant
struct Family {
    assertion: AssertionSource,
    endpoint: TokenEndpoint,
    cache: Cache<Key>,
    clock: Arc<dyn Clock>,
}

/// A token is good for one tenant, one app and one set of scopes. The authority is the family's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    tenant: TenantId,
    client_id: ClientId,
    /// Sorted, each once, separated by spaces.
    scopes: Arc<str>,
}

/// Options for [`CrossTenantManagedIdentityCredential`].
///
/// ```
/// use azure_identity::UserAssignedId;
/// use cross_tenant_identity::{
///     CrossTenantManagedIdentityCredentialOptions, ManagedIdentityAssertionOptions,
/// };
///
/// let options = CrossTenantManagedIdentityCredentialOptions {
///     managed_identity: ManagedIdentityAssertionOptions {
///         user_assigned_id: Some(UserAssignedId::ClientId(
///             "11111111-1111-4111-8111-111111111111".into(),
///         )),
///         ..Default::default()
///     },
///     ..Default::default()
/// };
/// ```
#[derive(Clone, Debug, Default)]
pub struct CrossTenantManagedIdentityCredentialOptions {
    /// HTTP on the way to Microsoft Entra: cloud, transport, policies, logging, telemetry.
    ///
    /// The cloud decides the authority host: the one given here, else the one that
    /// `AZURE_AUTHORITY_HOST` names (a known cloud's, or this machine), else the public cloud's.
    /// The default transport follows no redirect and uses the proxy that the environment names.
    /// `retry` is not looked at, since it cannot be told from its default; see
    /// [`retry`](Self::retry).
    pub client_options: ClientOptions,

    /// Replaces the tries that are made of a request to the token endpoint.
    ///
    /// Default: up to three, for connections that fail, 408, 429 and 5xx; a `Retry-After` of more
    /// than 5 s ends them. Whatever is given here, all tries end after 30 s.
    pub retry: Option<RetryOptions>,

    /// Which managed identity vouches, and how to reach it. Not looked at by
    /// [`with_assertion`](CrossTenantManagedIdentityCredential::with_assertion).
    pub managed_identity: ManagedIdentityAssertionOptions,
}

impl CrossTenantManagedIdentityCredential {
    /// Makes a credential for a target tenant. Sends nothing, and starts nothing.
    ///
    /// - `tenant_id`: the **target** tenant, the one that owns the resources: its id (a GUID) or
    ///   one of its domain names.
    /// - `client_id`: the client id of the **multi-tenant app**, which lives in the home tenant
    ///   and trusts the managed identity. It is not the identity's own client id; that goes into
    ///   [`ManagedIdentityAssertionOptions::user_assigned_id`].
    ///
    /// # Errors
    ///
    /// When an argument, an option or a variable of the environment makes no sense; the message
    /// says which, and what to give instead. [`Error::stage`](crate::Error::stage) is
    /// [`Configuration`](crate::Stage::Configuration).
    pub fn new(
        tenant_id: &str,
        client_id: &str,
        options: Option<CrossTenantManagedIdentityCredentialOptions>,
    ) -> azure_core::Result<Arc<Self>> {
        let made = Self::build(
            tenant_id,
            client_id,
            options.unwrap_or_default(),
            Environment::Process,
            Arc::new(SystemClock),
        );
        Ok(made?)
    }

    /// As [`new`](Self::new), with an assertion of the user's own: from AKS workload identity, from
    /// another cloud's tokens, or one [`ManagedIdentityAssertion`] shared by several credentials.
    ///
    /// An assertion is kept until it nears the `exp` that it states as a JWT; one that cannot be
    /// read is asked for before each exchange.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_assertion(
        tenant_id: &str,
        client_id: &str,
        assertion: Arc<dyn ClientAssertion>,
        options: Option<CrossTenantManagedIdentityCredentialOptions>,
    ) -> azure_core::Result<Arc<Self>> {
        let made = Self::build_with(
            tenant_id,
            client_id,
            assertion,
            options.unwrap_or_default(),
            Environment::Process,
            Arc::new(SystemClock),
        );
        Ok(made?)
    }

    /// The same app in another target tenant: it shares assertion, connections and cache with this
    /// one. Cheap enough to be called for every request, and two calls for one tenant find the
    /// same tokens.
    ///
    /// # Errors
    ///
    /// When `tenant_id` is neither a GUID nor a domain name.
    pub fn for_tenant(&self, tenant_id: &str) -> azure_core::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            family: Arc::clone(&self.family),
            tenant: TenantId::parse(tenant_id).map_err(Error::configuration)?,
            client_id: self.client_id.clone(),
        }))
    }

    /// Drops the token that a service has rejected, so that the next call for these scopes gets a
    /// new one. Any other token, such as the one that has replaced it meanwhile, stays.
    ///
    /// A service that answers 401 gives the credential no sign of it; whoever sees the answer has
    /// to say so.
    pub fn invalidate(&self, scopes: &[&str], rejected: &AccessToken) {
        if let Ok(key) = self.key(scopes) {
            self.family.cache.remove(&key, rejected);
        }
    }

    /// Drops all tokens, of all tenants of this credential's family, and the assertion.
    pub fn invalidate_all(&self) {
        self.family.cache.clear();
        self.family.assertion.forget();
    }

    pub(crate) fn build(
        tenant_id: &str,
        client_id: &str,
        options: CrossTenantManagedIdentityCredentialOptions,
        environment: Environment,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Error> {
        let names = names(tenant_id, client_id)?;
        let authority = authority(&options, &environment)?;
        one_cloud(&authority, &options.managed_identity)?;
        let assertion = ManagedIdentityAssertion::for_authority(
            &authority,
            options.managed_identity,
            environment,
            Arc::clone(&clock),
        )?;
        let audience = Arc::clone(assertion.audience());
        let source = AssertionSource::ManagedIdentity(assertion);
        let leg = (options.client_options, options.retry);
        Ok(Self::first(
            names,
            Family::new(source, authority, audience, leg, clock)?,
        ))
    }

    fn build_with(
        tenant_id: &str,
        client_id: &str,
        assertion: Arc<dyn ClientAssertion>,
        options: CrossTenantManagedIdentityCredentialOptions,
        environment: Environment,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Error> {
        let names = names(tenant_id, client_id)?;
        let authority = authority(&options, &environment)?;
        // For diagnosis alone: what the assertion was asked for is its source's business.
        let audience = options.managed_identity.audience.as_deref();
        let audience = audience.or(authority.audience()).unwrap_or_default().into();
        let source = AssertionSource::other(assertion, Arc::clone(&clock));
        let leg = (options.client_options, options.retry);
        Ok(Self::first(
            names,
            Family::new(source, authority, audience, leg, clock)?,
        ))
    }

    fn first((tenant, client_id): (TenantId, ClientId), family: Family) -> Arc<Self> {
        Arc::new(Self {
            family: Arc::new(family),
            tenant,
            client_id,
        })
    }

    fn key(&self, scopes: &[&str]) -> Result<Key, Error> {
        Ok(Key {
            tenant: self.tenant.clone(),
            client_id: self.client_id.clone(),
            scopes: canonical(scopes)?,
        })
    }
}

impl Family {
    fn new(
        assertion: AssertionSource,
        authority: AuthorityHost,
        audience: Arc<str>,
        (client_options, retry): (ClientOptions, Option<RetryOptions>),
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        Ok(Self {
            assertion,
            endpoint: TokenEndpoint::new(
                authority,
                audience,
                client_options,
                retry,
                Arc::clone(&clock),
            )?,
            cache: Cache::new(Arc::clone(&clock)),
            clock,
        })
    }

    async fn exchange(&self, key: &Key) -> Result<Fetched, Error> {
        let start = self.clock.monotonic();
        let assertion = self.assertion.assertion().await?;
        let exchange_start = self.clock.monotonic();
        debug!(
            duration_ms = (exchange_start - start).as_millis() as u64,
            "client assertion at hand"
        );
        let asked = TokenRequest {
            tenant: key.tenant.clone(),
            client_id: key.client_id.clone(),
            scopes: Arc::clone(&key.scopes),
        };
        let result = self.endpoint.exchange(&asked, assertion.secret()).await;
        let duration_ms = (self.clock.monotonic() - exchange_start).as_millis() as u64;
        match result {
            Ok(issued) => {
                debug!(duration_ms, "token endpoint answered");
                info!(expires_on = %issued.token.expires_on, "new access token");
                Ok(Fetched {
                    token: issued.token,
                    refresh_on: issued.refresh_on,
                })
            }
            Err(error) => {
                debug!(duration_ms, %error, "token endpoint gave no token");
                Err(error)
            }
        }
    }
}

#[async_trait]
impl TokenCredential for CrossTenantManagedIdentityCredential {
    /// A token of the target tenant for these scopes, each of which ends in `/.default`.
    ///
    /// # Errors
    ///
    /// Always of kind [`Credential`](azure_core::error::ErrorKind::Credential), with an
    /// [`Error`](crate::Error) as source.
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let key = self.key(scopes)?;
        let family = &self.family;
        let fetch = || {
            let span = debug_span!("exchange", tenant = %key.tenant, client_id = %key.client_id, scopes = %key.scopes);
            family.exchange(&key).instrument(span)
        };
        Ok(family.cache.get(&key, fetch).await?)
    }
}

impl fmt::Debug for CrossTenantManagedIdentityCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrossTenantManagedIdentityCredential")
            .field("authority", &self.family.endpoint.authority().origin())
            .field("tenant_id", &self.tenant.as_str())
            .field("client_id", &self.client_id.as_str())
            .finish_non_exhaustive()
    }
}

fn names(tenant_id: &str, client_id: &str) -> Result<(TenantId, ClientId), Error> {
    let tenant = TenantId::parse(tenant_id).map_err(Error::configuration)?;
    let client_id = ClientId::parse(client_id).map_err(Error::configuration)?;
    Ok((tenant, client_id))
}

fn authority(
    options: &CrossTenantManagedIdentityCredentialOptions,
    environment: &Environment,
) -> Result<AuthorityHost, Error> {
    let cloud = options.client_options.cloud.as_deref();
    let named = environment.var(AZURE_AUTHORITY_HOST);
    AuthorityHost::choose(cloud, named.as_deref()).map_err(Error::configuration)
}

/// No cloud trusts another's identities, so two clouds can only be a mistake.
fn one_cloud(
    authority: &AuthorityHost,
    identity: &ManagedIdentityAssertionOptions,
) -> Result<(), Error> {
    let Some(cloud) = identity.client_options.cloud.as_deref() else {
        return Ok(());
    };
    let other = AuthorityHost::choose(Some(cloud), None).map_err(Error::configuration)?;
    if other == *authority {
        return Ok(());
    }
    Err(Error::configuration(format!(
        "client_options is for the cloud of {authority}, managed_identity.client_options for that of {other}: no cloud trusts another's identities, so give the cloud once, in client_options"
    )))
}

/// The same set of scopes is the same text, in whatever order they come.
fn canonical(scopes: &[&str]) -> Result<Arc<str>, Error> {
    for scope in scopes {
        check_scope(scope)?;
    }
    match scopes {
        [] => Err(Error::configuration(
            "get_token was called without a scope: give the resource's, such as https://management.azure.com/.default",
        )),
        [one] => Ok((*one).into()),
        several => {
            let mut sorted = several.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            Ok(sorted.join(" ").into())
        }
    }
}

/// Client credentials take a resource's `.default` scope and no other (Microsoft Learn, "Scopes
/// and permissions in the Microsoft identity platform", "Client credentials grant flow and
/// .default"). RFC 6749 §3.3 gives the characters.
fn check_scope(scope: &str) -> Result<(), Error> {
    let is_scope_char = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let resource = scope.strip_suffix("/.default").unwrap_or_default();
    if resource.is_empty() || !scope.bytes().all(is_scope_char) {
        return Err(Error::configuration(format!(
            "the scope {} is not of the form {{resource}}/.default, the only one that a service without a user can ask for, such as https://storage.azure.com/.default",
            quoted(scope)
        )));
    }
    Ok(())
}
