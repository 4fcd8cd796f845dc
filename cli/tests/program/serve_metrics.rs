//! What `/metrics` and `/readyz` tell when something is wrong, and when the file has changed.

use crate::{
    client::{Endpoint, RESOURCE},
    serve::running::{BACKUP, REPORTS, Serve, both, client_of},
    support::Azure,
};
use cross_tenant_identity_emulator::{Endpoint as Of, Fault, Times};
use std::collections::{BTreeMap, BTreeSet};

struct Metrics(String);

impl Metrics {
    fn of(endpoint: &Endpoint) -> Self {
        let response = endpoint.get("/metrics").unwrap();
        assert_eq!(response.status, 200);
        for secret in [REPORTS, BACKUP, "eyJ"] {
            assert!(!response.body.contains(secret), "{}", response.body);
        }
        Self(response.body)
    }

    /// The value of what begins so; `None` if there is none.
    fn get(&self, sample: &str) -> Option<f64> {
        let name = format!("cross_tenant_identity_{sample} ");
        let mut lines = self.0.lines();
        let value = lines.find_map(|it| it.strip_prefix(&name))?;
        Some(value.parse().unwrap())
    }

    fn expect(&self, sample: &str, expected: f64) {
        assert_eq!(self.get(sample), Some(expected), "{sample}\n{}", self.0);
    }
}

fn remaining(client: &str, resource: &str) -> String {
    format!("token_remaining_seconds{{client=\"{client}\",resource=\"{resource}\"}}")
}

#[test]
fn failures_are_told_by_client_and_by_code_on_both_legs() {
    let azure = Azure::start();
    let scenario = &azure.scenario;
    let serve = Serve::start(&azure, &both(&azure));
    let endpoint = &serve.endpoint;
    let metrics = Metrics::of(endpoint);
    // The first tokens are fetched at the start.
    let life = metrics.get(&remaining("reports", RESOURCE)).unwrap();
    assert!((3_000.0..90_000.0).contains(&life), "{life}");
    metrics.expect("upstream_requests_total{leg=\"token\",status=\"200\"}", 2.0);
    metrics.expect(
        "upstream_request_duration_seconds_count{leg=\"token\"}",
        2.0,
    );
    metrics.expect(
        "upstream_request_duration_seconds_count{leg=\"identity\"}",
        1.0,
    );
    assert_eq!(metrics.get("config_last_reload_successful"), None);
    assert_eq!(metrics.get("certificate_expiry_timestamp_seconds"), None);
    drop(serve);

    azure
        .emulator
        .set_service_principal_enabled(&scenario.target_tenant_id, &scenario.client_id, false)
        .unwrap();
    let serve = Serve::start(&azure, &both(&azure));
    let endpoint = &serve.endpoint;
    assert_eq!(endpoint.token(RESOURCE).unwrap().status, 403);
    let metrics = Metrics::of(endpoint);
    metrics.expect(
        "requests_total{client=\"reports\",outcome=\"refused\"}",
        1.0,
    );
    metrics.expect(
        "token_failures_total{client=\"reports\",error=\"AADSTS7000112\"}",
        1.0,
    );
    metrics.expect("upstream_requests_total{leg=\"token\",status=\"400\"}", 1.0);
    assert_eq!(metrics.get(&remaining("reports", RESOURCE)), None);
    assert!(metrics.get(&remaining("backup", "https://storage.azure.com")) > Some(0.0));
    let ready = endpoint.get("/readyz").unwrap();
    assert_eq!(ready.status, 503);
    assert_eq!(ready.body, "reports: no token: AADSTS7000112\n");
    assert_eq!(endpoint.get("/livez").unwrap().status, 200);
    drop(serve);

    azure
        .emulator
        .set_fault(Of::Imds, Fault::status(403), Times::UntilCleared);
    let serve = Serve::start(&azure, &both(&azure));
    assert_eq!(serve.endpoint.token(RESOURCE).unwrap().status, 403);
    let metrics = Metrics::of(&serve.endpoint);
    metrics.expect(
        "token_failures_total{client=\"reports\",error=\"403\"}",
        1.0,
    );
    metrics.expect(
        "upstream_requests_total{leg=\"identity\",status=\"403\"}",
        1.0,
    );
    metrics.expect("upstream_requests_in_flight{leg=\"identity\"}", 0.0);
}

#[cfg(unix)]
#[test]
fn a_reload_is_told_and_clients_that_are_no_more_are_forgotten() {
    let azure = Azure::start();
    let mut serve = Serve::start(&azure, &both(&azure));
    let storage = remaining("backup", "https://storage.azure.com");
    assert!(Metrics::of(&serve.endpoint).get(&storage).is_some());

    azure.file("serve.toml", "clients = []");
    serve.signal(rustix::process::Signal::HUP);
    serve.logged("stay as they were");
    let metrics = Metrics::of(&serve.endpoint);
    metrics.expect("config_last_reload_successful", 0.0);
    assert!(metrics.get(&storage).is_some());

    let tenant = &azure.scenario.target_tenant_id;
    let one = client_of("reports", REPORTS, tenant, RESOURCE);
    azure.file("serve.toml", &format!("listen = \"127.0.0.1:0\"\n{one}"));
    serve.signal(rustix::process::Signal::HUP);
    serve.logged("read the file again");
    let metrics = Metrics::of(&serve.endpoint);
    metrics.expect("config_last_reload_successful", 1.0);
    assert!(metrics.get("config_last_reload_timestamp_seconds") > Some(1e9));
    assert_eq!(metrics.get(&storage), None);
    assert!(metrics.get(&remaining("reports", RESOURCE)).is_some());
}

/// Prometheus, "Exposition formats": one group a metric, its help and type first, no sample twice.
#[test]
fn the_text_is_of_the_format_of_prometheus() {
    let azure = Azure::start();
    let name = "a \\\"quoted\\\" \\\\ name";
    let tenant = &azure.scenario.target_tenant_id;
    let config = client_of(name, REPORTS, tenant, RESOURCE);
    let serve = Serve::start(&azure, &format!("listen = \"127.0.0.1:0\"\n{config}"));
    serve.endpoint.token(RESOURCE).unwrap();
    serve.endpoint.token("https://other.example").unwrap();
    let text = Metrics::of(&serve.endpoint).0;
    let (mut types, mut samples, mut current) = (BTreeMap::new(), BTreeSet::new(), "");
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            current = help.split_once(' ').unwrap().0;
            assert!(!types.contains_key(current), "{current} twice");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(name, current);
            types.insert(name, kind);
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            let of_histogram = ["_bucket", "_sum", "_count"];
            let bare = of_histogram
                .iter()
                .filter(|_| types[current] == "histogram")
                .find_map(|it| name.strip_suffix(it))
                .unwrap_or(name);
            assert_eq!(bare, current, "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(samples.insert(sample), "{sample} twice");
        }
    }
    assert!(types.len() >= 9, "{text}");
    let escaped = "requests_total{client=\"a \\\"quoted\\\" \\\\ name\",outcome=\"ok\"} 1";
    assert!(text.contains(escaped), "{text}");
}
