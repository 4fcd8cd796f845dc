//! A credential of the emulator's scenario. The test controls its clock.

use super::*;
use crate::{environment::Environment, time::tests::HeldClock};
use azure_identity::UserAssignedId;
use cross_tenant_identity_emulator::{Emulator, Scenario};

/// `retry` for the token leg and for the identity leg; `None` means the credential's own rules.
pub(super) fn credential(
    azure: &Emulator,
    scenario: &Scenario,
    clock: &Arc<HeldClock>,
    retry: [Option<RetryOptions>; 2],
) -> Arc<CrossTenantManagedIdentityCredential> {
    let [of_token, of_identity] = retry;
    let options = CrossTenantManagedIdentityCredentialOptions {
        client_options: azure.client_options(),
        retry: of_token,
        managed_identity: ManagedIdentityAssertionOptions {
            imds_endpoint: Some(azure.imds_url().to_owned()),
            retry: of_identity,
            ..UserAssignedId::ClientId(scenario.identity_client_id.clone()).into()
        },
        ..Default::default()
    };
    CrossTenantManagedIdentityCredential::build(
        &scenario.target_tenant_id,
        &scenario.client_id,
        options,
        Environment::from([]),
        Arc::clone(clock) as Arc<dyn Clock>,
    )
    .unwrap()
}
