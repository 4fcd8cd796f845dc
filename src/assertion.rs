//! Who vouches for the application: the managed identity of the host, or a source of the user's.

use crate::{
    authority::{AZURE_AUTHORITY_HOST, AuthorityHost, quoted},
    cache::{Cache, Fetch, Fetched, GaveUp, Limits},
    claims::Claims,
    environment::Environment,
    error::{self, Error, Stage},
    managed_identity::{Selector, imds::Imds, is_token},
    meter::Meter,
    redact,
    time::{Clock, SystemClock},
};
use async_trait::async_trait;
use azure_core::{
    credentials::AccessToken,
    error::ErrorKind,
    http::{ClientMethodOptions, ClientOptions, Context, RetryOptions},
    time::OffsetDateTime,
};
use azure_identity::{ClientAssertion, UserAssignedId};
use futures::future::{BoxFuture, FutureExt};
use std::{
    borrow::Cow,
    fmt,
    hash::{DefaultHasher, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tracing::{debug, info};

/// A managed identity's token for the cloud's token exchange, as a client assertion.
///
/// It asks the host's identity endpoint (IMDS) and keeps the token, which lives for about 24
/// hours, until shortly before it expires. Clones are handles of one and the same: they share
/// that token and the connections.
///
/// [`CrossTenantManagedIdentityCredential::new`](crate::CrossTenantManagedIdentityCredential::new)
/// makes one for itself. On its own it is for what else takes a
/// [`ClientAssertion`]: `azure_identity`'s `ClientAssertionCredential`, or several credentials
/// that are to share one assertion.
///
/// ```
/// use azure_identity::{ClientAssertionCredential, UserAssignedId};
/// use cross_tenant_identity::{ManagedIdentityAssertion, ManagedIdentityAssertionOptions};
///
/// # fn main() -> azure_core::Result<()> {
/// let assertion = ManagedIdentityAssertion::new(Some(ManagedIdentityAssertionOptions {
///     user_assigned_id: Some(UserAssignedId::ClientId(
///         "11111111-1111-4111-8111-111111111111".into(),
///     )),
///     ..Default::default()
/// }))?;
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
    cache: AssertionCache,
    audience: Arc<str>,
}

/// Options for [`ManagedIdentityAssertion`].
///
/// ```
/// use cross_tenant_identity::ManagedIdentityAssertionOptions;
///
/// let options = ManagedIdentityAssertionOptions {
///     audience: Some("api://AzureADTokenExchange".into()),
///     ..Default::default()
/// };
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManagedIdentityAssertionOptions {
    /// Which of the host's identities vouches.
    ///
    /// Default: the endpoint's own choice, which is the system-assigned identity where there is
    /// one, else the only user-assigned one. A federated identity credential trusts one identity,
    /// so name it: another that is assigned to the host later then changes nothing.
    pub user_assigned_id: Option<UserAssignedId>,

    /// The audience of the cloud's token exchange.
    ///
    /// Default: the one that belongs to the authority host, `api://AzureADTokenExchange` in the
    /// public cloud. Needed only for clouds that this crate does not know.
    pub audience: Option<String>,

    /// HTTP on the way to the host's identity endpoint: transport, policies, logging, telemetry.
    ///
    /// The default transport goes through no proxy and follows no redirect. `retry` is not looked
    /// at, since it cannot be told from its default; see [`retry`](Self::retry).
    pub client_options: ClientOptions,

    /// Replaces the tries that are made of a request to the identity endpoint.
    ///
    /// Default: what Microsoft Learn's "How to use managed identities for Azure resources on an
    /// Azure VM to acquire an access token" asks for. 404, 408, 429 and 5xx are tried up to six
    /// times, at least 1 s apart and longer each time; 410 for 70 s. Whatever is given here, all
    /// tries end after 75 s, and until the endpoint has answered once, the default ones after 6 s.
    pub retry: Option<RetryOptions>,

    /// The origin of the IMDS, such as `http://127.0.0.1:8080`, where it is not at its usual
    /// address.
    ///
    /// Default: `AZURE_POD_IDENTITY_AUTHORITY_HOST` where that names this machine or an address
    /// of its own network, else `http://169.254.169.254`.
    pub imds_endpoint: Option<String>,
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
        let imds = Imds::new(
            options.imds_endpoint.as_deref(),
            selector,
            Arc::clone(&audience),
            options.client_options,
            options.retry,
            environment,
            Arc::clone(&clock),
        )?;
        let cache = assertion_cache(Arc::new(FromImds(Arc::new(imds))), clock);
        Ok(Self(Arc::new(Source { cache, audience })))
    }

    pub(crate) fn audience(&self) -> &Arc<str> {
        &self.0.audience
    }
}

#[async_trait]
impl ClientAssertion for ManagedIdentityAssertion {
    async fn secret(&self, options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let wish = options
            .as_ref()
            .and_then(|options| options.context.value::<Arc<Wish>>());
        if let Some(wish) = wish {
            wish.is_granted_by_us.store(true, Ordering::Relaxed);
        }
        let cache = &self.0.cache;
        let token = match wish.and_then(|wish| wish.instead_of) {
            None => cached(cache).await?,
            Some(refused) => {
                let current = cached(cache).await?;
                match fingerprint(current.token.secret()) == refused {
                    true => cache.replace((), &current).await?,
                    false => current,
                }
            }
        };
        Ok(token.token.secret().to_owned())
    }
}

