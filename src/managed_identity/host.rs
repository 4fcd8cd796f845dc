//! The hosts that have managed identities, and the one place that chooses among them.

use super::{
    Selector, app_service::AppService, azure_arc::AzureArc, azure_ml::AzureMl, imds::Imds,
    service_fabric::ServiceFabric,
};
use crate::{authority::quoted, environment::Environment, error::Error, time::Clock};
use azure_core::{
    credentials::AccessToken,
    http::{ClientOptions, RetryOptions},
};
use futures::future::BoxFuture;
use std::{fmt, path::PathBuf, str::FromStr, sync::Arc};

/// The variables by which hosts name their identity endpoints. Microsoft Learn, "How to use managed
/// identities for App Service and Azure Functions", names the first two; the Azure SDKs the rest.
pub(super) const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";
pub(super) const IDENTITY_HEADER: &str = "IDENTITY_HEADER";
pub(super) const IDENTITY_SERVER_THUMBPRINT: &str = "IDENTITY_SERVER_THUMBPRINT";
pub(super) const IMDS_ENDPOINT: &str = "IMDS_ENDPOINT";
pub(super) const MSI_ENDPOINT: &str = "MSI_ENDPOINT";
pub(super) const MSI_SECRET: &str = "MSI_SECRET";

/// The agent of Azure Arc.
#[cfg(not(windows))]
const HIMDS: &str = "/opt/azcmagent/bin/himds";
#[cfg(windows)]
const HIMDS: &str = r"C:\Program Files\AzureConnectedMachineAgent\himds.exe";

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

/// The host that the code names, else the one that the environment tells.
pub(crate) fn choose(
    named: Option<ManagedIdentityHost>,
    imds_endpoint: Option<&str>,
    setup: Setup,
) -> Result<Arc<dyn Host>, Error> {
    let host = match (named, imds_endpoint) {
        (None | Some(ManagedIdentityHost::Imds), Some(_)) => ManagedIdentityHost::Imds,
        (Some(other), Some(_)) => {
            return Err(Error::configuration(format!(
                "managed_identity.host is {other}, and imds_endpoint is given too, which only IMDS has: leave one of the two out",
                other = other.name(),
            )));
        }
        (Some(named), None) => named,
        (None, None) => detect(&setup.environment)?,
    };
    Ok(match host {
        ManagedIdentityHost::Imds => Arc::new(Imds::new(
            imds_endpoint,
            setup.selector,
            setup.audience,
            setup.client_options,
            setup.retry,
            setup.environment,
            setup.clock,
        )?),
        ManagedIdentityHost::AppService => Arc::new(AppService::new(setup)?),
        ManagedIdentityHost::AzureArc => Arc::new(AzureArc::new(setup)?),
        ManagedIdentityHost::AzureMl => Arc::new(AzureMl::new(setup)?),
        ManagedIdentityHost::ServiceFabric => Arc::new(ServiceFabric::new(setup)?),
    })
}

fn detect(environment: &Environment) -> Result<ManagedIdentityHost, Error> {
    let is_set = |name| environment.var(name).is_some();
    if is_set(IDENTITY_ENDPOINT) {
        return match (is_set(IDENTITY_HEADER), is_set(IDENTITY_SERVER_THUMBPRINT)) {
            (true, true) => Ok(ManagedIdentityHost::ServiceFabric),
            (true, false) => Ok(ManagedIdentityHost::AppService),
            (false, false) if is_set(IMDS_ENDPOINT) => Ok(ManagedIdentityHost::AzureArc),
            (false, true) => Err(Error::configuration(format!(
                "{IDENTITY_ENDPOINT} and {IDENTITY_SERVER_THUMBPRINT} are set, as on Service Fabric, and {IDENTITY_HEADER} is missing or empty: give the process all three variables as the host sets them"
            ))),
            (false, false) => Err(Error::configuration(format!(
                "{IDENTITY_ENDPOINT} is set, and the variable that belongs to it is missing or empty: give the process {IDENTITY_HEADER} too, as App Service, Functions and Container Apps set it, or {IMDS_ENDPOINT}, as Azure Arc sets it"
            ))),
        };
    }
    if is_set(MSI_ENDPOINT) {
        return match is_set(MSI_SECRET) {
            true => Ok(ManagedIdentityHost::AzureMl),
            false => Err(Error::configuration(format!(
                "{MSI_ENDPOINT} is set without {MSI_SECRET}, as in Cloud Shell, whose tokens are a user's and which Microsoft Entra does not take as client assertion (AADSTS700229): run the service on a host with a managed identity, or give the process {MSI_SECRET} too if this is Azure ML"
            ))),
        };
    }
    let agent = environment.place(PathBuf::from(HIMDS));
    Ok(match agent.is_file() {
        true => ManagedIdentityHost::AzureArc,
        // A header without an endpoint is set in some containers that have IMDS. It is not sent.
        false => ManagedIdentityHost::Imds,
    })
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
