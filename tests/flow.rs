//! The scenario of Contoso and Litware, from the host's identity to Litware's resource groups.

#[path = "../examples/support/arm.rs"]
#[allow(dead_code)]
mod arm;
mod support;

use arm::ResourceManager;
use azure_core::credentials::TokenCredential;
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredentialOptions, Diagnosis, Error, ManagedIdentityAssertion,
};
use cross_tenant_identity_emulator::{Endpoint, Step};
use futures::{TryStreamExt, future::join_all};
use support::{ARM, STORAGE, World, at_once, claims};

#[tokio::test]
async fn contoso_lists_the_one_resource_group_that_it_can_read() {
    let world = World::new();
    let arm = ResourceManager::new(world.credential(), world.azure.client_options()).unwrap();
    let groups: Vec<_> = arm
        .resource_groups(&world.scenario.target_subscription_id)
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let seen: Vec<_> = groups
        .iter()
        .map(|group| (&*group.name, &*group.location))
        .collect();
    assert_eq!(seen, [("NetworkWatcherRG", "northeurope")]);
}

#[tokio::test]
async fn the_token_is_issued_by_the_target_tenant() {
    let world = World::new();
    for (scope, audience) in [
        (STORAGE, "https://storage.azure.com"),
        (ARM, "https://management.azure.com"),
    ] {
        let token = world.credential().get_token(&[scope], None).await.unwrap();
        let claims = claims(token.token.secret());
        let target = &world.scenario.target_tenant_id;
        let issuer = format!("https://sts.windows.net/{target}/");
        assert_eq!(claims["aud"], audience);
        assert_eq!(claims["tid"], *target);
        assert_eq!(
            (&claims["iss"], &claims["idp"]),
            (&issuer.clone().into(), &issuer.into())
        );
        assert_eq!(claims["appid"], world.scenario.client_id);
        assert_eq!(
            claims["oid"].as_str(),
            world.scenario.target_service_principal_id.as_deref()
        );
        assert_eq!(
            token.expires_on.unix_timestamp() / 10,
            claims["exp"].as_i64().unwrap() / 10
        );
    }
}

#[tokio::test]
async fn for_tenant_also_returns_a_credential_for_the_home_tenant() {
    let world = World::new();
    let credential = world.credential();
    let home = credential
        .for_tenant(&world.scenario.home_tenant_id)
        .unwrap();
    let token = home.get_token(&[STORAGE], None).await.unwrap();
    assert_eq!(
        claims(token.token.secret())["tid"],
        world.scenario.home_tenant_id
    );
    credential.get_token(&[STORAGE], None).await.unwrap();
    assert_eq!(
        world.count(Endpoint::Imds),
        1,
        "one assertion serves both tenants"
    );
    assert_eq!(world.count(Endpoint::Token), 2);
}

#[tokio::test]
async fn both_legs_use_the_urls_of_azure() {
    let world = World::new();
    let mut options = world.options();
    options.managed_identity.client_options = world.azure.client_options();
    options.managed_identity.imds_endpoint = None;
    world
        .credential_with(options)
        .get_token(&[ARM], None)
        .await
        .unwrap();
    let requests = world.azure.requests();
    let hosts: Vec<_> = requests
        .iter()
        .map(|request| request.host.as_str())
        .collect();
    assert_eq!(hosts, ["169.254.169.254", "login.microsoftonline.com"]);
    assert_eq!(
        requests[1].path,
        format!("/{}/oauth2/v2.0/token", world.scenario.target_tenant_id)
    );
}

#[tokio::test]
async fn a_hundred_callers_share_one_request() {
    let world = World::new();
    let credential = world.credential();
    let results = join_all((0..100).map(|_| credential.get_token(&[ARM], None))).await;
    let tokens: Vec<_> = results.into_iter().map(|token| token.unwrap()).collect();
    assert!(
        tokens
            .iter()
            .all(|token| token.token.secret() == tokens[0].token.secret())
    );
    assert_eq!(
        (world.count(Endpoint::Imds), world.count(Endpoint::Token)),
        (1, 1)
    );
}

