//! What Graph refuses: the token, its permissions, the path, the query.

use cross_tenant_identity_emulator::{Emulator, GraphPermission};
use reqwest::Method;
use serde_json::json;

use super::{ask, assert_graph_error, home_token};
use crate::support::*;

#[tokio::test]
async fn a_token_that_is_missing_or_invalid_is_refused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let url = format!("{}/v1.0/applications", emulator.https_url());
    let response = get(&emulator, &url, &[]).await;
    let code = "InvalidAuthenticationToken";
    assert_graph_error(&response, 401, code, "Access token is empty.");

    let good = home_token(&emulator, &scenario).await;
    let changed = |name: &str, value: serde_json::Value| {
        let mut claims = claims(&good);
        claims[name] = value;
        emulator.sign(&claims)
    };
    let (signed, signature) = good.rsplit_once('.').expect("three parts");
    let reversed: String = signature.chars().rev().collect();
    for (token, message) in [
        ("nothing".to_owned(), "JWT is not well formed"),
        (format!("{signed}.{reversed}"), "Invalid signature"),
        (changed("exp", json!(now() - 1)), "the token is expired"),
        (changed("nbf", json!(now() + 60)), "not yet valid"),
        (changed("aud", json!(ARM)), "Invalid audience."),
        (
            changed("iss", json!("https://example.com/")),
            "Invalid issuer",
        ),
    ] {
        let response = ask(&emulator, &token, "/v1.0/applications").await;
        assert_graph_error(&response, 401, code, message);
    }
}

#[tokio::test]
async fn a_token_without_a_service_principal_and_a_request_about_a_user_are_refused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let token = home_token(&emulator, &scenario).await;
    let response = ask(&emulator, &token, "/v1.0/me").await;
    let message = "/me request is only valid with delegated authentication flow.";
    assert_graph_error(&response, 400, "BadRequest", message);

    let mut without = claims(&token);
    without.as_object_mut().expect("claims").remove("oid");
    let response = ask(&emulator, &emulator.sign(&without), "/v1.0/applications").await;
    assert_graph_error(
        &response,
        401,
        "Authorization_IdentityNotFound",
        "The identity of the calling application could not be established.",
    );
}

#[tokio::test]
async fn a_token_without_the_permission_is_refused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let identity = &scenario.identity_principal_id;
    let app = format!("/v1.0/applications(appId='{}')", scenario.client_id);
    let credentials = format!("{app}/federatedIdentityCredentials");
    let principals = "/v1.0/servicePrincipals".to_owned();
    for (permission, of_objects, of_credentials) in [
        (None, 403, 403),
        (Some(GraphPermission::DirectoryReadAll), 200, 403),
        (Some(GraphPermission::ApplicationReadAll), 200, 200),
        (Some(GraphPermission::ApplicationReadWriteAll), 200, 200),
    ] {
        emulator.remove_graph_permissions(identity);
        if let Some(permission) = permission {
            emulator.grant_graph_permission(identity, permission);
        }
        emulator.forget_imds_tokens();
        let token = home_token(&emulator, &scenario).await;
        for (path, status) in [
            (&app, of_objects),
            (&principals, of_objects),
            (&credentials, of_credentials),
        ] {
            let response = ask(&emulator, &token, path).await;
            match status {
                200 => assert_eq!(response.status, 200, "{}", response.body),
                _ => assert_graph_error(
                    &response,
                    403,
                    "Authorization_RequestDenied",
                    "Insufficient privileges to complete the operation.",
                ),
            }
        }
    }
}

#[tokio::test]
async fn a_permission_is_in_the_tokens_that_are_issued_after_it() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    emulator.remove_graph_permissions(&scenario.identity_principal_id);
    let token = home_token(&emulator, &scenario).await;
    assert_eq!(claims(&token).get("roles"), None);
    emulator.grant_graph_permission(
        &scenario.identity_principal_id,
        GraphPermission::ApplicationReadAll,
    );
    // The host keeps its token.
    let kept = home_token(&emulator, &scenario).await;
    assert_eq!(
        ask(&emulator, &kept, "/v1.0/applications").await.status,
        403
    );
    emulator.forget_imds_tokens();
    let new = home_token(&emulator, &scenario).await;
    assert_eq!(claims(&new)["roles"], json!(["Application.Read.All"]));
    assert_eq!(ask(&emulator, &new, "/v1.0/applications").await.status, 200);
    // Another resource has no roles.
    let selector = [("client_id", scenario.identity_client_id.as_str())];
    let arm = imds(&emulator, ARM, &selector).await;
    assert_eq!(claims(arm.text("access_token")).get("roles"), None);
}

