//! `serve` by TLS, on an address that other machines could reach. Here only this machine does.

mod certificates;
mod client;
mod connections;
mod names;
#[cfg(unix)]
mod reload;
mod wrong_config;

use crate::{
    client::RESOURCE,
    serve::running::{BACKUP, REPORTS, Serve, client_of},
    support::Azure,
};
use certificates::Pair;
use client::TlsClient;

/// The name that the certificate is for.
const NAME: &str = "identity.contoso.example";
const LOOPBACK: &str = "\"127.0.0.0/8\"";

/// A configuration for all addresses of this machine, and these networks.
fn config(azure: &Azure, networks: &str, pair: &Pair) -> String {
    format!(
        "listen = \"0.0.0.0:0\"\nnetworks = [{networks}]\n{}{}",
        pair.config(),
        clients(azure)
    )
}

fn clients(azure: &Azure) -> String {
    let tenant = &azure.scenario.target_tenant_id;
    format!(
        "{}{}",
        client_of("reports", REPORTS, tenant, RESOURCE),
        client_of("backup", BACKUP, tenant, RESOURCE)
    )
}

fn start(azure: &Azure, config: &str) -> (Serve, TlsClient) {
    let serve = Serve::start(azure, config);
    let client = TlsClient::new(azure, &serve);
    (serve, client)
}
