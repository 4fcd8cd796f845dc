use super::*;

fn variables(azure: &Emulator) -> [(&'static str, String); 2] {
    [
        ("IDENTITY_ENDPOINT", azure.identity_endpoint().to_owned()),
        ("IDENTITY_HEADER", azure.identity_header().to_owned()),
    ]
}

#[tokio::test]
async fn each_id_of_an_identity_selects_it_under_its_documented_name() {
    let mut world = World::new(variables);
    let scenario = &world.scenario;
    for (id, parameter) in [
        (
            UserAssignedId::ClientId(scenario.identity_client_id.clone()),
            "client_id",
        ),
        (
            UserAssignedId::ObjectId(scenario.identity_principal_id.clone()),
            "principal_id",
        ),
        (
            UserAssignedId::ResourceId(scenario.identity_resource_id.clone()),
            "mi_res_id",
        ),
    ] {
        world.azure.clear_requests();
        world.id = Some(id);
        let [request] = world
            .succeeds(Endpoint::AppService)
            .await
            .try_into()
            .unwrap();
        assert!(request.query(parameter).is_some(), "{request:?}");
        assert_eq!(request.query("api-version"), Some("2019-08-01"));
        assert_eq!(
            request.query("resource"),
            Some("api://AzureADTokenExchange")
        );
        assert_eq!(request.query.len(), 3);
        assert!(request.header("x-identity-header").is_some());
        assert!(request.header("metadata").is_none());
    }
    assert_eq!(world.azure.requests_to(Endpoint::Imds).len(), 0);
}

#[tokio::test]
async fn its_refusals_are_told_apart() {
    let mut world = World::new(variables);
    says_what_was_answered(&world, Endpoint::AppService).await;

    world.id = None;
    let error = world.fails().await;
    assert_eq!(error.status().map(u16::from), Some(400));
    let told = error.diagnosis().unwrap().to_string();
    assert!(told.contains("a request that names none"), "{told}");

    world.id = Some(UserAssignedId::ClientId(world.scenario.client_id.clone()));
    let told = world.fails().await.diagnosis().unwrap().to_string();
    assert!(told.contains("is not assigned to this host"), "{told}");
    assert!(told.contains("az identity list"), "{told}");

    let mut options = world.identity_options();
    options.user_assigned_id = Some(UserAssignedId::ClientId(
        world.scenario.identity_client_id.clone(),
    ));
    options.audience = Some("api://Elsewhere".to_owned());
    let credential = world.with(options).unwrap();
    let error = credential.get_token(&[ARM], None).await.unwrap_err();
    let error = Error::find(&error).unwrap();
    assert_eq!(error.code(), Some(500_011));
    assert!(
        error
            .diagnosis()
            .unwrap()
            .to_string()
            .contains("api://Elsewhere")
    );

    world.set("IDENTITY_HEADER", "canary-of-another-instance");
    let error = world.fails().await;
    assert_eq!(error.status().map(u16::from), Some(401));
    let told = error.diagnosis().unwrap().to_string();
    assert!(told.contains("IDENTITY_HEADER"), "{told}");
}

#[tokio::test]
async fn a_header_that_the_endpoint_echoes_is_not_in_the_error() {
    let world = World::new(variables);
    let secret = world.azure.identity_header();
    let echo = Fault::Response {
        status: 403,
        headers: vec![("x-echo".to_owned(), secret.to_owned())],
        body: format!(r#"{{"statusCode":403,"message":"not {secret}"}}"#).into_bytes(),
    };
    world
        .azure
        .set_fault(Endpoint::AppService, echo, Times::UntilCleared);
    let error = world.fails().await;
    assert!(error.to_string().contains("not [redacted]"), "{error}");
}

#[tokio::test]
async fn a_refused_assertion_is_requested_again_and_replaced_if_the_host_has_another() {
    for can in [true, false] {
        let world = World::new(variables);
        world.azure.set_app_service_refresh(can);
        let credential = world.credential();
        let source = &credential.family.exchange.assertion;
        let refused = source.assertion().await.unwrap();
        let replaced = source.replace(&refused).await.unwrap();
        assert_eq!(replaced.token != refused.token, can);

        let asked = world.azure.requests_to(Endpoint::AppService);
        let versions: Vec<_> = asked
            .iter()
            .map(|it| (it.query("api-version").unwrap(), it.status.unwrap()))
            .collect();
        let expected: &[_] = match can {
            true => &[("2019-08-01", 200), ("2025-03-30", 200)],
            false => &[
                ("2019-08-01", 200),
                ("2025-03-30", 400),
                ("2019-08-01", 200),
            ],
        };
        assert_eq!(versions, expected);
        let hash = cross_tenant_identity_emulator::fingerprint(refused.token.secret());
        let hash = hash.strip_prefix("sha256:");
        assert_eq!(asked[1].query("token_sha256_to_refresh"), hash);
        assert!(asked[0].query("token_sha256_to_refresh").is_none());
    }
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let world = World::new(variables);
    let header = world.azure.identity_header().to_owned();
    logs_no_secret(&world, Endpoint::AppService, &[header]).await;
}
