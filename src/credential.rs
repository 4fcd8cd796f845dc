//! The credential: from a managed identity's assertion to an access token of the target tenant.

mod build;
mod exchange;
mod family;
mod get_token;
mod options;
mod scope;

pub(crate) use exchange::Exchange;
pub use options::{CrossTenantManagedIdentityCredentialOptions, UnchangedDueToken};
pub(crate) use scope::only_scope;

use crate::{
    authority::TenantId,
    environment::Environment,
    error::Error,
    tenants::{Tenant, TokenKey},
    time::SystemClock,
};
use azure_core::credentials::AccessToken;
use azure_identity::ClientAssertion;
use family::Family;
use std::{fmt, sync::Arc};

/// Authenticates a multi-tenant app in a target tenant, with a managed identity of its home
/// tenant in place of a secret.
///
/// It is a [`TokenCredential`](azure_core::credentials::TokenCredential): give it to any Azure SDK
/// client. Create one when your service starts, and share it.
///
/// # Family
///
/// A credential and all credentials that [`for_tenant`](Self::for_tenant) makes from it are a *family*.
/// They share the assertion, the connections, the cache and its limits.
///
/// # How tokens are cached
///
/// 1. **Valid token.** A call returns it at once. It makes no request, and does not wait for the request
///    of another call.
/// 2. **Renewal.** A token that is in use is renewed before it expires, in the background: at the time
///    that Entra names (`refresh_in`). Otherwise at half of its lifetime, if it lives for 2 hours or more,
///    or when a third of its lifetime is left (at least 10 minutes, at most half of the lifetime). A token
///    that nobody asked for during its whole lifetime is not renewed.
/// 3. **Last 7 minutes** (the last quarter of a lifetime under 28 minutes). At this time SDK clients ask for
///    a token that expires later. A call waits up to 3 s for the new token, and otherwise returns the
///    current one. [`UnchangedDueToken`] can change that.
/// 4. **One request.** All calls for the same token share one request. Requests run on a thread of the
///    crate. It starts with the first request, and stays. So no runtime is needed,
///    and a caller that is cancelled, or a runtime that ends or is blocked, does not disturb the other
///    callers. Your own transport, policy or assertion source runs on this thread, too, and must not
///    block it.
/// 5. **Failed renewal.** The current token stays in use. The crate tries again after 1 s to 60 s, or at
///    the time in `Retry-After` (at most 300 s). All renewals of the family wait for a `Retry-After`.
/// 6. **No valid token.** The error is kept for a while: up to 10 s if it can pass without a change, 30 s
///    if the service has refused, and up to 60 s if there was no response and somebody has to change
///    something. A `Retry-After` counts up to 30 s. During this time calls get the error at once, with
///    its age and the time of the next try. [`invalidate_all`](Self::invalidate_all) allows a try at once.
/// 7. **Expiry.** A call never returns a token of the cache in the last 30 s of its lifetime (the last tenth
///    of a lifetime under 5 minutes). The crate reads the wall clock and the monotonic clock, and the more
///    pessimistic one counts: somebody may change the wall clock, and the machine may sleep.
/// 8. **Limits.** There are at most 10 responses for the same token in 5 minutes, and some of them are
///    reserved for calls that have no token. After Entra has detected a loop (AADSTS50196), there is no
///    request for 5 minutes. A request without a response, and the responses 408, 429 and 5xx, do not
///    count: rules 5 and 6 limit those.
/// 9. **The assertion** is cached once for all tenants of the family. If Entra refuses it because of its
///    time or signature, the crate asks the host for another one, and repeats the request only if it gets
///    one.
/// 10. **Rejected token.** [`invalidate`](Self::invalidate) replaces a token that a service has rejected.
/// 11. **Too many tokens.** Above `max_cached_tokens`, the tokens that were not used lately are dropped
///     first.
/// 12. **End.** When the last credential of a family is dropped, everything that was started for the
///     family ends.
pub struct CrossTenantManagedIdentityCredential {
    family: Arc<Family>,
    tenant: Arc<Tenant>,
}

