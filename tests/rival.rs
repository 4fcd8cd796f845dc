//! Compares this crate with azure_identity's own credentials: the same emulator, requests,
//! resources and refusals.

#[path = "../examples/support/arm.rs"]
#[allow(dead_code)]
mod arm;
#[path = "support/glue.rs"]
mod glue;
mod support;

use arm::ResourceManager;
use azure_core::credentials::TokenCredential;
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions, Error,
    ManagedIdentityAssertion, TokenCredentialAssertion, TokenFileAssertion,
};
use cross_tenant_identity_emulator::{
    Emulator, Endpoint, FederatedCredential, LoggedRequest, ManagedIdentity, Step,
};
use futures::TryStreamExt;
use glue::Glue;
use std::{collections::BTreeMap, sync::Arc};
use support::{ARM, STORAGE, World, claims, refused};

fn theirs(world: &World) -> Arc<ClientAssertionCredential<Glue>> {
    Glue::credential(&world.scenario, world.azure.client_options()).unwrap()
}

/// The requests of both for the same token, those of azure_identity first.
async fn both_ask(world: &World, scope: &str, endpoint: Endpoint) -> [LoggedRequest; 2] {
    world.azure.clear_requests();
    let theirs = theirs(world).get_token(&[scope], None).await.unwrap();
    let ours = world.credential().get_token(&[scope], None).await.unwrap();
    let identity = |token: &str| {
        let claims = claims(token);
        ["aud", "iss", "idp", "tid", "oid", "sub", "appid", "idtyp"]
            .map(|name| claims[name].clone())
    };
    assert_eq!(
        identity(theirs.token.secret()),
        identity(ours.token.secret())
    );
    let lives = (ours.expires_on - theirs.expires_on).whole_seconds();
    assert!(lives.abs() <= 5, "the lives differ by {lives} s");
    world.azure.requests_to(endpoint).try_into().unwrap()
}

fn fields(pairs: &[(String, String)]) -> BTreeMap<&str, &str> {
    let fields: BTreeMap<_, _> = pairs.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(fields.len(), pairs.len(), "a field is sent twice");
    fields
}

#[tokio::test]
async fn the_token_requests_have_the_same_fields() {
    let world = World::new();
    for scope in [ARM, STORAGE] {
        let [theirs, ours] = both_ask(&world, scope, Endpoint::Token).await;
        // The log contains the fingerprint of the assertion: IMDS returns the same assertion to
        // both.
        assert_eq!(fields(&theirs.form), fields(&ours.form));
        assert_eq!(ours.form.len(), 5);
        let form = Some("application/x-www-form-urlencoded");
        assert_eq!(theirs.header("content-type"), form);
        assert_eq!(ours.header("content-type"), form);
        assert_eq!(
            (theirs.method, theirs.host, theirs.path, theirs.query),
            (ours.method, ours.host, ours.path, ours.query)
        );
    }
}

#[tokio::test]
async fn the_identity_requests_have_the_same_parameters() {
    let world = World::new();
    let [theirs, ours] = both_ask(&world, ARM, Endpoint::Imds).await;
    let (mut theirs_query, mut ours_query) = (fields(&theirs.query), fields(&ours.query));
    // IMDS accepts both names; this crate uses the name from IMDS's page on Microsoft Learn.
    assert_eq!(theirs_query.remove("api-version"), Some("2019-08-01"));
    assert_eq!(ours_query.remove("api-version"), Some("2018-02-01"));
    assert_eq!(theirs_query, ours_query);
    assert_eq!((&theirs.method, &theirs.path), (&ours.method, &ours.path));
    assert_eq!(theirs.header("metadata"), ours.header("metadata"));
    assert_eq!(ours.header("metadata"), Some("true"));
}

