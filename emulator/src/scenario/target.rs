//! Litware's part: the service principal of Contoso's app, the subscription and the role.

use super::{
    APP, APP_NAME, APP_OBJECT, HIDDEN_RESOURCE_GROUP, LITWARE, LITWARES_OWN_APP,
    LITWARES_OWN_APP_OBJECT, LITWARES_OWN_SERVICE_PRINCIPAL, LOCATION, RESOURCE_GROUP,
    SUBSCRIPTION, TARGET_SERVICE_PRINCIPAL, home::Home, provision,
};
use crate::{
    guid::guid,
    scenario::step::Step,
    world::{
        app_roles::GraphPermission,
        directory::{AppRegistration, Directory, ResourceGroup, StoredCredential, Subscription},
        principals::{Application, SignInAudience},
        roles::{Role, RoleAssignment},
    },
};

/// What the rest of the scenario needs of Litware.
pub(super) struct Target {
    pub(super) client_id: &'static str,
    pub(super) app_object_id: &'static str,
    pub(super) service_principal_id: Option<String>,
}

pub(super) fn create(directory: &mut Directory, left_out: Option<Step>, home: &Home) -> Target {
    let target = match left_out {
        Some(Step::HomeRegistration) => register_own_app(directory, home),
        // A single-tenant app can have a service principal only in its home tenant.
        Some(Step::ServicePrincipal | Step::MultiTenant) => Target {
            client_id: APP,
            app_object_id: APP_OBJECT,
            service_principal_id: None,
        },
        _ => Target {
            client_id: APP,
            app_object_id: APP_OBJECT,
            service_principal_id: Some(provision(
                directory,
                LITWARE,
                APP,
                TARGET_SERVICE_PRINCIPAL,
            )),
        },
    };
    if left_out == Some(Step::EnabledApp)
        && let Some(state) = directory.service_principal_mut(LITWARE, APP)
    {
        state.enabled = false;
    }
    add_subscription(directory);
    if let Some(principal_id) = &target.service_principal_id {
        directory.grant(principal_id, GraphPermission::ApplicationReadAll);
        if left_out != Some(Step::Role) {
            directory.role_assignments.push(RoleAssignment {
                id: guid(),
                principal_id: principal_id.clone(),
                role: Role::Reader,
                scope: format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"),
            });
        }
    }
    target
}

/// The wrong way: an app of Litware's own, which is to trust Contoso's identity.
fn register_own_app(directory: &mut Directory, home: &Home) -> Target {
    directory.applications.push(AppRegistration {
        application: Application {
            tenant_id: LITWARE.to_owned(),
            client_id: LITWARES_OWN_APP.to_owned(),
            display_name: APP_NAME.to_owned(),
            sign_in_audience: SignInAudience::AzureADMyOrg,
        },
        object_id: LITWARES_OWN_APP_OBJECT.to_owned(),
        federated_credentials: vec![StoredCredential::new(home.trust.clone())],
        secrets: Vec::new(),
        certificates: Vec::new(),
    });
    Target {
        client_id: LITWARES_OWN_APP,
        app_object_id: LITWARES_OWN_APP_OBJECT,
        service_principal_id: Some(provision(
            directory,
            LITWARE,
            LITWARES_OWN_APP,
            LITWARES_OWN_SERVICE_PRINCIPAL,
        )),
    }
}

fn add_subscription(directory: &mut Directory) {
    let group = |name: &str, location: &str| ResourceGroup {
        name: name.to_owned(),
        location: location.to_owned(),
    };
    directory.subscriptions.push(Subscription {
        id: SUBSCRIPTION.to_owned(),
        tenant_id: LITWARE.to_owned(),
        display_name: "Litware Production".to_owned(),
        groups: vec![
            group(HIDDEN_RESOURCE_GROUP, "westeurope"),
            group(RESOURCE_GROUP, LOCATION),
        ],
    });
}
