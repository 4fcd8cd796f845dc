//! The clouds: each has its own authority host, audience and issuer.

use cross_tenant_identity_emulator::{Cloud, Emulator, FederatedCredential, ManagedIdentity};

use crate::support::*;

const CLOUDS: [Cloud; 3] = [Cloud::Public, Cloud::UsGovernment, Cloud::China];

#[tokio::test]
async fn a_cloud_knows_only_its_own_tenants_and_audience() {
    let emulator = Emulator::start().expect("an emulator");
    for cloud in CLOUDS {
        let scenario = emulator.create_scenario();
        emulator.move_to_cloud(cloud);
        let response = imds(&emulator, cloud.token_exchange_audience(), &[]).await;
        assert_eq!(response.status, 200, "{}", response.body);
        let request = TokenRequest::new(&scenario, response.text("access_token"), STORAGE);
        let issuer = claims(response.text("access_token"))["iss"].clone();
        assert!(issuer.as_str().expect("an issuer").ends_with("/v2.0"));

        for other in CLOUDS {
            let is_own = other == cloud;
            let response = imds(&emulator, other.token_exchange_audience(), &[]).await;
            assert_eq!(
                response.status == 200,
                is_own,
                "{other:?}: {}",
                response.body
            );
            let host = [("host", other.authority_host())];
            let response = request.send_with(&emulator, &host).await;
            match is_own {
                true => assert_eq!(response.status, 200, "{}", response.body),
                false => assert_refused(&response, 400, "invalid_request", 90002),
            }
        }
    }
}

#[tokio::test]
async fn a_credential_that_names_another_clouds_audience_trusts_nobody() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    emulator.move_to_cloud(Cloud::China);
    emulator.move_to_cloud(Cloud::UsGovernment);
    let audience = Cloud::UsGovernment.token_exchange_audience();
    let response = imds(&emulator, audience, &[]).await;
    let request = TokenRequest::new(&scenario, response.text("access_token"), STORAGE);
    assert_eq!(request.send(&emulator).await.status, 200);

    // The credential as it was for the public cloud.
    let (app, name) = (&scenario.client_id, &scenario.federated_credential_name);
    emulator
        .remove_federated_credential(app, name)
        .expect("an app");
    let identity = ManagedIdentity {
        principal_id: scenario.identity_principal_id.clone(),
        ..ManagedIdentity::system_assigned(&scenario.home_tenant_id, name)
    };
    let credential = FederatedCredential {
        audience: Cloud::Public.token_exchange_audience().to_owned(),
        ..FederatedCredential::trusting_in(Cloud::UsGovernment, &identity)
    };
    emulator
        .add_federated_credential(app, credential)
        .expect("an app");
    let response = request.send(&emulator).await;
    assert_refused(&response, 401, "invalid_client", 700_212);
    assert!(response.text("error_description").contains(audience));
}
