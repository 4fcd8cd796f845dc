//! Contoso's part: the identity, the app with its federated identity credential, and its service
//! principal.

use super::{
    APP, APP_NAME, APP_OBJECT, CONTOSO, HOME_SERVICE_PRINCIPAL, HOME_SUBSCRIPTION,
    IDENTITY_CLIENT_ID, IDENTITY_NAME, IDENTITY_PRINCIPAL_ID, LITWARE, provision,
};
use crate::{
    guid::guid,
    scenario::step::Step,
    world::{
        app_roles::GraphPermission,
        cloud::Cloud,
        directory::{AppRegistration, Directory, StoredCredential},
        principals::{Application, FederatedCredential, ManagedIdentity, SignInAudience},
        tokens::TOKEN_EXCHANGE_APP_ID,
    },
};

/// By how much the host's clock is ahead without [`Step::RightClock`].
const HOUR: i64 = 60 * 60;

/// What the rest of the scenario needs of Contoso.
pub(super) struct Home {
    pub(super) identity_resource_id: String,
    pub(super) trust: FederatedCredential,
    pub(super) service_principal_id: Option<String>,
}

pub(super) fn create(directory: &mut Directory, left_out: Option<Step>) -> Home {
    let without = |step| left_out == Some(step);
    let identity = identity();
    let identity_resource_id = identity.resource_id.clone().unwrap_or_default();
    let trust = trust(&identity, left_out);
    set_up_host(directory, &identity, left_out);
    directory.identities.push(identity);
    directory.grant(IDENTITY_PRINCIPAL_ID, GraphPermission::ApplicationReadAll);
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
        object_id: APP_OBJECT.to_owned(),
        federated_credentials: if without(Step::FederatedCredential) {
            Vec::new()
        } else {
            vec![StoredCredential::new(trust.clone())]
        },
        secrets: Vec::new(),
        certificates: Vec::new(),
    });
    let service_principal_id = (!without(Step::HomeServicePrincipal))
        .then(|| provision(directory, CONTOSO, APP, HOME_SERVICE_PRINCIPAL));
    Home {
        identity_resource_id,
        trust,
        service_principal_id,
    }
}

fn identity() -> ManagedIdentity {
    ManagedIdentity {
        tenant_id: CONTOSO.to_owned(),
        name: IDENTITY_NAME.to_owned(),
        client_id: IDENTITY_CLIENT_ID.to_owned(),
        principal_id: IDENTITY_PRINCIPAL_ID.to_owned(),
        resource_id: Some(format!(
            "/subscriptions/{HOME_SUBSCRIPTION}/resourceGroups/rg-multi-tenant-example/providers/\
             Microsoft.ManagedIdentity/userAssignedIdentities/{IDENTITY_NAME}"
        )),
    }
}

/// The federated identity credential, with the mistake of the step.
fn trust(identity: &ManagedIdentity, left_out: Option<Step>) -> FederatedCredential {
    let mut trust = FederatedCredential::trusting(identity);
    match left_out {
        Some(Step::MatchingIssuer) => trust.issuer = Cloud::Public.issuer(LITWARE),
        Some(Step::IssuerWithoutSlash) => trust.issuer.push('/'),
        Some(Step::MatchingSubject) => trust.subject = guid(),
        Some(Step::PrincipalIdAsSubject) => trust.subject = identity.client_id.clone(),
        Some(Step::SubjectInSameCase) => trust.subject.make_ascii_uppercase(),
        Some(Step::MatchingAudience) => {
            trust.audience = "api://AzureADTokenExchangeUSGov".to_owned();
        }
        Some(Step::AudienceAsUri) => trust.audience = TOKEN_EXCHANGE_APP_ID.to_owned(),
        _ => {}
    }
    trust
}

/// The identities that are assigned to the host, its tokens and its clock.
fn set_up_host(directory: &mut Directory, identity: &ManagedIdentity, left_out: Option<Step>) {
    if left_out != Some(Step::HostIdentity) {
        directory
            .assigned_to_host
            .push(identity.principal_id.clone());
    }
    let another = match left_out {
        Some(Step::IdentitySelector) => Some(ManagedIdentity::user_assigned(
            CONTOSO,
            "umi-of-another-service",
        )),
        Some(Step::OnlyIdentity) => Some(ManagedIdentity::system_assigned(CONTOSO, "vm-contoso")),
        _ => None,
    };
    if let Some(another) = another {
        directory
            .assigned_to_host
            .push(another.principal_id.clone());
        directory.identities.push(another);
    }
    directory.host_returns_expired_tokens = left_out == Some(Step::FreshAssertion);
    if left_out == Some(Step::RightClock) {
        directory.host_clock_error = HOUR;
    }
}
