//! The managed identity of the host as a source of assertions.

use super::{
    kept::{KeptAssertion, TheAssertion, log},
    options::{ManagedIdentityAssertionOptions, audience},
};
use crate::{
    authority::{AZURE_AUTHORITY_HOST, AuthorityHost},
    cache::{Fetch, Fetched, GaveUp, Report, Request},
    diagnosis::AssertionRequest,
    environment::Environment,
    error::{Error, Stage},
    managed_identity::{Chosen, Host, ManagedIdentityHost, Selector, Setup, choose},
    time::{Clock, SystemClock},
    unused_options::warn_of_retry_in,
};
use async_trait::async_trait;
use azure_core::{credentials::AccessToken, http::ClientMethodOptions};
use azure_identity::ClientAssertion;
use futures::future::{BoxFuture, FutureExt};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tracing::{debug, info};

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
pub struct ManagedIdentityAssertion(pub(super) Arc<Source>);

pub(super) struct Source {
    pub(super) assertion: KeptAssertion,
    audience: Arc<str>,
    pub(super) chosen: Chosen,
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
    pub(super) fn with(assertion: &AccessToken) -> Vec<Arc<Self>> {
        let sources = SOURCES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut with: Vec<_> = sources.iter().filter_map(Weak::upgrade).collect();
        with.retain(|source| source.assertion.is(assertion));
        with
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
