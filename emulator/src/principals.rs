//! Tenants, and those who act in them: identities, apps, the trust between the two, and service
//! principals.

use uuid::Uuid;

/// A Microsoft Entra tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its id, a GUID.
    pub id: String,
    /// Its initial domain, by which it can also be named.
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

    /// The issuer of its v2.0 tokens, managed identity tokens for token exchange among them.
    pub fn issuer(&self) -> String {
        issuer(&self.id)
    }
}

/// Microsoft Learn, "Access tokens in the Microsoft identity platform", `iss` of v2.0.
pub(crate) fn issuer(tenant_id: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant_id}/v2.0")
}

/// Microsoft Learn, "Access tokens in the Microsoft identity platform", `iss` of v1.0.
pub(crate) fn v1_issuer(tenant_id: &str) -> String {
    format!("https://sts.windows.net/{tenant_id}/")
}

/// A managed identity.
#[derive(Clone, Debug)]
pub struct ManagedIdentity {
    /// The tenant that owns it.
    pub tenant_id: String,
    /// Its name.
    pub name: String,
    /// Its client id.
    pub client_id: String,
    /// The object id of its service principal: what a federated identity credential names as
    /// subject.
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

/// Who may sign in to an app (`signInAudience` of Microsoft Graph's `application`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInAudience {
    /// Single-tenant: the app's home tenant alone.
    AzureADMyOrg,
    /// Multi-tenant: any Entra tenant.
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

/// A federated identity credential: the trust on an app.
#[derive(Clone, Debug)]
pub struct FederatedCredential {
    /// Its name, unique within the app.
    pub name: String,
    /// What the assertion's `iss` has to be, byte for byte.
    pub issuer: String,
    /// What the assertion's `sub` has to be, byte for byte.
    pub subject: String,
    /// What the assertion has to be for; the URI form, `api://AzureADTokenExchange`.
    pub audience: String,
}

impl FederatedCredential {
    /// The credential that trusts `identity`, as the documentation says to make it.
    pub fn trusting(identity: &ManagedIdentity) -> FederatedCredential {
        FederatedCredential {
            name: identity.name.clone(),
            issuer: issuer(&identity.tenant_id),
            subject: identity.principal_id.clone(),
            audience: TOKEN_EXCHANGE_AUDIENCE.to_owned(),
        }
    }
}

/// Microsoft Learn, "Configure an application to trust a managed identity".
pub(crate) const TOKEN_EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";

/// The app id of Entra's token exchange endpoint: `aud` of the tokens for the audience above.
pub(crate) const TOKEN_EXCHANGE_APP_ID: &str = "fb60f99c-7a34-4190-8149-302f77469936";

/// Microsoft Learn, "Important considerations and restrictions for federated identity
/// credentials": at most 20 on an app.
pub(crate) const MOST_FEDERATED_CREDENTIALS: usize = 20;

/// A service principal: an app's presence in a tenant ("enterprise application").
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServicePrincipal {
    /// The tenant in which it lives.
    pub tenant_id: String,
    /// The app's client id.
    pub client_id: String,
    /// Its object id: `oid` and `sub` of the app's tokens in this tenant.
    pub object_id: String,
}

pub(crate) fn guid() -> String {
    Uuid::new_v4().to_string()
}
