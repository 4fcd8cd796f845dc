//! Wrong values cause an error before any request.

mod support;

use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    credentials::TokenCredential,
};
use azure_identity::UserAssignedId;
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential as Credential,
    CrossTenantManagedIdentityCredentialOptions as Options, Error, ManagedIdentityAssertion,
    ManagedIdentityAssertionOptions, Stage,
};
use std::sync::Arc;
use support::World;

const TENANT: &str = "22222222-2222-4222-8222-222222222222";
const CLIENT: &str = "33333333-3333-4333-8333-333333333333";

/// The message of a configuration error.
fn why<T: std::fmt::Debug>(result: azure_core::Result<T>) -> String {
    let error = result.unwrap_err();
    assert_eq!(*error.kind(), azure_core::error::ErrorKind::Credential);
    let found = Error::find(&error).unwrap();
    assert_eq!(
        (found.stage(), found.is_transient()),
        (Stage::Configuration, false)
    );
    assert_eq!(found.to_string(), error.to_string());
    error.to_string()
}

fn custom(host: &str) -> Option<Arc<CloudConfiguration>> {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = host.to_owned();
    Some(Arc::new(custom.into()))
}

fn options() -> Options {
    let mut options = Options::default();
    options.client_options.cloud = Some(Arc::new(CloudConfiguration::AzurePublic));
    options
}

#[test]
fn a_wrong_tenant_or_client_id_is_an_error() {
    for bad in ["", "common", "not a tenant", "..", "72f988bf"] {
        assert!(
            why(Credential::new(bad, CLIENT, Some(options()))).contains("tenant_id"),
            "{bad}"
        );
    }
    for bad in ["", "my-app", "api://my-app"] {
        assert!(
            why(Credential::new(TENANT, bad, Some(options()))).contains("client_id"),
            "{bad}"
        );
    }
    let good = Credential::new(TENANT, CLIENT, Some(options())).unwrap();
    assert!(why(good.for_tenant("organizations")).contains("tenant_id"));
}

#[test]
fn an_authority_that_is_not_an_https_origin_is_an_error() {
    for bad in [
        "http://login.example",
        "https://login.example/tenant",
        "https://user:pw@login.example",
        "",
    ] {
        let mut options = options();
        options.client_options.cloud = custom(bad);
        let why = why(Credential::new(TENANT, CLIENT, Some(options)));
        assert!(
            why.contains("authority_host") && !why.contains("pw"),
            "{why}"
        );
    }
}

#[test]
fn an_unknown_cloud_needs_an_audience() {
    let mut options = options();
    options.client_options.cloud = custom("https://login.airgapped.example");
    let why = why(Credential::new(TENANT, CLIENT, Some(options.clone())));
    assert!(why.contains("managed_identity.audience"), "{why}");
    options.managed_identity.audience = Some("api://AirGappedTokenExchange".into());
    Credential::new(TENANT, CLIENT, Some(options)).unwrap();
}

#[test]
fn two_different_clouds_are_an_error() {
    let mut options = options();
    options.managed_identity.client_options.cloud = Some(Arc::new(CloudConfiguration::AzureChina));
    assert!(
        why(Credential::new(TENANT, CLIENT, Some(options.clone()))).contains("give the cloud once")
    );
    options.managed_identity.client_options.cloud = Some(Arc::new(CloudConfiguration::AzurePublic));
    Credential::new(TENANT, CLIENT, Some(options.clone())).unwrap();
    // Another name of the same cloud.
    options.managed_identity.client_options.cloud = custom("https://login.windows.net");
    Credential::new(TENANT, CLIENT, Some(options)).unwrap();
}

#[test]
fn an_audience_of_another_cloud_is_an_error() {
    let mut options = options();
    for (audience, is_right) in [
        ("api://AzureADTokenExchange", true),
        ("api://AzureADTokenExchangeUSGov", false),
        ("api://AzureADTokenExchangeChina/.default", false),
        ("api://OwnTokenExchange", true),
    ] {
        options.managed_identity.audience = Some(audience.into());
        let result = Credential::new(TENANT, CLIENT, Some(options.clone()));
        match is_right {
            true => drop(result.unwrap()),
            false => assert!(why(result).contains("another cloud"), "{audience}"),
        }
    }
}

