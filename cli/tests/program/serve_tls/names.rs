//! Who gets a token by TLS, and by which name of the endpoint.

use super::{LOOPBACK, NAME, certificates::Pair, client::TlsClient, config, start};
use crate::{
    client::{self, Endpoint, tenant},
    serve::running::Serve,
    support::{Azure, ended},
};

fn status(client: &TlsClient, host: &str) -> u16 {
    client.token(NAME, host).unwrap().status
}

#[test]
fn a_client_of_a_listed_network_gets_a_token_by_the_names_of_the_certificate_and_by_no_other() {
    let azure = Azure::start();
    let pair = Pair::of(&azure, &[NAME, "*.pods.example", "192.0.2.7"]);
    let (serve, client) = start(&azure, &config(&azure, LOOPBACK, &pair));
    let answer = client.token(NAME, NAME).unwrap().json();
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(tenant(token), azure.scenario.target_tenant_id);

    let port = client.address.port();
    for host in [
        &format!("{NAME}:{port}"),
        // A port can be forwarded.
        &format!("{NAME}:443"),
        "IDENTITY.contoso.EXAMPLE",
        "a.pods.example",
        "192.0.2.7",
        // As probes call it, which do not know the name.
        &format!("127.0.0.1:{port}"),
        &format!("localhost:{port}"),
    ] {
        assert_eq!(status(&client, host), 200, "{host}");
    }
    for host in [
        "rebound.example",
        "pods.example",
        "a.b.pods.example",
        "contoso.example",
        "192.0.2.8",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost",
        &format!("0.0.0.0:{port}"),
        &format!("x@{NAME}"),
        &format!("{NAME} {NAME}"),
        "",
    ] {
        assert_eq!(status(&client, host), 400, "{host}");
    }
    // Whoever checks the certificate sends nothing to an endpoint of another name.
    let error = client.token("rebound.example", NAME);
    assert!(
        error
            .err()
            .unwrap()
            .to_string()
            .contains("not valid for name")
    );
    drop(serve);
}

#[test]
fn tls_is_also_for_a_loopback_address_where_no_networks_are_needed() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let config = format!(
        "listen = \"127.0.0.1:0\"\n{}{}",
        pair.config(),
        super::clients(&azure)
    );
    let (_serve, client) = start(&azure, &config);
    assert_eq!(client.token("127.0.0.1", NAME).unwrap().status, 200);
}

#[test]
fn an_unmodified_program_with_azure_identity_lists_by_https() {
    let azure = Azure::start();
    let pair = Pair::usual(&azure);
    let serve = Serve::start(&azure, &config(&azure, LOOPBACK, &pair));
    // It listens on all addresses.
    let endpoint = Endpoint {
        url: serve.endpoint.url.replace("0.0.0.0", "127.0.0.1"),
        ..serve.endpoint.clone()
    };
    let mut trusting = client::command("azure_identity", &endpoint);
    trusting
        .env("SSL_CERT_FILE", azure.folder.path().join("ca.pem"))
        .env("ARM_ENDPOINT", azure.emulator.https_url())
        .env(
            "TARGET_SUBSCRIPTION_ID",
            &azure.scenario.target_subscription_id,
        );
    let trusting = ended(&mut trusting).expect(0).without_secrets();
    let expected = "listed=[\"NetworkWatcherRG\"]";
    assert!(trusting.stdout.contains(expected), "{}", trusting.stdout);
}
