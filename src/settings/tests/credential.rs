//! The options and the credential that settings become.

use super::*;
use crate::settings::host::Source;
use azure_core::credentials::TokenCredential;
use cross_tenant_identity_emulator::{Emulator, Endpoint, FederatedCredential};

#[test]
fn a_setting_that_is_given_replaces_the_option_and_no_other() {
    let settings = Settings {
        identity_client_id: Some(IDENTITY.into()),
        max_cached_tokens: Some(7),
        ..settings()
    };
    let mut options = Options {
        max_cached_tokens: Some(1),
        max_concurrent_requests: Some(2),
        unchanged_due_token: UnchangedDueToken::Fail,
        ..Default::default()
    };
    options.managed_identity.host = Some(ManagedIdentityHost::AppService);
    let applied = settings.managed_identity_options(options, &of([])).unwrap();
    assert_eq!(applied.max_cached_tokens, Some(7));
    assert_eq!(applied.max_concurrent_requests, Some(2));
    assert_eq!(applied.unchanged_due_token, UnchangedDueToken::Fail);
    let identity = applied.managed_identity;
    assert_eq!(identity.host, Some(ManagedIdentityHost::AppService));
    assert!(
        matches!(identity.user_assigned_id, Some(UserAssignedId::ClientId(id)) if id == IDENTITY)
    );
}

#[test]
fn a_managed_identity_that_the_program_names_is_not_replaced_by_a_file_that_is_found() {
    let environment = of([("AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token")]);
    let source = |settings: &Settings, fill: fn(&mut crate::ManagedIdentityAssertionOptions)| {
        let mut options = Options::default();
        fill(&mut options.managed_identity);
        settings.checked_source(&options, &environment).unwrap()
    };
    let named: [fn(&mut crate::ManagedIdentityAssertionOptions); 3] = [
        |it| it.host = Some(ManagedIdentityHost::Imds),
        |it| it.imds_endpoint = Some("http://127.0.0.1".into()),
        |it| it.user_assigned_id = Some(UserAssignedId::ClientId(IDENTITY.into())),
    ];
    for fill in named {
        assert_eq!(source(&settings(), fill), Source::ManagedIdentity);
    }
    assert_eq!(source(&settings(), |_| ()), Source::TokenFile);
    let workload_identity = Settings {
        host: Some(SettingsHost::WorkloadIdentity),
        ..settings()
    };
    assert_eq!(source(&workload_identity, named[0]), Source::TokenFile);
}

#[test]
fn the_options_of_a_token_file_are_refused_rather_than_without_it() {
    let settings = Settings {
        token_file: Some("/nowhere/token".into()),
        ..settings()
    };
    let why = settings.managed_identity_options(Options::default(), &of([]));
    assert!(
        why.unwrap_err()
            .to_string()
            .contains("Settings::credential")
    );
}

/// The emulator's scenario by variables, and a token for it.
async fn token(azure: &Emulator, variables: &[(&str, &str)]) {
    let environment = of(variables.iter().copied());
    let settings = Settings::of_environment(&environment).unwrap();
    let options = Options {
        client_options: azure.client_options(),
        ..Default::default()
    };
    let credential = settings.build(options, environment, HeldClock::new());
    credential.unwrap().get_token(&[ARM], None).await.unwrap();
}

#[tokio::test]
async fn variables_alone_bring_a_token_through_a_managed_identity() {
    let azure = Emulator::start().unwrap();
    let scenario = azure.create_scenario();
    let variables = [
        ("CROSS_TENANT_TARGET_TENANT_ID", &*scenario.target_tenant_id),
        ("CROSS_TENANT_CLIENT_ID", &scenario.client_id),
        (
            "CROSS_TENANT_IDENTITY_RESOURCE_ID",
            &scenario.identity_resource_id,
        ),
        ("CROSS_TENANT_IMDS_ENDPOINT", azure.imds_url()),
        ("CROSS_TENANT_AUTHORITY_HOST", azure.https_url()),
    ];
    token(&azure, &variables).await;
    let asked = azure.requests_to(Endpoint::Imds);
    let msi_res_id = (
        "msi_res_id".to_owned(),
        scenario.identity_resource_id.clone(),
    );
    assert!(asked[0].query.contains(&msi_res_id), "{:?}", asked[0]);
}

#[tokio::test]
async fn the_file_of_workload_identity_is_found_by_its_variable() {
    const SUBJECT: &str = "system:serviceaccount:litware-work:watcher";
    let azure = Emulator::start().unwrap();
    let scenario = azure.create_scenario();
    let trust = FederatedCredential {
        name: "the-pod".into(),
        issuer: Emulator::SERVICE_ACCOUNT_ISSUER.into(),
        subject: SUBJECT.into(),
        audience: "api://AzureADTokenExchange".into(),
    };
    azure
        .add_federated_credential(&scenario.client_id, trust)
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let an_hour = std::time::Duration::from_secs(3600);
    std::fs::write(&path, azure.service_account_token(SUBJECT, an_hour)).unwrap();
    let variables = [
        ("CROSS_TENANT_TARGET_TENANT_ID", &*scenario.target_tenant_id),
        ("CROSS_TENANT_CLIENT_ID", &scenario.client_id),
        ("AZURE_FEDERATED_TOKEN_FILE", path.to_str().unwrap()),
        ("AZURE_AUTHORITY_HOST", azure.https_url()),
    ];
    token(&azure, &variables).await;
    assert!(azure.requests_to(Endpoint::Imds).is_empty());
}
