//! Who vouches for the application: the managed identity of the host, or a source of the user's.

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
/// It asks the identity endpoint of the [host](ManagedIdentityHost) and keeps the token, which lives for about 24
/// hours, until shortly before it expires. Clones are handles of one and the same: they share
/// that token and the connections.
///
/// [`CrossTenantManagedIdentityCredential::new`](crate::CrossTenantManagedIdentityCredential::new)
/// makes one for itself. On its own it is for what else takes a
/// [`ClientAssertion`]: `azure_identity`'s `ClientAssertionCredential`, or several credentials
/// that are to share one assertion.
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
/// The managed identity alone makes options, too:
///
/// ```
/// use cross_tenant_identity::{ManagedIdentityAssertionOptions, UserAssignedId};
///
/// let identity = UserAssignedId::ClientId("11111111-1111-4111-8111-111111111111".into());
/// let options = ManagedIdentityAssertionOptions::from(identity);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManagedIdentityAssertionOptions {
    /// Which of the host's identities vouches.
    ///
    /// Default: the endpoint's own choice, which is the system-assigned identity where there is
    /// one, else the only user-assigned one. A federated identity credential trusts one identity,
    /// so name it: another that is assigned to the host later then changes nothing.
    pub user_assigned_id: Option<UserAssignedId>,

    /// The host whose identity endpoint is asked.
    ///
    /// Default: the one that the environment tells, see [`ManagedIdentityHost`].
    pub host: Option<ManagedIdentityHost>,

    /// The audience of the cloud's token exchange.
    ///
    /// Default: the one that belongs to the authority host, `api://AzureADTokenExchange` in the
    /// public cloud. Needed only for clouds that this crate does not know.
    pub audience: Option<String>,

    /// HTTP on the way to the host's identity endpoint: transport, policies, logging, telemetry.
    ///
    /// The default transport goes through no proxy and follows no redirect. The `retry` in it has no
    /// effect, since a default that was given cannot be told from none; any other is a warning in the log.
    /// Set [`retry`](Self::retry) instead.
    pub client_options: ClientOptions,

    /// Replaces the tries that are made of a request to the identity endpoint.
    ///
    /// Default: what Microsoft Learn's "How to use managed identities for Azure resources on an
    /// Azure VM to acquire an access token" asks for. 404, 408, 429 and 5xx are tried up to six
    /// times, at least 1 s apart and longer each time; 410 for 70 s. Whatever is given here, all
    /// tries end after 75 s, and until the endpoint has answered once, the default ones after 6 s.
    pub retry: Option<RetryOptions>,

    /// The origin of the IMDS, such as `http://127.0.0.1:8080`, where it is not at its usual
    /// address. With it the host is [`ManagedIdentityHost::Imds`].
    ///
    /// Default: `AZURE_POD_IDENTITY_AUTHORITY_HOST` where that names this machine or an address
    /// of its own network, else `http://169.254.169.254`.
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
    /// The names of those that differ from their defaults.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        // Names every field, so that the compiler asks about a new one.
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
    /// Makes a source of assertions. Sends nothing.
    ///
    /// # Errors
    ///
    /// When an option or a variable of the environment makes no sense; the message says which, and
    /// what to give instead.
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

    /// The host whose identity endpoint it asks.
    pub fn host(&self) -> ManagedIdentityHost {
        self.0.chosen.host.kind()
    }

    /// How it asks for assertions.
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

/// The identity endpoint takes a resource, which is the audience without this ending.
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

/// The sources of this process, to find the one that has handed out an assertion. What a user gives
/// to `with_assertion` may be one of them, or have one inside.
static SOURCES: Mutex<Vec<Weak<Source>>> = Mutex::new(Vec::new());

impl Source {
    fn list(source: &Arc<Self>) {
        let mut sources = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
        sources.retain(|source| source.strong_count() > 0);
        sources.push(Arc::downgrade(source));
    }

    /// Those that have this assertion: several, if they are for the same identity of a host.
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

/// An assertion that is kept for as long as it is good, and renewed ahead of time.
pub(crate) struct KeptAssertion {
    from: Arc<dyn Fetch<TheAssertion, Error>>,
    cache: Cache<TheAssertion, Error>,
    key: TheAssertion,
}

/// The one key that the cache of a source has.
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
            // The host's endpoint has limits of its own, and the back-off keeps to them.
            requests: usize::MAX,
            // The identity leg's own deadline is 75 s.
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

    /// Asks where it comes from, past the cache, which neither gives nor learns anything.
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

    /// Whether this is the current one.
    fn is(&self, assertion: &AccessToken) -> bool {
        let is_it = |token: &CachedToken| token.is(assertion);
        self.key.tokens.with(&self.key.name, is_it) == Some(true)
    }

    /// The current one, whatever its age.
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

fn log(report: &Report<'_, Error>) {
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

    fn report(&self, _: &TheAssertion, report: Report<'_, Error>) {
        log(&report);
    }
}

/// Where a credential has its assertions from.
#[derive(Debug)]
pub(crate) enum AssertionSource {
    ManagedIdentity(ManagedIdentityAssertion),
    /// A source of the user's.
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

    /// One that is asked of the source now. What is kept stays as it is.
    pub(crate) async fn fresh(&self) -> Result<AccessToken, Error> {
        self.kept().fresh().await
    }

    /// The host that is asked; `None` for a source of the user's.
    pub(crate) fn chosen(&self) -> Option<&Chosen> {
        match self {
            Self::ManagedIdentity(assertion) => Some(&assertion.0.chosen),
            Self::Given(_) => None,
        }
    }

    /// An assertion in place of one that Entra has refused; the same one, if its source has no
    /// other.
    pub(crate) async fn replace(&self, refused: &AccessToken) -> Result<AccessToken, Error> {
        self.kept().replace(refused).await
    }

    /// Forgets the current assertion, so that the next exchange asks for one.
    pub(crate) fn forget(&self) {
        let kept = self.kept();
        // A source that hands out what one of ours has would hand it out again.
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
        // One that cannot be seen to live for a while is asked for each time.
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
                    // What it brings is asked for below; why it brings nothing says less than the
                    // refusal does.
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

    fn report(&self, _: &TheAssertion, report: Report<'_, Error>) {
        log(&report);
    }
}

/// The error of a source that may be anybody's; if it is one of ours it already says it all.
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
