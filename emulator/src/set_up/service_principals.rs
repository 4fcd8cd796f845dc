//! Set-up of service principals and their roles.

use crate::{
    emulator::Emulator,
    guid::guid,
    set_up::{error::SetUpError, tenants::known_tenant},
    world::{
        app_roles::GraphPermission,
        directory::ServicePrincipalState,
        principals::{ServicePrincipal, SignInAudience},
        roles::{Role, RoleAssignment},
    },
};

impl Emulator {
    /// Creates an app's service principal in a tenant, as `New-AzADServicePrincipal` and
    /// `az ad sp create` do.
    ///
    /// # Errors
    ///
    /// If the tenant or the app does not exist, if the app is single-tenant and belongs to another
    /// tenant, or if the service principal exists.
    pub fn provision_service_principal(
        &self,
        tenant_id: &str,
        client_id: &str,
    ) -> Result<ServicePrincipal, SetUpError> {
        let directory = &mut self.services.state().world.directory;
        let tenant = known_tenant(directory.tenant(tenant_id), tenant_id)?;
        let app = directory
            .registration(client_id)
            .ok_or_else(|| SetUpError::NotFound(format!("app {client_id}")))?;
        if app.application.sign_in_audience == SignInAudience::AzureADMyOrg
            && !app.application.tenant_id.eq_ignore_ascii_case(&tenant.id)
        {
            return Err(SetUpError::SingleTenant(client_id.to_owned()));
        }
        if directory.service_principal(&tenant.id, client_id).is_some() {
            return Err(SetUpError::Exists(format!(
                "a service principal of app {client_id} in tenant {}",
                tenant.id
            )));
        }
        let principal = ServicePrincipal {
            tenant_id: tenant.id.clone(),
            client_id: app.application.client_id.clone(),
            object_id: guid(),
        };
        directory.service_principals.push(ServicePrincipalState {
            principal: principal.clone(),
            enabled: true,
            blocked: false,
        });
        Ok(principal)
    }

    /// Deletes an app's service principal in a tenant, its role assignments and its permissions of
    /// Microsoft Graph.
    pub fn remove_service_principal(&self, tenant_id: &str, client_id: &str) {
        let directory = &mut self.services.state().world.directory;
        let Some(state) = directory.service_principal(tenant_id, client_id) else {
            return;
        };
        let object_id = state.principal.object_id.clone();
        directory
            .service_principals
            .retain(|known| known.principal.object_id != object_id);
        directory
            .role_assignments
            .retain(|assignment| assignment.principal_id != object_id);
        directory
            .app_role_assignments
            .retain(|assignment| assignment.principal_id != object_id);
    }

    /// Disables a service principal (AADSTS7000112) or enables it again.
    ///
    /// # Errors
    ///
    /// If the service principal does not exist.
    pub fn set_service_principal_enabled(
        &self,
        tenant_id: &str,
        client_id: &str,
        enabled: bool,
    ) -> Result<(), SetUpError> {
        self.with_service_principal(tenant_id, client_id, |state| state.enabled = enabled)
    }

    /// Whether Conditional Access blocks a service principal (AADSTS53003).
    ///
    /// # Errors
    ///
    /// If the service principal does not exist.
    pub fn set_conditional_access_block(
        &self,
        tenant_id: &str,
        client_id: &str,
        blocked: bool,
    ) -> Result<(), SetUpError> {
        self.with_service_principal(tenant_id, client_id, |state| state.blocked = blocked)
    }

    /// Assigns a role to a service principal or an identity, by its object id. `scope` is an ARM id,
    /// for example `/subscriptions/{id}`.
    pub fn assign_role(&self, principal_id: &str, role: Role, scope: &str) {
        self.services
            .state()
            .world
            .directory
            .role_assignments
            .push(RoleAssignment {
                id: guid(),
                principal_id: principal_id.to_owned(),
                role,
                scope: scope.trim_end_matches('/').to_owned(),
            });
    }

    /// Removes all role assignments of `principal_id` at exactly this scope.
    pub fn remove_roles(&self, principal_id: &str, scope: &str) {
        let scope = scope.trim_end_matches('/');
        let directory = &mut self.services.state().world.directory;
        directory.role_assignments.retain(|assignment| {
            assignment.principal_id != principal_id || !assignment.scope.eq_ignore_ascii_case(scope)
        });
    }

    /// Grants a permission of Microsoft Graph to a service principal or an identity, by its object
    /// id. It is in the tokens that are issued from then on. The host keeps the tokens that it has:
    /// see [`forget_imds_tokens`](Emulator::forget_imds_tokens).
    pub fn grant_graph_permission(&self, principal_id: &str, permission: GraphPermission) {
        let directory = &mut self.services.state().world.directory;
        directory.grant(principal_id, permission);
    }

    /// Removes all permissions of Microsoft Graph from a service principal or an identity. Tokens
    /// that are already issued keep them.
    pub fn remove_graph_permissions(&self, principal_id: &str) {
        let directory = &mut self.services.state().world.directory;
        directory
            .app_role_assignments
            .retain(|assignment| assignment.principal_id != principal_id);
    }

    fn with_service_principal(
        &self,
        tenant_id: &str,
        client_id: &str,
        change: impl FnOnce(&mut ServicePrincipalState),
    ) -> Result<(), SetUpError> {
        let directory = &mut self.services.state().world.directory;
        let state = directory
            .service_principal_mut(tenant_id, client_id)
            .ok_or_else(|| {
                SetUpError::NotFound(format!(
                    "service principal of app {client_id} in tenant {tenant_id}"
                ))
            })?;
        change(state);
        Ok(())
    }
}
