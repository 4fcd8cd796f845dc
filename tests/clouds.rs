//! The audience matches the cloud, also in the HTTP request.

mod support;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::{credentials::TokenCredential, http::ClientMethodOptions};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use cross_tenant_identity::ManagedIdentityAssertion;
use cross_tenant_identity_emulator::{Cloud, Endpoint};
use std::sync::Arc;
use support::{STORAGE, World, claims, refused};

fn custom(host: &str) -> CloudConfiguration {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = host.to_owned();
    custom.into()
}

#[tokio::test]
async fn each_cloud_requests_an_assertion_for_its_own_token_exchange() {
    let world = World::new();
    for (cloud, audience) in [
        (
            CloudConfiguration::AzurePublic,
            "api://AzureADTokenExchange",
        ),
        (
            custom("https://sts.windows.net"),
            "api://AzureADTokenExchange",
        ),
        (
            CloudConfiguration::AzureGovernment,
            "api://AzureADTokenExchangeUSGov",
        ),
        (
            CloudConfiguration::AzureChina,
            "api://AzureADTokenExchangeChina",
        ),
        (
            custom("login.sovcloud-identity.fr"),
            "api://AzureADTokenExchangeFrance",
        ),
        (
            custom("login.sovcloud-identity.de"),
            "api://AzureADTokenExchangeGermany",
        ),
        (
            custom("login.sovcloud-identity.sg"),
            "api://AzureADTokenExchangeGovSG",
        ),
    ] {
        world
            .azure
            .add_resource(&world.scenario.home_tenant_id, audience)
            .unwrap();
        world.azure.clear_requests();
        let mut options = world.identity_options();
        options.client_options.cloud = Some(Arc::new(cloud));
        let assertion = ManagedIdentityAssertion::new(Some(options)).unwrap();
        assertion.secret(None).await.unwrap();
        let [request] = world.azure.requests_to(Endpoint::Imds).try_into().unwrap();
        assert_eq!(request.query("resource"), Some(audience));
        assert!(format!("{assertion:?}").contains(audience));
    }
}

const GOVERNMENTS: [(Cloud, CloudConfiguration); 2] = [
    (Cloud::UsGovernment, CloudConfiguration::AzureGovernment),
    (Cloud::China, CloudConfiguration::AzureChina),
];

fn world_in(cloud: Cloud) -> World {
    let world = World::new();
    world.azure.move_to_cloud(cloud);
    world
}

#[tokio::test]
async fn a_token_of_a_government_cloud_comes_from_its_own_authority() {
    for (cloud, configuration) in GOVERNMENTS {
        let world = world_in(cloud);
        let mut options = world.options();
        options.client_options.cloud = Some(Arc::new(configuration));
        let credential = world.credential_with(options);
        let token = credential.get_token(&[STORAGE], None).await.unwrap();
        assert_eq!(
            claims(token.token.secret())["tid"],
            world.scenario.target_tenant_id
        );
        let [identity] = world.azure.requests_to(Endpoint::Imds).try_into().unwrap();
        let audience = cloud.token_exchange_audience();
        assert_eq!(identity.query("resource"), Some(audience));
    }
}

#[tokio::test]
async fn a_credential_for_the_public_cloud_is_refused_in_a_government_cloud() {
    let world = world_in(Cloud::UsGovernment);
    let error = refused(&world.credential(), STORAGE).await;
    assert_eq!(error.code(), Some(500_011), "{error}");
    let told = error.diagnosis().unwrap().to_string();
    assert!(told.contains("api://AzureADTokenExchangeUSGov"), "{told}");
}

/// azure_identity's managed identity as the assertion of azure_identity's credential.
#[derive(Debug)]
struct Theirs(Arc<ManagedIdentityCredential>, Cloud);

#[async_trait::async_trait]
impl ClientAssertion for Theirs {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let scope = format!("{}/.default", self.1.token_exchange_audience());
        let token = self.0.get_token(&[&scope], None).await?;
        Ok(token.token.secret().to_owned())
    }
}

#[tokio::test]
async fn azure_identity_gets_the_same_token_in_a_government_cloud() {
    for (cloud, configuration) in GOVERNMENTS {
        let world = world_in(cloud);
        let mut client_options = world.azure.client_options();
        client_options.cloud = Some(Arc::new(configuration));
        let identity = ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
            user_assigned_id: Some(UserAssignedId::ClientId(
                world.scenario.identity_client_id.clone(),
            )),
            client_options: client_options.clone(),
        }))
        .unwrap();
        let theirs = ClientAssertionCredential::new(
            world.scenario.target_tenant_id.clone(),
            world.scenario.client_id.clone(),
            Theirs(identity, cloud),
            Some(ClientAssertionCredentialOptions { client_options }),
        )
        .unwrap();
        let token = theirs.get_token(&[STORAGE], None).await.unwrap();
        assert_eq!(
            claims(token.token.secret())["tid"],
            world.scenario.target_tenant_id
        );
    }
}
