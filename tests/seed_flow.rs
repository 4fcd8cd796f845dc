//! Sends `examples/setup/seed-flow.http` to the emulator without changes: each response supplies
//! values for the next request.

#[path = "seed_flow/http_file.rs"]
mod http_file;

use azure_core::http::{AsyncRawResponse, Context, Method, Request, Transport, Url};
use cross_tenant_identity_emulator::{Emulator, Endpoint, Scenario, Step};
use http_file::{HttpFile, Values};
use serde_json::Value;
use std::{fs, path::Path};

const SEED_FLOW: &str = "examples/setup/seed-flow.http";

fn read(name: &str) -> HttpFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    HttpFile::parse(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The variables of the file, with the ids of the scenario instead of the example ids.
fn filled_in(file: &HttpFile, scenario: &Scenario) -> Values {
    let mut values = file.values();
    for (name, value) in [
        ("home_tenant_id", &scenario.home_tenant_id),
        ("home_client_id", &scenario.client_id),
        ("target_tenant_id", &scenario.target_tenant_id),
        ("target_subscription_id", &scenario.target_subscription_id),
        ("identity_client_id", &scenario.identity_client_id),
    ] {
        values.replace(name, value);
    }
    values
}

/// Sends the steps up to the first refused one. Returns the name, status and body of each.
async fn send_all(
    azure: &Emulator,
    file: &HttpFile,
    mut values: Values,
) -> Vec<(String, u16, Value)> {
    let transport = azure.client_options().transport.unwrap();
    let mut answers = Vec::new();
    for step in &file.steps {
        let (status, body) = send(&transport, step, &values).await;
        values.add_answer(&step.name, &body);
        answers.push((step.name.clone(), status, body));
        if status >= 300 {
            break;
        }
    }
    answers
}

async fn send(transport: &Transport, step: &http_file::Step, values: &Values) -> (u16, Value) {
    let url = Url::parse(&values.fill(&step.url).unwrap()).unwrap();
    let method: Method = step.method.parse().unwrap();
    let mut request = Request::new(url, method);
    for (name, value) in &step.headers {
        let value = values.fill(value).unwrap();
        request.insert_header(name.to_ascii_lowercase(), value);
    }
    if !step.body.is_empty() {
        request.set_body(values.fill(&step.body).unwrap());
    }
    let answer: AsyncRawResponse = transport.send(&Context::new(), &mut request).await.unwrap();
    let status = answer.status().into();
    let answer = answer.try_into_raw_response().await.unwrap();
    (
        status,
        serde_json::from_slice(answer.body().as_ref()).unwrap(),
    )
}

#[tokio::test]
async fn the_seed_flow_ends_with_the_resource_group_of_the_target_tenant() {
    let azure = Emulator::start().unwrap();
    let scenario = azure.create_scenario();
    let file = read(SEED_FLOW);

    let answers = send_all(&azure, &file, filled_in(&file, &scenario)).await;

    let steps: Vec<_> = answers.iter().map(|it| (it.0.as_str(), it.1)).collect();
    assert_eq!(
        steps,
        [
            ("identity_token", 200),
            ("home_storage_token", 200),
            ("target_storage_token", 200),
            ("target_arm_token", 200),
            ("resource_groups", 200),
        ],
        "{answers:?}"
    );
    let groups = answers[4].2["value"].as_array().unwrap();
    let names: Vec<_> = groups.iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["NetworkWatcherRG"]);
    assert_eq!(azure.requests_to(Endpoint::Imds).len(), 1);
    assert_eq!(azure.requests_to(Endpoint::Token).len(), 3);
}

#[tokio::test]
async fn an_app_of_the_target_tenant_itself_is_refused_as_the_file_says() {
    let azure = Emulator::start().unwrap();
    let litwares_own = azure
        .create_scenario_without(Step::HomeRegistration)
        .client_id;
    let file = read(SEED_FLOW);
    let mut values = filled_in(
        &file,
        &azure.create_scenario_without(Step::HomeRegistration),
    );
    values.replace("target_client_id", &litwares_own);
    let mut file = file;
    // This test is not about Contoso's app.
    file.steps.retain(|step| step.name != "home_storage_token");

    let answers = send_all(&azure, &file, values).await;

    let (name, status, body) = answers.last().unwrap();
    assert_eq!((name.as_str(), *status), ("target_storage_token", 401));
    assert_eq!(body["error_codes"][0], 700236, "{body}");
}

#[test]
fn each_request_of_the_file_uses_only_variables_that_are_defined_before_it() {
    for name in [SEED_FLOW, "cli/kit/target/provision.http"] {
        let file = read(name);
        let mut values = file.values();
        for step in &file.steps {
            let url = values.fill(&step.url).unwrap();
            assert!(Url::parse(&url).unwrap().host().is_some(), "{name}: {url}");
            assert!(step.method.parse::<Method>().is_ok(), "{name}");
            for (_, value) in &step.headers {
                values.fill(value).unwrap();
            }
            let body = values.fill(&step.body).unwrap();
            let is_json = |it: &(String, String)| it.1 == "application/json";
            if step.headers.iter().any(is_json) {
                let body: Value = serde_json::from_str(&body).unwrap();
                assert!(body.is_object(), "{name}: {}", step.name);
            }
            let answer = serde_json::json!({ "access_token": "a", "id": "b" });
            values.add_answer(&step.name, &answer);
        }
    }
}
