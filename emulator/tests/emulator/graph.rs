//! Microsoft Graph: what it refuses, and what it shows.

mod objects;
mod refusals;

use cross_tenant_identity_emulator::{Emulator, Scenario};

use crate::support::*;

const GRAPH: &str = "https://graph.microsoft.com";

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
