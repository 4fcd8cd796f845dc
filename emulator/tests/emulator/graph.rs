//! Microsoft Graph: what it refuses, and what it shows.

use cross_tenant_identity_emulator::{
    Application, Emulator, Endpoint, Fault, FederatedCredential, GraphPermission, ManagedIdentity,
    Scenario, SignInAudience, Step, Times,
};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

use crate::support::*;

const GRAPH: &str = "https://graph.microsoft.com";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Contoso's identity, with a token of the home tenant.
async fn home_token(emulator: &Emulator, scenario: &Scenario) -> String {
    let selector = [("client_id", scenario.identity_client_id.as_str())];
    let response = imds(emulator, GRAPH, &selector).await;
    assert_eq!(response.status, 200, "{}", response.body);
    response.text("access_token").to_owned()
}

async fn ask(emulator: &Emulator, token: &str, path: &str) -> Response {
    let url = format!("{}{path}", emulator.https_url());
    let bearer = format!("Bearer {token}");
    get(emulator, &url, &[("Authorization", &bearer)]).await
}

/// Checks every part of an error: status, code, message, ids.
#[track_caller]
fn assert_graph_error(response: &Response, status: u16, code: &str, message: &str) {
    assert_error(response, status, code, message);
    let inner = &response.body["error"]["innerError"];
    assert_eq!(inner["request-id"], response.header("request-id"));
    assert_eq!(
        inner["client-request-id"],
        response.header("client-request-id")
    );
    let date = inner["date"].as_str().expect("a date");
    assert_eq!(date.len(), "2026-11-24T02:01:51".len(), "{date}");
}

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

#[tokio::test]
async fn the_home_tenant_shows_the_app_with_its_keys_but_not_the_target_tenant() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let app = &scenario.client_id;
    emulator
        .add_client_secret(app, "left over", DAY)
        .and_then(|()| emulator.add_certificate(app, "old certificate", DAY))
        .expect("an app");
    let home = home_token(&emulator, &scenario).await;
    let object_id = &scenario.app_object_id;
    for path in [
        format!("/v1.0/applications(appId='{app}')"),
        format!("/v1.0/applications%28appId=%27{app}%27%29"),
        format!("/v1.0/applications/{object_id}"),
        format!("/v1.0/Applications/{object_id}/"),
    ] {
        let response = ask(&emulator, &home, &path).await;
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        let body = &response.body;
        assert_eq!(body["id"], *object_id);
        assert_eq!(body["appId"], *app);
        assert_eq!(body["signInAudience"], "AzureADMultipleOrgs");
        let secret = &body["passwordCredentials"][0];
        assert_eq!(secret["displayName"], "left over");
        assert_eq!(secret["secretText"], json!(null));
        assert!(secret["endDateTime"].as_str() > secret["startDateTime"].as_str());
        assert_eq!(body["keyCredentials"][0]["displayName"], "old certificate");
        assert_eq!(
            body["@odata.context"],
            "https://graph.microsoft.com/v1.0/$metadata#applications/$entity"
        );
    }
    let target = access_token(&emulator, &scenario, GRAPH).await;
    let path = format!("/v1.0/applications(appId='{app}')");
    let response = ask(&emulator, &target, &path).await;
    assert_graph_error(&response, 404, "Request_ResourceNotFound", app);

    let single = emulator.create_scenario_without(Step::MultiTenant);
    let home = home_token(&emulator, &single).await;
    let selected = ask(&emulator, &home, &format!("{path}?$select=signInAudience")).await;
    assert_eq!(selected.body["signInAudience"], "AzureADMyOrg");
    assert_eq!(selected.body.get("appId"), None);
}

#[tokio::test]
async fn the_federated_identity_credentials_are_listed_as_they_are() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario_without(Step::IssuerWithoutSlash);
    let token = home_token(&emulator, &scenario).await;
    let app = format!("/v1.0/applications(appId='{}')", scenario.client_id);
    let by_id = format!("/v1.0/applications/{}", scenario.app_object_id);
    for path in [&app, &by_id] {
        let list = ask(
            &emulator,
            &token,
            &format!("{path}/federatedIdentityCredentials"),
        )
        .await;
        let credentials = list.body["value"].as_array().expect("a list").clone();
        assert_eq!(credentials.len(), 1, "{}", list.body);
        let issuer = format!(
            "https://login.microsoftonline.com/{}/v2.0/",
            scenario.home_tenant_id
        );
        assert_eq!(credentials[0]["issuer"], issuer);
        assert_eq!(credentials[0]["subject"], scenario.identity_principal_id);
        assert_eq!(
            credentials[0]["audiences"],
            json!(["api://AzureADTokenExchange"])
        );
        let id = credentials[0]["id"].as_str().expect("an id");
        for key in [id, &scenario.federated_credential_name] {
            let path = format!("{path}/federatedIdentityCredentials/{key}");
            let one = ask(&emulator, &token, &path).await;
            assert_eq!(one.body["id"], id, "{}", one.body);
        }
    }
}

