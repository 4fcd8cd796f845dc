use super::*;

fn variables(azure: &Emulator) -> [(&'static str, String); 2] {
    [
        ("MSI_ENDPOINT", azure.azure_ml_endpoint()),
        ("MSI_SECRET", azure.identity_header().to_owned()),
    ]
}

#[tokio::test]
async fn the_identity_is_the_named_identity_or_the_default_of_the_compute() {
    let mut world = World::new(variables);
    let client_id = world.scenario.identity_client_id.clone();
    for id in [world.id.clone(), None] {
        world.azure.clear_requests();
        if id.is_none() {
            world.set("DEFAULT_IDENTITY_CLIENT_ID", &client_id);
        }
        world.id = id;
        let [request] = world.succeeds(Endpoint::AzureMl).await.try_into().unwrap();
        assert_eq!(request.query("clientid"), Some(&*client_id));
        assert_eq!(request.query("api-version"), Some("2017-09-01"));
        assert_eq!(request.query.len(), 3);
        assert!(request.header("secret").is_some());
    }
}

#[tokio::test]
async fn its_refusals_are_told_apart() {
    let mut world = World::new(variables);
    says_what_was_answered(&world, Endpoint::AzureMl).await;
    world.id = Some(UserAssignedId::ClientId(world.scenario.client_id.clone()));
    let told = world.fails().await.diagnosis().unwrap().to_string();
    assert!(told.contains("is not assigned to this host"), "{told}");
    world.set("MSI_SECRET", "canary");
    let told = world.fails().await.diagnosis().unwrap().to_string();
    assert!(told.contains("MSI_SECRET"), "{told}");
}

#[test]
fn only_a_client_id_can_select_the_identity() {
    let mut world = World::new(variables);
    for (id, said) in [
        (
            UserAssignedId::ObjectId(world.scenario.identity_principal_id.clone()),
            "object (principal) id",
        ),
        (
            UserAssignedId::ResourceId(world.scenario.identity_resource_id.clone()),
            "resource id",
        ),
    ] {
        world.id = Some(id);
        let why = world.misconfigured();
        assert!(why.contains(said) && why.contains("Azure ML"), "{why}");
    }
    world.id = None;
    world.set("DEFAULT_IDENTITY_CLIENT_ID", "not-a-guid");
    let why = world.misconfigured();
    assert!(why.contains("DEFAULT_IDENTITY_CLIENT_ID"), "{why}");
}

#[tokio::test]
async fn nothing_secret_is_logged() {
    let world = World::new(variables);
    let header = world.azure.identity_header().to_owned();
    logs_no_secret(&world, Endpoint::AzureMl, &[header]).await;
}
