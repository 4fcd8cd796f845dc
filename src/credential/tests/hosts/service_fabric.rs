use super::*;

fn variables(azure: &Emulator) -> [(&'static str, String); 3] {
    [
        ("IDENTITY_ENDPOINT", azure.service_fabric_endpoint()),
        ("IDENTITY_HEADER", azure.identity_header().to_owned()),
        (
            "IDENTITY_SERVER_THUMBPRINT",
            azure.server_thumbprint().to_owned(),
        ),
    ]
}

fn world() -> World {
    let mut world = World::new(variables);
    world.id = None;
    world
}

#[tokio::test]
async fn the_deployment_selects_the_identity_and_newer_versions_accept_an_object_id() {
    let mut world = world();
    let [request] = world
        .succeeds(Endpoint::ServiceFabric)
        .await
        .try_into()
        .unwrap();
    assert_eq!(request.query("api-version"), Some("2019-07-01-preview"));
    assert_eq!(request.query.len(), 2);
    assert!(request.header("secret").is_some());

    world.azure.clear_requests();
    let principal_id = world.scenario.identity_principal_id.clone();
    world.id = Some(UserAssignedId::ObjectId(principal_id.clone()));
    let [request] = world
        .succeeds(Endpoint::ServiceFabric)
        .await
        .try_into()
        .unwrap();
    assert_eq!(request.query("api-version"), Some("2020-05-01"));
    assert_eq!(request.query("principalId"), Some(&*principal_id));
}

#[tokio::test]
async fn a_version_that_ignores_the_object_id_cannot_return_another_identity_unnoticed() {
    let mut world = world();
    let other = world.azure.sign(&serde_json::json!({
        "sub": world.scenario.identity_principal_id, "exp": 9_999_999_999_i64,
    }));
    let answer = serde_json::json!({ "access_token": other, "expires_on": 9_999_999_999_i64 });
    let fault = Fault::json(200, &answer.to_string());
    world
        .azure
        .set_fault(Endpoint::ServiceFabric, fault, Times::UntilCleared);
    world.id = Some(UserAssignedId::ObjectId(world.scenario.client_id.clone()));
    let error = world.fails().await;
    assert!(error.to_string().contains("another identity"), "{error}");
}

#[tokio::test]
async fn its_refusals_are_told_apart() {
    let mut world = world();
    says_what_was_answered(&world, Endpoint::ServiceFabric).await;
    world.id = Some(UserAssignedId::ObjectId(world.scenario.client_id.clone()));
    let told = world.fails().await.diagnosis().unwrap().to_string();
    let unknown = format!(
        "no managed identity with the object id \"{}\"",
        world.scenario.client_id
    );
    assert!(told.contains(&unknown), "{told}");
    assert!(told.contains("IDENTITY_HEADER is out of date"), "{told}");
    let missing = r#"{"error":{"code":"SecretHeaderNotFound","message":"Secret is not found"}}"#;
    let fault = Fault::json(400, missing);
    world
        .azure
        .set_fault(Endpoint::ServiceFabric, fault, Times::UntilCleared);
    let told = world.fails().await.diagnosis().unwrap().to_string();
    assert!(told.contains("IDENTITY_HEADER"), "{told}");
}

/// The endpoint answers 404 for both, so the error names both.
#[tokio::test]
async fn a_header_from_before_a_restart_and_a_missing_identity_have_one_diagnosis() {
    let mut world = world();
    world.set("IDENTITY_HEADER", "canary-from-before-the-restart");
    let error = world.fails().await;
    assert_eq!(error.status().map(u16::from), Some(404));
    assert!(!error.is_transient(), "{error}");
    let told = error.diagnosis().unwrap().to_string();
    for text in [
        "the application has no managed identity, or",
        "IDENTITY_HEADER is out of date",
        "restarts",
        "Check that the deployment assigns the identity",
    ] {
        assert!(told.contains(text), "{text}: {told}");
    }
}

#[tokio::test]
async fn a_certificate_with_another_thumbprint_is_refused_before_anything_is_sent() {
    let mut world = world();
    let right = world.azure.server_thumbprint().to_owned();
    let last = if right.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &right[..39]);
    world.set("IDENTITY_SERVER_THUMBPRINT", &wrong);
    let error = world.fails().await;
    assert!(error.to_string().contains("another thumbprint"), "{error}");
    assert!(!error.is_transient());
    assert!(world.azure.requests().is_empty());
    // The thumbprint in lower case is equal.
    world.set("IDENTITY_SERVER_THUMBPRINT", &right.to_lowercase());
    world.succeeds(Endpoint::ServiceFabric).await;
}

#[tokio::test]
async fn a_redirect_does_not_send_the_secret_elsewhere() {
    let world = world();
    let location = world.azure.identity_endpoint().to_owned();
    world.azure.set_fault(
        Endpoint::ServiceFabric,
        Fault::Redirect { location },
        Times::UntilCleared,
    );
    let told = world.fails().await.diagnosis().unwrap().to_string();
    assert!(told.contains("redirects the request"), "{told}");
    assert!(world.azure.requests_to(Endpoint::AppService).is_empty());
}

#[test]
fn an_option_that_service_fabric_does_not_support_is_an_error() {
    let mut world = world();
    world.id = Some(UserAssignedId::ClientId(
        world.scenario.identity_client_id.clone(),
    ));
    assert!(world.misconfigured().contains("client id"));
    world.id = None;
    let plain = world.azure.identity_endpoint().to_owned();
    for (name, value) in [
        ("IDENTITY_SERVER_THUMBPRINT", "canary"),
        ("IDENTITY_ENDPOINT", &*plain),
    ] {
        let before = world.variables.clone();
        world.set(name, value);
        let why = world.with(world.identity_options()).unwrap_err();
        assert!(why.to_string().contains(name), "{why}");
        world.variables = before;
    }
    let mut options = world.identity_options();
    options.client_options = world.azure.client_options();
    let why = world.with(options).unwrap_err().to_string();
    assert!(why.contains("client_options.transport"), "{why}");
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let world = world();
    let header = world.azure.identity_header().to_owned();
    logs_no_secret(&world, Endpoint::ServiceFabric, &[header]).await;
}
