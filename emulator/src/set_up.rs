//! Each step of a set-up on its own, as an administrator takes it.

use std::fmt;

use crate::{
    directory::{
        KeyVault, Presence, Registration, ResourceGroup, Role, RoleAssignment, Secret,
        Subscription, Trust,
    },
    emulator::Emulator,
    principals::{
        Application, FederatedCredential, MOST_FEDERATED_CREDENTIALS, ManagedIdentity,
        ServicePrincipal, SignInAudience, Tenant, guid,
    },
};

/// # Set-up, step by step
///
/// Every method takes effect with the next request. Where a method names something that is not
/// there, or asks for what Azure would refuse, it returns a [`SetUpError`].
impl Emulator {
    /// Adds a tenant, which knows Microsoft's own services.
    pub fn add_tenant(&self, tenant: Tenant) {
        self.shared.world().directory.add_tenant(tenant);
    }

    /// Adds a managed identity. The host does not have it yet.
    ///
    /// # Errors
    ///
    /// If its tenant does not exist.
    pub fn add_managed_identity(&self, identity: ManagedIdentity) -> Result<(), SetUpError> {
        let directory = &mut self.shared.world().directory;
        known_tenant(directory.tenant(&identity.tenant_id), &identity.tenant_id)?;
        directory.identities.push(identity);
        Ok(())
    }

    /// Gives an identity to the host.
    ///
    /// # Errors
    ///
    /// If there is no identity with this principal id.
    pub fn assign_identity_to_host(&self, principal_id: &str) -> Result<(), SetUpError> {
        let directory = &mut self.shared.world().directory;
        if !directory
            .identities
            .iter()
            .any(|identity| identity.principal_id == principal_id)
        {
            return Err(SetUpError::NotFound(format!("identity {principal_id}")));
        }
        if !directory.on_host.iter().any(|known| known == principal_id) {
            directory.on_host.push(principal_id.to_owned());
        }
        Ok(())
    }

    /// Takes an identity from the host.
    pub fn remove_identity_from_host(&self, principal_id: &str) {
        let directory = &mut self.shared.world().directory;
        directory.on_host.retain(|known| known != principal_id);
    }

    /// Registers an app in its home tenant. That alone makes no service principal.
    ///
    /// # Errors
    ///
    /// If the tenant does not exist, or the client id is taken.
    pub fn add_application(&self, application: Application) -> Result<(), SetUpError> {
        let directory = &mut self.shared.world().directory;
        known_tenant(
            directory.tenant(&application.tenant_id),
            &application.tenant_id,
        )?;
        if directory.registration(&application.client_id).is_some() {
            return Err(SetUpError::Exists(format!("app {}", application.client_id)));
        }
        directory.applications.push(Registration {
            application,
            trusts: Vec::new(),
        });
        Ok(())
    }

    /// Makes an app single-tenant or multi-tenant.
    ///
    /// # Errors
    ///
    /// If there is no such app.
    pub fn set_sign_in_audience(
        &self,
        client_id: &str,
        sign_in_audience: SignInAudience,
    ) -> Result<(), SetUpError> {
        self.with_app(client_id, |app| {
            app.application.sign_in_audience = sign_in_audience;
            Ok(())
        })
    }

    /// Puts a federated identity credential on an app. As Azure does, it takes any issuer,
    /// subject and audience; a wrong one shows only when it is used.
    ///
    /// # Errors
    ///
    /// If there is no such app, it has 20 already, or has one of that name.
    pub fn add_federated_credential(
        &self,
        client_id: &str,
        credential: FederatedCredential,
    ) -> Result<(), SetUpError> {
        self.with_app(client_id, |app| {
            if app.trusts.len() >= MOST_FEDERATED_CREDENTIALS {
                return Err(SetUpError::TooManyFederatedCredentials);
            }
            if app
                .trusts
                .iter()
                .any(|trust| trust.credential.name == credential.name)
            {
                return Err(SetUpError::Exists(format!(
                    "federated identity credential {}",
                    credential.name
                )));
            }
            app.trusts.push(Trust {
                credential,
                unpropagated: 0,
            });
            Ok(())
        })
    }

