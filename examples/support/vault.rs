//! Litware's vault, where there is no Azure.

use cross_tenant_identity_emulator::{Emulator, Role, Scenario, SetUpError};

/// A vault with this secret in it, and the role that lets Contoso's app read it. Returns its URL.
pub fn emulated(
    emulator: &Emulator,
    scenario: &Scenario,
    secret: &str,
) -> Result<String, SetUpError> {
    const VAULT: &str = "litware-vault";
    let (subscription, group) = (&scenario.target_subscription_id, &scenario.resource_group);
    let id = emulator.add_key_vault(subscription, group, VAULT)?;
    emulator.set_secret(VAULT, secret, "Hello from Litware")?;
    if let Some(principal) = &scenario.target_service_principal_id {
        emulator.assign_role(principal, Role::KeyVaultSecretsUser, &id);
    }
    Ok(format!("https://{VAULT}.vault.azure.net"))
}
