//! The identity endpoints of Azure Arc, Azure Machine Learning and Service Fabric.

use cross_tenant_identity_emulator::{Emulator, ManagedIdentity};

use crate::support::*;

const RESOURCE: &str = "resource=api%3A%2F%2FAzureADTokenExchange";

#[tokio::test]
async fn azure_ml_selects_by_clientid_and_wants_its_secret() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let endpoint = emulator.azure_ml_endpoint();
    let secret = emulator.identity_header();
    let client_id = &scenario.identity_client_id;
    for (query, secret, status) in [
        (
            format!("api-version=2017-09-01&{RESOURCE}&clientid={client_id}"),
            secret,
            200,
        ),
        (
            format!("api-version=2017-09-01&{RESOURCE}&clientid={client_id}"),
            "guessed",
            401,
        ),
        (
            format!("api-version=2019-08-01&{RESOURCE}&clientid={client_id}"),
            secret,
            400,
        ),
        (
            format!("api-version=2017-09-01&clientid={client_id}"),
            secret,
            400,
        ),
        (format!("api-version=2017-09-01&{RESOURCE}"), secret, 400),
    ] {
        let url = format!("{endpoint}?{query}");
        let response = get(&emulator, &url, &[("secret", secret)]).await;
        assert_eq!(response.status, status, "{query}: {}", response.body);
    }
}

#[tokio::test]
async fn service_fabric_has_one_identity_or_takes_a_principal_id() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let endpoint = emulator.service_fabric_endpoint();
    let secret = emulator.identity_header();
    let principal_id = &scenario.identity_principal_id;
    for (query, secret, status) in [
        (
            format!("api-version=2019-07-01-preview&{RESOURCE}"),
            secret,
            200,
        ),
        (
            format!("api-version=2020-05-01&{RESOURCE}&principalId={principal_id}"),
            secret,
            200,
        ),
        (
            format!(
                "api-version=2020-05-01&{RESOURCE}&principalId={}",
                scenario.client_id
            ),
            secret,
            404,
        ),
        (format!("api-version=2018-02-01&{RESOURCE}"), secret, 400),
        ("api-version=2019-07-01-preview".to_owned(), secret, 400),
        (
            format!("api-version=2019-07-01-preview&{RESOURCE}"),
            "guessed",
            404,
        ),
    ] {
        let url = format!("{endpoint}?{query}");
        let response = get(&emulator, &url, &[("secret", secret)]).await;
        assert_eq!(response.status, status, "{query}: {}", response.body);
        if status == 200 {
            // A number, unlike elsewhere.
            assert!(response.body["expires_on"].is_i64(), "{}", response.body);
        }
    }
    assert_eq!(emulator.server_thumbprint().len(), 40);
}

#[tokio::test]
async fn azure_arc_demands_the_content_of_a_file_once() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let url = format!(
        "{}?api-version=2020-06-01&{RESOURCE}",
        emulator.arc_endpoint()
    );
    let metadata = ("Metadata", "true");
    // There is no directory for its files yet.
    assert_eq!(get(&emulator, &url, &[metadata]).await.status, 500);
    let directory = std::env::temp_dir().join(&scenario.identity_principal_id);
    std::fs::create_dir(&directory).expect("a directory");
    emulator.set_arc_key_directory(&directory);

    assert_eq!(get(&emulator, &url, &[]).await.status, 400);
    let challenge = get(&emulator, &url, &[metadata]).await;
    assert_eq!(challenge.status, 401);
    let realm = challenge.header("www-authenticate");
    let path = realm.strip_prefix("Basic realm=").expect("a realm");
    let key = format!("Basic {}", std::fs::read_to_string(path).expect("a key"));
    let with_key = [metadata, ("Authorization", &*key)];
    // The host has no system-assigned identity, which is the only one that Arc has.
    assert_eq!(get(&emulator, &url, &with_key).await.status, 400);
    assert_eq!(get(&emulator, &url, &with_key).await.status, 403);

    let system = ManagedIdentity::system_assigned(&scenario.home_tenant_id, "machine");
    assign_to_host(&emulator, &system);
    let challenge = get(&emulator, &url, &[metadata]).await;
    let realm = challenge.header("www-authenticate");
    let path = realm.strip_prefix("Basic realm=").expect("a realm");
    let key = format!("Basic {}", std::fs::read_to_string(path).expect("a key"));
    let response = get(&emulator, &url, &[metadata, ("Authorization", &key)]).await;
    let claims = claims(response.text("access_token"));
    assert_eq!(claims["sub"], system.principal_id.as_str());
    let number = |name| response.text(name).parse::<i64>().expect("a number");
    assert_eq!(number("expires_on"), claims["exp"].as_i64().expect("exp"));
    let issued = number("expires_on") - number("expires_in");
    assert!(issued > number("not_before"), "{}", response.body);
    std::fs::remove_dir_all(directory).expect("the directory");
}
