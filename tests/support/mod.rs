//! Contoso, Litware and a credential between them.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod log;

use azure_core::{
    credentials::TokenCredential,
    http::{FixedRetryOptions, RetryOptions},
    time::Duration,
};
use azure_identity::ClientAssertion;
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions, Error,
    ManagedIdentityAssertionOptions, UserAssignedId,
};
use cross_tenant_identity_emulator::{Emulator, Endpoint, Scenario, Step};
use std::sync::Arc;

pub const STORAGE: &str = "https://storage.azure.com/.default";
pub const ARM: &str = "https://management.azure.com/.default";

pub struct World {
    pub azure: Emulator,
    pub scenario: Scenario,
}

impl World {
    pub fn new() -> Self {
        let azure = Emulator::start().unwrap();
        let scenario = azure.create_scenario();
        Self { azure, scenario }
    }

    pub fn without(step: Step) -> Self {
        let azure = Emulator::start().unwrap();
        let scenario = azure.create_scenario_without(step);
        Self { azure, scenario }
    }

    /// The identity leg goes over the default transport to the emulator's own address, the token
    /// leg to Azure's real names. Neither tries twice: pauses between tries take time.
    pub fn options(&self) -> CrossTenantManagedIdentityCredentialOptions {
        CrossTenantManagedIdentityCredentialOptions {
            client_options: self.azure.client_options(),
            retry: Some(RetryOptions::none()),
            managed_identity: self.identity_options(),
            ..Default::default()
        }
    }

    pub fn identity_options(&self) -> ManagedIdentityAssertionOptions {
        ManagedIdentityAssertionOptions {
            user_assigned_id: self
                .scenario
                .identity_selector()
                .map(|id| UserAssignedId::ClientId(id.to_owned())),
            imds_endpoint: Some(self.azure.imds_url().to_owned()),
            retry: Some(RetryOptions::none()),
            ..Default::default()
        }
    }

    pub fn credential(&self) -> Arc<CrossTenantManagedIdentityCredential> {
        self.credential_with(self.options())
    }

    pub fn credential_with(
        &self,
        options: CrossTenantManagedIdentityCredentialOptions,
    ) -> Arc<CrossTenantManagedIdentityCredential> {
        CrossTenantManagedIdentityCredential::new(
            &self.scenario.target_tenant_id,
            &self.scenario.client_id,
            Some(options),
        )
        .unwrap()
    }

    /// A credential with this source of assertions.
    pub fn with_assertion(
        &self,
        source: impl ClientAssertion + 'static,
        options: CrossTenantManagedIdentityCredentialOptions,
    ) -> Arc<CrossTenantManagedIdentityCredential> {
        CrossTenantManagedIdentityCredential::with_assertion(
            &self.scenario.target_tenant_id,
            &self.scenario.client_id,
            Arc::new(source),
            Some(options),
        )
        .unwrap()
    }

    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.azure.requests_to(endpoint).len()
    }
}

/// Tries again at once, so that nothing waits.
pub fn at_once(max_retries: u32) -> RetryOptions {
    RetryOptions::fixed(FixedRetryOptions {
        delay: Duration::ZERO,
        max_retries,
        ..Default::default()
    })
}

pub fn claims(jwt: &str) -> serde_json::Value {
    let payload = jwt.split('.').nth(1).unwrap();
    serde_json::from_slice(&azure_core::base64::decode_url_safe(payload).unwrap()).unwrap()
}

/// The crate's error of a call that must fail.
pub async fn refused(credential: &CrossTenantManagedIdentityCredential, scope: &str) -> Error {
    let error = credential.get_token(&[scope], None).await.unwrap_err();
    assert_eq!(*error.kind(), azure_core::error::ErrorKind::Credential);
    Error::find(&error).unwrap().clone()
}
