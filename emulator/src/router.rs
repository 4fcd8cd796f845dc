//! The one place that decides which endpoint a request is for.

use crate::{
    graph,
    identity::{app_service, azure_arc, azure_ml, imds, service_fabric},
    key_vault,
    wire::{http::Request, server::Listener},
    world::endpoint::Endpoint,
};

/// The endpoint of a request, with the parts of the request that name something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Imds,
    AppService,
    AzureArc,
    AzureMl,
    ServiceFabric,
    Token {
        tenant: String,
    },
    OpenIdConfiguration {
        tenant: String,
        v2: bool,
    },
    InstanceDiscovery,
    Jwks,
    ResourceManager,
    /// `host` is the name under which the client reached the vault.
    KeyVault {
        host: String,
    },
    Graph,
    NotFound,
}

impl Route {
    pub(crate) fn of(listener: Listener, request: &Request) -> Route {
        match listener {
            Listener::Http => Route::of_identity_path(&request.path),
            Listener::Https => {
                let host = request.host.split(':').next().unwrap_or_default();
                if host.ends_with(key_vault::DOMAIN) {
                    return Route::KeyVault {
                        host: host.to_owned(),
                    };
                }
                if host == graph::HOST {
                    return Route::Graph;
                }
                let route = Route::of_path(&request.path, host);
                // Under its own name a service serves only its own paths. Under `localhost` the
                // path alone decides.
                let is_arm = host.starts_with("management.");
                let is_entra = host.starts_with("login.") || host.starts_with("sts.");
                match route {
                    Route::ResourceManager | Route::Graph if is_entra => Route::NotFound,
                    Route::ResourceManager => route,
                    _ if is_arm => Route::NotFound,
                    _ => route,
                }
            }
        }
    }

    fn of_identity_path(path: &str) -> Route {
        // The Azure SDK for JavaScript sends a slash at the end.
        match path.trim_end_matches('/') {
            imds::PATH => Route::Imds,
            app_service::PATH => Route::AppService,
            azure_arc::PATH => Route::AzureArc,
            azure_ml::PATH => Route::AzureMl,
            _ => Route::NotFound,
        }
    }

    fn of_path(path: &str, host: &str) -> Route {
        if path.trim_end_matches('/') == service_fabric::PATH && host == "localhost" {
            return Route::ServiceFabric;
        }
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match segments[..] {
            [first, ..]
                if first.eq_ignore_ascii_case("subscriptions")
                    || first.eq_ignore_ascii_case("providers") =>
            {
                Route::ResourceManager
            }
            ["v1.0" | "beta", ..] => Route::Graph,
            ["secrets", ..] if host == "localhost" => Route::KeyVault {
                host: host.to_owned(),
            },
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
            _ => Route::NotFound,
        }
    }

    /// Whether the host itself responds, by its own clock.
    pub(crate) fn is_of_host(&self) -> bool {
        matches!(
            self,
            Route::Imds
                | Route::AppService
                | Route::AzureArc
                | Route::AzureMl
                | Route::ServiceFabric
        )
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Route::Imds => Endpoint::Imds,
            Route::AppService => Endpoint::AppService,
            Route::AzureArc => Endpoint::AzureArc,
            Route::AzureMl => Endpoint::AzureMl,
            Route::ServiceFabric => Endpoint::ServiceFabric,
            Route::Token { .. } => Endpoint::Token,
            Route::OpenIdConfiguration { .. } | Route::InstanceDiscovery => {
                Endpoint::OpenIdConfiguration
            }
            Route::Jwks => Endpoint::Jwks,
            Route::ResourceManager => Endpoint::ResourceManager,
            Route::KeyVault { .. } => Endpoint::KeyVault,
            Route::Graph => Endpoint::Graph,
            Route::NotFound => Endpoint::Other,
        }
    }
}
