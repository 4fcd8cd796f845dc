//! The kinds of hosts that have managed identities: their names, their variables, and how each of them
//! selects an identity.

use super::Selector;
use crate::{authority::quoted, environment::Environment, error::Error, time::Clock};
use azure_core::{
    credentials::AccessToken,
    http::{ClientOptions, RetryOptions},
};
use futures::future::BoxFuture;
use std::{fmt, str::FromStr, sync::Arc};

/// The variables by which hosts name their identity endpoints. Microsoft Learn, "How to use managed
/// identities for App Service and Azure Functions", names the first two; the Azure SDKs the rest.
pub(super) const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";
pub(super) const IDENTITY_HEADER: &str = "IDENTITY_HEADER";
pub(super) const IDENTITY_SERVER_THUMBPRINT: &str = "IDENTITY_SERVER_THUMBPRINT";
pub(super) const IMDS_ENDPOINT: &str = "IMDS_ENDPOINT";
pub(super) const MSI_ENDPOINT: &str = "MSI_ENDPOINT";
pub(super) const MSI_SECRET: &str = "MSI_SECRET";

/// A kind of host that has managed identities.
///
/// The environment tells which one it is, in this order:
///
/// | variables | host |
/// |---|---|
/// | `IDENTITY_ENDPOINT`, `IDENTITY_HEADER` and `IDENTITY_SERVER_THUMBPRINT` | [`ServiceFabric`](Self::ServiceFabric) |
/// | `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` | [`AppService`](Self::AppService) |
/// | `IDENTITY_ENDPOINT` and `IMDS_ENDPOINT` | [`AzureArc`](Self::AzureArc) |
/// | `MSI_ENDPOINT` and `MSI_SECRET` | [`AzureMl`](Self::AzureMl) |
/// | none, but the agent of Azure Arc is installed | [`AzureArc`](Self::AzureArc) |
/// | none | [`Imds`](Self::Imds) |
///
/// An endpoint without the variable that belongs to it is an error. `MSI_ENDPOINT` alone is Cloud
/// Shell, whose tokens are a user's: they cannot serve as client assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ManagedIdentityHost {
    /// Virtual machines, scale sets, AKS nodes and container instances, by the Azure Instance
    /// Metadata Service.
    Imds,
    /// App Service, Functions, Container Apps and Automation.
    AppService,
    /// A machine with Azure Arc's agent. It has a system-assigned identity only.
    AzureArc,
    /// Azure Machine Learning. It takes client ids only.
    AzureMl,
    /// Service Fabric. It takes object (principal) ids only, in newer versions; in older ones the
    /// deployment fixes the identity.
    ServiceFabric,
}

impl ManagedIdentityHost {
    /// `what` is the name of the value for a message, and `also` another value that is taken there.
    pub(crate) fn named(what: &str, name: &str, also: Option<&str>) -> Result<Self, String> {
        let of_name = NAMES.iter().find(|(_, known)| *known == name);
        of_name.map(|(host, _)| *host).ok_or_else(|| {
            let known: Vec<_> = NAMES.iter().map(|(_, known)| *known).chain(also).collect();
            format!(
                "{what} is {}, which is none that this version knows: give one of {}",
                quoted(name),
                known.join(", ")
            )
        })
    }

    /// Its name in plain words, for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Imds => "IMDS",
            Self::AppService => "App Service",
            Self::AzureArc => "Azure Arc",
            Self::AzureMl => "Azure ML",
            Self::ServiceFabric => "Service Fabric",
        }
    }
}

/// All hosts, by the names that configuration has for them.
const NAMES: [(ManagedIdentityHost, &str); 5] = [
    (ManagedIdentityHost::Imds, "imds"),
    (ManagedIdentityHost::AppService, "app-service"),
    (ManagedIdentityHost::AzureArc, "azure-arc"),
    (ManagedIdentityHost::AzureMl, "azure-ml"),
    (ManagedIdentityHost::ServiceFabric, "service-fabric"),
];

/// `imds`, `app-service`, `azure-arc`, `azure-ml` or `service-fabric`, as [`FromStr`] takes it.
impl fmt::Display for ManagedIdentityHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = NAMES
            .iter()
            .find(|(host, _)| host == self)
            .ok_or(fmt::Error)?;
        f.pad(name)
    }
}

impl FromStr for ManagedIdentityHost {
    type Err = azure_core::Error;

    /// # Errors
    ///
    /// When it is none of the names that `Display` gives.
    fn from_str(name: &str) -> azure_core::Result<Self> {
        Self::named("the host", name, None).map_err(|why| Error::configuration(why).into())
    }
}

/// A host's identity endpoint.
pub(crate) trait Host: fmt::Debug + Send + Sync {
    fn kind(&self) -> ManagedIdentityHost;

    /// The origin of its identity endpoint.
    fn origin(&self) -> &str;

    /// Asks for a token for the audience, in place of `refused` if one was refused.
    fn token<'a>(
        &'a self,
        refused: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<AccessToken, Error>>;
}

/// What every host is made of.
pub(crate) struct Setup {
    pub(crate) selector: Option<Selector>,
    pub(crate) audience: Arc<str>,
    pub(crate) client_options: ClientOptions,
    pub(crate) retry: Option<RetryOptions>,
    pub(crate) environment: Environment,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The selector under the name that the host has for it.
///
/// # Errors
///
/// When the host cannot choose by it. It would hand out another identity's token instead.
pub(super) fn selector(
    host: ManagedIdentityHost,
    given: Option<Selector>,
) -> Result<Option<Selector>, Error> {
    given
        .map(|given| selector_named("user_assigned_id", host, given))
        .transpose()
        .map_err(Error::configuration)
}

/// `name` is the name of the value for a message.
pub(crate) fn selector_named(
    name: &str,
    host: ManagedIdentityHost,
    given: Selector,
) -> Result<Selector, String> {
    let (parameter, takes) = match (host, given.parameter) {
        // Microsoft Learn, "How to use managed identities for App Service and Azure Functions",
        // "REST endpoint reference".
        (ManagedIdentityHost::AppService, "object_id") => (Some("principal_id"), ""),
        (ManagedIdentityHost::AppService, "msi_res_id") => (Some("mi_res_id"), ""),
        (ManagedIdentityHost::AppService | ManagedIdentityHost::Imds, same) => (Some(same), ""),
        (ManagedIdentityHost::AzureMl, "client_id") => (Some("clientid"), ""),
        (ManagedIdentityHost::AzureMl, _) => (None, "give the identity's client id instead"),
        (ManagedIdentityHost::ServiceFabric, "object_id") => (Some("principalId"), ""),
        (ManagedIdentityHost::ServiceFabric, _) => (
            None,
            "give the identity's object (principal) id, or leave it out for the identity that the deployment fixes",
        ),
        (ManagedIdentityHost::AzureArc, _) => (
            None,
            "leave it out: such a machine has its system-assigned identity only",
        ),
    };
    match parameter {
        Some(parameter) => Ok(Selector {
            parameter,
            value: given.value,
        }),
        None => Err(format!(
            "{name} is a {}, by which {} cannot choose an identity: {takes}",
            match given.parameter {
                "client_id" => "client id",
                "object_id" => "object (principal) id",
                _ => "resource id",
            },
            host.name()
        )),
    }
}
