//! The one place that says which request is for which endpoint.

use crate::wire::Request;

/// A part of the emulator, as faults and the log name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// The instance metadata service.
    Imds,
    /// The identity endpoint of App Service, Functions and Container Apps.
    AppService,
    /// Entra's token endpoint, of any tenant.
    Token,
    /// OpenID configuration, of any tenant, and instance discovery.
    OpenIdConfiguration,
    /// Entra's public keys.
    Jwks,
    /// Azure Resource Manager.
    ResourceManager,
    /// Azure Key Vault, of any name.
    KeyVault,
    /// The TLS handshake, in which nobody knows yet whom the request will be for. Whatever the
    /// fault, the handshake is refused; nothing of it is logged.
    TlsHandshake,
    /// Nothing of the emulator's: it answers 404.
    Other,
}

/// The listener on which a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    Plain,
    Tls,
}

/// What a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Imds,
    AppService,
    Token { tenant: String },
    OpenIdConfiguration { tenant: String, v2: bool },
    InstanceDiscovery,
    Jwks,
    ResourceManager,
    KeyVault { name: String },
    Nowhere,
}

impl Route {
    pub(crate) fn of(listener: Listener, request: &Request) -> Route {
        match listener {
            // The IMDS takes a slash at the end, which the Azure SDK for JavaScript sends.
            Listener::Plain => match request.path.trim_end_matches('/') {
                crate::imds::PATH => Route::Imds,
                crate::app_service::PATH => Route::AppService,
                _ => Route::Nowhere,
            },
            Listener::Tls => {
                let route = Route::of_path(&request.path);
                // Under its real name a service answers for itself only; under the emulator's
                // own, the path alone decides.
                let name = request.host.split(':').next().unwrap_or_default();
                if let Some(vault) = name.strip_suffix(crate::key_vault::DOMAIN) {
                    return Route::KeyVault {
                        name: vault.to_owned(),
                    };
                }
                let is_arm = name.starts_with("management.");
                let is_entra = name.starts_with("login.") || name.starts_with("sts.");
                match route {
                    Route::ResourceManager if is_entra => Route::Nowhere,
                    Route::ResourceManager => route,
                    _ if is_arm => Route::Nowhere,
                    _ => route,
                }
            }
        }
    }

    fn of_path(path: &str) -> Route {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match segments[..] {
            [first, ..]
                if first.eq_ignore_ascii_case("subscriptions")
                    || first.eq_ignore_ascii_case("providers") =>
            {
                Route::ResourceManager
            }
            [tenant, "oauth2", "v2.0", "token"] => Route::Token {
                tenant: tenant.to_owned(),
            },
            [tenant, "v2.0", ".well-known", "openid-configuration"] => Route::OpenIdConfiguration {
                tenant: tenant.to_owned(),
                v2: true,
            },
            [tenant, ".well-known", "openid-configuration"] => Route::OpenIdConfiguration {
                tenant: tenant.to_owned(),
                v2: false,
            },
            [_, "discovery", "v2.0", "keys"] | [_, "discovery", "keys"] => Route::Jwks,
            ["common", "discovery", "instance"] => Route::InstanceDiscovery,
            _ => Route::Nowhere,
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Route::Imds => Endpoint::Imds,
            Route::AppService => Endpoint::AppService,
            Route::Token { .. } => Endpoint::Token,
            Route::OpenIdConfiguration { .. } | Route::InstanceDiscovery => {
                Endpoint::OpenIdConfiguration
            }
            Route::Jwks => Endpoint::Jwks,
            Route::ResourceManager => Endpoint::ResourceManager,
            Route::KeyVault { .. } => Endpoint::KeyVault,
            Route::Nowhere => Endpoint::Other,
        }
    }
}