impl CrossTenantManagedIdentityCredential {
    /// Makes a credential for a target tenant. Sends nothing, and starts nothing.
    ///
    /// - `tenant_id`: the **target** tenant, the one that owns the resources: its id (a GUID) or
    ///   one of its domain names.
    /// - `client_id`: the client id of the **multi-tenant app**, which lives in the home tenant
    ///   and trusts the managed identity. It is not the identity's own client id; that goes into
    ///   [`user_assigned_id`](crate::ManagedIdentityAssertionOptions::user_assigned_id).
    ///
    /// ```
    /// use azure_core::credentials::TokenCredential;
    /// use cross_tenant_identity::{
    ///     CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
    ///     UserAssignedId,
    /// };
    ///
    /// # use cross_tenant_identity_emulator::Emulator;
    /// # #[tokio::main]
    /// # async fn main() -> azure_core::Result<()> {
    /// # let azure = Emulator::start()?;
    /// # let scenario = azure.create_scenario();
    /// # let settings = azure.credential_settings(&scenario);
    /// # let (tenant_id, client_id) = (settings.tenant_id, settings.client_id);
    /// # let identity_client_id = settings.identity_client_id;
    /// // Contoso's managed identity, by its own client id.
    /// let identity = UserAssignedId::ClientId(identity_client_id);
    /// let options = CrossTenantManagedIdentityCredentialOptions::from(identity);
    /// # let options = options
    /// #     .with_client_options(settings.client_options, settings.identity_client_options);
    ///
    /// // Litware's tenant, and Contoso's app.
    /// let credential =
    ///     CrossTenantManagedIdentityCredential::new(&tenant_id, &client_id, Some(options))?;
    ///
    /// // SDK clients call this. Call it yourself at the start, to see an error early.
    /// let scopes = ["https://management.azure.com/.default"];
    /// let token = credential.get_token(&scopes, None).await?;
    /// println!("The access token expires at {}.", token.expires_on);
    /// # Ok(())
    /// # }
    /// ```
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

    /// As [`new`](Self::new), with your own source of assertions: a
    /// [`TokenFileAssertion`](crate::TokenFileAssertion) for AKS workload identity, a
    /// [`TokenCredentialAssertion`](crate::TokenCredentialAssertion), one
    /// [`ManagedIdentityAssertion`](crate::ManagedIdentityAssertion) that several credentials share, or
    /// your own implementation of [`ClientAssertion`].
    ///
    /// The assertion is cached until shortly before the `exp` of the JWT. If it is not a JWT that can be
    /// read, the source is asked before each token request.
    ///
    /// [`managed_identity`](CrossTenantManagedIdentityCredentialOptions::managed_identity) has no effect
    /// here. Each option of it that is set is a warning in the log.
    ///
    /// ```
    /// use azure_core::credentials::TokenCredential;
    /// use cross_tenant_identity::{
    ///     CrossTenantManagedIdentityCredential, ManagedIdentityAssertion,
    ///     ManagedIdentityAssertionOptions, UserAssignedId,
    /// };
    /// use std::sync::Arc;
    ///
    /// # use cross_tenant_identity_emulator::Emulator;
    /// # #[tokio::main]
    /// # async fn main() -> azure_core::Result<()> {
    /// # let azure = Emulator::start()?;
    /// # let scenario = azure.create_scenario();
    /// # let settings = azure.credential_settings(&scenario);
    /// # let (tenant_id, client_id) = (settings.tenant_id, settings.client_id);
    /// # let identity_client_id = settings.identity_client_id;
    /// # let other_client_id = client_id.clone();
    /// # let options = Some(cross_tenant_identity::CrossTenantManagedIdentityCredentialOptions {
    /// #     client_options: settings.client_options,
    /// #     ..Default::default()
    /// # });
    /// let identity = UserAssignedId::ClientId(identity_client_id);
    /// let identity = ManagedIdentityAssertionOptions::from(identity);
    /// # let identity = ManagedIdentityAssertionOptions {
    /// #     client_options: settings.identity_client_options,
    /// #     ..identity
    /// # };
    /// let assertion = Arc::new(ManagedIdentityAssertion::new(Some(identity))?);
    ///
    /// // Two apps of Contoso trust the same managed identity. The host is asked once for both.
    /// let [one, other] = [client_id, other_client_id].map(|client_id| {
    ///     CrossTenantManagedIdentityCredential::with_assertion(
    ///         &tenant_id,
    ///         &client_id,
    ///         assertion.clone(),
    ///         options.clone(),
    ///     )
    /// });
    /// let scopes = ["https://management.azure.com/.default"];
    /// one?.get_token(&scopes, None).await?;
    /// other?.get_token(&scopes, None).await?;
    /// # assert_eq!(azure.requests().len(), 3);
    /// # Ok(())
    /// # }
    /// ```
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

    /// The same app in another target tenant. The credential is of the same [family](#family): it shares
    /// the assertion, the connections, the cache and its limits. It is cheap enough to call it for every
    /// request, and two calls for the same tenant find the same tokens.
    ///
    /// ```
    /// use azure_core::credentials::TokenCredential;
    /// # use cross_tenant_identity::{
    /// #     CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
    /// #     UserAssignedId,
    /// # };
    /// # use cross_tenant_identity_emulator::Emulator;
    /// # #[tokio::main]
    /// # async fn main() -> azure_core::Result<()> {
    /// # let azure = Emulator::start()?;
    /// # let scenario = azure.create_scenario();
    /// # let settings = azure.credential_settings(&scenario);
    /// # let (tenant_id, client_id) = (settings.tenant_id, settings.client_id);
    /// # let options = CrossTenantManagedIdentityCredentialOptions::from(
    /// #     UserAssignedId::ClientId(settings.identity_client_id),
    /// # );
    /// # let options = options
    /// #     .with_client_options(settings.client_options, settings.identity_client_options);
    /// # let credential =
    /// #     CrossTenantManagedIdentityCredential::new(&tenant_id, &client_id, Some(options))?;
    /// # let other_tenant_id = scenario.home_tenant_id;
    ///
    /// let scopes = ["https://storage.azure.com/.default"];
    /// credential.get_token(&scopes, None).await?;
    ///
    /// // Another customer of Contoso. The host is not asked again.
    /// let other = credential.for_tenant(&other_tenant_id)?;
    /// other.get_token(&scopes, None).await?;
    /// # assert_eq!(azure.requests().len(), 3);
    /// # Ok(())
    /// # }
    /// ```
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

