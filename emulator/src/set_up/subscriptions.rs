//! Set-up of subscriptions, resource groups and key vaults.

use crate::{
    emulator::Emulator,
    guid::guid,
    set_up::{error::SetUpError, tenants::known_tenant},
    world::directory::{KeyVault, ResourceGroup, Secret, Subscription},
};

impl Emulator {
    /// Adds a subscription to a tenant and returns its id.
    ///
    /// # Errors
    ///
    /// If the tenant does not exist.
    pub fn add_subscription(
        &self,
        tenant_id: &str,
        display_name: &str,
    ) -> Result<String, SetUpError> {
        let directory = &mut self.services.state().world.directory;
        let tenant_id = known_tenant(directory.tenant(tenant_id), tenant_id)?
            .id
            .clone();
        let id = guid();
        directory.subscriptions.push(Subscription {
            id: id.clone(),
            tenant_id,
            display_name: display_name.to_owned(),
            groups: Vec::new(),
        });
        Ok(id)
    }

    /// Adds a resource group to a subscription and returns its ARM id.
    ///
    /// # Errors
    ///
    /// If the subscription does not exist, or has a group with this name.
    pub fn add_resource_group(
        &self,
        subscription_id: &str,
        name: &str,
        location: &str,
    ) -> Result<String, SetUpError> {
        let directory = &mut self.services.state().world.directory;
        let subscription = directory
            .subscriptions
            .iter_mut()
            .find(|known| known.id.eq_ignore_ascii_case(subscription_id))
            .ok_or_else(|| SetUpError::NotFound(format!("subscription {subscription_id}")))?;
        if subscription
            .groups
            .iter()
            .any(|group| group.name.eq_ignore_ascii_case(name))
        {
            return Err(SetUpError::Exists(format!("resource group {name}")));
        }
        subscription.groups.push(ResourceGroup {
            name: name.to_owned(),
            location: location.to_owned(),
        });
        Ok(format!(
            "/subscriptions/{}/resourceGroups/{name}",
            subscription.id
        ))
    }

    /// Adds a key vault to a resource group and returns its ARM id. Its URL is
    /// `https://{name}.vault.azure.net`.
    ///
    /// # Errors
    ///
    /// If the subscription does not exist, or a vault has this name.
    pub fn add_key_vault(
        &self,
        subscription_id: &str,
        resource_group: &str,
        name: &str,
    ) -> Result<String, SetUpError> {
        let directory = &mut self.services.state().world.directory;
        if directory.key_vault(name).is_some() {
            return Err(SetUpError::Exists(format!("key vault {name}")));
        }
        let subscription = directory
            .subscription(subscription_id)
            .ok_or_else(|| SetUpError::NotFound(format!("subscription {subscription_id}")))?;
        let id = format!(
            "/subscriptions/{}/resourceGroups/{resource_group}/providers/Microsoft.KeyVault/vaults/{name}",
            subscription.id
        );
        let vault = KeyVault {
            id: id.clone(),
            tenant_id: subscription.tenant_id.clone(),
            name: name.to_owned(),
            secrets: Vec::new(),
        };
        directory.key_vaults.push(vault);
        Ok(id)
    }

    /// Sets a secret of a key vault. Replaces a secret with the same name.
    ///
    /// # Errors
    ///
    /// If the vault does not exist.
    pub fn set_secret(&self, vault: &str, name: &str, value: &str) -> Result<(), SetUpError> {
        let directory = &mut self.services.state().world.directory;
        let vault = directory
            .key_vaults
            .iter_mut()
            .find(|known| known.name.eq_ignore_ascii_case(vault))
            .ok_or_else(|| SetUpError::NotFound(format!("key vault {vault}")))?;
        vault
            .secrets
            .retain(|secret| !secret.name.eq_ignore_ascii_case(name));
        vault.secrets.push(Secret {
            name: name.to_owned(),
            version: guid().replace('-', ""),
            value: value.to_owned(),
        });
        Ok(())
    }
}
