//! The transport of `client_options`.

use azure_core::http::{Method, Request, Url};
use cross_tenant_identity_emulator::{Emulator, Endpoint, Fault, Times};

use crate::support::*;

async fn through(
    emulator: &Emulator,
    url: &str,
    metadata: bool,
) -> azure_core::Result<(u16, String)> {
    let transport = emulator.client_options().transport.expect("a transport");
    let mut request = Request::new(Url::parse(url).expect("a URL"), Method::Get);
    if metadata {
        request.insert_header("metadata", "true");
    }
    let context = azure_core::http::Context::default();
    let response = transport.send(&context, &mut request).await?;
    let status = u16::from(response.status());
    let body = response.into_body().collect_string().await?;
    Ok((status, body))
}

#[tokio::test]
async fn urls_of_azure_connect_to_the_emulator() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let imds = format!(
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource={EXCHANGE}"
    );
    let (status, _) = through(&emulator, &imds, true).await.expect("a response");
    assert_eq!(status, 200);
    let keys = "https://login.microsoftonline.com/common/discovery/v2.0/keys";
    assert_eq!(
        through(&emulator, keys, false).await.expect("a response").0,
        200
    );
    let arm = format!(
        "https://management.azure.com/subscriptions/{}/resourceGroups?api-version=2024-08-01",
        scenario.target_subscription_id
    );
    assert_eq!(
        through(&emulator, &arm, false).await.expect("a response").0,
        401
    );
    let blob = "https://litware.blob.core.windows.net/container";
    assert_eq!(
        through(&emulator, blob, false).await.expect("a response").0,
        404
    );
    let graph = "https://graph.microsoft.com/v1.0/applications";
    assert_eq!(
        through(&emulator, graph, false)
            .await
            .expect("a response")
            .0,
        401
    );
    let own = format!("{}/common/discovery/keys", emulator.https_url());
    assert_eq!(
        through(&emulator, &own, false).await.expect("a response").0,
        200
    );

    let seen: Vec<_> = emulator
        .requests()
        .into_iter()
        .map(|request| (request.endpoint, request.host))
        .collect();
    assert_eq!(seen[0], (Endpoint::Imds, "169.254.169.254".to_owned()));
    assert_eq!(
        seen[1],
        (Endpoint::Jwks, "login.microsoftonline.com".to_owned())
    );
    assert_eq!(
        seen[2],
        (Endpoint::ResourceManager, "management.azure.com".to_owned())
    );
    assert_eq!(
        seen[3],
        (Endpoint::Other, "litware.blob.core.windows.net".to_owned())
    );
    assert_eq!(seen[4], (Endpoint::Graph, "graph.microsoft.com".to_owned()));
}

#[tokio::test]
async fn a_service_responds_only_at_its_own_host_name() {
    let emulator = Emulator::start().expect("an emulator");
    emulator.create_scenario();
    for url in [
        "https://login.microsoftonline.com/subscriptions?api-version=2022-12-01",
        "https://login.microsoftonline.com/v1.0/applications",
        "https://management.azure.com/common/discovery/keys",
        "https://management.azure.com/v1.0/applications",
    ] {
        assert_eq!(
            through(&emulator, url, false).await.expect("a response").0,
            404
        );
    }
}

#[tokio::test]
async fn the_authority_of_another_cloud_knows_no_tenant_of_this_cloud() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    let response = request
        .send_with(&emulator, &[("Host", "login.microsoftonline.us")])
        .await;
    assert_refused(&response, 400, "invalid_request", 90002);
}

#[tokio::test]
async fn another_host_is_refused_before_a_connection_is_opened() {
    let emulator = Emulator::start().expect("an emulator");
    // Reserved names and addresses (RFC 2606, RFC 5737). A connection to them would fail with
    // another error.
    for url in [
        "https://example.invalid/?sig=secret",
        "http://192.0.2.1/",
        "ftp://example.invalid/",
    ] {
        let refused = through(&emulator, url, false)
            .await
            .expect_err(url)
            .to_string();
        assert!(refused.contains("refused to connect to"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
    assert!(emulator.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let emulator = Emulator::start().expect("an emulator");
    let location = format!("{}/common/discovery/v2.0/keys", emulator.https_url());
    emulator.set_fault(
        Endpoint::Jwks,
        Fault::Redirect { location },
        Times::Count(1),
    );
    let keys = "https://login.microsoftonline.com/common/discovery/keys";
    assert_eq!(
        through(&emulator, keys, false).await.expect("a response").0,
        302
    );
    assert_eq!(emulator.requests().len(), 1);
}
