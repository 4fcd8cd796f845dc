//! The identity endpoint of IMDS.

use cross_tenant_identity_emulator::{Emulator, ManagedIdentity};
use reqwest::Method;
use std::time::Duration;

use crate::support::*;

fn url(emulator: &Emulator, query: &str) -> String {
    format!(
        "{}/metadata/identity/oauth2/token?{query}",
        emulator.imds_url()
    )
}

const QUERY: &str = "api-version=2018-02-01&resource=api://AzureADTokenExchange";

#[track_caller]
fn assert_says(response: &Response, status: u16, error: &str, description: &str) {
    assert_eq!(response.status, status, "{}", response.body);
    assert_eq!(response.text("error"), error);
    let said = response.text("error_description");
    assert!(said.contains(description), "{said}");
}

#[tokio::test]
async fn every_value_is_a_string_and_the_claims_belong_to_the_identity() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let response = imds(&emulator, EXCHANGE, &[]).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.text("client_id"), scenario.identity_client_id);
    assert_eq!(response.text("resource"), EXCHANGE);
    assert_eq!(response.text("token_type"), "Bearer");
    assert_eq!(response.text("refresh_token"), "");
    for number in ["expires_in", "expires_on", "ext_expires_in", "not_before"] {
        assert!(response.text(number).parse::<i64>().is_ok(), "{number}");
    }
    let claims = claims(response.text("access_token"));
    let issuer = format!(
        "https://login.microsoftonline.com/{}/v2.0",
        scenario.home_tenant_id
    );
    assert_eq!(claims["aud"], EXCHANGE_APP_ID);
    assert_eq!(claims["iss"], issuer);
    assert_eq!(claims["azp"], scenario.identity_client_id);
    assert_eq!(claims["azpacr"], "2");
    assert_eq!(claims["idtyp"], "app");
    assert_eq!(claims["oid"], scenario.identity_principal_id);
    assert_eq!(claims["sub"], scenario.identity_principal_id);
    assert_eq!(claims["tid"], scenario.home_tenant_id);
    assert_eq!(claims["ver"], "2.0");
    let (exp, iat) = (claims["exp"].as_i64(), claims["iat"].as_i64());
    assert_eq!(exp.expect("exp") - iat.expect("iat"), 24 * 3600 + 300);
    assert_eq!(response.text("expires_on"), exp.expect("exp").to_string());
}

#[tokio::test]
async fn a_token_for_another_resource_is_v1() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let response = imds(&emulator, "https://storage.azure.com/", &[]).await;
    let claims = claims(response.text("access_token"));
    assert_eq!(claims["aud"], "https://storage.azure.com/");
    assert_eq!(claims["ver"], "1.0");
    assert_eq!(
        claims["iss"],
        format!("https://sts.windows.net/{}/", scenario.home_tenant_id)
    );
    assert_eq!(claims["oid"], scenario.identity_principal_id);
}

#[tokio::test]
async fn a_trailing_slash_of_the_audience_is_accepted() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    let response = imds(&emulator, "api://AzureADTokenExchange/", &[]).await;
    assert_eq!(
        claims(response.text("access_token"))["aud"],
        EXCHANGE_APP_ID
    );
}

#[tokio::test]
async fn the_path_can_end_with_a_slash() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    let url = url(&emulator, QUERY).replace("/token?", "/token/?");
    let response = get(&emulator, &url, &[("Metadata", "true")]).await;
    assert_eq!(response.status, 200, "{}", response.body);
}

#[tokio::test]
async fn an_invalid_request_is_refused() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    let metadata = ("Metadata", "true");

    let response = get(&emulator, &url(&emulator, QUERY), &[]).await;
    assert_says(
        &response,
        400,
        "bad_request_102",
        "Required metadata header not specified",
    );
    let response = get(&emulator, &url(&emulator, QUERY), &[("Metadata", "yes")]).await;
    assert_eq!(response.text("error"), "bad_request_102");
    let forwarded = [metadata, ("X-Forwarded-For", "10.0.0.1")];
    let response = get(&emulator, &url(&emulator, QUERY), &forwarded).await;
    assert_says(&response, 400, "invalid_request", "X-Forwarded-For");
    let twice = format!("{QUERY}&resource=https://storage.azure.com");
    let response = get(&emulator, &url(&emulator, &twice), &[metadata]).await;
    assert_says(&response, 400, "invalid_request", "resource");
    let response = send(
        &emulator,
        Method::POST,
        &url(&emulator, QUERY),
        &[metadata],
        None,
    )
    .await;
    assert_eq!(response.status, 405);
    let response = get(
        &emulator,
        &url(&emulator, "api-version=2018-02-01"),
        &[metadata],
    )
    .await;
    assert_says(&response, 400, "invalid_request", "resource");
    for query in ["resource=a", "resource=a&api-version=1999-01-01"] {
        let response = get(&emulator, &url(&emulator, query), &[metadata]).await;
        assert_eq!(response.status, 400);
        assert!(response.text("error").contains("api-version"));
        assert!(response.body["newest-versions"].is_array());
    }
    let elsewhere = format!("{}/metadata/instance", emulator.imds_url());
    assert_eq!(get(&emulator, &elsewhere, &[metadata]).await.status, 404);
}

