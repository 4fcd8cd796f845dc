//! Whether each client would get a token.

use super::{Client, answer::Answer, clients::Clients, token};
use crate::clock;
use azure_core::credentials::TokenCredential;
use futures::future::join_all;
use hyper::StatusCode;
use std::{fmt::Write, time::Duration};

/// What probes wait for at most, usually.
const LONGEST: Duration = Duration::from_secs(5);

/// A token for each client's first resource. Names and codes alone are shown, because probes have no
/// secret.
pub(super) async fn ready(clients: &Clients) -> Answer {
    let probes = join_all(
        clients
            .iter()
            .map(|client| async move { (client, probe(client).await) }),
    );
    let mut failed = String::new();
    for (client, result) in probes.await {
        if let Err(why) = result {
            let _ = writeln!(failed, "{}: no token: {why}", client.name);
        }
    }
    match failed.is_empty() {
        true => Answer::text(StatusCode::OK, "ok\n"),
        false => Answer::text(StatusCode::SERVICE_UNAVAILABLE, &failed),
    }
}

async fn probe(client: &Client) -> Result<(), String> {
    let Some(resource) = client.resources.first() else {
        return Ok(());
    };
    let scope = format!("{resource}/.default");
    let scopes = [scope.as_str()];
    let token = clock::within(LONGEST, client.credential.get_token(&scopes, None));
    match token.await {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(token::kind(&error)),
        None => Err(format!("none within {} s", LONGEST.as_secs())),
    }
}
