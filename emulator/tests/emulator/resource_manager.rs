//! Resource Manager: roles, pages and refusals.

use cross_tenant_identity_emulator::{Emulator, Role, Scenario};
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

use crate::support::*;

const VERSION: &str = "api-version=2024-08-01";

/// The object id of the app's service principal in the target tenant.
fn service_principal(scenario: &Scenario) -> String {
    let id = scenario.target_service_principal_id.as_ref();
    id.expect("provisioned").clone()
}

async fn arm(emulator: &Emulator, token: &str, path_and_query: &str) -> Response {
    let url = format!("{}{path_and_query}", emulator.https_url());
    let bearer = format!("Bearer {token}");
    get(emulator, &url, &[("Authorization", &bearer)]).await
}

fn groups(scenario: &Scenario) -> String {
    format!(
        "/subscriptions/{}/resourceGroups?{VERSION}",
        scenario.target_subscription_id
    )
}

fn names(response: &Response) -> Vec<&str> {
    let values = response.body["value"].as_array().expect("a list");
    values
        .iter()
        .map(|value| value["name"].as_str().expect("a name"))
        .collect()
}

#[tokio::test]
async fn a_role_on_one_group_lists_only_that_group() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let token = access_token(&emulator, &scenario, ARM).await;
    let response = arm(&emulator, &token, &groups(&scenario)).await;
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(names(&response), ["NetworkWatcherRG"]);
    let group = &response.body["value"][0];
    assert_eq!(group["location"], "northeurope");
    assert_eq!(group["type"], "Microsoft.Resources/resourceGroups");
    assert_eq!(group["properties"]["provisioningState"], "Succeeded");
    assert_eq!(response.body.get("nextLink"), None);

    let subscription = format!("/subscriptions/{}", scenario.target_subscription_id);
    let one = format!("{subscription}/resourcegroups/networkwatcherrg?{VERSION}");
    assert_eq!(
        arm(&emulator, &token, &one).await.body["name"],
        "NetworkWatcherRG"
    );
    let hidden = format!(
        "{subscription}/resourceGroups/{}",
        scenario.hidden_resource_group
    );
    let response = arm(&emulator, &token, &format!("{hidden}?{VERSION}")).await;
    assert_error(&response, 403, "AuthorizationFailed", &hidden);
}

#[tokio::test]
async fn a_role_on_the_subscription_lists_all_groups() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let principal = service_principal(&scenario);
    let subscription = format!("/subscriptions/{}", scenario.target_subscription_id);
    emulator.assign_role(&principal, Role::Reader, &subscription);
    let token = access_token(&emulator, &scenario, ARM).await;
    let response = arm(&emulator, &token, &groups(&scenario)).await;
    assert_eq!(names(&response), ["litware-internal", "NetworkWatcherRG"]);
    let missing = format!("{subscription}/resourceGroups/none?{VERSION}");
    let response = arm(&emulator, &token, &missing).await;
    assert_error(&response, 404, "ResourceGroupNotFound", "none");
}

#[tokio::test]
async fn without_a_role_groups_are_forbidden_and_the_subscription_list_is_empty() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let principal = service_principal(&scenario);
    let token = access_token(&emulator, &scenario, ARM).await;
    let subscriptions = "/subscriptions?api-version=2022-12-01";
    let response = arm(&emulator, &token, subscriptions).await;
    assert_eq!(
        response.body["value"][0]["subscriptionId"],
        scenario.target_subscription_id
    );
    assert_eq!(
        response.body["value"][0]["tenantId"],
        scenario.target_tenant_id
    );

    let scope = format!("/subscriptions/{}", scenario.target_subscription_id);
    emulator.remove_roles(
        &principal,
        &format!("{scope}/resourceGroups/NetworkWatcherRG"),
    );
    // A role for blobs does not list resource groups.
    emulator.assign_role(&principal, Role::StorageBlobDataReader, &scope);
    let response = arm(&emulator, &token, &groups(&scenario)).await;
    assert_error(
        &response,
        403,
        "AuthorizationFailed",
        &format!(
            "The client '{}' with object id '{principal}' does not have authorization to perform \
             action 'Microsoft.Resources/subscriptions/resourceGroups/read' over scope '{scope}' \
             or the scope is invalid. If access was recently granted, please refresh your \
             credentials.",
            scenario.client_id
        ),
    );
    assert_eq!(
        arm(&emulator, &token, subscriptions).await.body["value"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn a_token_that_is_not_for_resource_manager_is_refused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let path = groups(&scenario);
    let url = format!("{}{path}", emulator.https_url());
    for headers in [&[][..], &[("Authorization", "Basic Zm9vOmJhcg==")]] {
        let response = get(&emulator, &url, headers).await;
        assert_error(&response, 401, "AuthenticationFailed", "Authorization");
        assert!(
            response
                .header("www-authenticate")
                .starts_with("Bearer authorization_uri=\"")
        );
    }

    let storage = access_token(&emulator, &scenario, STORAGE).await;
    let response = arm(&emulator, &storage, &path).await;
    assert_error(
        &response,
        401,
        "InvalidAuthenticationTokenAudience",
        STORAGE,
    );
    let response = arm(&emulator, "no.token.atall", &path).await;
    assert_error(&response, 401, "InvalidAuthenticationToken", "");

    let good = access_token(&emulator, &scenario, ARM).await;
    let (signed, signature) = good.rsplit_once('.').expect("three parts");
    let tampered = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    let response = arm(&emulator, &tampered, &path).await;
    assert_error(&response, 401, "InvalidAuthenticationToken", "signature");
    emulator.set_clock_offset(3700);
    let response = arm(&emulator, &good, &path).await;
    assert_error(&response, 401, "ExpiredAuthenticationToken", "");
    emulator.set_clock_offset(0);
    assert_eq!(arm(&emulator, &good, &path).await.status, 200);
    let slash = access_token(&emulator, &scenario, &format!("{ARM}/")).await;
    assert_eq!(claims(&slash)["aud"], "https://management.azure.com/");
    assert_eq!(arm(&emulator, &slash, &path).await.status, 200);
}

#[tokio::test]
async fn the_refusal_of_another_tenants_token_names_the_right_tenant() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, ARM);
    let response = request.at(&scenario.home_tenant_id).send(&emulator).await;
    let response = arm(&emulator, response.text("access_token"), &groups(&scenario)).await;
    assert_error(
        &response,
        401,
        "InvalidAuthenticationTokenTenant",
        &format!(
            "The access token is from the wrong issuer 'https://sts.windows.net/{}/'. It must \
             match the tenant 'https://sts.windows.net/{}/' associated with this subscription.",
            scenario.home_tenant_id, scenario.target_tenant_id
        ),
    );
    assert!(
        response
            .header("www-authenticate")
            .contains(&scenario.target_tenant_id)
    );
}

