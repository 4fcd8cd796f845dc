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
    pub fn new(scenario: &Scenario, client_options: ClientOptions) -> azure_core::Result<Self> {
        let id = UserAssignedId::ClientId(scenario.identity_client_id.clone());
        Self::of(Some(id), client_options)
    }

    pub fn of(
        user_assigned_id: Option<UserAssignedId>,
        client_options: ClientOptions,
    ) -> azure_core::Result<Self> {
        Ok(Self(ManagedIdentityCredential::new(Some(
            ManagedIdentityCredentialOptions {
                user_assigned_id,
                client_options,
            },
        ))?))
    }

    pub fn credential(
        scenario: &Scenario,
        client_options: ClientOptions,
    ) -> azure_core::Result<Arc<ClientAssertionCredential<Self>>> {
        ClientAssertionCredential::new(
            scenario.target_tenant_id.clone(),
            scenario.client_id.clone(),
            Self::new(scenario, client_options.clone())?,
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
