//! The objects of Entra: tenants, managed identities, apps, federated identity credentials,
//! service principals.

use crate::{guid::guid, world::cloud::Cloud};

/// A Microsoft Entra tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its id, a GUID.
    pub id: String,
    /// Its initial domain. A token request can name the tenant by it.
    pub domain: String,
    /// The name that Entra shows in its messages.
    pub display_name: String,
}

impl Tenant {
    /// A tenant with a random id; its domain is `{display_name}.onmicrosoft.com` in lower case.
    pub fn new(display_name: &str) -> Tenant {
        Tenant {
            id: guid(),
            domain: format!("{}.onmicrosoft.com", display_name.to_ascii_lowercase()),
            display_name: display_name.to_owned(),
        }
    }

    /// The issuer of its v2.0 tokens in the public cloud. Managed identity tokens for token exchange
    /// are v2.0.
    pub fn issuer(&self) -> String {
        Cloud::Public.issuer(&self.id)
    }
}

/// A managed identity.
#[derive(Clone, Debug)]
pub struct ManagedIdentity {
    /// The tenant that owns it.
    pub tenant_id: String,
    /// Its display name.
    pub name: String,
    /// Its client id.
    pub client_id: String,
    /// The object id of its service principal. It is the subject of a federated identity
    /// credential.
    pub principal_id: String,
    /// The ARM id of a user-assigned identity; `None` for a system-assigned one.
    pub resource_id: Option<String>,
}

impl ManagedIdentity {
    /// A user-assigned identity with random ids.
    pub fn user_assigned(tenant_id: &str, name: &str) -> ManagedIdentity {
        ManagedIdentity {
            resource_id: Some(format!(
                "/subscriptions/{}/resourceGroups/identities/providers/\
                 Microsoft.ManagedIdentity/userAssignedIdentities/{name}",
                guid()
            )),
            ..ManagedIdentity::system_assigned(tenant_id, name)
        }
    }

    /// A system-assigned identity with random ids.
    pub fn system_assigned(tenant_id: &str, name: &str) -> ManagedIdentity {
        ManagedIdentity {
            tenant_id: tenant_id.to_owned(),
            name: name.to_owned(),
            client_id: guid(),
            principal_id: guid(),
            resource_id: None,
        }
    }
}

/// The tenants in which an app can sign in (`signInAudience` of `application` in Microsoft Graph).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInAudience {
    /// Single-tenant: only the home tenant of the app.
    AzureADMyOrg,
    /// Multi-tenant: every Entra tenant.
    AzureADMultipleOrgs,
}

/// An app registration.
#[derive(Clone, Debug)]
pub struct Application {
    /// The tenant in which it is registered: its home tenant.
    pub tenant_id: String,
    /// Its client id, also called app id.
    pub client_id: String,
    /// The name that Entra shows in its messages.
    pub display_name: String,
    /// Single-tenant or multi-tenant.
    pub sign_in_audience: SignInAudience,
}

impl Application {
    /// An app with a random client id.
    pub fn new(
        tenant_id: &str,
        display_name: &str,
        sign_in_audience: SignInAudience,
    ) -> Application {
        Application {
            tenant_id: tenant_id.to_owned(),
            client_id: guid(),
            display_name: display_name.to_owned(),
            sign_in_audience,
        }
    }
}

/// A federated identity credential: an app trusts the tokens that it describes.
#[derive(Clone, Debug)]
pub struct FederatedCredential {
    /// Its name, unique within the app.
    pub name: String,
    /// The `iss` of the assertion. It is compared byte for byte.
    pub issuer: String,
    /// The `sub` of the assertion. It is compared byte for byte.
    pub subject: String,
    /// The audience of the assertion, as a URI: `api://AzureADTokenExchange`.
    pub audience: String,
}

impl FederatedCredential {
    /// The credential that trusts `identity` in the public cloud, as the documentation describes it.
    pub fn trusting(identity: &ManagedIdentity) -> FederatedCredential {
        FederatedCredential::trusting_in(Cloud::Public, identity)
    }

    /// The credential that trusts `identity` in this cloud.
    pub fn trusting_in(cloud: Cloud, identity: &ManagedIdentity) -> FederatedCredential {
        FederatedCredential {
            name: identity.name.clone(),
            issuer: cloud.issuer(&identity.tenant_id),
            subject: identity.principal_id.clone(),
            audience: cloud.token_exchange_audience().to_owned(),
        }
    }
}

/// Microsoft Learn, "Important considerations and restrictions for federated identity
/// credentials": at most 20 on an app.
pub(crate) const MAX_FEDERATED_CREDENTIALS: usize = 20;

/// A service principal: it represents an app in a tenant ("enterprise application").
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServicePrincipal {
    /// The tenant that it belongs to.
    pub tenant_id: String,
    /// The app's client id.
    pub client_id: String,
    /// Its object id. It is `oid` and `sub` in the tokens of the app in this tenant.
    pub object_id: String,
}
