//! A token that a service has rejected, which the SDK names by its hash.

use crate::{
    client::{Endpoint, RESOURCE},
    serve::running::{Serve, both},
    support::Azure,
};
use aws_lc_rs::digest::{SHA256, digest};
use cross_tenant_identity_emulator::Endpoint as Of;

fn ask(endpoint: &Endpoint, version: &str, more: &str) -> String {
    let query = format!("api-version={version}&resource={RESOURCE}{more}");
    let response = endpoint.ask(&query, &[]).unwrap();
    let body = response.json();
    assert_eq!(response.status, 200, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

fn sha256(token: &str) -> String {
    let hash = digest(&SHA256, token.as_bytes());
    hash.as_ref().iter().map(|it| format!("{it:02x}")).collect()
}

fn by_hash(hash: &str) -> String {
    format!("&token_sha256_to_refresh={hash}&xms_cc=cp1")
}

fn rejected(token: &str) -> String {
    by_hash(&sha256(token))
}

#[test]
fn a_rejected_token_is_replaced_once_by_each_version_and_no_other_token_is() {
    // MSAL for .NET sends the first, that for JavaScript the second.
    for version in ["2025-03-30", "2019-08-01"] {
        let azure = Azure::start();
        let mut serve = Serve::start(&azure, &both(&azure));
        let endpoint = serve.endpoint.clone();
        let requests = || azure.emulator.requests_to(Of::Token).len();
        let first = ask(&endpoint, version, "");
        let before = requests();

        for other in [
            rejected("another token"),
            "&token_sha256_to_refresh=%00".to_owned(),
            "&token_sha256_to_refresh=".to_owned(),
            "&xms_cc=cp1".to_owned(),
        ] {
            assert_eq!(ask(&endpoint, version, &other), first, "{other}");
        }
        assert_eq!(requests(), before);

        let upper_case = by_hash(&sha256(&first).to_uppercase());
        let second = ask(&endpoint, version, &upper_case);
        assert_ne!(second, first);
        assert_eq!(requests(), before + 1);
        assert_eq!(serve.logged("a service has rejected")["replaced"], true);

        // Another process that still has the first one gets the second, without a request.
        assert_eq!(ask(&endpoint, version, &rejected(&first)), second);
        // Whoever rejects each token cannot make it ask Entra each time.
        assert_eq!(ask(&endpoint, version, &rejected(&second)), second);
        assert_eq!(requests(), before + 1);
        assert_eq!(serve.logged("a service has rejected")["replaced"], false);
        assert_eq!(ask(&endpoint, version, ""), second);
    }
}

#[test]
fn sixty_processes_with_the_same_rejected_token_are_one_request() {
    let azure = Azure::start();
    let serve = Serve::start(&azure, &both(&azure));
    let endpoint = &serve.endpoint;
    let first = ask(endpoint, "2025-03-30", "");
    let before = azure.emulator.requests_to(Of::Token).len();
    let query = rejected(&first);
    let together = std::sync::Barrier::new(60);
    std::thread::scope(|scope| {
        for _ in 0..60 {
            scope.spawn(|| {
                together.wait();
                ask(endpoint, "2025-03-30", &query)
            });
        }
    });
    assert_ne!(ask(endpoint, "2025-03-30", ""), first);
    assert_eq!(azure.emulator.requests_to(Of::Token).len(), before + 1);
}