    /// Replaces a token that a service has rejected. Calls for these scopes get the new token. If it does
    /// not arrive within 3 s, they get the rejected token, which other services may still accept. There is
    /// at most one request for this per minute. If the cached token is another one, for example because
    /// it was replaced meanwhile, nothing happens.
    ///
    /// The credential does not see a response 401 of a service. So whoever sees it has to call this, with
    /// exactly the token that was rejected, and then ask for a token once more:
    ///
    /// ```
    /// use azure_core::{
    ///     credentials::{AccessToken, TokenCredential},
    ///     http::{AsyncRawResponse, StatusCode},
    /// };
    /// use cross_tenant_identity::CrossTenantManagedIdentityCredential;
    ///
    /// # use azure_core::http::{Context, Method, Request, Transport, Url, headers::AUTHORIZATION};
    /// # use cross_tenant_identity::{CrossTenantManagedIdentityCredentialOptions, UserAssignedId};
    /// # use cross_tenant_identity_emulator::{Emulator, Endpoint, Fault, Times};
    /// # struct Service { transport: Transport, url: Url }
    /// # impl Service {
    /// #     async fn send(&self, token: &AccessToken) -> azure_core::Result<AsyncRawResponse> {
    /// #         let mut request = Request::new(self.url.clone(), Method::Get);
    /// #         let value = format!("Bearer {}", token.token.secret());
    /// #         request.insert_header(AUTHORIZATION, value);
    /// #         self.transport.send(&Context::new(), &mut request).await
    /// #     }
    /// # }
    /// async fn call(
    ///     service: &Service,
    ///     credential: &CrossTenantManagedIdentityCredential,
    /// ) -> azure_core::Result<AsyncRawResponse> {
    ///     let scopes = ["https://management.azure.com/.default"];
    ///     let token = credential.get_token(&scopes, None).await?;
    ///     let response = service.send(&token).await?;
    ///     if response.status() != StatusCode::Unauthorized {
    ///         return Ok(response);
    ///     }
    ///     credential.invalidate(&scopes, &token);
    ///     let token = credential.get_token(&scopes, None).await?;
    ///     service.send(&token).await // Once: a second 401 has another reason.
    /// }
    /// #
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let azure = Emulator::start()?;
    /// # let scenario = azure.create_scenario();
    /// # let settings = azure.credential_settings(&scenario);
    /// # let url = format!(
    /// #     "https://management.azure.com/subscriptions/{}/resourceGroups?api-version=2024-08-01",
    /// #     scenario.target_subscription_id
    /// # );
    /// # let service = Service {
    /// #     transport: azure.client_options().transport.unwrap(),
    /// #     url: url.parse()?,
    /// # };
    /// # let identity = UserAssignedId::ClientId(settings.identity_client_id);
    /// # let options = CrossTenantManagedIdentityCredentialOptions::from(identity)
    /// #     .with_client_options(settings.client_options, settings.identity_client_options);
    /// # let credential = CrossTenantManagedIdentityCredential::new(
    /// #     &settings.tenant_id,
    /// #     &settings.client_id,
    /// #     Some(options),
    /// # )?;
    /// # azure.set_fault(Endpoint::ResourceManager, Fault::status(401), Times::Count(1));
    /// # assert_eq!(call(&service, &credential).await?.status(), StatusCode::Ok);
    /// # assert_eq!(azure.requests_to(Endpoint::Token).len(), 2);
    /// # assert_eq!(azure.requests_to(Endpoint::ResourceManager).len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn invalidate(&self, scopes: &[&str], rejected: &AccessToken) {
        if let Ok(key) = self.key(scopes) {
            self.family.cache.reject(&key, rejected);
        }
    }

    /// Drops all tokens of the credential's [family](#family), and the assertion.
    pub fn invalidate_all(&self) {
        // In this order: a fetch that begins after the tokens are gone finds the old assertion no more,
        // and what one that began before brings is not kept.
        self.family.exchange.assertion.forget();
        self.family.cache.clear();
    }

    pub(crate) fn exchange(&self) -> &Arc<Exchange> {
        &self.family.exchange
    }

    pub(crate) fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
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

#[cfg(test)]
mod tests;
