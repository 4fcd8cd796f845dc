use cross_tenant_identity_emulator::{Emulator, Role, Scenario, SetUpError};

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

async fn secret(emulator: &Emulator, name: &str, token: Option<&str>) -> Answer {
    let url = format!("{}/secrets/{name}/?api-version=7.6", emulator.https_url());
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![HOST];
    headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
    get(emulator, &url, &headers).await
}

#[tokio::test]
async fn the_challenge_names_the_vaults_tenant_and_the_resource() {
    let (emulator, scenario, _) = emulator();
    let answer = secret(&emulator, "greeting", None).await;
    assert_error(&answer, 401, "Unauthorized", "AKV10000");
    assert_eq!(
        answer.header("www-authenticate"),
        format!(
            "Bearer authorization=\"https://login.windows.net/{}\", resource=\"{VAULT}\"",
            scenario.target_tenant_id
        )
    );
}

#[tokio::test]
async fn a_token_for_another_resource_or_of_another_tenant_is_refused() {
    let (emulator, scenario, _) = emulator();
    let storage = access_token(&emulator, &scenario, STORAGE).await;
    let answer = secret(&emulator, "greeting", Some(&storage)).await;
    assert_error(&answer, 401, "Unauthorized", "AKV10022");

    let assertion = assertion(&emulator).await;
    let home = TokenRequest::new(&scenario, &assertion, VAULT)
        .at(&scenario.home_tenant_id)
        .send(&emulator)
        .await;
    let answer = secret(&emulator, "greeting", Some(home.text("access_token"))).await;
    assert_error(&answer, 401, "Unauthorized", "AKV10032");

    let answer = secret(&emulator, "greeting", Some("nothing")).await;
    assert_error(&answer, 401, "Unauthorized", "AKV10001");
}

#[tokio::test]
async fn a_secret_is_read_with_a_data_role_alone() {
    let (emulator, scenario, id) = emulator();
    let token = access_token(&emulator, &scenario, VAULT).await;
    let principal = scenario
        .target_service_principal_id
        .expect("a service principal");
    emulator.assign_role(&principal, Role::Owner, &id);
    let answer = secret(&emulator, "greeting", Some(&token)).await;
    assert_error(&answer, 403, "Forbidden", &principal);
    let inner = &answer.body["error"]["innererror"]["code"];
    assert_eq!(inner, "ForbiddenByRbac");

    emulator.assign_role(&principal, Role::KeyVaultSecretsUser, &id);
    let answer = secret(&emulator, "greeting", Some(&token)).await;
    assert_eq!((answer.status, answer.text("value")), (200, "hello"));
    let answer = secret(&emulator, "nothing", Some(&token)).await;
    assert_error(&answer, 404, "SecretNotFound", "nothing");
}

#[tokio::test]
async fn a_vaults_name_is_taken_once_and_an_unknown_one_answers_nothing() {
    let (emulator, scenario, _) = emulator();
    assert!(matches!(
        emulator.add_key_vault(&scenario.target_subscription_id, "group", "Litware"),
        Err(SetUpError::Exists(_))
    ));
    assert!(matches!(
        emulator.set_secret("nobody", "name", "value"),
        Err(SetUpError::NotFound(_))
    ));
    let url = format!("{}/secrets/a?api-version=7.6", emulator.https_url());
    let nobody = ("Host", "nobody.vault.azure.net");
    assert_eq!(get(&emulator, &url, &[nobody]).await.status, 404);
}