#[tokio::test]
async fn a_path_or_query_that_graph_does_not_know_is_refused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let token = home_token(&emulator, &scenario).await;
    let unknown = "44444444-4444-4444-8444-444444444444";
    let not_found = format!("Resource '{unknown}' does not exist");
    let client_id = &scenario.client_id;
    let bad = "BadRequest";
    for (path, status, code, message) in [
        (
            "/beta/applications".to_owned(),
            400,
            bad,
            "Invalid version: beta",
        ),
        (
            "/v1.0/users".to_owned(),
            400,
            bad,
            "Resource not found for the segment 'users'.",
        ),
        (
            "/v1.0".to_owned(),
            400,
            bad,
            "Resource not found for the segment ''.",
        ),
        (
            format!("/v1.0/applications/{client_id}/owners"),
            400,
            bad,
            "segment 'owners'",
        ),
        (
            format!("/v1.0/applications(appId='{client_id}'"),
            400,
            bad,
            "Resource not found for the segment",
        ),
        (
            "/v1.0/applications(appId='app')".to_owned(),
            400,
            "Request_BadRequest",
            "Invalid value specified for object reference property 'appId'.",
        ),
        (
            "/v1.0/servicePrincipals/x".to_owned(),
            400,
            "Request_BadRequest",
            "Invalid object identifier 'x'.",
        ),
        (
            format!("/v1.0/applications(appId='{unknown}')"),
            404,
            "Request_ResourceNotFound",
            &not_found,
        ),
        (
            format!("/v1.0/servicePrincipals(appId='{unknown}')"),
            404,
            "Request_ResourceNotFound",
            &not_found,
        ),
        // A client id is not an object id.
        (
            format!("/v1.0/applications/{client_id}"),
            404,
            "Request_ResourceNotFound",
            &format!("Resource '{client_id}' does not exist"),
        ),
        (
            format!("/v1.0/applications(appId='{client_id}')/federatedIdentityCredentials/x"),
            404,
            "Request_ResourceNotFound",
            "Resource 'x' does not exist",
        ),
        (
            "/v1.0/servicePrincipals?$filter=appId".to_owned(),
            400,
            bad,
            "Invalid filter clause",
        ),
        (
            "/v1.0/servicePrincipals?$filter=appId eq 'a'b'".to_owned(),
            400,
            bad,
            "Invalid filter clause",
        ),
        (
            "/v1.0/servicePrincipals?$filter=note eq 'a'".to_owned(),
            400,
            "Request_UnsupportedQuery",
            "property 'note' of resource 'servicePrincipal'",
        ),
        (
            "/v1.0/servicePrincipals?$select=id,nothing".to_owned(),
            400,
            bad,
            "Could not find a property named 'nothing' on type 'microsoft.graph.servicePrincipal'.",
        ),
        (
            "/v1.0/servicePrincipals?$top=1000".to_owned(),
            400,
            bad,
            "Invalid page size",
        ),
        (
            "/v1.0/servicePrincipals?$skiptoken=x".to_owned(),
            400,
            bad,
            "skip token",
        ),
        (
            "/v1.0/servicePrincipals?$expand=owners".to_owned(),
            400,
            bad,
            "'$expand'",
        ),
    ] {
        let response = ask(&emulator, &token, &path).await;
        assert_graph_error(&response, status, code, message);
    }
    let url = format!("{}/v1.0/applications", emulator.https_url());
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    let response = send(&emulator, Method::POST, &url, &headers, None).await;
    assert_graph_error(&response, 405, "Request_BadRequest", "read-only");
    assert_eq!(response.header("allow"), "GET");
}