#[test]
fn a_wrong_identity_is_an_error() {
    for id in [
        UserAssignedId::ClientId("umi-multi-tenant-example".into()),
        UserAssignedId::ObjectId(String::new()),
        UserAssignedId::ResourceId("/subscriptions/x".into()),
    ] {
        assert!(why(ManagedIdentityAssertion::new(Some(id.into()))).contains("user_assigned_id"));
    }
}

#[test]
fn a_wrong_audience_or_imds_address_is_an_error() {
    for (audience, endpoint, named) in [
        (Some(""), None, "audience"),
        (Some("api://with space"), None, "audience"),
        (None, Some("127.0.0.1"), "imds_endpoint"),
        (None, Some("http://127.0.0.1/metadata"), "imds_endpoint"),
    ] {
        let options = ManagedIdentityAssertionOptions {
            audience: audience.map(Into::into),
            imds_endpoint: endpoint.map(Into::into),
            ..Default::default()
        };
        assert!(why(ManagedIdentityAssertion::new(Some(options))).contains(named));
    }
}

/// azure_core panics for these values.
#[test]
fn an_application_id_that_no_user_agent_can_have_is_an_error() {
    for bad in [
        "contoso-storage-migration-service",
        "contoso service",
        "contosö",
    ] {
        for of_identity in [false, true] {
            let mut options = options();
            let of = match of_identity {
                true => &mut options.managed_identity.client_options,
                false => &mut options.client_options,
            };
            of.user_agent.application_id = Some(bad.into());
            let why = why(Credential::new(TENANT, CLIENT, Some(options)));
            assert!(why.contains("user_agent.application_id"), "{why}");
            assert_eq!(
                why.contains("managed_identity.client_options"),
                of_identity,
                "{why}"
            );
        }
    }
    let mut options = options();
    options.client_options.user_agent.application_id = Some("contoso-service.1".into());
    Credential::new(TENANT, CLIENT, Some(options)).unwrap();
}

#[tokio::test]
async fn scopes_that_no_service_can_request_are_an_error_before_any_request() {
    let world = World::new();
    let credential = world.credential();
    for bad in [
        &[][..],
        &[""],
        &["https://management.azure.com"],
        &["/.default"],
        &["https://management.azure.com/user_impersonation"],
        &["https://a.example/.default https://b.example/.default"],
        &["https://management.azure.com/.default", "openid"],
        &["https://management.azure.com/\u{1b}[31m/.default"],
    ] {
        let why = why(credential.get_token(bad, None).await);
        assert!(
            why.contains("scope") && why.contains("/.default"),
            "{bad:?}: {why}"
        );
        assert!(!why.contains('\u{1b}'), "{why}");
    }
    assert!(world.azure.requests().is_empty());
}

#[tokio::test]
async fn scopes_of_two_resources_are_an_error_before_any_request() {
    const ARM: &str = "https://management.azure.com/.default";
    const STORAGE: &str = "https://storage.azure.com/.default";
    let world = World::new();
    let credential = world.credential();
    for (scopes, named) in [
        (&[ARM, STORAGE][..], [ARM, STORAGE]),
        (&[ARM, ARM, STORAGE], [ARM, STORAGE]),
        // Two audiences, even if they belong to one resource.
        (
            &[STORAGE, "https://storage.azure.com//.default"],
            [STORAGE, "https://storage.azure.com//.default"],
        ),
    ] {
        let error = credential.get_token(scopes, None).await.unwrap_err();
        let told = cross_tenant_identity::explain(&error).to_string();
        let line = why::<()>(Err(error));
        for scope in named {
            assert!(line.contains(&format!("{scope:?}")), "{line}");
        }
        assert!(line.contains("for each resource by itself"), "{line}");
        assert!(told.contains("a token is for one resource"), "{told}");
    }
    assert!(world.azure.requests().is_empty());
    credential.get_token(&[ARM], None).await.unwrap();
    credential.get_token(&[STORAGE], None).await.unwrap();
}
