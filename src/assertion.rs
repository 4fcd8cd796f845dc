//! The source of the client assertion: the managed identity of the host, or a source of the user.

mod token_credential;
mod token_file;

pub use token_credential::TokenCredentialAssertion;
pub(crate) use token_file::AZURE_FEDERATED_TOKEN_FILE;
pub use token_file::TokenFileAssertion;

use crate::{
    authority::{AZURE_AUTHORITY_HOST, AuthorityHost, quoted},
    budget::Budget,
    cache::{
        Cache, CachedToken, CachedTokens, Fetch, Fetched, GaveUp, Key, Limits, Report, Request,
    },
    claims::Claims,
    diagnosis::AssertionRequest,
    environment::Environment,
    error::{self, Error, Stage},
    managed_identity::{Chosen, Host, ManagedIdentityHost, Selector, Setup, choose, is_token},
    redact,
    time::{Clock, SystemClock},
    unused_options::{is_given, warn_of_retry_in},
};
use async_trait::async_trait;
use azure_core::{
    credentials::AccessToken,
    http::{ClientMethodOptions, ClientOptions, RetryOptions},
    time::OffsetDateTime,
};
use azure_identity::{ClientAssertion, UserAssignedId};
use futures::future::{BoxFuture, FutureExt};
use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tracing::{debug, info, warn};

/// A managed identity's token for the cloud's token exchange, as a client assertion.
///
/// It requests a token from the identity endpoint of the [host](ManagedIdentityHost) and keeps the
/// token, which is valid for about 24 hours, until shortly before it expires. Clones share the
/// token and the connections.
///
/// [`CrossTenantManagedIdentityCredential::new`](crate::CrossTenantManagedIdentityCredential::new)
/// creates one for itself. Create one yourself for other code that takes a [`ClientAssertion`]:
/// `azure_identity`'s `ClientAssertionCredential`, or several credentials that share one assertion.
///
/// ```
/// use azure_identity::ClientAssertionCredential;
/// use cross_tenant_identity::{ManagedIdentityAssertion, UserAssignedId};
///
/// # fn main() -> azure_core::Result<()> {
/// let identity = UserAssignedId::ClientId("11111111-1111-4111-8111-111111111111".into());
/// let assertion = ManagedIdentityAssertion::new(Some(identity.into()))?;
/// let credential = ClientAssertionCredential::new(
///     "22222222-2222-4222-8222-222222222222".into(),
///     "33333333-3333-4333-8333-333333333333".into(),
///     assertion,
///     None,
/// )?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ManagedIdentityAssertion(Arc<Source>);

struct Source {
    assertion: KeptAssertion,
    audience: Arc<str>,
    chosen: Chosen,
}

/// Options for [`ManagedIdentityAssertion`].
///
/// A managed identity converts into options, too:
///
/// ```
/// use cross_tenant_identity::{ManagedIdentityAssertionOptions, UserAssignedId};
///
/// let identity = UserAssignedId::ClientId("11111111-1111-4111-8111-111111111111".into());
/// let options = ManagedIdentityAssertionOptions::from(identity);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManagedIdentityAssertionOptions {
    /// The managed identity of the host that issues the assertion.
    ///
    /// Default: the identity endpoint selects one. That is the system-assigned identity if there is
    /// one, otherwise the only user-assigned identity. A federated identity credential trusts one
    /// identity, so name it. Then an identity that is assigned to the host later changes nothing.
    pub user_assigned_id: Option<UserAssignedId>,

    /// The host whose identity endpoint gets the requests.
    ///
    /// Default: the host that the environment variables show, see [`ManagedIdentityHost`].
    pub host: Option<ManagedIdentityHost>,

    /// The audience of the cloud's token exchange.
    ///
    /// Default: the audience that belongs to the authority host, `api://AzureADTokenExchange` in
    /// the public cloud. Set it only for a cloud that this crate does not know.
    pub audience: Option<String>,

    /// HTTP options for requests to the host's identity endpoint: transport, policies, logging,
    /// telemetry.
    ///
    /// The default transport uses no proxy and follows no redirect. The `retry` in these options
    /// has no effect, because a default that was given and a default that was not given look the
    /// same. Any other value of it causes a warning in the log. Set [`retry`](Self::retry) instead.
    pub client_options: ClientOptions,

    /// Replaces the retry rules for requests to the identity endpoint.
    ///
    /// Default: the rules of Microsoft Learn's "How to use managed identities for Azure resources
    /// on an Azure VM to acquire an access token". 404, 408, 429 and 5xx are tried up to six times,
    /// at least 1 s apart, with growing pauses; 410 for 70 s. With any rules, all tries together
    /// end after 75 s. Until the endpoint has answered once, the default tries end after 6 s.
    pub retry: Option<RetryOptions>,

    /// The origin of the IMDS, such as `http://127.0.0.1:8080`, if it is not at its usual address.
    /// If this is set, the host is [`ManagedIdentityHost::Imds`].
    ///
    /// Default: `AZURE_POD_IDENTITY_AUTHORITY_HOST` if it names this machine or an address of its
    /// own network, otherwise `http://169.254.169.254`.
    pub imds_endpoint: Option<String>,
}

