//! An option without an effect causes a warning that names it.

mod support;

use azure_core::{
    cloud::CloudConfiguration,
    http::{ClientOptions, RetryOptions, UserAgentOptions},
};
use azure_identity::ClientAssertion;
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential as Credential,
    CrossTenantManagedIdentityCredentialOptions as Options, ManagedIdentityAssertion,
    ManagedIdentityAssertionOptions, ManagedIdentityHost, UserAssignedId,
};
use std::sync::Arc;
use support::{World, log::record};
use tracing::Level;

const TENANT: &str = "22222222-2222-4222-8222-222222222222";
const CLIENT: &str = "33333333-3333-4333-8333-333333333333";
const IDENTITY: &str = "11111111-1111-4111-8111-111111111111";

/// The warnings that `make` logs, without their times.
fn warnings<T>(make: impl FnOnce() -> azure_core::Result<T>) -> Vec<String> {
    let (log, _guard) = record(Level::WARN);
    make().map(drop).unwrap();
    let text = log.text();
    let lines = text.lines().map(|line| {
        let (_, warning) = line.split_once(" WARN ").expect("a warning");
        warning.to_owned()
    });
    lines.collect()
}

fn own_retry() -> ClientOptions {
    ClientOptions {
        retry: RetryOptions::none(),
        ..Default::default()
    }
}

#[derive(Debug)]
struct Given;

#[async_trait::async_trait]
impl ClientAssertion for Given {
    async fn secret(
        &self,
        _: Option<azure_core::http::ClientMethodOptions<'_>>,
    ) -> azure_core::Result<String> {
        Ok("assertion".to_owned())
    }
}

fn with_assertion(options: Options) -> azure_core::Result<Arc<Credential>> {
    Credential::with_assertion(TENANT, CLIENT, Arc::new(Given), Some(options))
}

#[test]
fn retry_in_client_options_is_named_for_each_request_that_has_it() {
    let entra = || Options {
        client_options: own_retry(),
        ..Default::default()
    };
    let of_entra = "CrossTenantManagedIdentityCredentialOptions: client_options.retry has no effect. Set the option retry";
    let of_identity =
        "ManagedIdentityAssertionOptions: client_options.retry has no effect. Set the option retry";

    let [warning] = warnings(|| Credential::new(TENANT, CLIENT, Some(entra())))
        .try_into()
        .unwrap();
    assert!(warning.contains(of_entra), "{warning}");
    let [warning] = warnings(|| with_assertion(entra())).try_into().unwrap();
    assert!(warning.contains(of_entra), "{warning}");

    let both = Options::default().with_client_options(own_retry(), own_retry());
    let told = warnings(|| Credential::new(TENANT, CLIENT, Some(both)));
    assert_eq!(told.len(), 2, "{told:?}");
    for expected in [of_entra, of_identity] {
        assert!(told.iter().any(|it| it.contains(expected)), "{told:?}");
    }

    let identity = ManagedIdentityAssertionOptions {
        client_options: own_retry(),
        ..Default::default()
    };
    let [warning] = warnings(|| ManagedIdentityAssertion::new(Some(identity)))
        .try_into()
        .unwrap();
    assert!(warning.contains(of_identity), "{warning}");
}

#[test]
fn each_option_of_the_managed_identity_is_named_when_another_source_brings_the_assertion() {
    let user_agent = UserAgentOptions {
        application_id: Some("contoso".into()),
    };
    let options = |managed_identity| Options {
        managed_identity,
        ..Default::default()
    };
    type Set = fn(&mut ManagedIdentityAssertionOptions);
    let settings: [(&str, Set); 6] = [
        ("user_assigned_id", |it| {
            it.user_assigned_id = Some(UserAssignedId::ClientId(IDENTITY.into()));
        }),
        ("host", |it| it.host = Some(ManagedIdentityHost::Imds)),
        ("audience", |it| {
            it.audience = Some("api://AzureADTokenExchange".into());
        }),
        ("client_options", |it| {
            it.client_options.cloud = Some(Arc::new(CloudConfiguration::AzurePublic));
        }),
        ("retry", |it| it.retry = Some(RetryOptions::default())),
        ("imds_endpoint", |it| {
            it.imds_endpoint = Some("http://127.0.0.1:8080".into());
        }),
    ];
    let mut all = ManagedIdentityAssertionOptions::default();
    for (name, set) in settings {
        let mut one = ManagedIdentityAssertionOptions::default();
        set(&mut one);
        set(&mut all);
        let [warning] = warnings(|| with_assertion(options(one)))
            .try_into()
            .unwrap();
        let named = format!("managed_identity.{name} has no effect with with_assertion");
        assert!(warning.contains(&named), "{warning}");
        assert!(!warning.contains(IDENTITY), "{warning}");
    }
    assert_eq!(warnings(|| with_assertion(options(all))).len(), 6);

    let mut identity = ManagedIdentityAssertionOptions::default();
    identity.client_options.user_agent = user_agent;
    let told = warnings(|| with_assertion(options(identity)));
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn without_such_an_option_there_is_no_warning() {
    let world = World::new();
    let told = warnings(|| {
        world.credential().for_tenant(TENANT)?;
        with_assertion(Options {
            client_options: world.azure.client_options(),
            retry: Some(RetryOptions::none()),
            ..Default::default()
        })?;
        let settings = world.azure.credential_settings(&world.scenario);
        let identity = UserAssignedId::ClientId(settings.identity_client_id);
        let options = Options::from(identity)
            .with_client_options(settings.client_options, settings.identity_client_options);
        Credential::new(&settings.tenant_id, &settings.client_id, Some(options))?;
        ManagedIdentityAssertion::new(Some(world.identity_options()))
    });
    assert!(told.is_empty(), "{told:?}");
}
