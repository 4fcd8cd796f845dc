//! The token endpoint of Entra.

use cross_tenant_identity_emulator::{Emulator, Step};
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

use crate::support::*;

#[tokio::test]
async fn the_target_tenant_issues_its_own_token() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, ARM);
    let response = request.send(&emulator).await;
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(response.body["token_type"], "Bearer");
    assert_eq!(response.body["expires_in"], 3599);
    assert_eq!(response.body["ext_expires_in"], 3599);
    assert_eq!(response.body.get("refresh_token"), None);
    assert_eq!(response.body.get("refresh_in"), None);
    assert_eq!(response.header("cache-control"), "no-store, no-cache");

    let claims = claims(response.text("access_token"));
    let issuer = format!("https://sts.windows.net/{}/", scenario.target_tenant_id);
    let principal = scenario.target_service_principal_id.expect("provisioned");
    assert_eq!(claims["aud"], ARM);
    assert_eq!(claims["iss"], issuer);
    assert_eq!(claims["idp"], issuer);
    assert_eq!(claims["tid"], scenario.target_tenant_id);
    assert_eq!(claims["oid"], principal);
    assert_eq!(claims["sub"], principal);
    assert_eq!(claims["appid"], scenario.client_id);
    assert_eq!(claims["appidacr"], "2");
    assert_eq!(claims["idtyp"], "app");
    assert_eq!(claims["ver"], "1.0");
    let life = claims["exp"].as_i64().expect("exp") - now();
    assert!((3590..=3599).contains(&life), "{life}");
}

#[tokio::test]
async fn a_tenant_can_be_named_by_its_domain() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    for tenant in ["litware.onmicrosoft.com", "Litware.OnMicrosoft.com"] {
        let response = request.clone().at(tenant).send(&emulator).await;
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(
            claims(response.text("access_token"))["tid"],
            scenario.target_tenant_id
        );
    }
}

#[tokio::test]
async fn lifetime_and_refresh_in_can_be_set() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    emulator.set_access_token_lifetime(Duration::from_secs(86_400));
    emulator.set_refresh_in(Some(Duration::from_secs(43_200)));
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    let response = request.send(&emulator).await;
    assert_eq!(response.body["expires_in"], 86_400);
    assert_eq!(response.body["refresh_in"], 43_200);
}

#[tokio::test]
async fn the_refusal_names_what_is_wrong_with_the_form() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let good = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    let scope = |scope: &str| good.clone().with("scope", scope);
    let twice = {
        let mut twice = good.clone();
        twice
            .fields
            .push(("scope".to_owned(), "a/.default".to_owned()));
        twice
    };
    let secret = good
        .clone()
        .without("client_assertion")
        .with("client_secret", "guessed");
    for (request, status, error, code) in [
        (
            good.clone().without("client_id"),
            400,
            "invalid_request",
            900_144,
        ),
        (
            good.clone().without("scope"),
            400,
            "invalid_request",
            900_144,
        ),
        (
            good.clone().without("grant_type"),
            400,
            "invalid_request",
            900_144,
        ),
        (
            good.clone().with("client_id", ""),
            400,
            "invalid_request",
            900_144,
        ),
        (
            good.clone().without("client_assertion_type"),
            400,
            "invalid_request",
            900_144,
        ),
        (
            good.clone().without("client_assertion"),
            401,
            "invalid_client",
            7_000_218,
        ),
        (
            good.clone().with("client_assertion_type", "saml"),
            401,
            "invalid_client",
            7_000_216,
        ),
        (
            good.clone().with("grant_type", "password"),
            400,
            "unsupported_grant_type",
            70003,
        ),
        (secret, 401, "invalid_client", 7_000_215),
        (twice, 400, "invalid_request", 9_000_411),
        (
            scope("https://storage.azure.com"),
            400,
            "invalid_scope",
            1_002_012,
        ),
        (
            scope("https://storage.azure.com/user_impersonation"),
            400,
            "invalid_scope",
            1_002_012,
        ),
        (scope("/.default"), 400, "invalid_scope", 70011),
        (
            scope("https://storage.azure.com/.default https://vault.azure.net/.default"),
            400,
            "invalid_request",
            700_022,
        ),
        (scope("openid profile"), 400, "invalid_request", 700_023),
    ] {
        assert_refused(&request.send(&emulator).await, status, error, code);
    }

    let url = format!(
        "{}/{}/oauth2/v2.0/token",
        emulator.https_url(),
        scenario.target_tenant_id
    );
    let response = get(&emulator, &url, &[]).await;
    assert_refused(&response, 400, "invalid_request", 900_561);
    let response = send(&emulator, Method::POST, &url, &[], None).await;
    assert_refused(&response, 400, "invalid_request", 900_144);
}