/// The default options, with this managed identity.
impl From<UserAssignedId> for ManagedIdentityAssertionOptions {
    fn from(id: UserAssignedId) -> Self {
        Self {
            user_assigned_id: Some(id),
            ..Self::default()
        }
    }
}

impl ManagedIdentityAssertionOptions {
    /// The names of the options that differ from their defaults.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        // Names every field, so that a new field is a compile error here.
        let Self {
            user_assigned_id,
            host,
            audience,
            client_options,
            retry,
            imds_endpoint,
        } = self;
        [
            ("user_assigned_id", user_assigned_id.is_some()),
            ("host", host.is_some()),
            ("audience", audience.is_some()),
            ("client_options", is_given(client_options)),
            ("retry", retry.is_some()),
            ("imds_endpoint", imds_endpoint.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_given)| is_given.then_some(name))
        .collect()
    }
}

impl ManagedIdentityAssertion {
    /// Creates a source of assertions. Sends nothing.
    ///
    /// # Errors
    ///
    /// If an option or an environment variable is wrong. The message says which one, and what to
    /// give instead.
    pub fn new(options: Option<ManagedIdentityAssertionOptions>) -> azure_core::Result<Self> {
        let options = options.unwrap_or_default();
        let environment = Environment::Process;
        let authority = AuthorityHost::choose(
            options.client_options.cloud.as_deref(),
            environment.var(AZURE_AUTHORITY_HOST).as_deref(),
        )
        .map_err(Error::configuration)?;
        Ok(Self::for_authority(
            &authority,
            options,
            environment,
            Arc::new(SystemClock),
        )?)
    }

    pub(crate) fn for_authority(
        authority: &AuthorityHost,
        options: ManagedIdentityAssertionOptions,
        environment: Environment,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let audience = audience(options.audience.as_deref(), authority)?;
        let selector = options
            .user_assigned_id
            .as_ref()
            .map(Selector::parse)
            .transpose()?;
        warn_of_retry_in::<ManagedIdentityAssertionOptions>(&options.client_options);
        let setup = Setup {
            selector,
            audience: Arc::clone(&audience),
            client_options: options.client_options,
            retry: options.retry,
            environment,
            clock: Arc::clone(&clock),
        };
        let chosen = choose(options.host, options.imds_endpoint.as_deref(), setup)?;
        debug!(host = %chosen.host.kind(), %audience, "managed identity");
        let from_host = Arc::new(FromHost(Arc::clone(&chosen.host)));
        let source = Arc::new(Source {
            assertion: KeptAssertion::new(from_host, clock),
            audience,
            chosen,
        });
        Source::list(&source);
        Ok(Self(source))
    }

    /// The host whose identity endpoint gets the requests.
    pub fn host(&self) -> ManagedIdentityHost {
        self.0.chosen.host.kind()
    }

    /// The request for an assertion.
    pub(crate) fn request(&self) -> AssertionRequest {
        // The other hosts have one identity, or a variable that names it.
        let chooses = matches!(
            self.host(),
            ManagedIdentityHost::Imds | ManagedIdentityHost::AppService
        );
        AssertionRequest {
            audience: Arc::clone(&self.0.audience),
            is_hosts_choice: chooses && !self.0.chosen.names_identity,
        }
    }
}

#[async_trait]
impl ClientAssertion for ManagedIdentityAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let token = self.0.assertion.get().await?;
        Ok(token.token.secret().to_owned())
    }
}

impl fmt::Debug for ManagedIdentityAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedIdentityAssertion")
            .field("host", &self.host())
            .field("audience", &self.0.audience)
            .finish_non_exhaustive()
    }
}

fn audience(given: Option<&str>, authority: &AuthorityHost) -> Result<Arc<str>, Error> {
    let Some(given) = given else {
        return authority.audience().map(Arc::from).ok_or_else(|| {
            Error::configuration(format!(
                "the authority host {authority} is none that this version knows, so the audience of its token exchange has to be given: set managed_identity.audience"
            ))
        });
    };
    let audience = as_audience("managed_identity.audience", given).map_err(Error::configuration)?;
    if authority.is_of_another_cloud(audience) {
        return Err(Error::configuration(format!(
            "managed_identity.audience is {}, the token exchange of another cloud than that of {authority}: no cloud trusts another's identities, so give the cloud in client_options, and leave the audience out",
            quoted(audience)
        )));
    }
    Ok(audience.into())
}

