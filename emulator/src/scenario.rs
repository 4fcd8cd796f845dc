//! The scenario of Contoso and Litware.

pub(crate) mod step;

use crate::{
    scenario::step::Step,
    world::{
        directory::{
            AppRegistration, Directory, ResourceGroup, ServicePrincipalState, StoredCredential,
            Subscription,
        },
        principals::{
            Application, FederatedCredential, ManagedIdentity, ServicePrincipal, SignInAudience,
            Tenant,
        },
        roles::{Role, RoleAssignment},
        tokens::guid,
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
    /// The step that is left out, if any.
    pub left_out: Option<Step>,
    /// Contoso's tenant id.
    pub home_tenant_id: String,
    /// Litware's tenant id.
    pub target_tenant_id: String,
    /// The client id of the app: Contoso's app, or Litware's own app without
    /// [`Step::HomeRegistration`].
    pub client_id: String,
    /// The display name of the app.
    pub app_display_name: String,
    /// The client id of the managed identity.
    pub identity_client_id: String,
    /// The principal id of the managed identity. It is the subject of the federated identity
    /// credential.
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

    // Contoso: the identity, the app with its federated identity credential, and its service
    // principal.
    let resource_id = format!(
        "/subscriptions/{HOME_SUBSCRIPTION}/resourceGroups/rg-multi-tenant-example/providers/\
         Microsoft.ManagedIdentity/userAssignedIdentities/{IDENTITY_NAME}"
    );
    let identity = ManagedIdentity {
        tenant_id: CONTOSO.to_owned(),
        name: IDENTITY_NAME.to_owned(),
        client_id: IDENTITY_CLIENT_ID.to_owned(),
        principal_id: IDENTITY_PRINCIPAL_ID.to_owned(),
        resource_id: Some(resource_id.clone()),
    };
    let stored = StoredCredential {
        credential: FederatedCredential::trusting(&identity),
        refusals_left: 0,
    };
    directory
        .assigned_to_host
        .push(identity.principal_id.clone());
    directory.identities.push(identity);
    directory.applications.push(AppRegistration {
        application: Application {
            tenant_id: CONTOSO.to_owned(),
            client_id: APP.to_owned(),
            display_name: APP_NAME.to_owned(),
            sign_in_audience: if without(Step::MultiTenant) {
                SignInAudience::AzureADMyOrg
            } else {
                SignInAudience::AzureADMultipleOrgs
            },
        },
        federated_credentials: if without(Step::FederatedCredential) {
            Vec::new()
        } else {
            vec![stored.clone()]
        },
    });
    let mut provision = |tenant_id: &str, client_id: &str, object_id: &str| {
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
    };
    let home_service_principal = provision(CONTOSO, APP, HOME_SERVICE_PRINCIPAL);

    // Litware: a service principal for Contoso's app, or its own app.
    let (client_id, home_service_principal, target_service_principal) =
        if without(Step::HomeRegistration) {
            let own = provision(LITWARE, LITWARES_OWN_APP, LITWARES_OWN_SERVICE_PRINCIPAL);
            directory.applications.push(AppRegistration {
                application: Application {
                    tenant_id: LITWARE.to_owned(),
                    client_id: LITWARES_OWN_APP.to_owned(),
                    display_name: APP_NAME.to_owned(),
                    sign_in_audience: SignInAudience::AzureADMyOrg,
                },
                federated_credentials: vec![stored.clone()],
            });
            (LITWARES_OWN_APP, None, Some(own))
        } else if without(Step::ServicePrincipal) || without(Step::MultiTenant) {
            // A single-tenant app can have a service principal only in its home tenant.
            (APP, Some(home_service_principal), None)
        } else {
            let target = provision(LITWARE, APP, TARGET_SERVICE_PRINCIPAL);
            (APP, Some(home_service_principal), Some(target))
        };

    directory.subscriptions.push(Subscription {
        id: SUBSCRIPTION.to_owned(),
        tenant_id: LITWARE.to_owned(),
        display_name: "Litware Production".to_owned(),
        groups: vec![
            ResourceGroup {
                name: HIDDEN_RESOURCE_GROUP.to_owned(),
                location: "westeurope".to_owned(),
            },
            ResourceGroup {
                name: RESOURCE_GROUP.to_owned(),
                location: LOCATION.to_owned(),
            },
        ],
    });
    if let Some(principal_id) = &target_service_principal
        && !without(Step::Role)
    {
        directory.role_assignments.push(RoleAssignment {
            id: guid(),
            principal_id: principal_id.clone(),
            role: Role::Reader,
            scope: format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"),
        });
    }

    let scenario = Scenario {
        left_out,
        home_tenant_id: CONTOSO.to_owned(),
        target_tenant_id: LITWARE.to_owned(),
        client_id: client_id.to_owned(),
        app_display_name: APP_NAME.to_owned(),
        identity_client_id: IDENTITY_CLIENT_ID.to_owned(),
        identity_principal_id: IDENTITY_PRINCIPAL_ID.to_owned(),
        identity_resource_id: resource_id,
        identity_name: IDENTITY_NAME.to_owned(),
        federated_credential_name: stored.credential.name,
        target_subscription_id: SUBSCRIPTION.to_owned(),
        target_service_principal_id: target_service_principal,
        home_service_principal_id: home_service_principal,
        resource_group: RESOURCE_GROUP.to_owned(),
        location: LOCATION.to_owned(),
        hidden_resource_group: HIDDEN_RESOURCE_GROUP.to_owned(),
    };
    (scenario, directory)
}
