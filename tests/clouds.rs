//! The audience follows the cloud, up to the wire.

mod support;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_identity::ClientAssertion;
use cross_tenant_identity::ManagedIdentityAssertion;
use cross_tenant_identity_emulator::Endpoint;
use std::sync::Arc;
use support::World;

fn custom(host: &str) -> CloudConfiguration {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = host.to_owned();
    custom.into()
}

#[tokio::test]
async fn each_cloud_asks_its_identity_endpoint_for_its_own_token_exchange() {
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
            .add_resource(&world.story.home_tenant_id, audience)
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