/// The identity endpoint takes a resource, which is the audience without this suffix.
pub(crate) fn as_audience<'a>(what: &str, given: &'a str) -> Result<&'a str, String> {
    let audience = given.strip_suffix("/.default").unwrap_or(given);
    let is_text = |c: char| c.is_ascii_graphic();
    if audience.is_empty() || !audience.chars().all(is_text) {
        return Err(format!(
            "{what} is {}, which is no audience: give a URI such as api://AzureADTokenExchange",
            quoted(given)
        ));
    }
    Ok(audience)
}

/// All sources of this process, to find the source that returned an assertion. The source that a
/// user gives to `with_assertion` can be one of them, or contain one.
static SOURCES: Mutex<Vec<Weak<Source>>> = Mutex::new(Vec::new());

impl Source {
    fn list(source: &Arc<Self>) {
        let mut sources = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|source| source.strong_count() > 0);
        sources.push(Arc::downgrade(source));
    }

    /// The sources that have this assertion: several, if they are for the same identity of a host.
    fn with(assertion: &AccessToken) -> Vec<Arc<Self>> {
        let sources = SOURCES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut with: Vec<_> = sources.iter().filter_map(Weak::upgrade).collect();
        with.retain(|source| source.assertion.is(assertion));
        with
    }
}

/// Keeps an assertion while it is valid, and renews it ahead of time.
pub(crate) struct KeptAssertion {
    from: Arc<dyn Fetch<TheAssertion, Error>>,
    cache: Cache<TheAssertion, Error>,
    key: TheAssertion,
}

/// The only key in the cache of a source.
#[derive(Clone, Debug)]
struct TheAssertion {
    name: Arc<str>,
    tokens: Arc<CachedTokens>,
}

impl Key for TheAssertion {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn tokens(&self) -> &CachedTokens {
        &self.tokens
    }

    fn tenant(&self) -> &str {
        "home"
    }
}

impl PartialEq for TheAssertion {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for TheAssertion {}

impl Hash for TheAssertion {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl KeptAssertion {
    fn new(from: Arc<dyn Fetch<TheAssertion, Error>>, clock: Arc<dyn Clock>) -> Self {
        let limits = Limits {
            tokens: 1,
            at_once: 1,
            // The host's endpoint has its own limits, and the back-off respects them.
            requests: usize::MAX,
            // The deadline of the identity leg is 75 s.
            fetch: Duration::from_secs(80),
            remembers: |_| true,
            fails_unchanged: false,
        };
        Self {
            cache: Cache::new(Arc::clone(&from), limits, clock),
            from,
            key: TheAssertion {
                name: "assertion".into(),
                tokens: Arc::default(),
            },
        }
    }

    async fn get(&self) -> Result<AccessToken, Error> {
        match self.cache.at_hand(&self.key.tokens, &self.key.name) {
            Some(token) => Ok(token),
            None => self.cache.get(self.key.clone()).await,
        }
    }

    /// Requests one from the source. The cache is neither read nor written.
    async fn fresh(&self) -> Result<AccessToken, Error> {
        let request = Request {
            budget: Arc::new(Budget::new(u32::MAX)),
            rejected: None,
        };
        let fetched = self.from.fetch(self.key.clone(), request).await?;
        Ok(fetched.token)
    }

    async fn replace(&self, refused: &AccessToken) -> Result<AccessToken, Error> {
        self.cache.replace(self.key.clone(), refused).await
    }

    /// Whether this is the current assertion.
    fn is(&self, assertion: &AccessToken) -> bool {
        let is_it = |token: &CachedToken| token.is(assertion);
        self.key.tokens.with(&self.key.name, is_it) == Some(true)
    }

    /// The current assertion, also if it is old.
    fn current(&self) -> Option<AccessToken> {
        let token = |token: &CachedToken| token.token().clone();
        self.key.tokens.with(&self.key.name, token)
    }
}

impl fmt::Debug for KeptAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptAssertion").finish_non_exhaustive()
    }
}

fn log(report: &Report<Error>) {
    match report {
        Report::Fails { error, left, next } => warn!(
            error.type = error.kind_for_log(),
            assertion_left_s = left.map(|left| left.as_secs()),
            next_try_s = next.as_secs(),
            "{}: {error}",
            match left {
                Some(_) => "the client assertion cannot be renewed",
                None => "there is no client assertion",
            },
        ),
        Report::Recovered { after } => info!(
            outage_s = after.as_secs(),
            "there is a new client assertion again"
        ),
    }
}

struct FromHost(Arc<dyn Host>);

