//! Beside a credential that is in use.

use super::*;
use azure_core::credentials::TokenCredential;
use cross_tenant_identity_emulator::{Fault, Times};
use std::{
    future::Future,
    sync::Arc,
    task::{Context, Poll, Waker},
};
use tokio::sync::Notify;

#[tokio::test]
async fn a_cached_token_is_served_as_before_and_no_request_is_saved_by_it() {
    let world = World::new();
    let credential = world.credential();
    let before = credential.get_token(&[ARM], None).await.unwrap();
    assert_eq!(world.count(Endpoint::Imds), 1);
    assert_eq!(world.count(Endpoint::Token), 1);

    // Well or badly: what it finds is not the cache's business.
    for fault in [None, Some(Fault::status(503)), Some(Fault::Html)] {
        for endpoint in [Endpoint::Imds, Endpoint::Token] {
            world.azure.clear_requests();
            if let Some(fault) = &fault {
                let fault = fault.clone();
                world.azure.set_fault(endpoint, fault, Times::UntilCleared);
            }
            let report = report_by(&world, &credential).await;
            assert_eq!(report.is_ok(), fault.is_none(), "{report}");
            world.azure.clear_faults();
            assert_eq!(world.count(Endpoint::Imds), 1);
            let after = credential.get_token(&[ARM], None).await.unwrap();
            assert_eq!(after.token.secret(), before.token.secret());
        }
    }
}

#[tokio::test]
async fn what_it_brings_is_not_put_into_the_cache() {
    let world = World::new();
    let credential = world.credential();
    assert!(report_by(&world, &credential).await.is_ok());
    assert_eq!(world.count(Endpoint::Imds), 1);
    assert_eq!(world.count(Endpoint::Token), 2);
    credential.get_token(&[ARM], None).await.unwrap();
    assert_eq!(world.count(Endpoint::Imds), 2);
    assert_eq!(world.count(Endpoint::Token), 3);
}

#[tokio::test]
async fn a_back_off_is_neither_begun_nor_ended() {
    let world = World::new();
    // Begun by nobody but the cache: after a failed report the next call asks at once.
    let credential = world.credential();
    for endpoint in [Endpoint::Imds, Endpoint::Token] {
        world.azure.set_fault(
            endpoint,
            Fault::retry_after(429, "3600"),
            Times::UntilCleared,
        );
        assert!(!report_by(&world, &credential).await.is_ok());
        world.azure.clear_faults();
    }
    credential.get_token(&[ARM], None).await.unwrap();

    // And not ended: the cache remembers its refusal although a report finds all well again.
    let credential = world.credential();
    world.azure.set_fault(
        Endpoint::Token,
        Fault::retry_after(429, "3600"),
        Times::UntilCleared,
    );
    credential.get_token(&[ARM], None).await.unwrap_err();
    world.azure.clear_faults();
    assert!(report_by(&world, &credential).await.is_ok());
    world.azure.clear_requests();
    let remembered = credential.get_token(&[ARM], None).await.unwrap_err();
    assert!(remembered.to_string().contains("this was"), "{remembered}");
    assert_eq!(world.count(Endpoint::Token), 0);
}

#[tokio::test]
async fn one_that_is_dropped_sends_nothing_more() {
    let world = World::new();
    world
        .azure
        .set_fault(Endpoint::Imds, Fault::Silence, Times::UntilCleared);
    let credential = world.credential();
    let mut report = Box::pin(report_by(&world, &credential));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(report.as_mut().poll(&mut context), Poll::Pending));
    // The request is there, and held.
    while world.count(Endpoint::Imds) == 0 {
        tokio::task::yield_now().await;
    }
    drop(report);
    world.azure.clear_faults();
    // The credential goes on as if nothing had been.
    credential.get_token(&[ARM], None).await.unwrap();
    assert_eq!(world.count(Endpoint::Imds), 2);
    assert_eq!(world.count(Endpoint::Token), 1);
}

#[tokio::test]
async fn it_can_be_run_by_a_task_of_its_own() {
    let world = World::new();
    let credential = world.credential();
    let options = all(&world);
    let task = tokio::spawn(async move { credential.diagnose(&[ARM], Some(options)).await });
    assert!(task.await.unwrap().is_ok());
}

#[test]
fn it_needs_no_runtime() {
    let world = World::new();
    let report = futures::executor::block_on(report_on(&world));
    assert!(report.is_ok(), "{report}");
}

#[tokio::test]
async fn many_at_once_are_each_whole() {
    let world = World::new();
    world.azure.set_loop_detection(false);
    let credential = world.credential();
    let reports = (0..8).map(|_| report_by(&world, &credential));
    for report in futures::future::join_all(reports).await {
        assert_eq!(outcomes(&report), [StepOutcome::Ok; 6], "{report}");
    }
}

/// A source that stands still until it is told to go on, and then panics.
#[derive(Debug)]
struct Panics(Arc<Notify>);

#[async_trait::async_trait]
impl azure_identity::ClientAssertion for Panics {
    async fn secret(
        &self,
        _: Option<azure_core::http::ClientMethodOptions<'_>>,
    ) -> azure_core::Result<String> {
        self.0.notified().await;
        panic!("canary");
    }
}

#[tokio::test]
async fn a_source_that_panics_is_a_failed_step() {
    let world = World::new();
    let go_on = Arc::new(Notify::new());
    go_on.notify_one();
    let credential = world.with_assertion(Panics(go_on), world.options());
    let report = report_by(&world, &credential).await;
    assert_eq!(report.failed_step().unwrap().kind(), StepKind::Assertion);
    assert_eq!(report.who(), Some(Actor::Developer), "{report}");
    assert!(!report.to_string().contains("canary"), "{report}");
}
