//! What exists in the emulated Azure: tenants and their objects, subscriptions and their resources.

use crate::{
    guid::guid,
    world::{
        app_roles::{AppRoleAssignment, GRAPH, GraphPermission},
        cloud::Cloud,
        principals::{Application, FederatedCredential, ManagedIdentity, ServicePrincipal, Tenant},
        roles::RoleAssignment,
    },
};

/// All objects and resources.
#[derive(Clone, Default)]
pub(crate) struct Directory {
    pub(crate) cloud: Cloud,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) identities: Vec<ManagedIdentity>,
    /// The principal ids of the identities that are assigned to the host.
    pub(crate) assigned_to_host: Vec<String>,
    /// Whether the host keeps expired tokens and returns them again.
    pub(crate) host_returns_expired_tokens: bool,
    /// By how many seconds the host's clock is ahead of those of Entra and of the resources.
    pub(crate) host_clock_error: i64,
    pub(crate) applications: Vec<AppRegistration>,
    pub(crate) service_principals: Vec<ServicePrincipalState>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) key_vaults: Vec<KeyVault>,
    pub(crate) role_assignments: Vec<RoleAssignment>,
    pub(crate) app_role_assignments: Vec<AppRoleAssignment>,
}

/// An app and its credentials.
#[derive(Clone)]
pub(crate) struct AppRegistration {
    pub(crate) application: Application,
    pub(crate) object_id: String,
    pub(crate) federated_credentials: Vec<StoredCredential>,
    pub(crate) secrets: Vec<KeyMetadata>,
    pub(crate) certificates: Vec<KeyMetadata>,
}

impl AppRegistration {
    /// An app without credentials.
    pub(crate) fn new(application: Application) -> AppRegistration {
        AppRegistration {
            application,
            object_id: guid(),
            federated_credentials: Vec::new(),
            secrets: Vec::new(),
            certificates: Vec::new(),
        }
    }
}

/// What is known of a client secret or a certificate. It has no value: the emulator accepts none.
#[derive(Clone)]
pub(crate) struct KeyMetadata {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: i64,
    pub(crate) expires_on: i64,
}

/// A federated identity credential, and how many more requests do not find it.
#[derive(Clone)]
pub(crate) struct StoredCredential {
    pub(crate) id: String,
    pub(crate) credential: FederatedCredential,
    pub(crate) refusals_left: u32,
}

impl StoredCredential {
    pub(crate) fn new(credential: FederatedCredential) -> StoredCredential {
        StoredCredential {
            id: guid(),
            credential,
            refusals_left: 0,
        }
    }
}

/// A service principal, and whether something stops its sign-in.
#[derive(Clone)]
pub(crate) struct ServicePrincipalState {
    pub(crate) principal: ServicePrincipal,
    pub(crate) enabled: bool,
    /// Whether Conditional Access blocks it.
    pub(crate) blocked: bool,
}

/// A resource that a tenant knows. A tenant issues no tokens for other resources.
#[derive(Clone)]
pub(crate) struct Resource {
    pub(crate) tenant_id: String,
    pub(crate) uri: String,
    /// Whether an app needs an app role of the resource.
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

/// Microsoft's own services. Every tenant knows them.
const FIRST_PARTY: [&str; 8] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://storage.azure.com",
    "https://vault.azure.net",
    "https://eventhubs.azure.net",
    "https://servicebus.azure.net",
    GRAPH,
    "https://database.windows.net",
];

impl Directory {
    pub(crate) fn add_tenant(&mut self, tenant: Tenant) {
        self.tenants
            .retain(|known| !known.id.eq_ignore_ascii_case(&tenant.id));
        self.add_resource(&tenant.id, self.cloud.token_exchange_audience());
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

    pub(crate) fn registration(&self, client_id: &str) -> Option<&AppRegistration> {
        self.applications
            .iter()
            .find(|app| app.application.client_id.eq_ignore_ascii_case(client_id))
    }

    pub(crate) fn registration_mut(&mut self, client_id: &str) -> Option<&mut AppRegistration> {
        self.applications
            .iter_mut()
            .find(|app| app.application.client_id.eq_ignore_ascii_case(client_id))
    }

    pub(crate) fn service_principal(
        &self,
        tenant_id: &str,
        client_id: &str,
    ) -> Option<&ServicePrincipalState> {
        self.service_principals.iter().find(|state| {
            state.principal.tenant_id.eq_ignore_ascii_case(tenant_id)
                && state.principal.client_id.eq_ignore_ascii_case(client_id)
        })
    }

    pub(crate) fn service_principal_mut(
        &mut self,
        tenant_id: &str,
        client_id: &str,
    ) -> Option<&mut ServicePrincipalState> {
        self.service_principals.iter_mut().find(|state| {
            state.principal.tenant_id.eq_ignore_ascii_case(tenant_id)
                && state.principal.client_id.eq_ignore_ascii_case(client_id)
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

    /// Gives a permission of Microsoft Graph to a service principal or a managed identity.
    pub(crate) fn grant(&mut self, principal_id: &str, permission: GraphPermission) {
        let known = self.permissions(principal_id).any(|it| it == permission);
        if !known {
            self.app_role_assignments.push(AppRoleAssignment {
                principal_id: principal_id.to_owned(),
                permission,
            });
        }
    }

    /// The permissions of Microsoft Graph that a service principal or a managed identity has.
    pub(crate) fn permissions(&self, principal_id: &str) -> impl Iterator<Item = GraphPermission> {
        self.app_role_assignments
            .iter()
            .filter(move |assignment| assignment.principal_id == principal_id)
            .map(|assignment| assignment.permission)
    }

    /// Moves everything to another cloud, with the federated identity credentials that trust tokens
    /// of this one.
    pub(crate) fn move_to(&mut self, cloud: Cloud) {
        let from = self.cloud;
        let (old, new) = (
            from.token_exchange_audience(),
            cloud.token_exchange_audience(),
        );
        for resource in &mut self.resources {
            if resource.uri == old {
                resource.uri = new.to_owned();
            }
        }
        let tenants: Vec<String> = self.tenants.iter().map(|it| it.id.clone()).collect();
        let credentials = self
            .applications
            .iter_mut()
            .flat_map(|app| &mut app.federated_credentials)
            .map(|stored| &mut stored.credential);
        for credential in credentials {
            if credential.audience == old {
                credential.audience = new.to_owned();
            }
            let tenant = tenants
                .iter()
                .find(|tenant| credential.issuer == from.issuer(tenant));
            if let Some(tenant) = tenant {
                credential.issuer = cloud.issuer(tenant);
            }
        }
        self.cloud = cloud;
    }

    /// The identities that are assigned to the host, in the order of their assignment.
    pub(crate) fn host_identities(&self) -> impl Iterator<Item = &ManagedIdentity> {
        self.assigned_to_host.iter().filter_map(|principal_id| {
            self.identities
                .iter()
                .find(|identity| identity.principal_id == *principal_id)
        })
    }
}

/// The form in which identifier URIs are compared: no trailing slash, lower case.
fn identifier(uri: &str) -> String {
    uri.trim_end_matches('/').to_ascii_lowercase()
}
