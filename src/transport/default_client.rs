//! The HTTP client of a leg if its `ClientOptions` have no transport.

use super::Thumbprint;
use async_trait::async_trait;
use azure_core::{
    error::ErrorKind,
    http::{AsyncRawResponse, HttpClient, Request},
};
use std::{fmt, sync::OnceLock, time::Duration};

/// A `reqwest` client, built at the first request. Its connections belong to this crate's own
/// thread, because every request is made there.
pub(super) struct DefaultClient {
    build: Build,
    client: OnceLock<reqwest::Client>,
}

type Build = Box<dyn Fn() -> reqwest::Result<reqwest::Client> + Send + Sync>;

impl DefaultClient {
    pub(super) fn identity() -> Self {
        Self::new(Box::new(identity_client))
    }

    pub(super) fn token() -> Self {
        Self::new(Box::new(token_client))
    }

    /// Without the feature "rustls" it has no TLS, and every request fails.
    pub(super) fn pinned(thumbprint: Thumbprint) -> Self {
        Self::new(Box::new(move || pinned_client(thumbprint)))
    }

    fn new(build: Build) -> Self {
        Self {
            build,
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> azure_core::Result<&reqwest::Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = (self.build)().map_err(|error| {
            azure_core::Error::with_error(
                ErrorKind::Other,
                error,
                "the HTTP client could not be built",
            )
        })?;
        Ok(self.client.get_or_init(|| client))
    }
}

#[async_trait]
impl HttpClient for DefaultClient {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        self.client()?.execute_request(request).await
    }
}

impl fmt::Debug for DefaultClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DefaultClient")
    }
}

/// For the host's own endpoint, which has a link-local or loopback address: no proxy (Microsoft Learn,
/// "Azure Instance Metadata Service": "IMDS is not intended to be used behind a proxy"), no redirects,
/// and no root certificates.
fn identity_client() -> reqwest::Result<reqwest::Client> {
    let builder = direct();
    // By default, reqwest loads the platform's root certificates for each client.
    #[cfg(feature = "rustls")]
    let builder = preconfigured(builder, tls::without_roots());
    builder.build()
}

/// For a host's own endpoint with a self-signed certificate.
fn pinned_client(thumbprint: Thumbprint) -> reqwest::Result<reqwest::Client> {
    let builder = direct();
    #[cfg(feature = "rustls")]
    let builder = preconfigured(builder, tls::pinned(thumbprint));
    #[cfg(not(feature = "rustls"))]
    let _ = thumbprint;
    builder.build()
}

fn direct() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        // The endpoint is at most one network hop away. Outside Azure nothing answers, and the
        // operating system reports that only after two minutes.
        .connect_timeout(Duration::from_secs(2))
}

fn token_client() -> reqwest::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5));
    #[cfg(feature = "rustls")]
    let builder = preconfigured(builder, tls::with_platform_roots());
    builder.build()
}

#[cfg(feature = "rustls")]
fn preconfigured(
    builder: reqwest::ClientBuilder,
    config: Option<rustls::ClientConfig>,
) -> reqwest::ClientBuilder {
    match config {
        Some(config) => builder.tls_backend_preconfigured(config),
        // reqwest builds its own configuration, and returns an error if it cannot.
        None => builder,
    }
}

#[cfg(feature = "rustls")]
mod tls {
    use super::{super::pinned::Pinned, Thumbprint};
    use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, crypto::aws_lc_rs};
    use rustls_platform_verifier::BuilderVerifierExt;
    use std::sync::{Arc, OnceLock};

    /// The root certificates of the platform, loaded once per process: loading takes milliseconds,
    /// and each family has its own client.
    pub(super) fn with_platform_roots() -> Option<ClientConfig> {
        static CONFIG: OnceLock<Option<ClientConfig>> = OnceLock::new();
        CONFIG
            .get_or_init(|| {
                Some(
                    builder()?
                        .with_platform_verifier()
                        .ok()?
                        .with_no_client_auth(),
                )
            })
            .clone()
    }

    /// Trusts no certificate. The identity endpoints of this client use plain http.
    pub(super) fn without_roots() -> Option<ClientConfig> {
        static CONFIG: OnceLock<Option<ClientConfig>> = OnceLock::new();
        CONFIG
            .get_or_init(|| {
                let config = builder()?.with_root_certificates(RootCertStore::empty());
                Some(config.with_no_client_auth())
            })
            .clone()
    }

    /// Trusts only the certificate with this thumbprint.
    pub(super) fn pinned(thumbprint: Thumbprint) -> Option<ClientConfig> {
        let pinned = Arc::new(Pinned::new(thumbprint));
        let one = builder()?
            .dangerous()
            .with_custom_certificate_verifier(pinned);
        Some(one.with_no_client_auth())
    }

    /// The crypto provider is set explicitly: the application decides whether the process has a
    /// default provider.
    fn builder() -> Option<ConfigBuilder<ClientConfig, WantsVerifier>> {
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .ok()
    }
}
