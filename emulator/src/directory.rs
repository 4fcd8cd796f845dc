//! What Entra and Resource Manager know: everybody and everything that was set up.

use crate::principals::{
    Application, FederatedCredential, ManagedIdentity, ServicePrincipal, TOKEN_EXCHANGE_AUDIENCE,
    Tenant,
};

/// Everything that was set up.
#[derive(Clone, Default)]
pub(crate) struct Directory {
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) identities: Vec<ManagedIdentity>,
    /// The principal ids of the identities that the host has.
    pub(crate) on_host: Vec<String>,
    pub(crate) applications: Vec<Registration>,
    pub(crate) service_principals: Vec<Presence>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) key_vaults: Vec<KeyVault>,
    pub(crate) role_assignments: Vec<RoleAssignment>,
}

/// An app and the trust on it.
#[derive(Clone)]
pub(crate) struct Registration {
    pub(crate) application: Application,
    pub(crate) trusts: Vec<Trust>,
}

/// A federated identity credential and how many more times it will not be found.
#[derive(Clone)]
pub(crate) struct Trust {
    pub(crate) credential: FederatedCredential,
    pub(crate) unpropagated: u32,
}

/// A service principal and what stands in its way.
#[derive(Clone)]
pub(crate) struct Presence {
    pub(crate) principal: ServicePrincipal,
    pub(crate) enabled: bool,
    pub(crate) blocked: bool,
}

/// A resource's presence in a tenant: without it no tokens for it are to be had there.
#[derive(Clone)]
pub(crate) struct Resource {
    pub(crate) tenant_id: String,
    pub(crate) uri: String,
    pub(crate) assignment_required: bool,
}

#[derive(Clone)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) tenant_id: String,
    pub(crate) display_name: String,
    pub(crate) groups: Vec<ResourceGroup>,
}

#[derive(Clone)]
pub(crate) struct ResourceGroup {
    pub(crate) name: String,
    pub(crate) location: String,
}

#[derive(Clone)]
pub(crate) struct KeyVault {
    /// Its ARM id.
    pub(crate) id: String,
    pub(crate) tenant_id: String,
    pub(crate) name: String,
    pub(crate) secrets: Vec<Secret>,
}

#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) value: String,
}

#[derive(Clone)]
pub(crate) struct RoleAssignment {
    pub(crate) id: String,
    pub(crate) principal_id: String,
    pub(crate) role: Role,
    pub(crate) scope: String,
}

/// Microsoft's own services, which every tenant has.
const FIRST_PARTY: [&str; 9] = [
    TOKEN_EXCHANGE_AUDIENCE,
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://storage.azure.com",
    "https://vault.azure.net",
    "https://eventhubs.azure.net",
    "https://servicebus.azure.net",
    "https://graph.microsoft.com",
    "https://database.windows.net",
];

impl Directory {
    pub(crate) fn add_tenant(&mut self, tenant: Tenant) {
        self.tenants
            .retain(|known| !known.id.eq_ignore_ascii_case(&tenant.id));
        for uri in FIRST_PARTY {
            self.add_resource(&tenant.id, uri);
        }
        self.tenants.push(tenant);
    }

    pub(crate) fn add_resource(&mut self, tenant_id: &str, uri: &str) {
        if self.resource(tenant_id, uri).is_none() {
            self.resources.push(Resource {
                tenant_id: tenant_id.to_owned(),
                uri: uri.to_owned(),
                assignment_required: false,
            });
        }
    }

    /// The tenant with this id or domain.
    pub(crate) fn tenant(&self, named: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| {
            tenant.id.eq_ignore_ascii_case(named) || tenant.domain.eq_ignore_ascii_case(named)
        })
    }

    pub(crate) fn registration(&self, client_id: &str) -> Option<&Registration> {
        self.applications
            .iter()
            .find(|app| app.application.client_id.eq_ignore_ascii_case(client_id))
    }

    pub(crate) fn registration_mut(&mut self, client_id: &str) -> Option<&mut Registration> {
        self.applications
            .iter_mut()
            .find(|app| app.application.client_id.eq_ignore_ascii_case(client_id))
    }

    pub(crate) fn presence(&self, tenant_id: &str, client_id: &str) -> Option<&Presence> {
        self.service_principals.iter().find(|presence| {
            presence.principal.tenant_id.eq_ignore_ascii_case(tenant_id)
                && presence.principal.client_id.eq_ignore_ascii_case(client_id)
        })
    }

    pub(crate) fn presence_mut(
        &mut self,
        tenant_id: &str,
        client_id: &str,
    ) -> Option<&mut Presence> {
        self.service_principals.iter_mut().find(|presence| {
            presence.principal.tenant_id.eq_ignore_ascii_case(tenant_id)
                && presence.principal.client_id.eq_ignore_ascii_case(client_id)
        })
    }

    pub(crate) fn resource(&self, tenant_id: &str, uri: &str) -> Option<&Resource> {
        let asked = identifier(uri);
        self.resources.iter().find(|resource| {
            resource.tenant_id.eq_ignore_ascii_case(tenant_id) && identifier(&resource.uri) == asked
        })
    }

    pub(crate) fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions
            .iter()
            .find(|subscription| subscription.id.eq_ignore_ascii_case(id))
    }

    pub(crate) fn key_vault(&self, name: &str) -> Option<&KeyVault> {
        self.key_vaults
            .iter()
            .find(|vault| vault.name.eq_ignore_ascii_case(name))
    }

    /// The identities that the host has, in the order they were assigned.
    pub(crate) fn host_identities(&self) -> impl Iterator<Item = &ManagedIdentity> {
        self.on_host.iter().filter_map(|principal_id| {
            self.identities
                .iter()
                .find(|identity| identity.principal_id == *principal_id)
        })
    }
}

/// A built-in role of Azure (Microsoft Learn, "Azure built-in roles").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// May see everything and change nothing.
    Reader,
    /// May do everything but assign roles.
    Contributor,
    /// May do everything.
    Owner,
    /// Reads blobs; gives no sight of resource groups.
    StorageBlobDataReader,
    /// Reads a vault's secrets; gives no sight of resource groups.
    KeyVaultSecretsUser,
}

impl Role {
    pub(crate) fn definition_id(self) -> &'static str {
        match self {
            Role::Reader => "acdd72a7-3385-48ef-bd42-f606fba81ae7",
            Role::Contributor => "b24988ac-6180-42a0-ab88-20f7382dd24c",
            Role::Owner => "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
            Role::StorageBlobDataReader => "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
            Role::KeyVaultSecretsUser => "4633458b-17de-408a-874b-0445c86b69e6",
        }
    }

    pub(crate) fn reads_control_plane(self) -> bool {
        !matches!(
            self,
            Role::StorageBlobDataReader | Role::KeyVaultSecretsUser
        )
    }

    /// Those for the control plane give no access to secrets.
    pub(crate) fn reads_secrets(self) -> bool {
        matches!(self, Role::KeyVaultSecretsUser)
    }
}

/// How identifier URIs compare: a trailing slash and case do not matter.
fn identifier(uri: &str) -> String {
    uri.trim_end_matches('/').to_ascii_lowercase()
}
