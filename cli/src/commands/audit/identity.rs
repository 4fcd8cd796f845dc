//! The managed identity itself as a caller of Microsoft Graph.

use crate::jwt::Jwt;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    time::OffsetDateTime,
};
use azure_identity::ClientAssertion;
use cross_tenant_identity::ManagedIdentityAssertion;

/// A token of the identity for one resource.
#[derive(Debug)]
pub(super) struct IdentityCredential(pub(super) ManagedIdentityAssertion);

#[async_trait::async_trait]
impl TokenCredential for IdentityCredential {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let token = self.0.secret(None).await?;
        let expires = Jwt::read(&token)
            .ok()
            .and_then(|jwt| jwt.claims.get("exp")?.as_i64())
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        // One that cannot be read serves this call alone.
        Ok(AccessToken::new(
            token,
            expires.unwrap_or(OffsetDateTime::UNIX_EPOCH),
        ))
    }
}
