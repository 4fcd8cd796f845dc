//! What Graph shows of apps, federated identity credentials and service principals.

use cross_tenant_identity_emulator::{
    Application, Emulator, Endpoint, Fault, FederatedCredential, ManagedIdentity, SignInAudience,
    Step, Times,
};
use serde_json::json;
use std::time::Duration;

use super::{GRAPH, ask, assert_graph_error, home_token};
use crate::support::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
