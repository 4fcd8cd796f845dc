//! Set-up of tenants, managed identities and the resources that a tenant knows.

use crate::{
    emulator::Emulator,
    set_up::error::SetUpError,
    world::principals::{ManagedIdentity, Tenant},
};

impl Emulator {
    /// Adds a tenant. It knows Microsoft's own services.
    pub fn add_tenant(&self, tenant: Tenant) {
        self.services.state().world.directory.add_tenant(tenant);
    }

    /// Adds a managed identity. It is not assigned to the host.
    ///
    /// # Errors
    ///
    /// If its tenant does not exist.
    pub fn add_managed_identity(&self, identity: ManagedIdentity) -> Result<(), SetUpError> {
        let directory = &mut self.services.state().world.directory;
        known_tenant(directory.tenant(&identity.tenant_id), &identity.tenant_id)?;
        directory.identities.push(identity);
        Ok(())
    }

    /// Assigns an identity to the host.
    ///
    /// # Errors
    ///
    /// If no identity has this principal id.
    pub fn assign_identity_to_host(&self, principal_id: &str) -> Result<(), SetUpError> {
        let directory = &mut self.services.state().world.directory;
        if !directory
            .identities
            .iter()
            .any(|identity| identity.principal_id == principal_id)
        {
            return Err(SetUpError::NotFound(format!("identity {principal_id}")));
        }
        if !directory
            .assigned_to_host
            .iter()
            .any(|known| known == principal_id)
        {
            directory.assigned_to_host.push(principal_id.to_owned());
        }
        Ok(())
    }

    /// Removes an identity from the host.
    pub fn remove_identity_from_host(&self, principal_id: &str) {
        let directory = &mut self.services.state().world.directory;
        directory
            .assigned_to_host
            .retain(|known| known != principal_id);
    }

    /// Adds a resource for which a tenant issues tokens.
    ///
    /// # Errors
    ///
    /// If the tenant does not exist.
    pub fn add_resource(&self, tenant_id: &str, uri: &str) -> Result<(), SetUpError> {
        let directory = &mut self.services.state().world.directory;
        let id = known_tenant(directory.tenant(tenant_id), tenant_id)?
            .id
            .clone();
        directory.add_resource(&id, uri);
        Ok(())
    }

    /// Removes a resource from a tenant. Token requests for it fail with AADSTS500011.
    pub fn remove_resource(&self, tenant_id: &str, uri: &str) {
        let directory = &mut self.services.state().world.directory;
        directory
            .resources
            .retain(|known| known.tenant_id != tenant_id || known.uri != uri);
    }

    /// Whether an app needs an app role of the resource to get a token. No app has one, so token
    /// requests then fail with AADSTS501051.
    ///
    /// # Errors
    ///
    /// If the tenant does not know the resource.
    pub fn set_assignment_required(
        &self,
        tenant_id: &str,
        uri: &str,
        required: bool,
    ) -> Result<(), SetUpError> {
        let directory = &mut self.services.state().world.directory;
        let resource = directory
            .resources
            .iter_mut()
            .find(|known| known.tenant_id == tenant_id && known.uri == uri)
            .ok_or_else(|| SetUpError::NotFound(format!("resource {uri}")))?;
        resource.assignment_required = required;
        Ok(())
    }
}

/// The tenant, or the error that it does not exist.
pub(super) fn known_tenant<'a>(
    found: Option<&'a Tenant>,
    named: &str,
) -> Result<&'a Tenant, SetUpError> {
    found.ok_or_else(|| SetUpError::NotFound(format!("tenant {named}")))
}
