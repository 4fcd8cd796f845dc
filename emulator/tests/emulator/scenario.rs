//! The scenario of Contoso and Litware, and each step left out.

use cross_tenant_identity_emulator::{Emulator, Step};

use crate::support::*;

/// Sends the requests of the scenario. Returns the last status and its code or group name.
async fn last_response(emulator: &Emulator, left_out: Option<Step>) -> (u16, String) {
    let scenario = match left_out {
        None => emulator.create_scenario(),
        Some(step) => emulator.create_scenario_without(step),
    };
    let assertion = assertion(emulator).await;
    let target = TokenRequest::new(&scenario, &assertion, ARM)
        .send(emulator)
        .await;
    if target.status != 200 {
        return (target.status, target.body["error_codes"][0].to_string());
    }
    let url = format!(
        "{}/subscriptions/{}/resourceGroups?api-version=2024-08-01",
        emulator.https_url(),
        scenario.target_subscription_id
    );
    let bearer = format!("Bearer {}", target.text("access_token"));
    let list = get(emulator, &url, &[("Authorization", &bearer)]).await;
    let last = match list.status {
        200 => list.body["value"][0]["name"].clone(),
        _ => list.body["error"]["code"].clone(),
    };
    (list.status, last.as_str().expect("text").to_owned())
}

#[tokio::test]
async fn each_step_that_is_left_out_causes_its_own_error() {
    let emulator = Emulator::start().expect("an emulator");
    for (left_out, status, outcome) in [
        (None, 200, "NetworkWatcherRG"),
        (Some(Step::Role), 403, "AuthorizationFailed"),
        (Some(Step::ServicePrincipal), 401, "7000229"),
        (Some(Step::FederatedCredential), 401, "70025"),
        (Some(Step::MultiTenant), 400, "700016"),
        (Some(Step::HomeRegistration), 401, "700236"),
        (None, 200, "NetworkWatcherRG"),
    ] {
        let expected = (status, outcome.to_owned());
        assert_eq!(
            last_response(&emulator, left_out).await,
            expected,
            "{left_out:?}"
        );
    }
}

#[tokio::test]
async fn the_home_tenant_issues_a_token_to_the_app() {
    let emulator = Emulator::start().expect("an emulator");
    let scenario = emulator.create_scenario_without(Step::ServicePrincipal);
    assert_eq!(scenario.target_service_principal_id, None);
    let request = TokenRequest::new(&scenario, &assertion(&emulator).await, STORAGE);
    let response = request.at(&scenario.home_tenant_id).send(&emulator).await;
    assert_eq!(response.status, 200, "{}", response.body);
    let claims = claims(response.text("access_token"));
    assert_eq!(claims["tid"], scenario.home_tenant_id);
    assert_eq!(
        claims["oid"],
        scenario.home_service_principal_id.expect("provisioned")
    );
}