    /// The next `refusals` uses of the credential fail with AADSTS70021, as if it were not yet
    /// known everywhere.
    ///
    /// # Errors
    ///
    /// If there is no such app, or it has no such credential.
    pub fn unpropagate_federated_credential(
        &self,
        client_id: &str,
        name: &str,
        refusals: u32,
    ) -> Result<(), SetUpError> {
        self.with_app(client_id, |app| {
            let trust = app
                .trusts
                .iter_mut()
                .find(|trust| trust.credential.name == name);
            match trust {
                Some(trust) => {
                    trust.unpropagated = refusals;
                    Ok(())
                }
                None => Err(SetUpError::NotFound(format!(
                    "federated identity credential {name}"
                ))),
            }
        })
    }

    /// Takes a federated identity credential off an app.
    ///
    /// # Errors
    ///
    /// If there is no such app.
    pub fn remove_federated_credential(
        &self,
        client_id: &str,
        name: &str,
    ) -> Result<(), SetUpError> {
        self.with_app(client_id, |app| {
            app.trusts.retain(|trust| trust.credential.name != name);
            Ok(())
        })
    }

    /// Creates an app's service principal in a tenant, as `New-AzADServicePrincipal` and
    /// `az ad sp create` do.
    ///
    /// # Errors
    ///
    /// If there is no such tenant or app, the app is another tenant's and single-tenant, or the
    /// service principal exists.
    pub fn provision_service_principal(
        &self,
        tenant_id: &str,
        client_id: &str,
    ) -> Result<ServicePrincipal, SetUpError> {
        let directory = &mut self.shared.world().directory;
        let tenant = known_tenant(directory.tenant(tenant_id), tenant_id)?;
        let app = directory
            .registration(client_id)
            .ok_or_else(|| SetUpError::NotFound(format!("app {client_id}")))?;
        if app.application.sign_in_audience == SignInAudience::AzureADMyOrg
            && !app.application.tenant_id.eq_ignore_ascii_case(&tenant.id)
        {
            return Err(SetUpError::SingleTenant(client_id.to_owned()));
        }
        if directory.presence(&tenant.id, client_id).is_some() {
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
        directory.service_principals.push(Presence {
            principal: principal.clone(),
            enabled: true,
            blocked: false,
        });
        Ok(principal)
    }

    /// Deletes an app's service principal in a tenant, and the roles it had.
    pub fn remove_service_principal(&self, tenant_id: &str, client_id: &str) {
        let directory = &mut self.shared.world().directory;
        let Some(presence) = directory.presence(tenant_id, client_id) else {
            return;
        };
        let object_id = presence.principal.object_id.clone();
        directory
            .service_principals
            .retain(|known| known.principal.object_id != object_id);
        directory
            .role_assignments
            .retain(|assignment| assignment.principal_id != object_id);
    }

    /// Disables a service principal (AADSTS7000112) or enables it again.
    ///
    /// # Errors
    ///
    /// If there is no such service principal.
    pub fn set_service_principal_enabled(
        &self,
        tenant_id: &str,
        client_id: &str,
        enabled: bool,
    ) -> Result<(), SetUpError> {
        self.with_presence(tenant_id, client_id, |presence| presence.enabled = enabled)
    }

    /// Whether Conditional Access blocks a service principal (AADSTS53003).
    ///
    /// # Errors
    ///
    /// If there is no such service principal.
    pub fn set_conditional_access_block(
        &self,
        tenant_id: &str,
        client_id: &str,
        blocked: bool,
    ) -> Result<(), SetUpError> {
        self.with_presence(tenant_id, client_id, |presence| presence.blocked = blocked)
    }

    /// Adds a resource to those for which a tenant gives out tokens.
    ///
    /// # Errors
    ///
    /// If there is no such tenant.
    pub fn add_resource(&self, tenant_id: &str, uri: &str) -> Result<(), SetUpError> {
        let directory = &mut self.shared.world().directory;
        let id = known_tenant(directory.tenant(tenant_id), tenant_id)?
            .id
            .clone();
        directory.add_resource(&id, uri);
        Ok(())
    }

    /// Takes a resource out of a tenant (AADSTS500011).
    pub fn remove_resource(&self, tenant_id: &str, uri: &str) {
        let directory = &mut self.shared.world().directory;
        directory
            .resources
            .retain(|known| known.tenant_id != tenant_id || known.uri != uri);
    }

    /// Whether a resource gives tokens only to apps that were assigned a role of its own
    /// (AADSTS501051; no app here ever is).
    ///
    /// # Errors
    ///
    /// If the tenant has no such resource.
    pub fn set_assignment_required(
        &self,
        tenant_id: &str,
        uri: &str,
        required: bool,
    ) -> Result<(), SetUpError> {
        let directory = &mut self.shared.world().directory;
        let resource = directory
            .resources
            .iter_mut()
            .find(|known| known.tenant_id == tenant_id && known.uri == uri)
            .ok_or_else(|| SetUpError::NotFound(format!("resource {uri}")))?;
        resource.assignment_required = required;
        Ok(())
    }

    /// Adds a subscription to a tenant and returns its id.
    ///
    /// # Errors
    ///
    /// If there is no such tenant.
    pub fn add_subscription(
        &self,
        tenant_id: &str,
        display_name: &str,
    ) -> Result<String, SetUpError> {
        let directory = &mut self.shared.world().directory;
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
    /// If there is no such subscription, or it has a group of that name.
    pub fn add_resource_group(
        &self,
        subscription_id: &str,
        name: &str,
        location: &str,
    ) -> Result<String, SetUpError> {
        let directory = &mut self.shared.world().directory;
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

    /// Adds a key vault to a resource group and returns its ARM id. It answers under
    /// `https://{name}.vault.azure.net`.
    ///
    /// # Errors
    ///
    /// If there is no such subscription, or any vault of that name.
    pub fn add_key_vault(
        &self,
        subscription_id: &str,
        resource_group: &str,
        name: &str,
    ) -> Result<String, SetUpError> {
        let directory = &mut self.shared.world().directory;
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

    /// Sets a secret of a key vault, in the place of one of that name.
    ///
    /// # Errors
    ///
    /// If there is no such vault.
    pub fn set_secret(&self, vault: &str, name: &str, value: &str) -> Result<(), SetUpError> {
        let directory = &mut self.shared.world().directory;
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

    /// Gives a service principal or identity, by its object id, a role at `scope`: an ARM id,
    /// or `/subscriptions/{id}`.
    pub fn assign_role(&self, principal_id: &str, role: Role, scope: &str) {
        self.shared
            .world()
            .directory
            .role_assignments
            .push(RoleAssignment {
                id: guid(),
                principal_id: principal_id.to_owned(),
                role,
                scope: scope.trim_end_matches('/').to_owned(),
            });
    }

    /// Takes all roles of `principal_id` at exactly this scope.
    pub fn remove_roles(&self, principal_id: &str, scope: &str) {
        let scope = scope.trim_end_matches('/');
        let directory = &mut self.shared.world().directory;
        directory.role_assignments.retain(|assignment| {
            assignment.principal_id != principal_id || !assignment.scope.eq_ignore_ascii_case(scope)
        });
    }

    fn with_app(
        &self,
        client_id: &str,
        change: impl FnOnce(&mut Registration) -> Result<(), SetUpError>,
    ) -> Result<(), SetUpError> {
        match self.shared.world().directory.registration_mut(client_id) {
            Some(app) => change(app),
            None => Err(SetUpError::NotFound(format!("app {client_id}"))),
        }
    }

    fn with_presence(
        &self,
        tenant_id: &str,
        client_id: &str,
        change: impl FnOnce(&mut Presence),
    ) -> Result<(), SetUpError> {
        let directory = &mut self.shared.world().directory;
        let presence = directory
            .presence_mut(tenant_id, client_id)
            .ok_or_else(|| {
                SetUpError::NotFound(format!(
                    "service principal of app {client_id} in tenant {tenant_id}"
                ))
            })?;
        change(presence);
        Ok(())
    }
}

fn known_tenant<'a>(found: Option<&'a Tenant>, named: &str) -> Result<&'a Tenant, SetUpError> {
    found.ok_or_else(|| SetUpError::NotFound(format!("tenant {named}")))
}

/// A step of the set-up that Azure would refuse, too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetUpError {
    /// No such tenant, identity, app, service principal, subscription or group: add it first.
    NotFound(String),
    /// An app has at most 20 federated identity credentials.
    TooManyFederatedCredentials,
    /// A single-tenant app can be provisioned in its home tenant only.
    SingleTenant(String),
    /// It is there already.
    Exists(String),
}

impl fmt::Display for SetUpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetUpError::NotFound(what) => write!(f, "there is no {what}: add it first"),
            SetUpError::TooManyFederatedCredentials => {
                f.write_str("an app has at most 20 federated identity credentials")
            }
            SetUpError::SingleTenant(app) => write!(
                f,
                "app {app} is single-tenant: it can be provisioned in its home tenant only"
            ),
            SetUpError::Exists(what) => write!(f, "there already is {what}"),
        }
    }
}

impl std::error::Error for SetUpError {}
