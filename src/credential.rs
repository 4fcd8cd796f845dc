//! The credential: from a managed identity's assertion to an access token of the target tenant.

use crate::{
    assertion::{AssertionSource, ManagedIdentityAssertion, ManagedIdentityAssertionOptions},
    authority::{AZURE_AUTHORITY_HOST, AuthorityHost, ClientId, TenantId},
    budget::Budget,
    cache::{Cache, Fetch, Fetched, GaveUp, Limits, Report, Request},
    diagnosis::AssertionRequest,
    environment::Environment,
    error::{Error, Stage},
    tenants::{Tenant, Tenants, TokenKey},
    time::{Clock, SystemClock},
    token_endpoint::{TokenEndpoint, TokenRequest},
};
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    http::{ClientOptions, RetryOptions},
};
use azure_identity::ClientAssertion;
use futures::future::{BoxFuture, FutureExt};
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
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
    /// than 5 s ends them. Whatever is given here, all tries end after 30 s; within those, a service
    /// that is unwell gets as many as these options make.
    pub retry: Option<RetryOptions>,

    /// How many tokens the family keeps. The ones that were not used lately go first.
    ///
    /// Default: 1,000. One token is some 2 KB.
    pub max_cached_tokens: Option<usize>,

    /// How many token requests of the family may be under way at once. Callers without a token go
    /// before renewals ahead of time.
    ///
    /// Default: 64.
    pub max_concurrent_requests: Option<usize>,

    /// What a call gets in the last 7 minutes of a token's life when there is no new one.
    ///
    /// Default: [`UnchangedDueToken::Serve`].
    pub unchanged_due_token: UnchangedDueToken,

    /// Which managed identity vouches, and how to reach it. Not looked at by
    /// [`with_assertion`](CrossTenantManagedIdentityCredential::with_assertion).
    pub managed_identity: ManagedIdentityAssertionOptions,
}

/// What a call gets for a token in its last 7 minutes that could not be renewed within 3 s.
///
/// It is good until it expires, and most callers are best served with it. But Event Hubs' client from
/// 0.16 on asks 6 minutes before expiry, and gives a path's renewal up for good if the token that it
/// gets then does not live longer than the one it has; after an error it asks again 30 s later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnchangedDueToken {
    /// The token at hand.
    #[default]
    Serve,
    /// An error. Only for a client that does not bear a token which does not live longer.
    Fail,
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
        let assertion = ManagedIdentityAssertion::for_authority(
            &authority,
            options.managed_identity,
            environment,
            Arc::clone(&clock),
        )?;
        let asked_for = assertion.request();
        let source = AssertionSource::ManagedIdentity(assertion);
        let endpoint = TokenEndpoint::new(
            authority,
            asked_for,
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
        // For diagnosis alone: what the assertion was asked for is its source's business.
        let audience = options.managed_identity.audience.as_deref();
        let audience = audience.or(authority.audience()).unwrap_or_default();
        let asked_for = AssertionRequest::of(audience);
        let source = AssertionSource::given(assertion, Arc::clone(&clock));
        let endpoint = TokenEndpoint::new(
            authority,
            asked_for,
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
            scopes: canonical(scopes)?,
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
            scope = %key.scopes
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
                scope = %key.scopes,
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
                scope = %key.scopes,
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
            scopes: Arc::clone(&key.scopes),
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
                    scope = %key.scopes,
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

fn limits(options: &CrossTenantManagedIdentityCredentialOptions) -> Result<Limits<Error>, Error> {
    let at_least_one = |name: &str, given: Option<usize>, default: usize| match given {
        Some(0) => Err(Error::configuration(format!(
            "{name} is 0, with which there would never be a token: leave it out for the default of {default}"
        ))),
        given => Ok(given.unwrap_or(default)),
    };
    Ok(Limits {
        tokens: at_least_one("max_cached_tokens", options.max_cached_tokens, 1000)?,
        at_once: at_least_one(
            "max_concurrent_requests",
            options.max_concurrent_requests,
            64,
        )?,
        // A margin to the 15 equal requests in 5 minutes at which Entra sees a loop.
        requests: 10,
        // The identity leg's 80 s and twice the token leg's 30 s.
        fetch: Duration::from_secs(140),
        // The assertion's own cache remembers why there is none: what mends it there mends all.
        remembers: |error| error.stage() != Stage::Assertion,
        fails_unchanged: options.unchanged_due_token == UnchangedDueToken::Fail,
    })
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
    if other.is_same_cloud(authority) {
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
        return Err(Error::bad_scope(scope));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
