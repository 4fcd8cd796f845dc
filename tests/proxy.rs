//! The identity leg does not use the proxy of the environment. A test must not change its own
//! environment, so it starts this program again with another environment.

mod support;

use azure_identity::ClientAssertion;
use cross_tenant_identity::{ManagedIdentityAssertion, ManagedIdentityAssertionOptions};
use std::{io::ErrorKind, net::TcpListener, process::Command};
use support::World;

const IMDS: &str = "TEST_IMDS_ENDPOINT";

#[test]
fn the_identity_leg_uses_no_proxy() {
    let world = World::new();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([
        "--exact",
        "asked_with_a_proxy_in_the_environment",
        "--ignored",
    ]);
    child.env(IMDS, world.azure.imds_url());
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, &address);
    }
    for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    let asked = proxy.accept().map(|(_, from)| from);
    assert_eq!(asked.unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
#[ignore = "the other half of the test above, which runs it"]
async fn asked_with_a_proxy_in_the_environment() {
    let imds_endpoint = std::env::var(IMDS).expect("it is run by the test above");
    let assertion = ManagedIdentityAssertion::new(Some(ManagedIdentityAssertionOptions {
        imds_endpoint: Some(imds_endpoint),
        ..Default::default()
    }))
    .unwrap();
    assertion.secret(None).await.unwrap();
}
