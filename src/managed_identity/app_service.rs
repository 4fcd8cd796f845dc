//! App Service, Functions, Container Apps and Automation.
//!
//! Microsoft Learn, "How to use managed identities for App Service and Azure Functions", "REST
//! endpoint reference", describes request and answers.

use super::{
    Host, ManagedIdentityHost, Setup,
    endpoint::{Endpoint, SecretHeader, address, required},
    host::{IDENTITY_ENDPOINT, IDENTITY_HEADER},
};
use crate::{error::Error, transport::Destination};
use azure_core::credentials::AccessToken;
use futures::future::{BoxFuture, FutureExt};

const HOST: ManagedIdentityHost = ManagedIdentityHost::AppService;

const API_VERSION: &str = "2019-08-01";

/// With this version the endpoint takes the hash of a token that it is to replace, as MSAL.NET sends
/// it (`token_sha256_to_refresh`). Microsoft Learn does not describe it, so no call relies on it.
#[cfg(feature = "rustls")]
const REFRESH_API_VERSION: &str = "2025-03-30";

#[derive(Debug)]
pub(super) struct AppService(Endpoint);

impl AppService {
    pub(super) fn new(setup: Setup) -> Result<Self, Error> {
        let named = required(&setup.environment, IDENTITY_ENDPOINT, HOST)?;
        let url = address(IDENTITY_ENDPOINT, &named)?;
        let header = SecretHeader::from(
            &setup.environment,
            "x-identity-header",
            IDENTITY_HEADER,
            HOST,
        )?;
        Ok(Self(Endpoint::new(
            HOST,
            url,
            Some(header),
            Destination::Host,
            setup,
        )?))
    }

    async fn ask(&self, refused: Option<&AccessToken>) -> Result<AccessToken, Error> {
        // Whatever this answers that is no token, the version that every host has is asked next.
        #[cfg(feature = "rustls")]
        if let Some(refused) = refused {
            let hash = sha256(refused.token.secret());
            let more = Some(("token_sha256_to_refresh", hash.as_str()));
            let mut request = self.0.request(REFRESH_API_VERSION, more);
            let answer = self.0.send(&mut request).await?;
            match self.0.token(&answer) {
                Err(error) if !error.is_transient() => {
                    tracing::debug!(%error, "the host does not replace tokens");
                }
                result => return result,
            }
        }
        // Hashes come with TLS. Without it a refused token is asked for again like any other.
        #[cfg(not(feature = "rustls"))]
        let _ = refused;
        let mut request = self.0.request(API_VERSION, None);
        let answer = self.0.send(&mut request).await?;
        self.0.token(&answer)
    }
}

#[cfg(feature = "rustls")]
fn sha256(token: &str) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    let hash = digest(&SHA256, token.as_bytes());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Host for AppService {
    fn kind(&self) -> ManagedIdentityHost {
        HOST
    }

    fn origin(&self) -> &str {
        self.0.origin()
    }

    fn token<'a>(
        &'a self,
        refused: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<AccessToken, Error>> {
        self.ask(refused).boxed()
    }
}
