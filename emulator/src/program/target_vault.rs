//! Litware's key vault, from which Contoso's app can read a secret.

use cross_tenant_identity_emulator::{Emulator, Role, Scenario, SetUpError, Step};

pub(crate) const NAME: &str = "litware-vault";
pub(crate) const SECRET: &str = "greeting";

/// Adds the vault. The app has a role on it if it has one on the resource group.
pub(crate) fn add(emulator: &Emulator, scenario: &Scenario) -> Result<(), SetUpError> {
    let (subscription, group) = (&scenario.target_subscription_id, &scenario.resource_group);
    let id = emulator.add_key_vault(subscription, group, NAME)?;
    emulator.set_secret(NAME, SECRET, "Hello from Litware")?;
    if let Some(principal) = &scenario.target_service_principal_id
        && scenario.left_out != Some(Step::Role)
    {
        emulator.assign_role(principal, Role::KeyVaultSecretsUser, &id);
    }
    Ok(())
}
