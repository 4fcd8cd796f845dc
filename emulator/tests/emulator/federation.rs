//! Federated identity credentials, and the set-up.

use cross_tenant_identity_emulator::{
    Application, Emulator, FederatedCredential, ManagedIdentity, Scenario, SetUpError,
    SignInAudience, Step,
};
use serde_json::{Value, json};

use crate::support::*;

async fn with_claims(emulator: &Emulator, scenario: &Scenario, claims: &Value) -> Response {
    TokenRequest::new(scenario, &emulator.sign(claims), STORAGE)
        .send(emulator)
        .await
}

#[tokio::test]
async fn issuer_subject_and_audience_must_match_byte_for_byte() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let good = assertion_claims(&scenario);
    assert_eq!(with_claims(&emulator, &scenario, &good).await.status, 200);

    let issuer = good["iss"].as_str().expect("iss").to_owned();
    let subject = good["sub"].as_str().expect("sub").to_owned();
    for (claim, value, code) in [
        ("iss", format!("{issuer}/"), 700_211),
        ("iss", issuer.replace("login", "LOGIN"), 700_211),
        (
            "iss",
            "https://token.actions.githubusercontent.com".to_owned(),
            700_211,
        ),
        ("sub", scenario.identity_client_id.clone(), 700_213),
        ("sub", subject.to_uppercase(), 7_002_138),
        ("aud", "https://storage.azure.com".to_owned(), 700_227),
    ] {
        let mut claims = good.clone();
        claims[claim] = json!(value);
        let response = with_claims(&emulator, &scenario, &claims).await;
        assert_refused(&response, 401, "invalid_client", code);
        assert!(response.text("error_description").contains(&value));
    }
}

#[tokio::test]
async fn a_credential_for_another_audience_does_not_match() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let (app, name) = (&scenario.client_id, &scenario.federated_credential_name);
    for (audience, code) in [
        ("api://AzureADTokenExchangeUSGov", 700_212),
        ("API://AzureADTokenExchange", 700_212),
        (EXCHANGE_APP_ID, 700_214),
    ] {
        emulator
            .remove_federated_credential(app, name)
            .expect("an app");
        let credential = FederatedCredential {
            name: name.clone(),
            issuer: format!(
                "https://login.microsoftonline.com/{}/v2.0",
                scenario.home_tenant_id
            ),
            subject: scenario.identity_principal_id.clone(),
            audience: audience.to_owned(),
        };
        emulator
            .add_federated_credential(app, credential)
            .expect("room for it");
        let response = with_claims(&emulator, &scenario, &assertion_claims(&scenario)).await;
        assert_refused(&response, 401, "invalid_client", code);
    }
}

#[tokio::test]
async fn only_a_managed_identity_token_for_token_exchange_is_accepted() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let good = assertion_claims(&scenario);
    let service_principal = scenario
        .home_service_principal_id
        .clone()
        .expect("provisioned");
    for (claim, value, code) in [
        ("idtyp", json!("user"), 700_229),
        ("xms_ficinfo", json!("AQ"), 700_231),
        (
            "aud",
            json!("00000003-0000-0000-c000-000000000000"),
            700_227,
        ),
        ("sub", json!(service_principal), 700_226),
    ] {
        let mut claims = good.clone();
        claims[claim] = value;
        let response = with_claims(&emulator, &scenario, &claims).await;
        assert_refused(&response, 401, "invalid_client", code);
    }
}

#[tokio::test]
async fn a_token_from_a_federated_credential_is_not_accepted_as_assertion() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let first = TokenRequest::new(&scenario, &assertion(&emulator).await, EXCHANGE);
    let response = first.at(&scenario.home_tenant_id).send(&emulator).await;
    assert_eq!(response.status, 200, "{}", response.body);
    let second = TokenRequest::new(&scenario, response.text("access_token"), STORAGE);
    let response = second.send(&emulator).await;
    assert_refused(&response, 401, "invalid_client", 700_231);
}

#[tokio::test]
async fn an_app_of_the_target_tenant_refuses_tokens_of_another_tenant() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario_without(Step::HomeRegistration);
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    let response = request.send(&emulator).await;
    assert_refused(&response, 401, "invalid_client", 700_236);
    let description = response.text("error_description");
    assert!(description.contains(&format!(
        "Entra ID tokens issued by issuer 'https://login.microsoftonline.com/{}/v2.0' may not",
        scenario.home_tenant_id
    )));
}

#[tokio::test]
async fn a_delayed_credential_is_refused_at_first() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    emulator
        .delay_federated_credential(&scenario.client_id, &scenario.federated_credential_name, 2)
        .expect("a credential");
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    for _ in 0..2 {
        let response = request.send(&emulator).await;
        assert_refused(&response, 400, "invalid_request", 70021);
    }
    assert_eq!(request.send(&emulator).await.status, 200);
}

#[test]
fn the_set_up_refuses_what_azure_refuses() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let (home, target) = (&scenario.home_tenant_id, &scenario.target_tenant_id);
    let credential = |name: String| FederatedCredential {
        name,
        ..FederatedCredential::trusting(&ManagedIdentity::user_assigned(home, "another"))
    };
    for number in 1..20 {
        emulator
            .add_federated_credential(&scenario.client_id, credential(number.to_string()))
            .expect("room for it");
    }
    assert_eq!(
        emulator.add_federated_credential(&scenario.client_id, credential("20".to_owned())),
        Err(SetUpError::TooManyFederatedCredentials)
    );

    let app = Application::new(home, "Internal", SignInAudience::AzureADMyOrg);
    let client_id = app.client_id.clone();
    emulator.add_application(app.clone()).expect("a tenant");
    assert!(matches!(
        emulator.add_application(app),
        Err(SetUpError::Exists(_))
    ));
    assert!(matches!(
        emulator.provision_service_principal(target, &client_id),
        Err(SetUpError::SingleTenant(_))
    ));
    assert!(
        emulator
            .provision_service_principal(home, &client_id)
            .is_ok()
    );
    assert!(matches!(
        emulator.provision_service_principal(home, &client_id),
        Err(SetUpError::Exists(_))
    ));
    assert!(matches!(
        emulator.provision_service_principal("nowhere", &client_id),
        Err(SetUpError::NotFound(_))
    ));
    assert!(matches!(
        emulator.assign_identity_to_host("unknown"),
        Err(SetUpError::NotFound(_))
    ));
}
