//! A configuration that is wrong.

use super::running::{REPORTS, client_of, command};
use crate::{
    client::RESOURCE,
    support::{Azure, ended},
};

#[test]
fn a_wrong_file_is_told_before_anything_starts() {
    let azure = Azure::start();
    let tenant = &azure.scenario.target_tenant_id;
    let good = client_of("reports", REPORTS, tenant, RESOURCE);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let unknown = "99999999-9999-4999-8999-999999999999";
    for (config, told) in [
        (
            format!("{good}{good}"),
            "two clients have the name \"reports\"",
        ),
        (
            format!("{good}{}", client_of("other", REPORTS, tenant, RESOURCE)),
            "have the same secret",
        ),
        (
            client_of("reports", REPORTS, unknown, RESOURCE),
            "AADSTS90002",
        ),
        (
            client_of("reports", REPORTS, "not a tenant", RESOURCE),
            "not a tenant",
        ),
        (
            client_of("reports", "short", tenant, RESOURCE),
            "less than 32 characters",
        ),
        (
            client_of("reports", REPORTS, tenant, ""),
            "has no resources",
        ),
        (format!("listen = \"{taken}\"\n{good}"), "cannot listen on"),
        (format!("listen = \"0.0.0.0:0\"\n{good}"), "has no TLS"),
        (
            "listen = \"127.0.0.1:0\"\nclients = []".to_owned(),
            "there are no clients",
        ),
        (good.replace("secret =", "sekret ="), "sekret"),
        (
            good.replace(&format!("\"{REPORTS}\""), "1234567890"),
            "a secret is no text",
        ),
        (
            good.replace("secret = ", "secret_file = "),
            "cannot read its secret_file",
        ),
    ] {
        let config = match config.contains("listen") {
            true => config,
            false => format!("listen = \"127.0.0.1:0\"\n{config}"),
        };
        let ended = ended(&mut command(&azure, &config)).expect(2);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
        assert!(!ended.stderr.contains("1234567890"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("\"ready\""), "{}", ended.stderr);
    }
}
