//! Failures of a proxy, of TLS and of a wrong port, with real sockets and the default transport.
//!
//! The default transport reads its proxy from the environment. A test must not change its own
//! environment, so it starts this program again with another environment.

use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    credentials::TokenCredential,
    http::{ClientMethodOptions, RetryOptions},
};
use azure_identity::ClientAssertion;
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions, Error,
    explain,
};
use cross_tenant_identity_emulator::Emulator;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    process::Command,
    sync::Arc,
    thread,
};

const AUTHORITY: &str = "TEST_AUTHORITY";
const TENANT: &str = "22222222-2222-4222-8222-222222222222";
const APP: &str = "33333333-3333-4333-8333-333333333333";

/// The message for a person, after `transient` or `final`, if the token endpoint is at `authority`
/// and the environment names this proxy.
fn asked_at(authority: &str, proxy: Option<SocketAddr>) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "ask", "--ignored", "--nocapture"]);
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "REQUEST_METHOD",
    ] {
        child.env_remove(name);
        child.env_remove(name.to_lowercase());
    }
    child.env(AUTHORITY, authority);
    if let Some(proxy) = proxy {
        child.env("HTTPS_PROXY", format!("http://{proxy}"));
    }
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[tokio::test]
#[ignore = "the other half of the tests below, which run it"]
async fn ask() {
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host = std::env::var(AUTHORITY).expect("it is run by the tests below");
    let mut options = CrossTenantManagedIdentityCredentialOptions {
        retry: Some(RetryOptions::none()),
        ..Default::default()
    };
    options.client_options.cloud = Some(Arc::new(CloudConfiguration::Custom(cloud)));
    let credential = CrossTenantManagedIdentityCredential::with_assertion(
        TENANT,
        APP,
        Arc::new(Assertion),
        Some(options),
    )
    .unwrap();
    let error = credential
        .get_token(&["https://storage.azure.com/.default"], None)
        .await
        .unwrap_err();
    let is_transient = Error::find(&error).unwrap().is_transient();
    let kind = if is_transient { "transient" } else { "final" };
    println!("{kind}\n{error}\n{}", explain(&error));
}

#[derive(Debug)]
struct Assertion;

#[async_trait::async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok("e30.e30.c2lnbmF0dXJl".to_owned())
    }
}

/// Answers every connection with these bytes, after the client has sent something.
fn answering(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes);
        }
    });
    address
}

#[track_caller]
fn says(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "{part:?} is missing in\n{told}");
    }
}

#[test]
fn a_proxy_that_demands_a_login_is_named() {
    let proxy = answering(
        b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    );
    let told = asked_at("https://localhost:1", Some(proxy));
    says(
        &told,
        &[
            "final",
            "HTTP 407",
            "HTTPS_PROXY",
            "the operator of the service's host",
        ],
    );
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let proxy = answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let told = asked_at("https://localhost:1", Some(proxy));
    says(
        &told,
        &["transient", "the proxy refused to connect", "NO_PROXY"],
    );
}

#[test]
fn a_missing_proxy_is_named() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let told = asked_at("https://localhost:1", Some(address));
    says(&told, &["transient", "the proxy cannot be reached"]);
}

#[test]
fn a_certificate_of_an_unknown_authority_is_not_transient() {
    let azure = Emulator::start().unwrap();
    let told = asked_at(azure.https_url(), None);
    says(
        &told,
        &[
            "final",
            "does not trust",
            "root certificate",
            "inspects TLS",
        ],
    );
}

#[test]
fn plain_http_instead_of_tls_is_not_transient() {
    let plain = answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let told = asked_at(&format!("https://{plain}"), None);
    says(&told, &["final", "does not speak TLS", "port"]);
}

#[test]
fn a_port_without_a_listener_is_transient() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let told = asked_at(&format!("https://{address}"), None);
    says(&told, &["transient", "the connection was refused"]);
}
