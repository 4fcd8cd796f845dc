//! `/metrics`.

use super::running::{BACKUP, REPORTS, Serve, both};
use crate::{client::RESOURCE, support::Azure};

#[test]
fn metrics_tell_requests_tokens_and_upstream_and_no_secret() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    serve.endpoint.token(RESOURCE).unwrap();
    serve.as_backup().token(RESOURCE).unwrap();
    serve.endpoint.get("/msi/token").unwrap();
    let metrics = serve.endpoint.get("/metrics").unwrap().body;
    for line in [
        "cross_tenant_identity_requests_total{client=\"reports\",outcome=\"ok\"} 1",
        "cross_tenant_identity_requests_total{client=\"backup\",outcome=\"forbidden\"} 1",
        "cross_tenant_identity_requests_total{client=\"\",outcome=\"unauthorized\"} 1",
        "cross_tenant_identity_upstream_requests_total{leg=\"identity\",status=\"200\"} 1",
        "cross_tenant_identity_upstream_requests_total{leg=\"token\",status=\"200\"} 2",
        "cross_tenant_identity_upstream_requests_in_flight{leg=\"token\"} 0",
        "cross_tenant_identity_token_remaining_seconds{client=\"reports\",resource=\"https://management.azure.com\"} ",
    ] {
        assert!(
            metrics.lines().any(|it| it.starts_with(line)),
            "{line}\n{metrics}"
        );
    }
    for secret in [REPORTS, BACKUP, "eyJ"] {
        assert!(!metrics.contains(secret), "{metrics}");
    }
}
