//! Who vouches for the application: the managed identity of the host, or a source of the user's.

use crate::{
    authority::{AZURE_AUTHORITY_HOST, AuthorityHost, quoted},
    cache::{Cache, Fetched},
    claims::Claims,
    environment::Environment,
    error::{Error, Stage},
    managed_identity::{Selector, imds::Imds, is_token},
    time::{Clock, SystemClock},
};
use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, Secret},
    http::{ClientMethodOptions, ClientOptions, RetryOptions},
    time::OffsetDateTime,
};
use azure_identity::{ClientAssertion, UserAssignedId};
use std::{fmt, sync::Arc};
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
    imds: Imds,
    audience: Arc<str>,
    cache: Cache<()>,
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

    /// The origin of the IMDS, such as `http://127.0.0.1:40342`, where it is not at its usual
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
        Ok(Self(Arc::new(Source {
            imds,
            audience,
            cache: Cache::new(clock),
        })))
    }

    pub(crate) fn audience(&self) -> &Arc<str> {
        &self.0.audience
    }

    async fn token(&self) -> Result<AccessToken, Error> {
        let source = &self.0;
        source
            .cache
            .get(&(), || async {
                let token = source.imds.token().await?;
                info!(expires_on = %token.expires_on, audience = %source.audience, "new client assertion");
                Ok(Fetched {
                    token,
                    refresh_on: None,
                })
            })
            .await
    }
}

#[async_trait]
impl ClientAssertion for ManagedIdentityAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.token().await?.token.secret().to_owned())
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

/// Where a credential has its assertions from.
#[derive(Debug)]
pub(crate) enum AssertionSource {
    ManagedIdentity(ManagedIdentityAssertion),
    Other {
        source: Arc<dyn ClientAssertion>,
        cache: Cache<()>,
        clock: Arc<dyn Clock>,
    },
}

impl AssertionSource {
    pub(crate) fn other(source: Arc<dyn ClientAssertion>, clock: Arc<dyn Clock>) -> Self {
        Self::Other {
            source,
            cache: Cache::new(Arc::clone(&clock)),
            clock,
        }
    }

    pub(crate) async fn assertion(&self) -> Result<Secret, Error> {
        let token = match self {
            Self::ManagedIdentity(assertion) => assertion.token().await?,
            Self::Other {
                source,
                cache,
                clock,
            } => {
                cache
                    .get(&(), || ask(source.as_ref(), clock.as_ref()))
                    .await?
            }
        };
        Ok(token.token)
    }

    /// Forgets the assertion at hand, so that the next exchange asks for one.
    pub(crate) fn forget(&self) {
        match self {
            Self::ManagedIdentity(assertion) => assertion.0.cache.clear(),
            Self::Other { cache, .. } => cache.clear(),
        }
    }
}

/// One that cannot be seen to live for a while is asked for each time.
async fn ask(source: &dyn ClientAssertion, clock: &dyn Clock) -> Result<Fetched, Error> {
    let jwt = source.secret(None).await.map_err(of_source)?;
    if !is_token(&jwt) {
        return Err(Error::new(
            Stage::Assertion,
            "the source given to with_assertion returned no token: it is empty or holds characters that no JWT has".to_owned(),
        ));
    }
    let expires_on = Claims::peek(&jwt)
        .and_then(|claims| OffsetDateTime::from_unix_timestamp(claims.exp?).ok())
        .unwrap_or_else(|| clock.wall());
    debug!(%expires_on, "client assertion from the source given");
    Ok(Fetched {
        token: AccessToken::new(jwt, expires_on),
        refresh_on: None,
    })
}

/// The error of a source that may be anybody's; if it is one of ours it already says it all.
fn of_source(error: azure_core::Error) -> Error {
    match Error::find(&error) {
        Some(ours) => ours.clone(),
        None => {
            let message = format!(
                "the source given to with_assertion brought no client assertion: {}",
                crate::redact::excerpt(error.to_string().as_bytes(), &[])
            );
            Error::no_answer(Stage::Assertion, message, error)
        }
    }
}
