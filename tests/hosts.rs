//! Processes with the environment variables of a host: this crate and azure_identity in the same
//! process.

use azure_core::credentials::TokenCredential;
use azure_identity::{
    ClientAssertion, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, ManagedIdentityAssertion, ManagedIdentityHost,
    TokenFileAssertion,
};
use cross_tenant_identity_emulator::{Emulator, Endpoint};
use std::{env, process::Command, time::Duration};

/// The identity that the processes below select. If it is missing, the process was not started by
/// these tests.
const CLIENT_ID: &str = "TEST_IDENTITY_CLIENT_ID";

const TENANT: &str = "CROSS_TENANT_TARGET_TENANT_ID";
const APP: &str = "33333333-3333-4333-8333-333333333333";

/// Runs an ignored test of this file in a process with these variables, and without other variables
/// of a host.
fn run(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    for name in [
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "IDENTITY_SERVER_THUMBPRINT",
        "IMDS_ENDPOINT",
        "MSI_ENDPOINT",
        "MSI_SECRET",
    ] {
        command.env_remove(name);
    }
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("CROSS_TENANT_") {
            command.env_remove(name);
        }
    }
    command.env("NO_PROXY", "127.0.0.1,localhost");
    command.envs(variables.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn from_env_reads_the_variables_of_the_process() {
    run(
        "as_configured_by_variables",
        &[
            (TENANT, "litware.example"),
            ("CROSS_TENANT_CLIENT_ID", APP),
            ("CROSS_TENANT_AUTHORITY_HOST", "https://localhost:4443"),
            (CLIENT_ID, "anything"),
        ],
    );
}

#[test]
#[ignore = "another test runs it in a process of its own"]
fn as_configured_by_variables() {
    if env::var(CLIENT_ID).is_err() {
        return;
    }
    let credential = CrossTenantManagedIdentityCredential::from_env().unwrap();
    let shown = format!("{credential:?}");
    for value in ["litware.example", APP, "https://localhost:4443"] {
        assert!(shown.contains(value), "{shown}");
    }
}

#[test]
fn from_env_reports_an_unknown_variable() {
    let unknown = "CROSS_TENANT_TENANT_ID";
    run(
        "as_configured_by_a_typing_error",
        &[(unknown, APP), (CLIENT_ID, "anything")],
    );
}

#[test]
#[ignore = "another test runs it in a process of its own"]
fn as_configured_by_a_typing_error() {
    if env::var(CLIENT_ID).is_err() {
        return;
    }
    let why = CrossTenantManagedIdentityCredential::from_env().unwrap_err();
    let why = why.to_string();
    for text in [
        "CROSS_TENANT_TENANT_ID",
        "CROSS_TENANT_TARGET_TENANT_ID is missing",
        "CROSS_TENANT_CLIENT_ID is missing",
    ] {
        assert!(why.contains(text), "{why}");
    }
}

#[test]
fn on_app_service_this_crate_and_azure_identity_get_the_same_token() {
    let azure = Emulator::start().unwrap();
    let scenario = azure.create_scenario();
    run(
        "as_on_app_service",
        &[
            ("IDENTITY_ENDPOINT", azure.identity_endpoint()),
            ("IDENTITY_HEADER", azure.identity_header()),
            (CLIENT_ID, &scenario.identity_client_id),
        ],
    );
    let [theirs, ours] = azure.requests_to(Endpoint::AppService).try_into().unwrap();
    let sorted = |mut pairs: Vec<(String, String)>| {
        pairs.sort();
        pairs
    };
    assert_eq!(sorted(theirs.query.clone()), sorted(ours.query.clone()));
    let header = "x-identity-header";
    assert_eq!(theirs.header(header), ours.header(header));
    assert_eq!((theirs.method, theirs.path), (ours.method, ours.path));
    assert!(azure.requests_to(Endpoint::Imds).is_empty());
}

#[tokio::test]
#[ignore = "another test runs it in a process of its own"]
async fn as_on_app_service() {
    let Ok(client_id) = env::var(CLIENT_ID) else {
        return;
    };
    let id = UserAssignedId::ClientId(client_id);
    let theirs = ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
        user_assigned_id: Some(id.clone()),
        ..Default::default()
    }))
    .unwrap();
    let scope = "api://AzureADTokenExchange/.default";
    let theirs = theirs.get_token(&[scope], None).await.unwrap();
    let ours = ManagedIdentityAssertion::new(Some(id.into())).unwrap();
    assert_eq!(ours.host(), ManagedIdentityHost::AppService);
    // The host caches its token.
    assert_eq!(ours.secret(None).await.unwrap(), theirs.token.secret());
}

#[test]
fn on_service_fabric_the_default_transport_checks_the_certificate() {
    let azure = Emulator::start().unwrap();
    let scenario = azure.create_scenario();
    let endpoint = azure.service_fabric_endpoint();
    run(
        "as_on_service_fabric",
        &[
            ("IDENTITY_ENDPOINT", &endpoint),
            ("IDENTITY_HEADER", azure.identity_header()),
            ("IDENTITY_SERVER_THUMBPRINT", azure.server_thumbprint()),
            (CLIENT_ID, &scenario.identity_client_id),
        ],
    );
    assert_eq!(azure.requests_to(Endpoint::ServiceFabric).len(), 1);
}

#[tokio::test]
#[ignore = "another test runs it in a process of its own"]
async fn as_on_service_fabric() {
    if env::var(CLIENT_ID).is_err() {
        return;
    }
    let ours = ManagedIdentityAssertion::new(None).unwrap();
    assert_eq!(ours.host(), ManagedIdentityHost::ServiceFabric);
    ours.secret(None).await.unwrap();
}

#[test]
fn in_a_pod_of_aks_the_variable_names_the_file() {
    let azure = Emulator::start().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("azure-identity-token");
    let token = azure.service_account_token(
        "system:serviceaccount:litware-work:watcher",
        Duration::from_secs(3600),
    );
    std::fs::write(&path, token).unwrap();
    let path = path.display().to_string();
    run(
        "as_in_a_pod",
        &[
            ("AZURE_FEDERATED_TOKEN_FILE", &*path),
            (CLIENT_ID, "anything"),
        ],
    );
}

/// Without a runtime, as in a program that has none.
#[test]
#[ignore = "another test runs it in a process of its own"]
fn as_in_a_pod() {
    let Ok(path) = env::var("AZURE_FEDERATED_TOKEN_FILE") else {
        return;
    };
    let ours = TokenFileAssertion::from_env().unwrap();
    let secret = futures::executor::block_on(ours.secret(None)).unwrap();
    assert_eq!(secret, std::fs::read_to_string(path).unwrap());
    assert!(!format!("{ours:?}").contains(&secret));
}
