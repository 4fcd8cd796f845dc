//! The credential: from a managed identity's assertion to an access token of the target tenant.

mod options;
mod scope;

pub use options::{CrossTenantManagedIdentityCredentialOptions, UnchangedDueToken};

use crate::{
    assertion::{AssertionSource, ManagedIdentityAssertion},
    authority::{ClientId, TenantId},
    budget::Budget,
    cache::{Cache, Fetch, Fetched, GaveUp, Limits, Report, Request},
    environment::Environment,
    error::{Error, Stage},
    tenants::{Tenant, Tenants, TokenKey},
    time::{Clock, SystemClock},
    token_endpoint::{TokenEndpoint, TokenRequest},
    unused_options::{warn_of_managed_identity, warn_of_retry_in},
};
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_identity::ClientAssertion;
use futures::future::{BoxFuture, FutureExt};
use options::{authority, limits, one_cloud};
use scope::only_scope;
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};
use tracing::{Instrument, debug, debug_span, info, warn};

/// Authenticates a multi-tenant app in a target tenant, with a managed identity of its home
/// tenant in place of a secret.
///
/// It is a [`TokenCredential`]: hand it to any Azure SDK client. Make one per service and share it;
/// for more target tenants take [`for_tenant`](Self::for_tenant). How it keeps tokens:
///
/// 1. While a token is good, a call returns it at once: without a request, and without waiting for
///    anybody else's.
/// 2. Tokens that are in use are renewed ahead of time: when the service says (`refresh_in`), else at
///    half of a life of 2 h and more, else when a third of the life is left (at least 10 minutes, at
///    most half). One that nobody asked for in a whole life is let go.
/// 3. From 7 minutes before expiry, which is when SDK clients ask for a later one, a call waits up to
///    3 s for the new token, and otherwise returns the current one; see [`UnchangedDueToken`].
/// 4. All who want the same token share one request. Requests are made on a thread of the crate's own,
///    which starts with the first and ends with the last credential: neither a caller that is
///    cancelled nor a runtime that ends or stands still disturbs the others, and none is needed. A
///    transport, policy or assertion source of yours runs there, too, so it must not block.
/// 5. A renewal that fails leaves the token at hand in use. It is tried again after 1 s to 60 s, or
///    when `Retry-After` says (at most 300 s), which all renewals of the family wait for.
/// 6. Without a usable token a failure is remembered: for up to 10 s when it may pass by itself, for
///    30 s when the service has refused, up to 60 s when nothing was answered and somebody has to
///    mend something, and for a `Retry-After` of up to 30 s. Calls meanwhile get it at once, with its
///    age and the time of the next try. [`invalidate_all`](Self::invalidate_all) gives a try at once.
/// 7. A token is not served in the last 30 s of its life, whatever was done to the wall clock or
///    slept through.
/// 8. At most 10 token requests are answered for the same token in 5 minutes, some of which are kept
///    for calls that have no token, and none goes out in the 5 minutes after Entra saw a loop
///    (AADSTS50196). A request that an outage swallowed (no answer, 408, 429, 5xx) does not count:
///    rules 5 and 6 pace those.
/// 9. The assertion is kept once for all tenants. When Entra refuses it for its time or signature,
///    the host is asked for another, and the exchange repeated only if one comes.
/// 10. A token that a service has rejected is replaced by [`invalidate`](Self::invalidate). Dropping
///     the last credential of a family ends all that was started for it.
/// 11. Of more tokens than `max_cached_tokens` those that were not used lately go first.
pub struct CrossTenantManagedIdentityCredential {
    family: Arc<Family>,
    tenant: Arc<Tenant>,
}

/// What a credential shares with all that [`for_tenant`] makes of it.
///
/// [`for_tenant`]: CrossTenantManagedIdentityCredential::for_tenant
struct Family {
    cache: Cache<TokenKey, Error>,
    tenants: Arc<Tenants>,
    exchange: Arc<Exchange>,
}

