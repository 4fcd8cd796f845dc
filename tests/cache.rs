//! The cache as a caller uses it. Its rules about time have unit tests beside the code, with a
//! clock that the tests set.

mod support;

use azure_core::credentials::TokenCredential;
use azure_identity::ClientAssertion;
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions, Error,
    ManagedIdentityAssertion, Stage,
};
use cross_tenant_identity_emulator::{Endpoint, Fault, Step, Times};
use futures::future::join_all;
use std::{sync::Arc, time::Duration};
use support::{ARM, STORAGE, World, at_once, claims, refused};

/// Entra's clock is a day ahead, so that the assertion has long expired: AADSTS700024.
fn out_of_time() -> Fault {
    Fault::WrongClock {
        seconds: 25 * 60 * 60,
    }
}

/// AADSTS700027.
fn bad_signature() -> Fault {
    Fault::json(
        401,
        r#"{"error":"invalid_client","error_description":"AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application. Trace ID: 0 Correlation ID: 0 Timestamp: 2026-11-24 00:00:00Z","error_codes":[700027]}"#,
    )
}

/// Entra has issued the tokens of truncated responses, and would treat more requests as a loop.
#[tokio::test]
async fn repeated_truncated_responses_do_not_cause_a_loop_at_entra() {
    let world = World::new();
    let mut options = world.options();
    options.retry = Some(at_once(2));
    let credential = world.credential_with(options);
    world
        .azure
        .set_fault(Endpoint::Token, Fault::ResetInBody, Times::UntilCleared);
    for _ in 0..20 {
        assert!(credential.get_token(&[ARM], None).await.is_err());
        // The failure is forgotten, so that the next call makes a request. The count of requests is
        // kept.
        credential.invalidate_all();
    }
    // Ten requests, and three more for users who have fixed the cause; Entra accepts fifteen.
    assert_eq!(world.count(Endpoint::Token), 13);
}

/// A request that runs during `invalidate_all` serves its own caller, and no other call.
#[tokio::test]
async fn after_invalidate_all_no_earlier_assertion_or_token_is_used() {
    let world = World::new();
    let ours = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    let given = world.with_assertion(ours, world.options());
    for credential in [world.credential(), given] {
        world.azure.forget_imds_tokens();
        world.azure.clear_requests();
        let delay = Fault::Delay(Duration::from_millis(300));
        world
            .azure
            .set_fault(Endpoint::Token, delay, Times::Count(1));
        let caller = Arc::clone(&credential);
        let before = tokio::spawn(async move { caller.get_token(&[ARM], None).await });
        while requests(&world) != (1, 1) {
            tokio::task::yield_now().await;
        }
        credential.invalidate_all();
        world.azure.forget_imds_tokens();
        before.await.unwrap().unwrap();
        credential.get_token(&[ARM], None).await.unwrap();
        assert_eq!(requests(&world), (2, 2));
        let sent = world.azure.requests_to(Endpoint::Token);
        let [first, second] = [0, 1].map(|n: usize| sent[n].form("client_assertion").unwrap());
        assert_ne!(first, second);
    }
}

fn requests(world: &World) -> (usize, usize) {
    (world.count(Endpoint::Imds), world.count(Endpoint::Token))
}

#[tokio::test]
async fn an_assertion_refused_for_its_time_or_signature_is_replaced() {
    for fault in [out_of_time(), bad_signature()] {
        let world = World::new();
        let credential = world.credential();
        credential.get_token(&[STORAGE], None).await.unwrap();
        world.azure.forget_imds_tokens();
        world
            .azure
            .set_fault(Endpoint::Token, fault.clone(), Times::Count(1));
        credential.get_token(&[ARM], None).await.unwrap();
        assert_eq!(requests(&world), (2, 3), "{fault:?}");
        let sent: Vec<_> = world.azure.requests_to(Endpoint::Token);
        let assertion = |n: usize| sent[n].form("client_assertion").unwrap();
        assert_ne!(assertion(1), assertion(2));
    }
}

#[tokio::test]
async fn the_exchange_is_not_repeated_when_the_host_has_no_other_assertion() {
    for (fault, code) in [(out_of_time(), 700024), (bad_signature(), 700027)] {
        let world = World::new();
        let credential = world.credential();
        credential.get_token(&[STORAGE], None).await.unwrap();
        world
            .azure
            .set_fault(Endpoint::Token, fault, Times::Count(1));
        let error = refused(&credential, ARM).await;
        assert_eq!(error.code(), Some(code), "{error}");
        // IMDS got a request for another assertion, and returned the same one.
        assert_eq!(requests(&world), (2, 2));
    }
}

#[tokio::test]
async fn the_error_is_the_refusal_and_not_the_failure_to_get_another_assertion() {
    for fault in [Fault::status(500), Fault::Reset, Fault::status(400)] {
        let world = World::new();
        let credential = world.credential();
        credential.get_token(&[STORAGE], None).await.unwrap();
        world
            .azure
            .set_fault(Endpoint::Imds, fault, Times::UntilCleared);
        world
            .azure
            .set_fault(Endpoint::Token, bad_signature(), Times::Count(1));
        let error = refused(&credential, ARM).await;
        assert_eq!(error.code(), Some(700027), "{error}");
        // All other callers still use the current assertion.
        let home = credential
            .for_tenant(&world.scenario.home_tenant_id)
            .unwrap();
        home.get_token(&[STORAGE], None).await.unwrap();
    }
}