impl fmt::Debug for ManagedIdentityAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedIdentityAssertion")
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
    // The identity endpoint takes a resource, which is the audience without this ending.
    let audience = given.strip_suffix("/.default").unwrap_or(given);
    let is_text = |c: char| c.is_ascii_graphic();
    if audience.is_empty() || !audience.chars().all(is_text) {
        return Err(Error::configuration(format!(
            "managed_identity.audience is {}: give a URI such as api://AzureADTokenExchange",
            quoted(given)
        )));
    }
    Ok(audience.into())
}

/// An assertion is kept once, by its source, under the one key that it has.
type AssertionCache = Cache<(), Error>;

fn assertion_cache(from: Arc<dyn Fetch<(), Error>>, clock: Arc<dyn Clock>) -> AssertionCache {
    let limits = Limits {
        keys: 1,
        flights: 1,
        // The host's endpoint has limits of its own, and the back-off keeps to them.
        requests: usize::MAX,
        flight: LONGEST_FLIGHT,
        remembers: |_| true,
    };
    Cache::new(from, limits, clock)
}

/// The identity leg's own deadline is 75 s.
const LONGEST_FLIGHT: Duration = Duration::from_secs(80);

async fn cached(cache: &AssertionCache) -> Result<AccessToken, Error> {
    match cache.at_hand(&()) {
        Some(token) => Ok(token),
        None => cache.get(()).await,
    }
}

struct FromImds(Arc<Imds>);

impl Fetch<(), Error> for FromImds {
    fn fetch(&self, (): (), _: Arc<Meter>) -> BoxFuture<'static, Result<Fetched, Error>> {
        let imds = Arc::clone(&self.0);
        async move {
            let token = imds.token().await?;
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
}

/// What a credential tells a source of this crate's, in the context of its call: any other source
/// does not look at it.
#[derive(Debug, Default)]
struct Wish {
    /// The fingerprint of an assertion that Entra has refused for its time or signature. A context
    /// is no place for a secret.
    instead_of: Option<u64>,
    /// Set by a source of ours: it keeps its assertion itself.
    is_granted_by_us: AtomicBool,
}

fn fingerprint(assertion: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(assertion.as_bytes());
    hasher.finish()
}

/// Where a credential has its assertions from.
#[derive(Debug)]
pub(crate) enum AssertionSource {
    ManagedIdentity(ManagedIdentityAssertion),
    Given(Arc<Given>, AssertionCache),
}

/// A source of the user's.
#[derive(Debug)]
pub(crate) struct Given {
    source: Arc<dyn ClientAssertion>,
    /// Whether it turned out to be one of ours after all, which keeps its assertion itself.
    is_ours: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl AssertionSource {
    pub(crate) fn given(source: Arc<dyn ClientAssertion>, clock: Arc<dyn Clock>) -> Self {
        let given = Arc::new(Given {
            source,
            is_ours: AtomicBool::new(false),
            clock: Arc::clone(&clock),
        });
        let cache = assertion_cache(Arc::new(FromGiven(Arc::clone(&given))), clock);
        Self::Given(given, cache)
    }

    pub(crate) async fn assertion(&self) -> Result<AccessToken, Error> {
        match self {
            Self::ManagedIdentity(assertion) => cached(&assertion.0.cache).await,
            Self::Given(given, _) if given.is_ours() => given.ask(None).await,
            Self::Given(_, cache) => cached(cache).await,
        }
    }

    /// An assertion in place of one that Entra has refused; the same one, if its source has no
    /// other.
    pub(crate) async fn replace(&self, refused: &AccessToken) -> Result<AccessToken, Error> {
        match self {
            Self::ManagedIdentity(assertion) => assertion.0.cache.replace((), refused).await,
            Self::Given(given, _) if given.is_ours() => {
                given.ask(Some(fingerprint(refused.token.secret()))).await
            }
            Self::Given(_, cache) => cache.replace((), refused).await,
        }
    }

    /// Forgets the assertion at hand, so that the next exchange asks for one.
    pub(crate) fn forget(&self) {
        match self {
            Self::ManagedIdentity(assertion) => assertion.0.cache.clear(),
            Self::Given(_, cache) => cache.clear(),
        }
    }
}

impl Given {
    fn is_ours(&self) -> bool {
        self.is_ours.load(Ordering::Relaxed)
    }

    async fn ask(&self, instead_of: Option<u64>) -> Result<AccessToken, Error> {
        let wish = Arc::new(Wish {
            instead_of,
            ..Default::default()
        });
        let options = ClientMethodOptions {
            context: Context::new().with_value(Arc::clone(&wish)),
        };
        let jwt = self.source.secret(Some(options)).await.map_err(of_source)?;
        if wish.is_granted_by_us.load(Ordering::Relaxed) {
            self.is_ours.store(true, Ordering::Relaxed);
        }
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

impl Fetch<(), Error> for FromGiven {
    fn fetch(&self, (): (), _: Arc<Meter>) -> BoxFuture<'static, Result<Fetched, Error>> {
        let given = Arc::clone(&self.0);
        async move {
            Ok(Fetched {
                token: given.ask(None).await?,
                refresh_on: None,
            })
        }
        .boxed()
    }

    fn gave_up(&self, why: GaveUp) -> Error {
        Error::gave_up(Stage::Assertion, why)
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
    // Whoever prints the whole chain prints the source's own words, too.
    let shows_a_token = error::chain(&error).any(|error| {
        let shown = format!("{error} {error:?}");
        matches!(redact::redact(&shown, &[]), Cow::Owned(_))
    });
    let cause = match shows_a_token {
        // Its kind may hold the whole answer.
        true => azure_core::Error::with_message(ErrorKind::Other, message.clone()),
        false => error,
    };
    Error::no_answer(Stage::Assertion, message, cause)
}

#[cfg(test)]
mod tests;