/// The way of a token, from the assertion to the token endpoint. Flights hold it, and nothing of
/// the cache that they land in.
struct Exchange {
    assertion: AssertionSource,
    endpoint: TokenEndpoint,
    clock: Arc<dyn Clock>,
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
    /// [`managed_identity`](CrossTenantManagedIdentityCredentialOptions::managed_identity) has no effect
    /// here. Each option of it that is set is a warning in the log.
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
        let tenant_id = TenantId::parse(tenant_id).map_err(Error::configuration)?;
        Ok(Arc::new(Self {
            family: Arc::clone(&self.family),
            tenant: self.family.tenants.tenant(tenant_id),
        }))
    }

    /// Has the token replaced that a service has rejected. Calls for these scopes get the new one; if
    /// none comes within 3 s they get the rejected one, which other services may find good. It is
    /// asked for at most once a minute. Any other token, such as the one that has replaced it
    /// meanwhile, is left alone.
    ///
    /// A service that answers 401 gives the credential no sign of it; whoever sees the answer has
    /// to say so.
    pub fn invalidate(&self, scopes: &[&str], rejected: &AccessToken) {
        if let Ok(key) = self.key(scopes) {
            self.family.cache.reject(&key, rejected);
        }
    }

    /// Drops all tokens, of all tenants of this credential's family, and the assertion.
    pub fn invalidate_all(&self) {
        // In this order: a fetch that begins after the tokens are gone finds the old assertion no more,
        // and what one that began before brings is not kept.
        self.family.exchange.assertion.forget();
        self.family.cache.clear();
    }

    pub(crate) fn build(
        tenant_id: &str,
        client_id: &str,
        options: CrossTenantManagedIdentityCredentialOptions,
        environment: Environment,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Error> {
        let (tenant_id, client_id) = ids(tenant_id, client_id)?;
        let limits = limits(&options)?;
        let authority = authority(&options, &environment)?;
        one_cloud(&authority, &options.managed_identity)?;
        warn_of_retry_in::<CrossTenantManagedIdentityCredentialOptions>(&options.client_options);
        let assertion = ManagedIdentityAssertion::for_authority(
            &authority,
            options.managed_identity,
            environment,
            Arc::clone(&clock),
        )?;
        let audience = Arc::clone(assertion.audience());
        let source = AssertionSource::ManagedIdentity(assertion);
        let endpoint = TokenEndpoint::new(
            authority,
            audience,
            options.client_options,
            options.retry,
            Arc::clone(&clock),
        )?;
        let family = Family::new(client_id, source, endpoint, limits, clock);
        Ok(Self::first(tenant_id, family))
    }

    fn build_with(
        tenant_id: &str,
        client_id: &str,
        assertion: Arc<dyn ClientAssertion>,
        options: CrossTenantManagedIdentityCredentialOptions,
        environment: Environment,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Error> {
        let (tenant_id, client_id) = ids(tenant_id, client_id)?;
        let limits = limits(&options)?;
        let authority = authority(&options, &environment)?;
        warn_of_retry_in::<CrossTenantManagedIdentityCredentialOptions>(&options.client_options);
        warn_of_managed_identity::<CrossTenantManagedIdentityCredentialOptions>(
            &options.managed_identity.given(),
        );
        // What the source asks for is its own business.
        let audience = authority.audience().unwrap_or_default().into();
        let source = AssertionSource::given(assertion, Arc::clone(&clock));
        let endpoint = TokenEndpoint::new(
            authority,
            audience,
            options.client_options,
            options.retry,
            Arc::clone(&clock),
        )?;
        let family = Family::new(client_id, source, endpoint, limits, clock);
        Ok(Self::first(tenant_id, family))
    }

    fn first(tenant_id: TenantId, family: Family) -> Arc<Self> {
        Arc::new(Self {
            tenant: family.tenants.tenant(tenant_id),
            family: Arc::new(family),
        })
    }

    fn at_hand(&self, scope: &str) -> Option<AccessToken> {
        self.family.cache.at_hand(&self.tenant.tokens, scope)
    }

    fn key(&self, scopes: &[&str]) -> Result<TokenKey, Error> {
        Ok(TokenKey {
            tenant: Arc::clone(&self.tenant),
            scope: only_scope(scopes)?,
        })
    }
}

impl Family {
    fn new(
        client_id: ClientId,
        assertion: AssertionSource,
        endpoint: TokenEndpoint,
        limits: Limits<Error>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let exchange = Arc::new(Exchange {
            assertion,
            endpoint,
            clock: Arc::clone(&clock),
        });
        let fetch = Arc::new(FromEntra(Arc::clone(&exchange)));
        Self {
            cache: Cache::new(fetch, limits, clock),
            tenants: Tenants::new(client_id),
            exchange,
        }
    }
}

struct FromEntra(Arc<Exchange>);

impl Fetch<TokenKey, Error> for FromEntra {
    fn fetch(&self, key: TokenKey, request: Request) -> BoxFuture<'static, Result<Fetched, Error>> {
        let exchange = Arc::clone(&self.0);
        let span = debug_span!(
            "exchange",
            tenant_id = %key.tenant.id,
            client_id = %key.tenant.client_id,
            scope = %key.scope
        );
        async move { exchange.token(&key, &request.budget).await }
            .instrument(span)
            .boxed()
    }

    fn gave_up(&self, why: GaveUp) -> Error {
        Error::gave_up(Stage::TokenEndpoint, why)
    }

    fn report(&self, key: &TokenKey, report: Report<'_, Error>) {
        let (tenant_id, client_id) = (&key.tenant.id, &key.tenant.client_id);
        match report {
            Report::Fails { error, left, next } => warn!(
                %tenant_id,
                %client_id,
                scope = %key.scope,
                error.type = error.kind_for_log(),
                token_left_s = left.map(|left| left.as_secs()),
                next_try_s = next.as_secs(),
                "{}: {error}",
                match left {
                    Some(_) => "the access token cannot be renewed",
                    None => "there is no access token",
                },
            ),
            Report::Recovered { after } => info!(
                %tenant_id,
                %client_id,
                scope = %key.scope,
                outage_s = after.as_secs(),
                "there is a new access token again"
            ),
        }
    }
}

