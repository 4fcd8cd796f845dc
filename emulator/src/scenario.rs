//! The scenario of Contoso and Litware.

mod home;
pub(crate) mod step;
mod target;

use crate::{
    scenario::step::Step,
    world::{
        directory::{Directory, ServicePrincipalState},
        principals::{ServicePrincipal, Tenant},
    },
};

/// The names and ids of what [`Emulator::create_scenario`](crate::Emulator::create_scenario) creates.
///
/// Contoso, the home tenant, owns a managed identity and a multi-tenant app with a federated
/// identity credential for it. Litware, the target tenant, owns a subscription, and grants Contoso's
/// app access to one resource group. The ids are always the same.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// The step that is left out or taken wrongly, if any.
    pub left_out: Option<Step>,
    /// Contoso's tenant id.
    pub home_tenant_id: String,
    /// The tenant id that a client is configured with: Litware's, or the id of no tenant without
    /// [`Step::TargetTenant`].
    pub target_tenant_id: String,
    /// The client id of the app: Contoso's app, or Litware's own app without
    /// [`Step::HomeRegistration`].
    pub client_id: String,
    /// The object id of the app's registration, by which Microsoft Graph also finds it.
    pub app_object_id: String,
    /// The display name of the app.
    pub app_display_name: String,
    /// The client id of the managed identity.
    pub identity_client_id: String,
    /// The principal id of the managed identity. It is the subject of the federated identity
    /// credential, if the credential is right.
    pub identity_principal_id: String,
    /// The ARM id of the managed identity.
    pub identity_resource_id: String,
    /// The name of the managed identity.
    pub identity_name: String,
    /// The name of the federated identity credential.
    pub federated_credential_name: String,
    /// Litware's subscription.
    pub target_subscription_id: String,
    /// The object id of the app's service principal in Litware, if it has one.
    pub target_service_principal_id: Option<String>,
    /// The object id of the app's service principal in Contoso, if it has one.
    pub home_service_principal_id: Option<String>,
    /// Litware's resource group that Contoso's app can read.
    pub resource_group: String,
    /// The location of the resource group.
    pub location: String,
    /// Litware's resource group on which Contoso's app has no role.
    pub hidden_resource_group: String,
}

impl Scenario {
    /// The client id by which a client selects the managed identity. `None` without
    /// [`Step::IdentitySelector`] and without [`Step::OnlyIdentity`]: there the client is configured
    /// without one.
    pub fn identity_selector(&self) -> Option<&str> {
        match self.left_out {
            Some(Step::IdentitySelector | Step::OnlyIdentity) => None,
            _ => Some(&self.identity_client_id),
        }
    }
}

const CONTOSO: &str = "c0270500-0000-4000-8000-000000000001";
const LITWARE: &str = "11736a4e-0000-4000-8000-000000000002";
const APP: &str = "a9900000-0000-4000-8000-000000000003";
const LITWARES_OWN_APP: &str = "a9911000-0000-4000-8000-000000000004";
const IDENTITY_CLIENT_ID: &str = "1de71170-c11e-4000-8000-000000000005";
const IDENTITY_PRINCIPAL_ID: &str = "1de71170-5b1e-4000-8000-000000000006";
const HOME_SERVICE_PRINCIPAL: &str = "5e7d1ce0-c027-4000-8000-000000000007";
const TARGET_SERVICE_PRINCIPAL: &str = "5e7d1ce0-1173-4000-8000-000000000008";
const LITWARES_OWN_SERVICE_PRINCIPAL: &str = "5e7d1ce0-0e11-4000-8000-000000000009";
const SUBSCRIPTION: &str = "5b5c7170-0000-4000-8000-00000000000a";
const HOME_SUBSCRIPTION: &str = "5b5c7170-c027-4000-8000-00000000000b";
const APP_OBJECT: &str = "0b1ec700-0000-4000-8000-00000000000c";
const LITWARES_OWN_APP_OBJECT: &str = "0b1ec700-1173-4000-8000-00000000000d";
/// Without [`Step::TargetTenant`].
const NO_TENANT: &str = "0e0a0e00-0000-4000-8000-00000000000e";

const IDENTITY_NAME: &str = "umi-multi-tenant-example";
const APP_NAME: &str = "Multi-Tenant Example App";
const RESOURCE_GROUP: &str = "NetworkWatcherRG";
const LOCATION: &str = "northeurope";
const HIDDEN_RESOURCE_GROUP: &str = "litware-internal";

/// Creates the scenario and its directory.
pub(crate) fn create(left_out: Option<Step>) -> (Scenario, Directory) {
    let without = |step| left_out == Some(step);
    let mut directory = Directory::default();
    for (id, name) in [(CONTOSO, "Contoso"), (LITWARE, "Litware")] {
        directory.add_tenant(Tenant {
            id: id.to_owned(),
            ..Tenant::new(name)
        });
    }
    let home = home::create(&mut directory, left_out);
    let target = target::create(&mut directory, left_out, &home);
    let scenario = Scenario {
        left_out,
        home_tenant_id: CONTOSO.to_owned(),
        target_tenant_id: if without(Step::TargetTenant) {
            NO_TENANT.to_owned()
        } else {
            LITWARE.to_owned()
        },
        client_id: target.client_id.to_owned(),
        app_object_id: target.app_object_id.to_owned(),
        app_display_name: APP_NAME.to_owned(),
        identity_client_id: IDENTITY_CLIENT_ID.to_owned(),
        identity_principal_id: IDENTITY_PRINCIPAL_ID.to_owned(),
        identity_resource_id: home.identity_resource_id,
        identity_name: IDENTITY_NAME.to_owned(),
        federated_credential_name: home.trust.name,
        target_subscription_id: SUBSCRIPTION.to_owned(),
        target_service_principal_id: target.service_principal_id,
        // Litware's own app has none at Contoso.
        home_service_principal_id: home
            .service_principal_id
            .filter(|_| !without(Step::HomeRegistration)),
        resource_group: RESOURCE_GROUP.to_owned(),
        location: LOCATION.to_owned(),
        hidden_resource_group: HIDDEN_RESOURCE_GROUP.to_owned(),
    };
    (scenario, directory)
}

/// Adds a service principal. Returns its object id.
fn provision(
    directory: &mut Directory,
    tenant_id: &str,
    client_id: &str,
    object_id: &str,
) -> String {
    directory.service_principals.push(ServicePrincipalState {
        principal: ServicePrincipal {
            tenant_id: tenant_id.to_owned(),
            client_id: client_id.to_owned(),
            object_id: object_id.to_owned(),
        },
        enabled: true,
        blocked: false,
    });
    object_id.to_owned()
}
