//! An identity endpoint and a token endpoint in memory: they answer at once, so that what is measured
//! is the credential.

use azure_core::http::{
    AsyncRawResponse, ClientOptions, HttpClient, Request, StatusCode, Transport, headers::Headers,
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::sync::Semaphore;

/// As long as Entra's usually are.
pub const TOKEN_LENGTH: usize = 1700;

#[derive(Debug)]
struct Upstream {
    identity: Vec<u8>,
    token: Vec<u8>,
    /// A token request waits for a permit.
    gate: Option<Arc<Semaphore>>,
    /// How long each request takes.
    hop: Duration,
}

#[async_trait::async_trait]
impl HttpClient for Upstream {
    #[allow(clippy::disallowed_methods, reason = "this is the service's time")]
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        if !self.hop.is_zero() {
            tokio::time::sleep(self.hop).await;
        }
        let body = match request.url().path().ends_with("/oauth2/v2.0/token") {
            true => {
                if let Some(gate) = &self.gate {
                    drop(gate.acquire().await);
                }
                &self.token
            }
            false => &self.identity,
        };
        let mut headers = Headers::new();
        headers.insert("content-type", "application/json");
        Ok(AsyncRawResponse::from_bytes(
            StatusCode::Ok,
            headers,
            body.clone(),
        ))
    }
}

pub fn client_options() -> ClientOptions {
    options(None, Duration::ZERO)
}

/// Each request takes this long.
pub fn slow_client_options(hop: Duration) -> ClientOptions {
    options(None, hop)
}

/// A token endpoint that does not answer before the gate has permits.
pub fn closed_client_options() -> (ClientOptions, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    (options(Some(Arc::clone(&gate)), Duration::ZERO), gate)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a time far enough from now, once"
)]
fn options(gate: Option<Arc<Semaphore>>, hop: Duration) -> ClientOptions {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let expires_on = now.map_or(0, |now| now.as_secs()) + 86_400;
    let token = "t".repeat(TOKEN_LENGTH);
    let upstream = Upstream {
        identity: format!(
            r#"{{"access_token":"{token}","client_id":"c","expires_in":"86400","expires_on":"{expires_on}","ext_expires_in":"86400","not_before":"0","resource":"api://AzureADTokenExchange","token_type":"Bearer"}}"#
        )
        .into_bytes(),
        token: format!(
            r#"{{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"{token}"}}"#
        )
        .into_bytes(),
        gate,
        hop,
    };
    ClientOptions {
        transport: Some(Transport::new(Arc::new(upstream))),
        ..Default::default()
    }
}