#[tokio::test]
async fn a_wrong_audience_is_refused_with_the_message_of_entra() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    let response = imds(&emulator, "api://AzureADTokenExchangeUSGov", &[]).await;
    assert_says(&response, 400, "invalid_resource", "AADSTS500011: ");
    assert!(
        response
            .text("error_description")
            .contains(" Correlation ID: ")
    );
}

#[tokio::test]
async fn an_identity_can_be_selected_by_each_of_its_ids() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let another = ManagedIdentity::user_assigned(&scenario.home_tenant_id, "another");
    assign_to_host(&emulator, &another);

    for selector in [
        ("client_id", scenario.identity_client_id.to_uppercase()),
        ("object_id", scenario.identity_principal_id.clone()),
        ("msi_res_id", scenario.identity_resource_id.to_lowercase()),
        ("mi_res_id", scenario.identity_resource_id.clone()),
    ] {
        let response = imds(&emulator, EXCHANGE, &[(selector.0, &selector.1)]).await;
        assert_eq!(response.status, 200, "{selector:?}: {}", response.body);
        assert_eq!(response.text("client_id"), scenario.identity_client_id);
    }
    for selector in [
        ("client_id", scenario.identity_principal_id.as_str()),
        ("object_id", &scenario.identity_client_id),
        ("msi_res_id", "/subscriptions/none"),
    ] {
        let response = imds(&emulator, EXCHANGE, &[selector]).await;
        assert_says(&response, 400, "invalid_request", "Identity not found");
    }
    let both = [
        ("client_id", scenario.identity_client_id.as_str()),
        ("object_id", &scenario.identity_principal_id),
    ];
    let response = imds(&emulator, EXCHANGE, &both).await;
    assert_says(&response, 400, "invalid_request", "Only one of");
}

#[tokio::test]
async fn without_a_selector_several_identities_are_ambiguous() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let another = ManagedIdentity::user_assigned(&scenario.home_tenant_id, "another");
    assign_to_host(&emulator, &another);
    let response = imds(&emulator, EXCHANGE, &[]).await;
    assert_says(
        &response,
        400,
        "invalid_request",
        "Multiple user assigned identities exist, please specify the clientId / resourceId of \
         the identity in the token request",
    );

    let system = ManagedIdentity::system_assigned(&scenario.home_tenant_id, "vm");
    assign_to_host(&emulator, &system);
    let response = imds(&emulator, EXCHANGE, &[]).await;
    assert_eq!(response.text("client_id"), system.client_id);

    for identity in [
        &system.principal_id,
        &another.principal_id,
        &scenario.identity_principal_id,
    ] {
        emulator.remove_identity_from_host(identity);
    }
    let response = imds(&emulator, EXCHANGE, &[]).await;
    assert_says(&response, 400, "invalid_request", "Identity not found");
}

#[tokio::test]
async fn a_token_is_returned_again_until_it_is_close_to_expiry() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    let first = assertion(&emulator).await;
    assert_eq!(assertion(&emulator).await, first);
    // Each audience has its own token, and both are kept.
    let storage = imds(&emulator, STORAGE, &[]).await;
    assert_ne!(storage.text("access_token"), first);
    assert_eq!(assertion(&emulator).await, first);

    emulator.forget_imds_tokens();
    emulator.set_assertion_lifetime(Duration::from_secs(600));
    let response = imds(&emulator, EXCHANGE, &[]).await;
    assert_ne!(response.text("access_token"), first);
    let expires_in: i64 = response.text("expires_in").parse().expect("a number");
    assert!((590..=600).contains(&expires_in), "{expires_in}");

    // A token without remaining lifetime is not kept.
    emulator.forget_imds_tokens();
    emulator.set_assertion_lifetime(Duration::ZERO);
    assert_ne!(assertion(&emulator).await, assertion(&emulator).await);
}
