//! The endpoints of the emulator, as the faults and the log name them.

use std::fmt;

/// An endpoint of the emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// The Azure Instance Metadata Service (IMDS).
    Imds,
    /// The identity endpoint of App Service, Functions and Container Apps.
    AppService,
    /// The identity endpoint of Azure Arc's agent.
    AzureArc,
    /// The identity endpoint of Azure Machine Learning.
    AzureMl,
    /// The identity endpoint of Service Fabric.
    ServiceFabric,
    /// The token endpoint of Entra, for every tenant.
    Token,
    /// The OpenID configuration of every tenant, and instance discovery.
    OpenIdConfiguration,
    /// The public keys of Entra.
    Jwks,
    /// Azure Resource Manager.
    ResourceManager,
    /// Azure Key Vault, for every vault.
    KeyVault,
    /// Microsoft Graph, for every tenant.
    Graph,
    /// The TLS handshake, which comes before the request. Every fault here refuses the handshake.
    /// It is not in the log.
    TlsHandshake,
    /// Every other path. The response is 404.
    Other,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Endpoint::Imds => "IMDS",
            Endpoint::AppService => "App Service",
            Endpoint::AzureArc => "Azure Arc",
            Endpoint::AzureMl => "Azure ML",
            Endpoint::ServiceFabric => "Service Fabric",
            Endpoint::Token => "Entra token",
            Endpoint::OpenIdConfiguration => "Entra OpenID configuration",
            Endpoint::Jwks => "Entra keys",
            Endpoint::ResourceManager => "Resource Manager",
            Endpoint::KeyVault => "Key Vault",
            Endpoint::Graph => "Microsoft Graph",
            Endpoint::TlsHandshake => "TLS handshake",
            Endpoint::Other => "no endpoint",
        })
    }
}