impl Fetch<TheAssertion, Error> for FromHost {
    fn fetch(
        &self,
        _: TheAssertion,
        request: Request,
    ) -> BoxFuture<'static, Result<Fetched, Error>> {
        let host = Arc::clone(&self.0);
        async move {
            let token = host
                .token(request.rejected.as_ref())
                .await
                .inspect_err(|error| {
                    debug!(
                        error.type = error.kind_for_log(),
                        %error,
                        "the identity endpoint gave no token"
                    );
                })?;
            info!(expires_on = %token.expires_on, "new client assertion");
            Ok(Fetched {
                token,
                refresh_on: None,
            })
        }
        .boxed()
    }

    fn gave_up(&self, why: GaveUp) -> Error {
        Error::gave_up(Stage::Assertion, why)
    }

    fn report(&self, _: &TheAssertion, report: Report<Error>) {
        log(&report);
    }
}

/// Where a credential gets its assertions.
#[derive(Debug)]
pub(crate) enum AssertionSource {
    ManagedIdentity(ManagedIdentityAssertion),
    /// A source of the user.
    Given(KeptAssertion),
}

impl AssertionSource {
    pub(crate) fn given(source: Arc<dyn ClientAssertion>, clock: Arc<dyn Clock>) -> Self {
        let given = Arc::new(Given {
            source,
            clock: Arc::clone(&clock),
        });
        Self::Given(KeptAssertion::new(Arc::new(FromGiven(given)), clock))
    }

    pub(crate) async fn assertion(&self) -> Result<AccessToken, Error> {
        self.kept().get().await
    }

    /// Requests one from the source now. The cache does not change.
    pub(crate) async fn fresh(&self) -> Result<AccessToken, Error> {
        self.kept().fresh().await
    }

    /// The host that gets the requests; `None` for a source of the user.
    pub(crate) fn chosen(&self) -> Option<&Chosen> {
        match self {
            Self::ManagedIdentity(assertion) => Some(&assertion.0.chosen),
            Self::Given(_) => None,
        }
    }

    /// An assertion to replace the one that Entra refused. It is the same assertion if the source
    /// has no other.
    pub(crate) async fn replace(&self, refused: &AccessToken) -> Result<AccessToken, Error> {
        self.kept().replace(refused).await
    }

    /// Forgets the current assertion, so that the next exchange requests a new one.
    pub(crate) fn forget(&self) {
        let kept = self.kept();
        // The source can contain one of our sources, which would return its cached assertion again.
        for source in kept.current().iter().flat_map(Source::with) {
            source.assertion.cache.clear();
        }
        kept.cache.clear();
    }

    fn kept(&self) -> &KeptAssertion {
        match self {
            Self::ManagedIdentity(assertion) => &assertion.0.assertion,
            Self::Given(kept) => kept,
        }
    }
}

#[derive(Debug)]
struct Given {
    source: Arc<dyn ClientAssertion>,
    clock: Arc<dyn Clock>,
}

impl Given {
    async fn ask(&self) -> Result<AccessToken, Error> {
        let jwt = self.source.secret(None).await.map_err(of_source)?;
        if !is_token(&jwt) {
            return Err(Error::new(
                Stage::Assertion,
                "the source given to with_assertion returned no token: it is empty, longer than 64 KiB, or holds characters that no JWT has".to_owned(),
            ));
        }
        // An assertion without a known remaining life is requested for each exchange.
        let expires_on = Claims::peek(&jwt)
            .and_then(|claims| OffsetDateTime::from_unix_timestamp(claims.exp?).ok())
            .unwrap_or_else(|| self.clock.wall());
        debug!(%expires_on, "client assertion from the source given");
        Ok(AccessToken::new(jwt, expires_on))
    }
}

struct FromGiven(Arc<Given>);

impl Fetch<TheAssertion, Error> for FromGiven {
    fn fetch(
        &self,
        _: TheAssertion,
        request: Request,
    ) -> BoxFuture<'static, Result<Fetched, Error>> {
        let given = Arc::clone(&self.0);
        async move {
            if let Some(refused) = request.rejected {
                for source in Source::with(&refused) {
                    // The result of this call is read below. If it fails, the refusal is the more
                    // useful error.
                    drop(source.assertion.replace(&refused).await);
                }
            }
            Ok(Fetched {
                token: given.ask().await?,
                refresh_on: None,
            })
        }
        .boxed()
    }

    fn gave_up(&self, why: GaveUp) -> Error {
        Error::gave_up(Stage::Assertion, why)
    }

    fn report(&self, _: &TheAssertion, report: Report<Error>) {
        log(&report);
    }
}

/// The error of any source. If it is an error of this crate, it says everything already.
fn of_source(error: azure_core::Error) -> Error {
    if let Some(ours) = Error::find(&error) {
        return ours.clone();
    }
    let message = format!(
        "the source given to with_assertion brought no client assertion: {}",
        redact::excerpt(error.to_string().as_bytes(), &[])
    );
    let cause = error::without_secrets(error, &[]);
    Error::no_answer(Stage::Assertion, message, cause)
}

#[cfg(test)]
mod tests;
