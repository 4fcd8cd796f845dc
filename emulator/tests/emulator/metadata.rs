//! OpenID configuration, keys and instance discovery.

use cross_tenant_identity_emulator::Emulator;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::Value;

use crate::support::*;

#[tokio::test]
async fn a_token_verifies_against_the_published_keys() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    for (tenant, issuer_of) in [
        (&scenario.target_tenant_id, "v2.0/"),
        (&"litware.onmicrosoft.com".to_owned(), ""),
    ] {
        let url = format!(
            "{}/{tenant}/{issuer_of}.well-known/openid-configuration",
            emulator.https_url()
        );
        let configuration = get(&emulator, &url, &[]).await;
        assert!(
            configuration
                .text("issuer")
                .contains(&scenario.target_tenant_id)
        );
        assert!(
            configuration
                .text("token_endpoint")
                .starts_with(emulator.https_url())
        );
        let keys = get(&emulator, configuration.text("jwks_uri"), &[]).await;
        let keys: JwkSet = serde_json::from_value(keys.body).expect("a JWK Set");

        for token in [
            assertion(&emulator).await,
            access_token(&emulator, &scenario, ARM).await,
        ] {
            let kid = jsonwebtoken::decode_header(&token)
                .expect("a header")
                .kid
                .expect("a kid");
            let key = DecodingKey::from_jwk(keys.find(&kid).expect("published")).expect("a key");
            let mut validation = Validation::new(Algorithm::RS256);
            validation.set_audience(&[ARM, EXCHANGE_APP_ID]);
            jsonwebtoken::decode::<Value>(&token, &key, &validation).expect("a good token");
        }
    }
}

#[tokio::test]
async fn an_unknown_tenant_has_no_openid_configuration() {
    let emulator = Emulator::start().expect("an emulator");
    let url = format!(
        "{}/example.com/v2.0/.well-known/openid-configuration",
        emulator.https_url()
    );
    assert_refused(
        &get(&emulator, &url, &[]).await,
        400,
        "invalid_request",
        90002,
    );
}

#[tokio::test]
async fn instance_discovery_names_the_openid_configuration() {
    let emulator = Emulator::start().expect("an emulator");
    let url = format!(
        "{}/common/discovery/instance?api-version=1.1&authorization_endpoint=\
         https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        emulator.https_url()
    );
    let response = get(&emulator, &url, &[]).await;
    assert_eq!(
        response.text("tenant_discovery_endpoint"),
        "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
    );
}
