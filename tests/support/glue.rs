//! What a Rust user writes who has `azure_identity` alone: its `ClientAssertionCredential` over its
//! `ManagedIdentityCredential`.

use azure_core::{
    credentials::TokenCredential,
    http::{ClientMethodOptions, ClientOptions},
};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use cross_tenant_identity_emulator::Scenario;
use std::sync::Arc;

#[derive(Debug)]
pub struct Glue(Arc<ManagedIdentityCredential>);

impl Glue {
    pub fn new(story: &Scenario, client_options: ClientOptions) -> azure_core::Result<Self> {
        let id = UserAssignedId::ClientId(story.identity_client_id.clone());
        Ok(Self(ManagedIdentityCredential::new(Some(
            ManagedIdentityCredentialOptions {
                user_assigned_id: Some(id),
                client_options,
            },
        ))?))
    }

    pub fn credential(
        story: &Scenario,
        client_options: ClientOptions,
    ) -> azure_core::Result<Arc<ClientAssertionCredential<Self>>> {
        ClientAssertionCredential::new(
            story.target_tenant_id.clone(),
            story.client_id.clone(),
            Self::new(story, client_options.clone())?,
            Some(ClientAssertionCredentialOptions { client_options }),
        )
    }
}

#[async_trait::async_trait]
impl ClientAssertion for Glue {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let scopes = ["api://AzureADTokenExchange/.default"];
        let token = self.0.get_token(&scopes, None).await?;
        Ok(token.token.secret().to_owned())
    }
}
