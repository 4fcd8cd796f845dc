//! Any credential of the Azure SDK as a source of assertions.

use super::as_audience;
use crate::error::Error;
use async_trait::async_trait;
use azure_core::{
    credentials::{TokenCredential, TokenRequestOptions},
    http::ClientMethodOptions,
};
use azure_identity::ClientAssertion;
use std::{fmt, sync::Arc};

/// The token of any [`TokenCredential`] for a token-exchange audience, as a client assertion.
///
/// For a credential that gets the token of a managed identity in its own way. That credential
/// caches its tokens itself. [`ManagedIdentityAssertion`](crate::ManagedIdentityAssertion) does
/// more on the hosts that it supports.
///
/// ```
/// use azure_identity::ManagedIdentityCredential;
/// use cross_tenant_identity::{CrossTenantManagedIdentityCredential, TokenCredentialAssertion};
/// use std::sync::Arc;
///
/// # fn main() -> azure_core::Result<()> {
/// let identity = ManagedIdentityCredential::new(None)?;
/// let credential = CrossTenantManagedIdentityCredential::with_assertion(
///     "22222222-2222-4222-8222-222222222222", // Litware, the target tenant
///     "33333333-3333-4333-8333-333333333333", // Contoso's multi-tenant app
///     Arc::new(TokenCredentialAssertion::new(identity, "api://AzureADTokenExchange")?),
///     None,
/// )?;
/// # Ok(())
/// # }
/// ```
///
/// Entra accepts only the token of a managed identity. It refuses the token of a user
/// (AADSTS700229), of an app (AADSTS700226), and a token that was issued through a federated
/// identity credential (AADSTS700231).
#[derive(Clone)]
pub struct TokenCredentialAssertion {
    credential: Arc<dyn TokenCredential>,
    scope: Arc<str>,
}

impl TokenCredentialAssertion {
    /// `audience` is the audience of the cloud's token exchange, `api://AzureADTokenExchange` in
    /// the public cloud.
    ///
    /// # Errors
    ///
    /// If the audience is empty, or contains characters that are not allowed in a URI.
    pub fn new(credential: Arc<dyn TokenCredential>, audience: &str) -> azure_core::Result<Self> {
        let audience = as_audience("audience", audience).map_err(Error::configuration)?;
        Ok(Self {
            credential,
            scope: format!("{audience}/.default").into(),
        })
    }
}

#[async_trait]
impl ClientAssertion for TokenCredentialAssertion {
    async fn secret(&self, options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let options = options.map(|method_options| TokenRequestOptions { method_options });
        let token = self.credential.get_token(&[&self.scope], options).await?;
        Ok(token.token.secret().to_owned())
    }
}

impl fmt::Debug for TokenCredentialAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCredentialAssertion")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