impl Exchange {
    async fn token(&self, key: &TokenKey, budget: &Arc<Budget>) -> Result<Fetched, Error> {
        let start = self.clock.monotonic();
        let assertion = self.assertion.assertion().await?;
        let duration = self.clock.monotonic().saturating_sub(start);
        debug!(
            duration_ms = duration.as_millis() as u64,
            "client assertion at hand"
        );
        let refusal = match self.ask(key, &assertion, budget).await {
            Err(error) if error.is_about_the_assertion() => error,
            result => return result,
        };
        // Its time or signature was refused: worth a second try, but only with other bytes. Why
        // there are none says less than the refusal does.
        match self.assertion.replace(&assertion).await {
            Ok(other) if other.token != assertion.token => self.ask(key, &other, budget).await,
            _ => Err(refusal),
        }
    }

    async fn ask(
        &self,
        key: &TokenKey,
        assertion: &AccessToken,
        budget: &Arc<Budget>,
    ) -> Result<Fetched, Error> {
        let asked = TokenRequest {
            tenant: key.tenant.id.clone(),
            client_id: key.tenant.client_id.clone(),
            scope: Arc::clone(&key.scope),
        };
        let start = self.clock.monotonic();
        let result = self
            .endpoint
            .exchange(&asked, assertion.token.secret(), Arc::clone(budget))
            .await;
        let duration_ms = self.clock.monotonic().saturating_sub(start).as_millis() as u64;
        match &result {
            Ok(issued) => {
                info!(
                    tenant_id = %key.tenant.id,
                    client_id = %key.tenant.client_id,
                    scope = %key.scope,
                    expires_on = %issued.token.expires_on,
                    duration_ms,
                    "new access token"
                );
            }
            Err(error) => debug!(
                duration_ms,
                error.type = error.kind_for_log(),
                %error,
                "the token endpoint gave no token"
            ),
        }
        result
    }
}

impl TokenCredential for CrossTenantManagedIdentityCredential {
    /// A token of the target tenant for these scopes, each of which ends in `/.default`.
    ///
    /// # Errors
    ///
    /// Always of kind [`Credential`](azure_core::error::ErrorKind::Credential), with an
    /// [`Error`](crate::Error) as source.
    // Written out, because the future is allocated at every call: what `async fn` would make of it
    // also holds the options and is three times as large.
    fn get_token<'a, 'b, 'c, 'd, 'e>(
        &'a self,
        scopes: &'b [&'c str],
        _: Option<TokenRequestOptions<'d>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<AccessToken>> + Send + 'e>>
    where
        'a: 'e,
        'b: 'e,
        'c: 'e,
        'd: 'e,
        Self: 'e,
    {
        Box::pin(Call {
            credential: self,
            scopes,
            waiting: None,
        })
    }
}

/// One call of `get_token`. Nearly every one ends at its first poll.
struct Call<'a> {
    credential: &'a CrossTenantManagedIdentityCredential,
    scopes: &'a [&'a str],
    waiting: Option<BoxFuture<'a, azure_core::Result<AccessToken>>>,
}

impl Future for Call<'_> {
    type Output = azure_core::Result<AccessToken>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let (credential, scopes) = (self.credential, self.scopes);
        let waiting = match &mut self.waiting {
            Some(waiting) => waiting,
            first => {
                if let [scope] = scopes
                    && let Some(token) = credential.at_hand(scope)
                {
                    return Poll::Ready(Ok(token));
                }
                let call = async move {
                    let key = credential.key(scopes)?;
                    Ok(credential.family.cache.get(key).await?)
                };
                first.insert(call.boxed())
            }
        };
        waiting.as_mut().poll(context)
    }
}

impl fmt::Debug for CrossTenantManagedIdentityCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrossTenantManagedIdentityCredential")
            .field(
                "authority",
                &self.family.exchange.endpoint.authority().origin(),
            )
            .field("tenant_id", &self.tenant.id.as_str())
            .field("client_id", &self.tenant.client_id.as_str())
            .finish_non_exhaustive()
    }
}

fn ids(tenant_id: &str, client_id: &str) -> Result<(TenantId, ClientId), Error> {
    let tenant_id = TenantId::parse(tenant_id).map_err(Error::configuration)?;
    let client_id = ClientId::parse(client_id).map_err(Error::configuration)?;
    Ok((tenant_id, client_id))
}

#[cfg(test)]
mod tests;
