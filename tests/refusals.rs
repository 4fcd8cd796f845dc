//! The errors that a user gets if a step of the scenario is missing, or a service fails.

mod support;

use azure_core::credentials::TokenCredential;
use azure_identity::UserAssignedId;
use cross_tenant_identity::{Actor, Error, Stage};
use cross_tenant_identity_emulator::{Endpoint, Fault, Step, Times};
use support::{ARM, World, at_once, refused};

#[tokio::test]
async fn the_error_for_each_missing_step_has_its_code_and_actor() {
    for (step, code, transient, who) in [
        (
            Step::ServicePrincipal,
            7000229,
            true,
            Actor::TargetAdministrator,
        ),
        (
            Step::FederatedCredential,
            70025,
            true,
            Actor::HomeAdministrator,
        ),
        // Entra returns the same error for an app without a service principal, so either
        // administrator can be the right one.
        (Step::MultiTenant, 700016, true, Actor::BothAdministrators),
        (
            Step::HomeRegistration,
            700236,
            false,
            Actor::HomeAdministrator,
        ),
    ] {
        let world = World::without(step);
        let error = refused(&world.credential(), ARM).await;
        assert_eq!(error.stage(), Stage::TokenEndpoint);
        assert_eq!(error.code(), Some(code), "{error}");
        assert_eq!(error.is_transient(), transient, "{error}");
        let diagnosis = error.diagnosis().unwrap();
        assert_eq!(diagnosis.code(), Some(code));
        let said = error.to_string();
        let first_step = diagnosis.what_to_do().split(". ").next().unwrap();
        for part in [
            first_step,
            &format!("HTTP {}", u16::from(error.status().unwrap())),
            &format!("AADSTS{code}"),
            &format!("Who has to act: {who}."),
            &world.scenario.target_tenant_id,
        ] {
            assert!(said.contains(part), "{part} is missing in: {said}");
        }
        assert_eq!(diagnosis.who(), who, "{step}");
        assert!(!said.contains('\n') && said.len() <= 420, "{said}");
        assert_eq!(diagnosis.support_ids().count(), 3, "{diagnosis}");
    }
}

#[tokio::test]
async fn the_error_says_that_the_host_does_not_have_the_identity() {
    let world = World::new();
    let mut options = world.options();
    let other = "99999999-9999-4999-8999-999999999999";
    options.managed_identity.user_assigned_id = Some(UserAssignedId::ClientId(other.into()));
    let error = refused(&world.credential_with(options), ARM).await;
    assert_eq!(
        (error.stage(), error.is_transient()),
        (Stage::Assertion, false)
    );
    assert!(error.to_string().contains("Identity not found"), "{error}");
    assert_eq!(world.count(Endpoint::Token), 0);
}

#[tokio::test]
async fn each_way_of_naming_the_identity_finds_it() {
    let world = World::new();
    for id in [
        UserAssignedId::ClientId(world.scenario.identity_client_id.clone()),
        UserAssignedId::ObjectId(world.scenario.identity_principal_id.clone()),
        UserAssignedId::ResourceId(world.scenario.identity_resource_id.clone()),
    ] {
        let mut options = world.options();
        options.managed_identity.user_assigned_id = Some(id);
        world
            .credential_with(options)
            .get_token(&[ARM], None)
            .await
            .unwrap();
    }
    let mut options = world.options();
    options.managed_identity.user_assigned_id = None;
    world
        .credential_with(options)
        .get_token(&[ARM], None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_request_that_fails_once_is_tried_again() {
    for endpoint in [Endpoint::Imds, Endpoint::Token] {
        for fault in [
            Fault::Reset,
            Fault::ResetInHead,
            Fault::ResetInBody,
            Fault::Truncate { after: 20 },
            Fault::status(503),
            Fault::status(429),
        ] {
            let world = World::new();
            let mut options = world.options();
            options.retry = Some(at_once(2));
            options.managed_identity.retry = Some(at_once(2));
            let shown = format!("{endpoint:?} {fault:?}");
            world.azure.set_fault(endpoint, fault, Times::Count(1));
            let token = world.credential_with(options).get_token(&[ARM], None).await;
            assert!(token.is_ok(), "{shown}: {token:?}");
        }
    }
}

#[tokio::test]
async fn an_outage_is_transient_and_the_error_names_the_leg() {
    for (endpoint, stage) in [
        (Endpoint::Imds, Stage::Assertion),
        (Endpoint::Token, Stage::TokenEndpoint),
    ] {
        for fault in [
            Fault::Reset,
            Fault::ResetInBody,
            Fault::status(503),
            Fault::retry_after(429, "3600"),
        ] {
            let world = World::new();
            let shown = format!("{endpoint:?} {fault:?}");
            world.azure.set_fault(endpoint, fault, Times::UntilCleared);
            let error = refused(&world.credential(), ARM).await;
            assert_eq!(error.stage(), stage, "{shown}: {error}");
            assert!(error.is_transient(), "{shown}: {error}");
        }
    }
}

#[tokio::test]
async fn the_error_says_that_the_response_is_a_web_page() {
    for endpoint in [Endpoint::Imds, Endpoint::Token] {
        for fault in [Fault::Html, Fault::NotJson] {
            let world = World::new();
            let shown = format!("{endpoint:?} {fault:?}");
            world.azure.set_fault(endpoint, fault, Times::UntilCleared);
            let error = refused(&world.credential(), ARM).await;
            assert!(
                error.to_string().contains("HTTP 200 with "),
                "{shown}: {error}"
            );
            assert!(!error.is_transient(), "{shown}");
        }
    }
}

#[tokio::test]
async fn the_error_for_a_truncated_response_contains_no_byte_of_a_token() {
    for endpoint in [Endpoint::Imds, Endpoint::Token] {
        let world = World::new();
        // After each truncated response the same request is sent again, which Entra would treat as
        // a loop.
        world.azure.set_loop_detection(false);
        let mut whole = None;
        for after in (0..5_000).step_by(53) {
            world
                .azure
                .set_fault(endpoint, Fault::Truncate { after }, Times::Count(1));
            let Err(outer) = world.credential().get_token(&[ARM], None).await else {
                whole = Some(after);
                break;
            };
            let error = Error::find(&outer).unwrap();
            let shown = format!("{error} {error:?} {outer:?}");
            assert!(
                !shown.contains("eyJ") && !shown.contains("access_token"),
                "{shown}"
            );
        }
        assert!(whole > Some(800), "{endpoint:?} is whole after {whole:?}");
    }
}