#[tokio::test]
async fn an_unknown_subscription_or_api_version_is_refused() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let token = access_token(&emulator, &scenario, ARM).await;
    let unknown = format!("/subscriptions/none/resourceGroups?{VERSION}");
    let response = arm(&emulator, &token, &unknown).await;
    assert_error(&response, 404, "SubscriptionNotFound", "'none'");
    let path = format!(
        "/subscriptions/{}/resourceGroups",
        scenario.target_subscription_id
    );
    let response = arm(&emulator, &token, &path).await;
    assert_error(&response, 400, "MissingApiVersionParameter", "api-version");
    let response = arm(&emulator, &token, &format!("{path}?api-version=1999-01-01")).await;
    assert_error(&response, 400, "InvalidApiVersionParameter", "1999-01-01");
    for version in ["2021-04-01", "2022-09-01"] {
        let response = arm(&emulator, &token, &format!("{path}?api-version={version}")).await;
        assert_eq!(response.status, 200);
    }
    let url = format!("{}{path}?{VERSION}", emulator.https_url());
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    let response = send(&emulator, Method::PUT, &url, &headers, None).await;
    assert_error(&response, 405, "MethodNotAllowed", "");
}

#[tokio::test]
async fn each_page_links_to_the_next_on_the_origin_of_the_request() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let principal = service_principal(&scenario);
    let scope = format!("/subscriptions/{}", scenario.target_subscription_id);
    emulator.assign_role(&principal, Role::Reader, &scope);
    for number in 0..300 {
        emulator
            .add_resource_group(
                &scenario.target_subscription_id,
                &format!("rg-{number}"),
                "westeurope",
            )
            .expect("a subscription");
    }
    emulator.set_page_size(70);
    let token = access_token(&emulator, &scenario, ARM).await;
    let bearer = format!("Bearer {token}");
    let (mut next, mut seen, mut pages) = (
        Some(format!("{}{}", emulator.https_url(), groups(&scenario))),
        0,
        0,
    );
    while let Some(url) = next {
        assert!(
            url.starts_with(&format!("{}/", emulator.https_url())),
            "{url}"
        );
        let response = get(&emulator, &url, &[("Authorization", &bearer)]).await;
        seen += names(&response).len();
        pages += 1;
        assert!(pages <= 5, "the links go round in circles");
        next = response.body["nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!((seen, pages), (302, 5));

    let top = format!("{}&$top=2", groups(&scenario));
    let response = arm(&emulator, &token, &top).await;
    assert_eq!(names(&response).len(), 2);
    let url = format!("{}{}", emulator.https_url(), groups(&scenario));
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Host", "management.azure.com"),
    ];
    let response = get(&emulator, &url, &headers).await;
    let link = response.body["nextLink"].as_str().expect("a link");
    assert!(
        link.starts_with("https://management.azure.com/subscriptions/"),
        "{link}"
    );
    let response = arm(
        &emulator,
        &token,
        &format!("{}&$skiptoken=x", groups(&scenario)),
    )
    .await;
    assert_error(&response, 400, "InvalidQueryParameterValue", "$skiptoken");
}

#[tokio::test]
async fn role_assignments_are_listed_at_their_scope() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    let token = access_token(&emulator, &scenario, ARM).await;
    let scope = format!(
        "/subscriptions/{}/resourceGroups/{}",
        scenario.target_subscription_id, scenario.resource_group
    );
    let path =
        format!("{scope}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01");
    let response = arm(&emulator, &token, &path).await;
    assert_eq!(response.status, 200, "{}", response.body);
    let properties: &Value = &response.body["value"][0]["properties"];
    assert_eq!(properties["scope"], scope);
    assert_eq!(
        properties["principalId"],
        scenario.target_service_principal_id.expect("one")
    );
    let role = properties["roleDefinitionId"].as_str().expect("a role");
    assert!(
        role.ends_with("acdd72a7-3385-48ef-bd42-f606fba81ae7"),
        "{role}"
    );
}

#[tokio::test]
async fn a_token_without_an_object_id_has_no_role() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario();
    emulator.set_access_token_lifetime(Duration::from_secs(60));
    let token = access_token(&emulator, &scenario, ARM).await;
    let mut claims = claims(&token);
    claims.as_object_mut().expect("claims").remove("oid");
    let response = arm(&emulator, &emulator.sign(&claims), &groups(&scenario)).await;
    assert_error(&response, 403, "AuthorizationFailed", "");
}
