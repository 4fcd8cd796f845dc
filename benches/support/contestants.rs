//! The credentials that are compared, over endpoints in memory.

#![allow(dead_code, reason = "each benchmark uses some of it")]

#[path = "../../tests/support/glue.rs"]
mod glue;
#[path = "upstream.rs"]
pub mod upstream;

use azure_core::http::ClientOptions;
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, UserAssignedId,
};
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
};
pub use glue::Glue;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

pub const SCOPE: &str = "https://management.azure.com/.default";
pub const CLIENT_ID: &str = "33333333-3333-4333-8333-333333333333";

pub fn tenant(number: usize) -> String {
    format!("22222222-2222-4222-8222-{number:012}")
}

pub fn identity() -> UserAssignedId {
    UserAssignedId::ClientId("11111111-1111-4111-8111-111111111111".into())
}

pub fn ours(options: ClientOptions) -> Arc<CrossTenantManagedIdentityCredential> {
    let defaults = CrossTenantManagedIdentityCredentialOptions::from(identity());
    ours_with(CrossTenantManagedIdentityCredentialOptions {
        max_cached_tokens: Some(1_000_000),
        ..defaults.with_client_options(options.clone(), options)
    })
}

pub fn ours_with(
    options: CrossTenantManagedIdentityCredentialOptions,
) -> Arc<CrossTenantManagedIdentityCredential> {
    CrossTenantManagedIdentityCredential::new(&tenant(0), CLIENT_ID, Some(options))
        .expect("the options make sense")
}

/// The glue for one tenant, over an assertion that several may share.
pub fn glued<C: ClientAssertion + 'static>(
    tenant: String,
    assertion: C,
    client_options: ClientOptions,
) -> Arc<ClientAssertionCredential<C>> {
    let options = ClientAssertionCredentialOptions { client_options };
    ClientAssertionCredential::new(tenant, CLIENT_ID.into(), assertion, Some(options))
        .expect("the options make sense")
}

/// The assertion of the glue, for many tenants.
#[derive(Clone, Debug)]
pub struct SharedGlue(Arc<Glue>);

#[async_trait::async_trait]
impl ClientAssertion for SharedGlue {
    async fn secret(
        &self,
        options: Option<azure_core::http::ClientMethodOptions<'_>>,
    ) -> azure_core::Result<String> {
        self.0.secret(options).await
    }
}

impl SharedGlue {
    pub fn new(options: ClientOptions) -> Self {
        let glue = Glue::of(Some(identity()), options).expect("the options make sense");
        Self(Arc::new(glue))
    }
}

pub fn one_thread() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
