//! The log: what it holds, and what it does not.

use cross_tenant_identity_emulator::{Emulator, Endpoint, Fault, Times, fingerprint};
use std::sync::mpsc;

use crate::support::*;

#[tokio::test]
async fn the_log_holds_the_parts_of_a_request() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let selector = [("client_id", scenario.identity_client_id.as_str())];
    imds(&emulator, EXCHANGE, &selector).await;
    let requests = emulator.requests();
    let request = &requests[0];
    assert_eq!(request.endpoint, Endpoint::Imds);
    assert_eq!(request.method, "GET");
    assert_eq!(format!("http://{}", request.host), emulator.imds_url());
    assert_eq!(request.path, "/metadata/identity/oauth2/token");
    assert_eq!(
        request.query("client_id"),
        Some(scenario.identity_client_id.as_str())
    );
    assert_eq!(request.query("resource"), Some(EXCHANGE));
    assert_eq!(request.header("Metadata"), Some("true"));
    assert_eq!(request.status, Some(200));
    emulator.clear_requests();
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn the_log_holds_fingerprints_instead_of_secrets() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let assertion = assertion(&emulator).await;
    let token = access_token(&emulator, &scenario, ARM).await;
    let bearer = format!("Bearer {token}");
    let url = format!(
        "{}/subscriptions?api-version=2022-12-01",
        emulator.https_url()
    );
    get(&emulator, &url, &[("Authorization", &bearer)]).await;
    let app_service = format!(
        "{}?api-version=2019-08-01&resource=a",
        emulator.identity_endpoint()
    );
    let header = emulator.identity_header();
    get(&emulator, &app_service, &[("X-IDENTITY-HEADER", header)]).await;
    // The log hides a secret in a wrong place, too.
    let misplaced = format!("{}/{token}?a={assertion}&b={token}", emulator.https_url());
    get(&emulator, &misplaced, &[("x-custom", &token)]).await;
    let secret = TokenRequest::new(&scenario, &assertion, STORAGE)
        .without("client_assertion")
        .with("client_secret", "the-client-secret");
    secret.send(&emulator).await;

    let leaf = emulator.server_certificate(&["127.0.0.1"]).expect("a leaf");
    let key: Vec<_> = leaf.private_key_pem.lines().collect();
    let shown = format!(
        "{:?} {emulator:?} {leaf:?} {scenario:?}",
        emulator.requests()
    );
    assert!(!shown.contains(key[1]));
    for secret in [&assertion, &token, header, "the-client-secret"] {
        assert!(!shown.contains(secret));
        // It also shows no part of a token.
        assert!(!secret.split('.').any(|part| shown.contains(part)));
    }
    let logged = emulator.requests_to(Endpoint::Token);
    assert_eq!(
        logged[0].form("client_assertion"),
        Some(fingerprint(&assertion).as_str())
    );
    assert_eq!(
        logged[0].form("client_id"),
        Some(scenario.client_id.as_str())
    );
    let logged = emulator.requests_to(Endpoint::ResourceManager);
    assert_eq!(
        logged[0].header("authorization"),
        Some(fingerprint(&token).as_str())
    );
    let logged = emulator.requests_to(Endpoint::AppService);
    assert_eq!(
        logged[0].header("x-identity-header"),
        Some(fingerprint(header).as_str())
    );
    assert!(fingerprint(header).starts_with("sha256:"));
}

#[tokio::test]
async fn an_observer_is_called_with_each_request_and_its_status() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    let (sender, receiver) = mpsc::channel();
    emulator.on_request(move |request| {
        let _ = sender.send((request.endpoint, request.status));
    });
    imds(&emulator, EXCHANGE, &[]).await;
    emulator.set_fault(Endpoint::Imds, Fault::Reset, Times::Count(1));
    let url = format!("{}/metadata", emulator.imds_url());
    get(&emulator, &url, &[]).await;
    let request = http(&emulator).get(emulator.imds_url().to_owned() + IMDS_PATH);
    request.send().await.expect_err("a reset");
    drop(emulator);
    let observed: Vec<_> = receiver.iter().collect();
    assert_eq!(
        observed,
        [
            (Endpoint::Imds, Some(200)),
            (Endpoint::Other, Some(404)),
            (Endpoint::Imds, None),
        ]
    );
}
