//! The options of the credential, and what they mean together with the environment.

use crate::{
    assertion::ManagedIdentityAssertionOptions,
    authority::{AZURE_AUTHORITY_HOST, AuthorityHost},
    cache::Limits,
    environment::Environment,
    error::{Error, Stage},
};
use azure_core::http::{ClientOptions, RetryOptions};
use azure_identity::UserAssignedId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Options for [`CrossTenantManagedIdentityCredential`](crate::CrossTenantManagedIdentityCredential).
///
/// A managed identity converts into options, too:
///
/// ```
/// use cross_tenant_identity::{CrossTenantManagedIdentityCredentialOptions, UserAssignedId};
///
/// let identity = UserAssignedId::ClientId("11111111-1111-4111-8111-111111111111".into());
/// let options = CrossTenantManagedIdentityCredentialOptions::from(identity);
/// ```
///
/// With more options:
///
/// ```
/// # use cross_tenant_identity::{CrossTenantManagedIdentityCredentialOptions, UserAssignedId};
/// # let identity = UserAssignedId::ClientId("11111111-1111-4111-8111-111111111111".into());
/// let options = CrossTenantManagedIdentityCredentialOptions {
///     max_cached_tokens: Some(10_000),
///     ..identity.into()
/// };
/// ```
#[derive(Clone, Debug, Default)]
pub struct CrossTenantManagedIdentityCredentialOptions {
    /// HTTP options for requests to Microsoft Entra: cloud, transport, policies, logging,
    /// telemetry.
    ///
    /// The cloud decides the authority host. It is the cloud given here, otherwise the one that
    /// `AZURE_AUTHORITY_HOST` names (a known cloud, or this machine), otherwise the public cloud.
    /// The default transport follows no redirect and uses the proxy that the environment names. The
    /// `retry` in these options has no effect, because a default that was given and a default that
    /// was not given look the same. Any other value of it causes a warning in the log. Set
    /// [`retry`](Self::retry) instead.
    pub client_options: ClientOptions,

    /// Replaces the retry rules for token requests.
    ///
    /// Default: up to three tries, for failed connections, 408, 429 and 5xx. A `Retry-After` of
    /// more than 5 s ends them. With any rules, all tries together end after 30 s; within that
    /// time, a failing service gets as many tries as these options allow.
    pub retry: Option<RetryOptions>,

    /// How many tokens the [family](crate::CrossTenantManagedIdentityCredential#family) keeps.
    /// Tokens that were not used for the longest time are dropped first.
    ///
    /// Default: 1,000. One token needs about 2 KB.
    pub max_cached_tokens: Option<usize>,

    /// How many token requests the [family](crate::CrossTenantManagedIdentityCredential#family)
    /// makes at the same time. Requests for callers without a token have priority over renewals.
    ///
    /// Default: 64.
    pub max_concurrent_requests: Option<usize>,

    /// What a call returns in the last 7 minutes of a token's life if there is no new token.
    ///
    /// Default: [`UnchangedDueToken::Serve`].
    pub unchanged_due_token: UnchangedDueToken,

    /// The managed identity that issues the assertion, and how to reach its endpoint.
    ///
    /// It has no effect with
    /// [`with_assertion`](crate::CrossTenantManagedIdentityCredential::with_assertion), because the
    /// given source returns the assertion. Each option in it that is set then causes a warning in
    /// the log.
    pub managed_identity: ManagedIdentityAssertionOptions,
}

impl CrossTenantManagedIdentityCredentialOptions {
    /// Sets the HTTP options of both requests: `entra` for requests to Microsoft Entra, `identity`
    /// for requests to the host's identity endpoint. A test has to set both; otherwise one of the
    /// requests goes to Azure.
    ///
    /// ```
    /// use azure_core::credentials::TokenCredential;
    /// use cross_tenant_identity::{
    ///     CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
    ///     UserAssignedId,
    /// };
    /// use cross_tenant_identity_emulator::Emulator;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let azure = Emulator::start()?;
    /// let settings = azure.credential_settings(&azure.create_scenario());
    ///
    /// let identity = UserAssignedId::ClientId(settings.identity_client_id);
    /// let options = CrossTenantManagedIdentityCredentialOptions::from(identity)
    ///     .with_client_options(settings.client_options, settings.identity_client_options);
    /// let credential = CrossTenantManagedIdentityCredential::new(
    ///     &settings.tenant_id,
    ///     &settings.client_id,
    ///     Some(options),
    /// )?;
    /// credential.get_token(&["https://management.azure.com/.default"], None).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_client_options(mut self, entra: ClientOptions, identity: ClientOptions) -> Self {
        self.client_options = entra;
        self.managed_identity.client_options = identity;
        self
    }
}

/// The default options, with this managed identity.
impl From<UserAssignedId> for CrossTenantManagedIdentityCredentialOptions {
    fn from(id: UserAssignedId) -> Self {
        Self {
            managed_identity: id.into(),
            ..Self::default()
        }
    }
}

/// What a call returns for a token in its last 7 minutes that could not be renewed within 3 s.
///
/// The token is valid until it expires, and most callers can use it. An exception is the client of
/// Event Hubs from 0.16 on. It calls 6 minutes before expiry, and permanently stops the renewal of
/// a path if the new token does not live longer than its current one. After an error it calls again
/// 30 s later. So a credential for this client needs [`Fail`](Self::Fail):
///
/// ```
/// use cross_tenant_identity::{
///     CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
///     UnchangedDueToken, UserAssignedId,
/// };
///
/// # fn main() -> azure_core::Result<()> {
/// let identity = UserAssignedId::ClientId("11111111-1111-4111-8111-111111111111".into());
/// let for_event_hubs = CrossTenantManagedIdentityCredential::new(
///     "22222222-2222-4222-8222-222222222222", // Litware, the target tenant
///     "33333333-3333-4333-8333-333333333333", // Contoso's multi-tenant app
///     Some(CrossTenantManagedIdentityCredentialOptions {
///         unchanged_due_token: UnchangedDueToken::Fail,
///         ..identity.into()
///     }),
/// )?;
/// # Ok(())
/// # }
/// ```
///
/// In files and variables of [`Settings`](crate::Settings) it is `serve` or `fail`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum UnchangedDueToken {
    /// The current token.
    #[default]
    Serve,
    /// An error. Only for a client that cannot handle a token that does not live longer.
    Fail,
}

pub(super) fn limits(
    options: &CrossTenantManagedIdentityCredentialOptions,
) -> Result<Limits<Error>, Error> {
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
        // This keeps a margin: Entra treats 15 equal requests in 5 minutes as a loop.
        requests: 10,
        // 80 s for the identity leg, and twice the 30 s of the token leg.
        fetch: Duration::from_secs(140),
        // The assertion's own cache remembers the failure. When the assertion works again, all
        // tenants work again.
        remembers: |error| error.stage() != Stage::Assertion,
        fails_unchanged: options.unchanged_due_token == UnchangedDueToken::Fail,
    })
}

pub(super) fn authority(
    options: &CrossTenantManagedIdentityCredentialOptions,
    environment: &Environment,
) -> Result<AuthorityHost, Error> {
    let cloud = options.client_options.cloud.as_deref();
    let named = environment.var(AZURE_AUTHORITY_HOST);
    AuthorityHost::choose(cloud, named.as_deref()).map_err(Error::configuration)
}

/// No cloud trusts the identities of another cloud, so two clouds are always a mistake.
pub(super) fn one_cloud(
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