#[tokio::test]
async fn a_scope_that_is_given_twice_is_one_scope() {
    let world = World::new();
    let credential = world.credential();
    let twice = credential.get_token(&[ARM, ARM], None).await.unwrap();
    let once = credential.get_token(&[ARM], None).await.unwrap();
    assert_eq!(twice.token.secret(), once.token.secret());
    let [request] = world.azure.requests_to(Endpoint::Token).try_into().unwrap();
    assert!(request.form.contains(&("scope".into(), ARM.into())));
}

/// The first token is for the audience without a slash at its end, the second for the audience with
/// it.
#[tokio::test]
async fn a_scope_with_two_slashes_is_a_different_scope_and_is_sent_unchanged() {
    let world = World::new();
    let credential = world.credential();
    let scopes = [STORAGE, "https://storage.azure.com//.default"];
    for scope in scopes {
        let token = credential.get_token(&[scope], None).await.unwrap();
        let audience = scope.strip_suffix("/.default").unwrap();
        assert_eq!(claims(token.token.secret())["aud"], audience);
    }
    let requests = world.azure.requests_to(Endpoint::Token);
    assert_eq!(requests.len(), 2);
    for (request, scope) in requests.iter().zip(scopes) {
        assert!(request.form.contains(&("scope".into(), scope.into())));
    }
}

#[tokio::test]
async fn only_the_rejected_token_is_dropped() {
    let world = World::new();
    let credential = world.credential();
    let first = credential.get_token(&[ARM], None).await.unwrap();
    credential.invalidate(&[ARM], &first);
    let second = credential.get_token(&[ARM], None).await.unwrap();
    assert_ne!(first.token.secret(), second.token.secret());
    credential.invalidate(&[ARM], &first);
    let third = credential.get_token(&[ARM], None).await.unwrap();
    assert_eq!(second.token.secret(), third.token.secret());
    assert_eq!(world.count(Endpoint::Token), 2);
}

#[tokio::test]
async fn after_invalidate_all_a_new_assertion_is_requested() {
    let world = World::new();
    let credential = world.credential();
    credential.get_token(&[ARM], None).await.unwrap();
    credential.invalidate_all();
    credential.get_token(&[ARM], None).await.unwrap();
    assert_eq!(
        (world.count(Endpoint::Imds), world.count(Endpoint::Token)),
        (2, 2)
    );
}

#[tokio::test]
async fn an_assertion_of_a_users_source_is_requested_once() {
    let world = World::new();
    let source = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    let credential = world.with_assertion(
        source,
        CrossTenantManagedIdentityCredentialOptions {
            client_options: world.azure.client_options(),
            ..Default::default()
        },
    );
    credential.get_token(&[ARM], None).await.unwrap();
    credential.get_token(&[STORAGE], None).await.unwrap();
    assert_eq!(
        (world.count(Endpoint::Imds), world.count(Endpoint::Token)),
        (1, 2)
    );
}

#[tokio::test]
async fn many_requests_of_an_sdk_client_make_one_token_request() {
    let world = World::new();
    let arm = ResourceManager::new(world.credential(), world.azure.client_options()).unwrap();
    let lists = (0..50).map(|_| {
        arm.resource_groups(&world.scenario.target_subscription_id)
            .unwrap()
            .try_collect::<Vec<_>>()
    });
    assert!(join_all(lists).await.iter().all(Result::is_ok));
    assert_eq!(
        (world.count(Endpoint::Imds), world.count(Endpoint::Token)),
        (1, 1)
    );
    assert_eq!(world.count(Endpoint::ResourceManager), 50);
}

#[tokio::test]
async fn the_error_is_found_in_an_sdk_clients_error_and_no_request_is_repeated() {
    let world = World::without(Step::ServicePrincipal);
    let mut options = world.azure.client_options();
    options.retry = at_once(3);
    let arm = ResourceManager::new(world.credential(), options).unwrap();
    let error = arm
        .resource_groups(&world.scenario.target_subscription_id)
        .unwrap()
        .try_next()
        .await
        .unwrap_err();
    assert_eq!(Error::find(&error).unwrap().code(), Some(7000229));
    assert!(Diagnosis::of(&error).is_some());
    assert_eq!(world.count(Endpoint::Token), 1);
}
