//! Each mistake of a set-up, on the emulator: the diagnosis says who has to act and what is wrong,
//! and has a suitable command.

#[path = "../examples/support/arm.rs"]
#[allow(dead_code)]
mod arm;
mod support;
#[path = "set_up_mistakes/told.rs"]
mod told;

use arm::ResourceManager;
use azure_core::credentials::TokenCredential;
use cross_tenant_identity::{Actor, Diagnosis};
use cross_tenant_identity_emulator::{Endpoint, Step};
use futures::TryStreamExt;
use support::{ARM, STORAGE, World, refused};
use told::{PROVISION, Told, entra, told};

#[tokio::test]
async fn the_error_for_each_mistake_has_its_actor_and_a_command() {
    for step in Step::ALL {
        let Some(expected) = told(step) else { continue };
        let world = World::without(step);
        let error = refused(&world.credential(), ARM).await;
        let diagnosis = error.diagnosis().unwrap();
        assert_eq!(error.stage(), expected.stage, "{step}: {error}");
        assert_eq!(error.code(), expected.code, "{step}: {error}");
        assert_told(step, diagnosis, &expected);
        // One line, which says who has to act.
        let line = error.to_string();
        let who = format!("Who has to act: {}.", expected.who);
        assert!(
            line.contains(&who) && !line.contains('\n'),
            "{step}: {line}"
        );
    }
}

#[track_caller]
fn assert_told(step: Step, diagnosis: &Diagnosis, expected: &Told) {
    assert_eq!(diagnosis.who(), expected.who, "{step}: {diagnosis}");
    let texts = format!("{} {}", diagnosis.what_happened(), diagnosis.what_to_do());
    for part in expected.texts {
        assert!(
            texts.contains(part),
            "{step}: {part} is missing in\n{texts}"
        );
    }
    for start in expected.commands {
        let found = diagnosis
            .commands()
            .iter()
            .any(|command| command.text().starts_with(start));
        assert!(found, "{step}: {start} is missing in\n{diagnosis}");
    }
    assert_eq!(
        diagnosis.commands().is_empty(),
        expected.commands.is_empty(),
        "{step}: {diagnosis}"
    );
}

#[tokio::test]
async fn without_a_role_the_refusal_of_resource_manager_is_explained() {
    let world = World::without(Step::Role);
    let credential = world.credential();
    credential.get_token(&[ARM], None).await.unwrap();
    let arm = ResourceManager::new(credential, world.azure.client_options()).unwrap();
    let groups = arm
        .resource_groups(&world.scenario.target_subscription_id)
        .unwrap();
    let error = groups.try_collect::<Vec<_>>().await.unwrap_err();
    let diagnosis = Diagnosis::of(&error).unwrap();
    assert_eq!(diagnosis.who(), Actor::TargetAdministrator, "{diagnosis}");
    let principal = world.scenario.target_service_principal_id.clone().unwrap();
    let commands: Vec<_> = diagnosis.commands().iter().map(|it| it.text()).collect();
    assert!(
        commands
            .iter()
            .any(|it| it.starts_with("az role assignment create") && it.contains(&principal)),
        "{diagnosis}"
    );
}

#[tokio::test]
async fn without_a_service_principal_at_home_the_error_concerns_only_the_home_tenant() {
    let world = World::without(Step::HomeServicePrincipal);
    let credential = world.credential();
    credential.get_token(&[STORAGE], None).await.unwrap();
    let home = credential
        .for_tenant(&world.scenario.home_tenant_id)
        .unwrap();
    let error = refused(&home, STORAGE).await;
    assert_eq!(error.code(), Some(7_000_229), "{error}");
    let expected = entra(
        Actor::HomeAdministrator,
        7_000_229,
        &[
            "has no service principal in its home tenant",
            "says nothing of the trust",
        ],
        PROVISION,
    );
    let diagnosis = error.diagnosis().unwrap();
    assert_told(Step::HomeServicePrincipal, diagnosis, &expected);
}

#[tokio::test]
async fn the_refusal_of_resource_manager_shows_a_wrong_tenant_that_exists() {
    // Contoso's own tenant instead of Litware's: Entra issues the token, but Resource Manager
    // refuses it.
    let world = World::new();
    let home = world
        .credential()
        .for_tenant(&world.scenario.home_tenant_id)
        .unwrap();
    let arm = ResourceManager::new(home, world.azure.client_options()).unwrap();
    let groups = arm
        .resource_groups(&world.scenario.target_subscription_id)
        .unwrap();
    let error = groups.try_collect::<Vec<_>>().await.unwrap_err();
    let diagnosis = Diagnosis::of(&error).unwrap();
    assert_eq!(diagnosis.who(), Actor::Developer, "{diagnosis}");
    let target = &world.scenario.target_tenant_id;
    assert!(diagnosis.what_to_do().contains(target), "{diagnosis}");
}

#[tokio::test]
async fn a_stale_assertion_is_requested_once_more_and_not_sent_twice() {
    let world = World::without(Step::FreshAssertion);
    let error = refused(&world.credential(), ARM).await;
    assert_eq!(error.code(), Some(700_024), "{error}");
    // The host returns the same token again.
    assert_eq!(world.count(Endpoint::Token), 1);
    assert_eq!(world.count(Endpoint::Imds), 2);
}
