//! The emulator's settings make a credential that connects only to the emulator. The emulator's
//! README contains the code of this test.

use azure_core::credentials::TokenCredential;
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
    UserAssignedId,
};
use cross_tenant_identity_emulator::{CredentialSettings, Emulator, Endpoint};

#[tokio::test]
async fn the_settings_connect_both_legs_to_the_emulator() -> azure_core::Result<()> {
    let azure = Emulator::start().unwrap();
    let scenario = azure.create_scenario();
    let CredentialSettings {
        tenant_id,
        client_id,
        identity_client_id,
        client_options,
        identity_client_options,
    } = azure.credential_settings(&scenario);
    let identity = UserAssignedId::ClientId(identity_client_id);
    let options = CrossTenantManagedIdentityCredentialOptions::from(identity)
        .with_client_options(client_options, identity_client_options);
    let credential =
        CrossTenantManagedIdentityCredential::new(&tenant_id, &client_id, Some(options))?;
    let scopes = ["https://management.azure.com/.default"];
    credential.get_token(&scopes, None).await?;

    assert_eq!(azure.requests_to(Endpoint::Imds).len(), 1);
    assert_eq!(azure.requests_to(Endpoint::Token).len(), 1);
    assert_eq!(
        azure.requests_to(Endpoint::Token)[0].path,
        format!("/{tenant_id}/oauth2/v2.0/token")
    );
    Ok(())
}

#[test]
fn the_readme_of_the_emulator_shows_this_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/emulator/README.md");
    // The published package of the library does not contain the emulator.
    let Ok(readme) = std::fs::read_to_string(path) else {
        return;
    };
    let (_, shown) = readme.split_once("```rust,ignore\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(include_str!("emulator_settings.rs")).contains(&words(shown)));
}
