//! The identity endpoint of App Service.

use cross_tenant_identity_emulator::{Emulator, ManagedIdentity, fingerprint};

use crate::support::*;

const QUERY: &str = "api-version=2019-08-01&resource=api%3A%2F%2FAzureADTokenExchange";

async fn ask(emulator: &Emulator, query: &str, header: Option<&str>) -> Response {
    let url = format!("{}?{query}", emulator.identity_endpoint());
    let headers: Vec<_> = header
        .map(|value| ("X-IDENTITY-HEADER", value))
        .into_iter()
        .collect();
    get(emulator, &url, &headers).await
}

#[tokio::test]
async fn an_identity_can_be_selected_by_each_of_its_ids() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let header = Some(emulator.identity_header());
    for selector in [
        format!("client_id={}", scenario.identity_client_id),
        format!("principal_id={}", scenario.identity_principal_id),
        format!("object_id={}", scenario.identity_principal_id),
        format!("mi_res_id={}", scenario.identity_resource_id),
    ] {
        let response = ask(&emulator, &format!("{QUERY}&{selector}"), header).await;
        assert_eq!(response.status, 200, "{selector}: {}", response.body);
        assert_eq!(response.text("client_id"), scenario.identity_client_id);
        let claims = claims(response.text("access_token"));
        assert_eq!(claims["aud"], EXCHANGE_APP_ID);
        assert_eq!(response.text("expires_on"), claims["exp"].to_string());
    }
}

#[tokio::test]
async fn an_invalid_request_is_refused_with_the_error_body_of_app_service() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let header = Some(emulator.identity_header());
    let client_id = format!("client_id={}", scenario.identity_client_id);
    for (query, header, status) in [
        (format!("{QUERY}&{client_id}"), None, 401),
        (format!("{QUERY}&{client_id}"), Some("guessed"), 401),
        (QUERY.to_owned(), header, 400),
        (
            format!("{QUERY}&client_id={}", scenario.client_id),
            header,
            400,
        ),
        (format!("{QUERY}&{client_id}&{client_id}"), header, 400),
        (format!("resource=a&{client_id}"), header, 400),
        (format!("api-version=2019-08-01&{client_id}"), header, 400),
    ] {
        let response = ask(&emulator, &query, header).await;
        assert_eq!(response.status, status, "{query}");
        assert_eq!(response.body["statusCode"], status);
        assert!(!response.text("message").is_empty());
        assert!(!response.text("correlationId").is_empty());
    }
}

#[tokio::test]
async fn without_a_selector_only_the_system_assigned_identity_gets_a_token() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let system = ManagedIdentity::system_assigned(&scenario.home_tenant_id, "site");
    assign_to_host(&emulator, &system);
    let response = ask(&emulator, QUERY, Some(emulator.identity_header())).await;
    assert_eq!(response.text("client_id"), system.client_id);
}

#[tokio::test]
async fn a_token_is_replaced_by_its_hash_where_the_version_is_known() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let header = Some(emulator.identity_header());
    let query = format!("{QUERY}&client_id={}", scenario.identity_client_id);
    let first = ask(&emulator, &query, header).await;
    let first = first.text("access_token");
    let hash = fingerprint(first);
    let hash = hash.strip_prefix("sha256:").expect("a hash");
    let query = query.replace("2019-08-01", "2025-03-30");
    assert_eq!(ask(&emulator, &query, header).await.status, 400);
    emulator.set_app_service_refresh(true);
    for (hash, replaced) in [("0", false), (hash, true), (hash, true)] {
        let query = format!("{query}&token_sha256_to_refresh={hash}");
        let response = ask(&emulator, &query, header).await;
        assert_eq!(response.text("access_token") != first, replaced);
    }
}