#[tokio::test]
async fn a_wrong_tenant_or_app_is_refused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let good = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    let unknown = "99999999-9999-4999-8999-999999999999";
    for (request, error, code) in [
        (good.clone().at(unknown), "invalid_request", 90002),
        (good.clone().at("example.com"), "invalid_request", 90002),
        (good.clone().at("litware"), "invalid_request", 900_023),
        (good.clone().at("a..b"), "invalid_request", 900_023),
        (good.clone().at("common"), "invalid_request", 9_001_023),
        (
            good.clone().with("client_id", unknown),
            "unauthorized_client",
            700_016,
        ),
    ] {
        assert_refused(&request.send(&emulator).await, 400, error, code);
    }
    let scenario = emulator.create_scenario_without(Step::MultiTenant);
    let single = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    let response = single.clone().at("common").send(&emulator).await;
    assert_refused(&response, 400, "invalid_request", 50194);
    let response = single.clone().send(&emulator).await;
    assert_refused(&response, 400, "unauthorized_client", 700_016);
    let response = single.at(&scenario.home_tenant_id).send(&emulator).await;
    assert_eq!(response.status, 200, "{}", response.body);
}

#[tokio::test]
async fn a_missing_disabled_or_blocked_service_principal_is_refused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let (tenant, app) = (&scenario.target_tenant_id, &scenario.client_id);
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    emulator
        .set_service_principal_enabled(tenant, app, false)
        .expect("provisioned");
    let response = request.send(&emulator).await;
    assert_refused(&response, 400, "unauthorized_client", 7_000_112);

    emulator
        .set_service_principal_enabled(tenant, app, true)
        .expect("provisioned");
    emulator
        .set_conditional_access_block(tenant, app, true)
        .expect("provisioned");
    let response = request.send(&emulator).await;
    assert_refused(&response, 400, "invalid_grant", 53003);
    let claims: Value = serde_json::from_str(response.text("claims")).expect("a JSON string");
    assert!(claims["access_token"]["capolids"].is_object());

    emulator.remove_service_principal(tenant, app);
    let response = request.send(&emulator).await;
    assert_refused(&response, 401, "invalid_client", 7_000_229);

    emulator
        .provision_service_principal(tenant, app)
        .expect("a multi-tenant app");
    assert_eq!(request.send(&emulator).await.status, 200);
}

#[tokio::test]
async fn the_home_tenant_needs_a_service_principal_except_with_the_old_behaviour() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    emulator.remove_service_principal(&scenario.home_tenant_id, &scenario.client_id);
    emulator.remove_service_principal(&scenario.target_tenant_id, &scenario.client_id);
    let target = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    let home = target.clone().at(&scenario.home_tenant_id);
    assert_refused(
        &home.send(&emulator).await,
        401,
        "invalid_client",
        7_000_229,
    );

    emulator.set_home_tokens_without_service_principal(true);
    let response = home.send(&emulator).await;
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(claims(response.text("access_token")).get("oid"), None);
    let response = target.send(&emulator).await;
    assert_refused(&response, 401, "invalid_client", 7_000_229);
}

#[tokio::test]
async fn a_resource_must_exist_in_the_tenant() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let assertion = assertion(&emulator).await;
    let own = TokenRequest::new(&scenario, &assertion, "api://litware-orders");
    let response = own.send(&emulator).await;
    assert_refused(&response, 400, "invalid_resource", 500_011);
    emulator
        .add_resource(&scenario.target_tenant_id, "api://litware-orders")
        .expect("a tenant");
    assert_eq!(own.send(&emulator).await.status, 200);
    emulator
        .set_assignment_required(&scenario.target_tenant_id, "api://litware-orders", true)
        .expect("a resource");
    let response = own.send(&emulator).await;
    assert_refused(&response, 401, "invalid_client", 501_051);

    emulator.remove_resource(&scenario.target_tenant_id, STORAGE);
    let storage = TokenRequest::new(&scenario, &assertion, STORAGE);
    let response = storage.send(&emulator).await;
    assert_refused(&response, 400, "invalid_resource", 500_011);
}

#[tokio::test]
async fn the_sixteenth_equal_request_is_a_loop() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    for _ in 0..15 {
        assert_eq!(request.send(&emulator).await.status, 200);
    }
    let response = request.send(&emulator).await;
    assert_refused(&response, 400, "invalid_grant", 50196);

    // A request with another scope is not equal, and after five minutes a request does not count.
    let other = request
        .clone()
        .with("scope", "https://vault.azure.net/.default");
    assert_eq!(other.send(&emulator).await.status, 200);
    emulator.set_clock_offset(301);
    assert_eq!(request.send(&emulator).await.status, 200);

    emulator.set_clock_offset(0);
    emulator.set_loop_detection(false);
    for _ in 0..20 {
        assert_eq!(request.send(&emulator).await.status, 200);
    }
}

#[tokio::test]
async fn the_request_id_of_the_client_is_returned_and_is_the_correlation_id() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let id = "0a0a0a0a-0000-4000-8000-0000000000ff";
    let good = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    let response = good
        .send_with(&emulator, &[("client-request-id", id)])
        .await;
    assert_eq!(response.header("client-request-id"), id);
    let bad = good.without("scope");
    let response = bad.send_with(&emulator, &[("client-request-id", id)]).await;
    assert_eq!(response.header("client-request-id"), id);
    assert_eq!(response.text("correlation_id"), id);
    let url = format!(
        "{}/{}/oauth2/v2.0/token?client-request-id={id}",
        emulator.https_url(),
        scenario.target_tenant_id
    );
    let response = send(&emulator, Method::POST, &url, &[], Some(&bad.fields)).await;
    assert_eq!(response.text("correlation_id"), id);
}
