//! The credential in clients of the Azure SDK that request tokens in special ways.

mod support;

use azure_core::http::StatusCode;
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use cross_tenant_identity::{Actor, Diagnosis};
use cross_tenant_identity_emulator::{Endpoint, Role};
use support::World;

const VAULT: &str = "litware-vault";

/// Litware's vault with a secret, and the ARM id of the vault.
fn vault(world: &World) -> String {
    let id = world
        .azure
        .add_key_vault(
            &world.scenario.target_subscription_id,
            &world.scenario.resource_group,
            VAULT,
        )
        .unwrap();
    world.azure.set_secret(VAULT, "greeting", "hello").unwrap();
    id
}

fn client(world: &World) -> SecretClient {
    client_in(world, &world.scenario.target_tenant_id)
}

fn client_in(world: &World, tenant: &str) -> SecretClient {
    SecretClient::new(
        &format!("https://{VAULT}.vault.azure.net"),
        world.credential().for_tenant(tenant).unwrap(),
        Some(SecretClientOptions {
            client_options: world.azure.client_options(),
            ..Default::default()
        }),
    )
    .unwrap()
}

/// Key Vault's client has no scope of its own. It sends a request without a token, and reads the
/// scope from the challenge.
#[tokio::test]
async fn key_vault_reads_its_scope_from_a_challenge_and_gets_a_secret() {
    let world = World::new();
    let id = vault(&world);
    let principal = world.scenario.target_service_principal_id.clone().unwrap();
    world
        .azure
        .assign_role(&principal, Role::KeyVaultSecretsUser, &id);
    let client = client(&world);
    for _ in 0..3 {
        let secret = client.get_secret("greeting", None).await.unwrap();
        let secret = secret.into_model().unwrap();
        assert_eq!(secret.value.as_deref(), Some("hello"));
    }
    let statuses: Vec<_> = world
        .azure
        .requests_to(Endpoint::KeyVault)
        .iter()
        .map(|request| request.status)
        .collect();
    // One challenge, and one token for all later requests.
    assert_eq!(statuses, [Some(401), Some(200), Some(200), Some(200)]);
    assert_eq!(world.count(Endpoint::Token), 1);
}

#[tokio::test]
async fn without_a_data_role_the_explanation_names_who_has_to_grant_it() {
    let world = World::new();
    vault(&world);
    let error = client(&world)
        .get_secret("greeting", None)
        .await
        .unwrap_err();
    assert_eq!(error.http_status(), Some(StatusCode::Forbidden));
    let diagnosis = Diagnosis::of(&error).unwrap();
    assert_eq!(diagnosis.who(), Actor::TargetAdministrator);
    let principal = world.scenario.target_service_principal_id.unwrap();
    let command = diagnosis.commands()[0].text();
    assert!(command.contains(&principal), "{command}");
    assert!(command.contains("/vaults/"), "{command}");
}

#[tokio::test]
async fn the_explanation_for_a_vault_of_another_tenant_names_that_tenant() {
    let world = World::new();
    vault(&world);
    let error = client_in(&world, &world.scenario.home_tenant_id)
        .get_secret("greeting", None)
        .await
        .unwrap_err();
    assert_eq!(error.http_status(), Some(StatusCode::Unauthorized));
    let diagnosis = Diagnosis::of(&error).unwrap();
    assert_eq!(diagnosis.who(), Actor::Developer);
    let target = &world.scenario.target_tenant_id;
    assert!(diagnosis.what_to_do().contains(target), "{diagnosis}");
}
