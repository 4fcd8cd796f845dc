//! Whether each client would get a token.

use super::{Client, Service, answer::Answer, clients::Clients, token};
use crate::clock;
use azure_core::credentials::TokenCredential;
use futures::future::join_all;
use hyper::StatusCode;
use std::{fmt::Write, time::Duration};

/// What probes wait for at most, usually.
const LONGEST: Duration = Duration::from_secs(5);

/// A token for each client's first resource. Names and codes alone are shown, because probes have no
/// secret.
pub(super) async fn ready(service: &Service, clients: &Clients) -> Answer {
    let probes = service.first_tokens(clients, LONGEST).await;
    let mut failed = String::new();
    for (client, result) in probes {
        let why = match result {
            Some(Ok(())) => continue,
            Some(Err(error)) => token::kind(&error),
            None => format!("none within {} s", LONGEST.as_secs()),
        };
        let _ = writeln!(failed, "{}: no token: {why}", client.name);
    }
    match failed.is_empty() {
        true => Answer::text(StatusCode::OK, "ok\n"),
        false => Answer::text(StatusCode::SERVICE_UNAVAILABLE, &failed),
    }
}

impl Service {
    /// Each client's token for its first resource, all at once. `None` if there was none in time.
    pub(crate) async fn first_tokens<'a>(
        &self,
        clients: &'a Clients,
        limit: Duration,
    ) -> Vec<(&'a Client, Option<azure_core::Result<()>>)> {
        let all = clients.iter().map(|client| async move {
            let result = clock::within(limit, self.first_token(client)).await;
            (&**client, result)
        });
        join_all(all).await
    }

    async fn first_token(&self, client: &Client) -> azure_core::Result<()> {
        let Some(resource) = client.resources.first() else {
            return Ok(());
        };
        let scope = format!("{resource}/.default");
        let scopes = [scope.as_str()];
        let token = client.credential.get_token(&scopes, None).await?;
        self.metrics.token(client, resource, token.expires_on);
        Ok(())
    }
}
