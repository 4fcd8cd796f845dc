//! What `explain` prints when a service is set up wrongly: who has to act, and what to do.
//!
//! The test for a proxy is in `connections.rs`, because it needs its own process.

#[path = "../examples/support/arm.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod arm;
mod support;

use arm::ResourceManager;
use azure_core::{
    credentials::TokenCredential,
    http::{
        Context, Method, Pipeline, Request, RetryOptions, Url,
        policies::auth::BearerTokenAuthorizationPolicy,
    },
};
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions, explain,
};
use cross_tenant_identity_emulator::Step;
use futures::TryStreamExt;
use std::{error::Error, net::TcpListener, sync::Arc};
use support::{ARM, World};

#[track_caller]
fn says(error: &(dyn Error + 'static), who: &str, parts: &[&str]) {
    let text = explain(error).to_string();
    assert!(text.contains(&format!("Who has to act: {who}")), "{text}");
    assert!(text.contains("What to do: "), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    assert!(!text.contains("eyJ"), "{text}");
}

async fn token_error(
    credential: &CrossTenantManagedIdentityCredential,
    scope: &str,
) -> azure_core::Error {
    credential.get_token(&[scope], None).await.unwrap_err()
}

#[tokio::test]
async fn without_imds_the_advice_is_to_run_on_a_host_that_has_it() {
    let world = World::new();
    // A local port without a listener.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut options = world.options();
    options.managed_identity.imds_endpoint = Some(format!("http://{address}"));
    options.managed_identity.client_options = Default::default();
    let credential = world.credential_with(options);
    let error = token_error(&credential, ARM).await;
    says(
        &error,
        "the operator of the service's host",
        &["IMDS", &address.to_string()],
    );
}

#[tokio::test]
async fn the_error_for_a_wrong_scope_names_the_right_one() {
    let world = World::new();
    let error = token_error(&world.credential(), "https://vault.azure.net").await;
    says(
        &error,
        "the service's developer",
        &["https://vault.azure.net/.default"],
    );
}

#[test]
fn the_error_for_a_wrong_tenant_id_explains_tenant_ids() {
    for tenant in ["common", "11111111-2222", ""] {
        let client_id = "33333333-3333-4333-8333-333333333333";
        let options = CrossTenantManagedIdentityCredentialOptions::default();
        let error = CrossTenantManagedIdentityCredential::new(tenant, client_id, Some(options))
            .unwrap_err();
        says(&error, "the service's developer", &["tenant", tenant]);
    }
}

#[tokio::test]
async fn the_error_for_a_refused_exchange_has_commands_for_both_shells() {
    for (step, who, command) in [
        (
            Step::ServicePrincipal,
            "the target tenant's administrator",
            "az ad sp create --id",
        ),
        (
            Step::FederatedCredential,
            "the home tenant's administrator",
            "az ad app federated-credential create",
        ),
    ] {
        let world = World::without(step);
        let error = token_error(&world.credential(), ARM).await;
        says(
            &error,
            who,
            &["AADSTS", "Azure CLI:", "PowerShell:", command],
        );
    }
}

#[tokio::test]
async fn a_403_of_resource_manager_is_answered_with_the_role_assignment() {
    let world = World::without(Step::Role);
    let mut options = world.azure.client_options();
    options.retry = RetryOptions::none();
    let arm = ResourceManager::new(world.credential(), options).unwrap();
    let groups = arm.resource_groups(&world.scenario.target_subscription_id);
    let error = groups.unwrap().try_collect::<Vec<_>>().await.unwrap_err();
    says(
        &error,
        "the target tenant's administrator",
        &["HTTP 403", "az role assignment create", "Reader"],
    );
}

const GRAPH: &str = "https://graph.microsoft.com/.default";

/// The error of a request to Microsoft Graph for this path, with a token for this scope.
async fn graph_error(world: &World, scope: &str, path: &str) -> azure_core::Error {
    let mut options = world.azure.client_options();
    options.retry = RetryOptions::none();
    let authorization = BearerTokenAuthorizationPolicy::new(world.credential(), [scope.to_owned()]);
    let pipeline = Pipeline::new(
        None,
        None,
        options,
        Vec::new(),
        vec![Arc::new(authorization)],
        None,
    );
    let url = format!("https://graph.microsoft.com/v1.0/{path}");
    let mut request = Request::new(Url::parse(&url).unwrap(), Method::Get);
    pipeline
        .send(&Context::new(), &mut request, None)
        .await
        .unwrap_err()
}

#[tokio::test]
async fn a_403_of_microsoft_graph_is_answered_with_the_permission() {
    let world = World::new();
    let principal = world.scenario.target_service_principal_id.as_deref();
    world.azure.remove_graph_permissions(principal.unwrap());
    let error = graph_error(&world, GRAPH, "applications").await;
    says(
        &error,
        "the target tenant's administrator",
        &[
            "HTTP 403 Authorization_RequestDenied",
            "application permission",
            "az rest --method POST",
            "New-AzADServicePrincipalAppRoleAssignment",
        ],
    );
}

#[tokio::test]
async fn a_token_of_another_resource_is_answered_with_the_scope_of_microsoft_graph() {
    let error = graph_error(&World::new(), ARM, "applications").await;
    says(
        &error,
        "the service's developer",
        &[
            "HTTP 401 InvalidAuthenticationToken",
            "\"https://graph.microsoft.com/.default\"",
        ],
    );
}

#[tokio::test]
async fn a_request_to_microsoft_graph_about_the_signed_in_user_is_answered_with_the_path() {
    let error = graph_error(&World::new(), GRAPH, "me").await;
    says(
        &error,
        "the service's developer",
        &["HTTP 400", "/users/{id}"],
    );
}
