//! Key Vault: its challenge, its refusals, and its secrets.

use cross_tenant_identity_emulator::{Emulator, Endpoint, Role, Scenario, SetUpError};

use crate::support::*;

const VAULT: &str = "https://vault.azure.net";
const HOST: (&str, &str) = ("Host", "litware.vault.azure.net");

fn emulator() -> (Emulator, Scenario, String) {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let id = emulator
        .add_key_vault(
            &scenario.target_subscription_id,
            &scenario.resource_group,
            "litware",
        )
        .expect("a vault");
    emulator
        .set_secret("litware", "greeting", "hello")
        .expect("a secret");
    (emulator, scenario, id)
}

async fn secret(emulator: &Emulator, name: &str, token: Option<&str>) -> Response {
    let url = format!("{}/secrets/{name}/?api-version=7.6", emulator.https_url());
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![HOST];
    headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
    get(emulator, &url, &headers).await
}

#[tokio::test]
async fn the_challenge_names_the_vaults_tenant_and_the_resource() {
    let (emulator, scenario, _) = emulator();
    let response = secret(&emulator, "greeting", None).await;
    assert_error(&response, 401, "Unauthorized", "AKV10000");
    assert_eq!(
        response.header("www-authenticate"),
        format!(
            "Bearer authorization=\"https://login.windows.net/{}\", resource=\"{VAULT}\"",
            scenario.target_tenant_id
        )
    );
}

#[tokio::test]
async fn a_token_for_another_resource_or_from_another_tenant_is_refused() {
    let (emulator, scenario, _) = emulator();
    let storage = access_token(&emulator, &scenario, STORAGE).await;
    let response = secret(&emulator, "greeting", Some(&storage)).await;
    assert_error(&response, 401, "Unauthorized", "AKV10022");

    let assertion = assertion(&emulator).await;
    let home = TokenRequest::new(&scenario, &assertion, VAULT)
        .at(&scenario.home_tenant_id)
        .send(&emulator)
        .await;
    let response = secret(&emulator, "greeting", Some(home.text("access_token"))).await;
    assert_error(&response, 401, "Unauthorized", "AKV10032");

    let response = secret(&emulator, "greeting", Some("nothing")).await;
    assert_error(&response, 401, "Unauthorized", "AKV10001");
}

#[tokio::test]
async fn only_a_data_role_can_read_a_secret() {
    let (emulator, scenario, id) = emulator();
    let token = access_token(&emulator, &scenario, VAULT).await;
    let principal = scenario
        .target_service_principal_id
        .expect("a service principal");
    emulator.assign_role(&principal, Role::Owner, &id);
    let response = secret(&emulator, "greeting", Some(&token)).await;
    assert_error(&response, 403, "Forbidden", &principal);
    let inner = &response.body["error"]["innererror"]["code"];
    assert_eq!(inner, "ForbiddenByRbac");

    emulator.assign_role(&principal, Role::KeyVaultSecretsUser, &id);
    let response = secret(&emulator, "greeting", Some(&token)).await;
    assert_eq!((response.status, response.text("value")), (200, "hello"));
    let response = secret(&emulator, "nothing", Some(&token)).await;
    assert_error(&response, 404, "SecretNotFound", "nothing");
}

#[tokio::test]
async fn a_vault_name_is_unique_and_an_unknown_name_is_not_found() {
    let (emulator, scenario, _) = emulator();
    assert!(matches!(
        emulator.add_key_vault(&scenario.target_subscription_id, "group", "Litware"),
        Err(SetUpError::Exists(_))
    ));
    assert!(matches!(
        emulator.set_secret("unknown", "name", "value"),
        Err(SetUpError::NotFound(_))
    ));
    let url = format!("{}/secrets/a?api-version=7.6", emulator.https_url());
    let unknown = ("Host", "unknown.vault.azure.net");
    assert_eq!(get(&emulator, &url, &[unknown]).await.status, 404);
}

#[tokio::test]
async fn the_only_vault_is_also_at_localhost() {
    let (emulator, scenario, _) = emulator();
    let url = format!("{}/secrets/greeting?api-version=7.6", emulator.https_url());
    let response = get(&emulator, &url, &[]).await;
    assert_error(&response, 401, "Unauthorized", "AKV10000");
    assert_eq!(emulator.requests_to(Endpoint::KeyVault).len(), 1);

    emulator
        .add_key_vault(&scenario.target_subscription_id, "group", "another")
        .expect("a vault");
    assert_eq!(get(&emulator, &url, &[]).await.status, 404);
}