#[tokio::test]
async fn a_hundred_tenants_that_refuse_the_assertion_do_not_affect_the_host_or_other_tenants() {
    let world = World::new();
    let credential = world.credential();
    credential.get_token(&[STORAGE], None).await.unwrap();
    world
        .azure
        .set_fault(Endpoint::Token, bad_signature(), Times::Count(100));
    let tenants: Vec<_> = (0..100)
        .map(|n| {
            let tenant = format!("22222222-2222-4222-8222-{n:012}");
            credential.for_tenant(&tenant).unwrap()
        })
        .collect();
    let results = join_all(tenants.iter().map(|tenant| tenant.get_token(&[ARM], None))).await;
    assert!(results.iter().all(Result::is_err));
    assert_eq!(
        requests(&world),
        (2, 101),
        "the host is asked once a minute"
    );
    credential.get_token(&[ARM], None).await.unwrap();
    assert_eq!(requests(&world), (2, 102));
}

#[tokio::test]
async fn for_tenant_at_every_request_makes_one_token_request() {
    let world = World::new();
    let credential = world.credential();
    for _ in 0..100 {
        credential
            .for_tenant(&world.scenario.target_tenant_id)
            .unwrap()
            .get_token(&[ARM], None)
            .await
            .unwrap();
    }
    assert_eq!(requests(&world), (1, 1));
}

#[tokio::test]
async fn a_token_of_one_tenant_is_never_returned_for_another() {
    let world = World::new();
    let target = world.credential();
    let home = target.for_tenant(&world.scenario.home_tenant_id).unwrap();
    let calls = (0..100).map(|n| {
        let (credential, tenant) = match n % 2 {
            0 => (&target, &world.scenario.target_tenant_id),
            _ => (&home, &world.scenario.home_tenant_id),
        };
        async move {
            let token = credential.get_token(&[STORAGE], None).await.unwrap();
            assert_eq!(claims(token.token.secret())["tid"], *tenant);
        }
    });
    join_all(calls).await;
    assert_eq!(requests(&world), (1, 2));
}

#[tokio::test]
async fn a_refusal_is_remembered_only_for_the_tenant_that_refused() {
    let world = World::without(Step::ServicePrincipal);
    let target = world.credential();
    let home = target.for_tenant(&world.scenario.home_tenant_id).unwrap();
    let first = refused(&target, STORAGE).await;
    assert_eq!(first.code(), Some(7000229));
    home.get_token(&[STORAGE], None).await.unwrap();
    let second = refused(&target, STORAGE).await;
    assert_eq!(second.code(), Some(7000229));
    assert!(
        second.to_string().contains("the next try is in"),
        "{second}"
    );
    assert!(second.diagnosis().is_some());
    assert_eq!(
        requests(&world),
        (1, 2),
        "the remembered error sends nothing"
    );
}

#[tokio::test]
async fn a_failure_of_the_identity_leg_is_remembered_for_all_tenants() {
    let world = World::new();
    world
        .azure
        .set_fault(Endpoint::Imds, Fault::status(500), Times::UntilCleared);
    let credential = world.credential();
    for n in 0..20 {
        let tenant = credential
            .for_tenant(&format!("tenant-{n}.example"))
            .unwrap();
        let error = refused(&tenant, ARM).await;
        assert_eq!(error.stage(), Stage::Assertion);
    }
    assert_eq!(requests(&world), (1, 0));
}

#[tokio::test]
async fn limits_of_zero_are_an_error_before_any_request() {
    let world = World::new();
    let zero = [
        (
            "max_cached_tokens",
            CrossTenantManagedIdentityCredentialOptions {
                max_cached_tokens: Some(0),
                ..world.options()
            },
        ),
        (
            "max_concurrent_requests",
            CrossTenantManagedIdentityCredentialOptions {
                max_concurrent_requests: Some(0),
                ..world.options()
            },
        ),
    ];
    for (name, options) in zero {
        let (tenant, app) = (&world.scenario.target_tenant_id, &world.scenario.client_id);
        let error =
            CrossTenantManagedIdentityCredential::new(tenant, app, Some(options)).unwrap_err();
        let error = Error::find(&error).unwrap();
        assert_eq!(error.stage(), Stage::Configuration);
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(requests(&world), (0, 0));
}

#[tokio::test]
async fn a_family_with_one_token_and_one_parallel_request_serves_all_callers() {
    let world = World::new();
    let credential = world.credential_with(CrossTenantManagedIdentityCredentialOptions {
        max_cached_tokens: Some(1),
        max_concurrent_requests: Some(1),
        ..world.options()
    });
    let home = credential
        .for_tenant(&world.scenario.home_tenant_id)
        .unwrap();
    let calls = (0..60).map(|n| match n % 3 {
        0 => credential.get_token(&[STORAGE], None),
        1 => credential.get_token(&[ARM], None),
        _ => home.get_token(&[STORAGE], None),
    });
    assert!(join_all(calls).await.iter().all(Result::is_ok));
}

#[test]
fn two_runtimes_of_one_process_share_the_assertion_and_do_not_block_each_other() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (first, second) = (runtime(), runtime());
    let world = World::new();
    // The identity leg uses the default transport here; the token leg uses the emulator's.
    let assertion = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    first.block_on(assertion.secret(None)).unwrap();
    second.block_on(assertion.secret(None)).unwrap();
    assert_eq!(requests(&world), (1, 0));

    // Every assertion is unusable, so each call is a request. The first runtime is blocked from
    // here on, and its pooled connections with it.
    world.azure.set_assertion_lifetime(Duration::ZERO);
    world.azure.forget_imds_tokens();
    let assertion = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    for runtime in [&first, &second, &first, &second] {
        runtime.block_on(assertion.secret(None)).unwrap();
    }
    drop(second);
    first.block_on(assertion.secret(None)).unwrap();
    assert_eq!(requests(&world), (6, 0));
}