#[tokio::test]
async fn both_tokens_give_access_to_the_same_resources() {
    let world = World::new();
    let mut seen = Vec::new();
    for credential in [
        theirs(&world) as Arc<dyn TokenCredential>,
        world.credential(),
    ] {
        let arm = ResourceManager::new(credential, world.azure.client_options()).unwrap();
        let groups: Vec<_> = arm
            .resource_groups(&world.scenario.target_subscription_id)
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        seen.push(
            groups
                .into_iter()
                .map(|group| group.name)
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(seen[0], ["NetworkWatcherRG"]);
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn both_are_refused_with_the_same_code() {
    for step in [
        Step::ServicePrincipal,
        Step::FederatedCredential,
        Step::MultiTenant,
        Step::HomeRegistration,
    ] {
        let world = World::without(step);
        let theirs = theirs(&world).get_token(&[ARM], None).await.unwrap_err();
        let ours = world
            .credential()
            .get_token(&[ARM], None)
            .await
            .unwrap_err();
        let code = Error::find(&ours).unwrap().code().unwrap();
        let code = format!("AADSTS{code}:");
        assert!(theirs.to_string().contains(&code), "{code} {theirs}");
        assert!(ours.to_string().contains(&code), "{code} {ours}");
    }
}

#[tokio::test]
async fn our_assertion_works_in_azure_identitys_credential() {
    let world = World::new();
    let assertion = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    let theirs = ClientAssertionCredential::new(
        world.scenario.target_tenant_id.clone(),
        world.scenario.client_id.clone(),
        assertion.clone(),
        Some(ClientAssertionCredentialOptions {
            client_options: world.azure.client_options(),
        }),
    )
    .unwrap();
    theirs.get_token(&[ARM], None).await.unwrap();
    assertion.secret(None).await.unwrap();
    assert_eq!(world.count(Endpoint::Imds), 1);
}

#[tokio::test]
async fn azure_identitys_managed_identity_works_in_our_credential() {
    let world = World::new();
    let source = Glue::new(&world.scenario, world.azure.client_options()).unwrap();
    let ours = world.with_assertion(
        source,
        CrossTenantManagedIdentityCredentialOptions {
            client_options: world.azure.client_options(),
            ..Default::default()
        },
    );
    for scope in [ARM, STORAGE] {
        let token = ours.get_token(&[scope], None).await.unwrap();
        assert_eq!(
            claims(token.token.secret())["tid"],
            world.scenario.target_tenant_id
        );
    }
    assert_eq!(
        (world.count(Endpoint::Imds), world.count(Endpoint::Token)),
        (1, 2)
    );
}

#[tokio::test]
async fn any_credential_of_azure_identity_works_as_a_source_of_assertions() {
    let world = World::new();
    let theirs = ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
        user_assigned_id: Some(UserAssignedId::ClientId(
            world.scenario.identity_client_id.clone(),
        )),
        client_options: world.azure.client_options(),
    }))
    .unwrap();
    let assertion = TokenCredentialAssertion::new(theirs, "api://AzureADTokenExchange").unwrap();
    let shown = format!("{assertion:?}");
    let ours = with_assertion(&world, assertion.clone());
    for scope in [ARM, STORAGE] {
        ours.get_token(&[scope], None).await.unwrap();
    }
    assert_eq!(
        (world.count(Endpoint::Imds), world.count(Endpoint::Token)),
        (1, 2)
    );
    let secret = assertion.secret(None).await.unwrap();
    assert!(!shown.contains(&secret));
    for bad in ["", "api://with space"] {
        let unused = world.credential();
        let error = TokenCredentialAssertion::new(unused, bad).unwrap_err();
        assert!(error.to_string().starts_with("Audience is"), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_came_from_a_federated_credential_is_refused_as_an_assertion() {
    let world = World::new();
    let own = ManagedIdentityAssertion::new(Some(world.identity_options())).unwrap();
    let mut federated = claims(&own.secret(None).await.unwrap());
    federated["xms_ficinfo"] = "CAEQAA".into();
    let federated = world.azure.sign(&federated);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, federated).unwrap();
    let ours = with_assertion(&world, TokenFileAssertion::new(path).unwrap());
    let error = refused(&ours, ARM).await;
    assert_eq!(error.code(), Some(700_231));
    let told = error.diagnosis().unwrap().to_string();
    assert!(told.contains("AZURE_FEDERATED_TOKEN_FILE"), "{told}");
}

#[tokio::test]
async fn a_projected_token_is_sent_in_the_same_way_by_both() {
    const SUBJECT: &str = "system:serviceaccount:litware-work:watcher";
    let world = World::new();
    let mut trust = FederatedCredential::trusting(&ManagedIdentity::system_assigned(
        &world.scenario.home_tenant_id,
        "cluster",
    ));
    trust.issuer = Emulator::SERVICE_ACCOUNT_ISSUER.to_owned();
    trust.subject = SUBJECT.to_owned();
    let app = &world.scenario.client_id;
    world.azure.add_federated_credential(app, trust).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("azure-identity-token");
    let life = std::time::Duration::from_secs(3600);
    std::fs::write(&path, world.azure.service_account_token(SUBJECT, life)).unwrap();

    let theirs = WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
        credential_options: ClientAssertionCredentialOptions {
            client_options: world.azure.client_options(),
        },
        client_id: Some(app.clone()),
        tenant_id: Some(world.scenario.target_tenant_id.clone()),
        token_file_path: Some(path.clone()),
    }))
    .unwrap();
    theirs.get_token(&[ARM], None).await.unwrap();
    let ours = with_assertion(&world, TokenFileAssertion::new(path).unwrap());
    ours.get_token(&[ARM], None).await.unwrap();
    let [theirs, ours] = world.azure.requests_to(Endpoint::Token).try_into().unwrap();
    assert_eq!(fields(&theirs.form), fields(&ours.form));
}

fn with_assertion(
    world: &World,
    assertion: impl ClientAssertion + 'static,
) -> Arc<CrossTenantManagedIdentityCredential> {
    world.with_assertion(
        assertion,
        CrossTenantManagedIdentityCredentialOptions {
            client_options: world.azure.client_options(),
            ..Default::default()
        },
    )
}