#[tokio::test]
async fn twenty_credentials_come_in_pages() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let another = ManagedIdentity::user_assigned(&scenario.home_tenant_id, "another");
    for number in 1..20 {
        let credential = FederatedCredential {
            name: format!("credential-{number}"),
            ..FederatedCredential::trusting(&another)
        };
        emulator
            .add_federated_credential(&scenario.client_id, credential)
            .expect("room for it");
    }
    emulator.set_page_size(8);
    let token = home_token(&emulator, &scenario).await;
    let bearer = format!("Bearer {token}");
    let mut url = format!(
        "{}/v1.0/applications(appId='{}')/federatedIdentityCredentials?$select=name",
        emulator.https_url(),
        scenario.client_id
    );
    let (mut sizes, mut names) = (Vec::new(), std::collections::HashSet::new());
    loop {
        let page = get(&emulator, &url, &[("Authorization", &bearer)]).await;
        let value = page.body["value"].as_array().expect("a list");
        sizes.push(value.len());
        names.extend(value.iter().map(|it| it["name"].to_string()));
        match page.body["@odata.nextLink"].as_str() {
            Some(next) => next.clone_into(&mut url),
            None => break,
        }
    }
    assert_eq!(sizes, [8, 8, 4]);
    assert_eq!(names.len(), 20);

    let path = format!(
        "/v1.0/applications(appId='{}')/federatedIdentityCredentials?$filter=name eq 'credential-7'",
        scenario.client_id
    );
    let found = ask(&emulator, &token, &path).await;
    assert_eq!(found.body["value"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn each_tenant_shows_its_own_service_principals() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let home = home_token(&emulator, &scenario).await;
    let target = access_token(&emulator, &scenario, GRAPH).await;
    let by_key = format!("/v1.0/servicePrincipals(appId='{}')", scenario.client_id);
    for (token, id) in [
        (&home, scenario.home_service_principal_id.clone()),
        (&target, scenario.target_service_principal_id.clone()),
    ] {
        let id = id.expect("provisioned");
        let one = ask(&emulator, token, &by_key).await;
        assert_eq!(one.body["id"], id, "{}", one.body);
        assert_eq!(one.body["accountEnabled"], true);
        assert_eq!(one.body["appOwnerOrganizationId"], scenario.home_tenant_id);
        assert_eq!(one.body["servicePrincipalType"], "Application");
        let path = format!("/v1.0/servicePrincipals/{id}");
        assert_eq!(ask(&emulator, token, &path).await.status, 200);
        for app in [
            scenario.client_id.clone(),
            scenario.client_id.to_uppercase(),
        ] {
            let path = format!("/v1.0/servicePrincipals?$filter=appId%20eq%20'{app}'&$top=1");
            let list = ask(&emulator, token, &path).await;
            assert_eq!(list.body["value"][0]["id"], id, "{}", list.body);
        }
    }
    let identity = format!(
        "/v1.0/servicePrincipals(appId='{}')",
        scenario.identity_client_id
    );
    let found = ask(&emulator, &home, &identity).await;
    assert_eq!(found.body["id"], scenario.identity_principal_id);
    assert_eq!(found.body["servicePrincipalType"], "ManagedIdentity");
    assert_eq!(ask(&emulator, &target, &identity).await.status, 404);

    // The filter finds nothing where the object is missing.
    emulator.remove_service_principal(&scenario.home_tenant_id, &scenario.client_id);
    let path = format!(
        "/v1.0/servicePrincipals?$filter=appId eq '{}'",
        scenario.client_id
    );
    let list = ask(&emulator, &home, &path).await;
    assert_eq!(list.body["value"], json!([]));

    emulator
        .set_service_principal_enabled(&scenario.target_tenant_id, &scenario.client_id, false)
        .expect("provisioned");
    let one = ask(&emulator, &target, &by_key).await;
    assert_eq!(one.body["accountEnabled"], false);
}

#[tokio::test]
async fn an_app_that_is_added_is_found_by_its_client_id() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let app = Application::new(
        &scenario.home_tenant_id,
        "O'Neill's app",
        SignInAudience::AzureADMyOrg,
    );
    let client_id = app.client_id.clone();
    emulator.add_application(app).expect("a tenant");
    let token = home_token(&emulator, &scenario).await;
    let path = "/v1.0/applications?$filter=displayName eq 'O''Neill''s app'";
    let list = ask(&emulator, &token, path).await;
    assert_eq!(list.body["value"][0]["appId"], client_id, "{}", list.body);
    let path = format!("/v1.0/applications(appId='{client_id}')/federatedIdentityCredentials");
    let none = ask(&emulator, &token, &path).await;
    assert_eq!(none.body["value"], json!([]));
}

#[tokio::test]
async fn graph_has_its_own_faults_its_own_log_and_entras_clock() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let token = home_token(&emulator, &scenario).await;
    emulator.set_fault(
        Endpoint::Graph,
        Fault::retry_after(429, "3"),
        Times::Count(1),
    );
    let response = ask(&emulator, &token, "/v1.0/applications").await;
    assert_eq!(
        (response.status, response.header("retry-after")),
        (429, "3")
    );
    let url = format!("{}/v1.0/applications", emulator.https_url());
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("client-request-id", "mine"),
    ];
    let response = get(&emulator, &url, &headers).await;
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(response.header("client-request-id"), "mine");
    let requests = emulator.requests_to(Endpoint::Graph);
    assert_eq!(
        requests.iter().map(|it| it.status).collect::<Vec<_>>(),
        [Some(429), Some(200)]
    );
    assert!(!format!("{requests:?}").contains(&token));

    emulator.set_clock_offset(25 * 60 * 60);
    let response = ask(&emulator, &token, "/v1.0/applications").await;
    let code = "InvalidAuthenticationToken";
    assert_graph_error(&response, 401, code, "the token is expired");
}
