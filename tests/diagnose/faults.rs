//! Hosts and services that give no answer, or one that is none.

use super::*;
use cross_tenant_identity_emulator::{Fault, Times};
use std::net::TcpListener;

#[tokio::test]
async fn a_host_on_which_nobody_listens_is_the_operators() {
    let world = World::new();
    // A port that was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut options = world.options();
    options.managed_identity.imds_endpoint = Some(closed.clone());
    let report = report_by(&world, &world.credential_with(options)).await;
    use StepOutcome::{Failed, Ok, Skipped};
    assert_eq!(
        outcomes(&report),
        [Ok, Failed, Skipped, Skipped, Skipped, Skipped],
        "{report}"
    );
    assert_eq!(report.failed_step().unwrap().kind(), StepKind::Assertion);
    assert_eq!(report.who(), Some(Actor::Operator), "{report}");
    assert!(report.to_string().contains(&closed), "{report}");
    assert_eq!(report.clock_skew_seconds(), None);
    assert_eq!(report.home_tenant(), None);
    assert!(world.azure.requests().is_empty());
}

#[tokio::test]
async fn a_host_without_an_identity_is_told_as_that() {
    let world = World::new();
    let identity = &world.scenario.identity_principal_id;
    world.azure.remove_identity_from_host(identity);
    let report = report_on(&world).await;
    assert_eq!(report.failed_step().unwrap().kind(), StepKind::Assertion);
    assert_eq!(report.who(), Some(Actor::Operator), "{report}");
    assert_eq!(world.count(Endpoint::Imds), 1);
    assert_eq!(world.count(Endpoint::Token), 0);
}

/// All that a service or something in its place can do instead of answering, at each step.
#[tokio::test]
async fn what_answers_in_a_services_place_fails_that_step_and_the_rest_is_told() {
    for (endpoint, kind) in [
        (Endpoint::Imds, StepKind::Assertion),
        (Endpoint::Token, StepKind::TargetExchange),
    ] {
        for fault in [
            Fault::Html,
            Fault::NotJson,
            Fault::Reset,
            Fault::ResetInBody,
            Fault::Truncate { after: 20 },
            Fault::status(503),
            Fault::retry_after(429, "3600"),
            Fault::Redirect {
                location: "https://elsewhere.example/".to_owned(),
            },
        ] {
            let world = World::new();
            let shown = format!("{endpoint:?} {fault:?}");
            world.azure.set_fault(endpoint, fault, Times::UntilCleared);
            let report = report_on(&world).await;
            let failed = report.failed_step().unwrap();
            assert_eq!(failed.kind(), kind, "{shown}: {report}");
            assert!(failed.diagnosis().is_some(), "{shown}: {report}");
            assert!(report.who().is_some());
            if endpoint == Endpoint::Token {
                // The walk goes on: both exchanges were tried, each once.
                assert_eq!(world.count(Endpoint::Token), 2, "{shown}");
                let assertion = report.step(StepKind::Assertion).unwrap();
                assert_eq!(assertion.outcome(), StepOutcome::Ok, "{shown}");
            }
        }
    }
}

#[tokio::test]
async fn a_proxys_web_page_is_told_as_that() {
    let world = World::new();
    world
        .azure
        .set_fault(Endpoint::Token, Fault::Html, Times::UntilCleared);
    let report = report_on(&world).await;
    assert_eq!(report.who(), Some(Actor::Operator), "{report}");
    assert!(report.to_string().contains("a captive portal"), "{report}");

    // The resource's answer may be one, too: a success, but not of the resource.
    world.azure.clear_faults();
    world
        .azure
        .set_fault(Endpoint::ResourceManager, Fault::Html, Times::UntilCleared);
    let report = report_on(&world).await;
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.warnings()[0].kind(), WarningKind::WebPage);
    let resource = report.step(StepKind::Resource).unwrap();
    assert_eq!(resource.outcome(), StepOutcome::Warning);
}

#[tokio::test]
async fn a_resource_is_told_by_its_status_and_its_words() {
    for (fault, status, who) in [
        (Fault::status(403), Some(403), Actor::TargetAdministrator),
        (Fault::status(404), Some(404), Actor::Developer),
        (Fault::status(503), Some(503), Actor::Nobody),
        (
            Fault::Redirect {
                location: "https://elsewhere.example/".to_owned(),
            },
            Some(302),
            Actor::Developer,
        ),
        (Fault::Reset, None, Actor::Nobody),
    ] {
        let world = World::new();
        let shown = format!("{fault:?}");
        world
            .azure
            .set_fault(Endpoint::ResourceManager, fault, Times::UntilCleared);
        let report = report_on(&world).await;
        let failed = report.failed_step().unwrap();
        assert_eq!(failed.kind(), StepKind::Resource, "{shown}: {report}");
        assert_eq!(failed.status(), status, "{shown}: {report}");
        assert_eq!(report.who(), Some(who), "{shown}: {report}");
        // Refused or not, the token was sent to the resource alone.
        assert_eq!(world.count(Endpoint::ResourceManager), 1, "{shown}");
    }
}

/// What is larger than any token is not read, and a resource may well be.
#[tokio::test]
async fn a_resource_of_any_size_is_well() {
    let world = World::new();
    let large = Fault::Response {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: vec![b' '; 3 * 1024 * 1024],
    };
    world
        .azure
        .set_fault(Endpoint::ResourceManager, large, Times::Count(1));
    let report = report_on(&world).await;
    assert!(report.is_ok(), "{report}");
}

#[tokio::test]
async fn a_bad_scope_or_url_is_a_failed_step_of_the_developers() {
    let world = World::new();
    let credential = world.credential();
    for scopes in [&[][..], &["https://management.azure.com"], &["\u{1b}[31m"]] {
        let report = credential.diagnose(scopes, None).await;
        let failed = report.failed_step().unwrap();
        assert_eq!(failed.kind(), StepKind::TargetExchange, "{report}");
        assert_eq!(report.who(), Some(Actor::Developer), "{report}");
        assert!(!report.to_string().contains('\u{1b}'));
        let assertion = report.step(StepKind::Assertion).unwrap();
        assert_eq!(assertion.outcome(), StepOutcome::Ok);
    }
    for url in ["", "ftp://x", "http://management.azure.com/"] {
        let options = DiagnoseOptions {
            resource_url: Some(url.into()),
            ..Default::default()
        };
        let report = credential.diagnose(&[ARM], Some(options)).await;
        let failed = report.failed_step().unwrap();
        assert_eq!(failed.kind(), StepKind::Resource, "{report}");
        assert_eq!(report.who(), Some(Actor::Developer), "{report}");
    }
    assert_eq!(world.count(Endpoint::ResourceManager), 0);
}
