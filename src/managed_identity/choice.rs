//! The one place that chooses among the hosts.

use super::{
    Host, ManagedIdentityHost, Setup,
    app_service::AppService,
    azure_arc::AzureArc,
    azure_ml::AzureMl,
    host::{
        IDENTITY_ENDPOINT, IDENTITY_HEADER, IDENTITY_SERVER_THUMBPRINT, IMDS_ENDPOINT,
        MSI_ENDPOINT, MSI_SECRET,
    },
    imds::{self, Imds},
    service_fabric::ServiceFabric,
};
use crate::{environment::Environment, error::Error};
use std::{path::PathBuf, sync::Arc};

/// The agent of Azure Arc.
#[cfg(not(windows))]
const HIMDS: &str = "/opt/azcmagent/bin/himds";
#[cfg(windows)]
const HIMDS: &str = r"C:\Program Files\AzureConnectedMachineAgent\himds.exe";

/// The host that was chosen, and what a report says of the choice.
pub(crate) struct Chosen {
    pub(crate) host: Arc<dyn Host>,
    /// Why it is this one: half a sentence.
    pub(crate) why: String,
    /// Variables of other hosts that are set although IMDS is asked, and what host each belongs to.
    pub(crate) other_hosts: Vec<(&'static str, &'static str)>,
    /// Whether the application or the host names the identity.
    pub(crate) names_identity: bool,
}

/// The host that the code names, else the one that the environment tells.
pub(crate) fn choose(
    named: Option<ManagedIdentityHost>,
    imds_endpoint: Option<&str>,
    setup: Setup,
) -> Result<Chosen, Error> {
    let (host, why) = match (named, imds_endpoint) {
        (None | Some(ManagedIdentityHost::Imds), Some(_)) => (
            ManagedIdentityHost::Imds,
            "imds_endpoint is set in code".to_owned(),
        ),
        (Some(other), Some(_)) => {
            return Err(Error::configuration(format!(
                "managed_identity.host is {other}, and imds_endpoint is given too, which only IMDS has: leave one of the two out",
                other = other.name(),
            )));
        }
        (Some(named), None) => (named, "managed_identity.host names it in code".to_owned()),
        (None, None) => detect(&setup.environment)?,
    };
    let other_hosts = match host {
        ManagedIdentityHost::Imds => imds::other_hosts(&setup.environment),
        _ => Vec::new(),
    };
    let names_identity = match host {
        ManagedIdentityHost::Imds | ManagedIdentityHost::AppService => setup.selector.is_some(),
        // These have one identity, or fix it by themselves.
        _ => true,
    };
    let host: Arc<dyn Host> = match host {
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
    };
    Ok(Chosen {
        host,
        why,
        other_hosts,
        names_identity,
    })
}

/// The host, and what tells that it is this one.
fn detect(environment: &Environment) -> Result<(ManagedIdentityHost, String), Error> {
    let is_set = |name| environment.var(name).is_some();
    let found = |host, variables: &[&str]| Ok((host, format!("{} are set", variables.join(", "))));
    if is_set(IDENTITY_ENDPOINT) {
        return match (is_set(IDENTITY_HEADER), is_set(IDENTITY_SERVER_THUMBPRINT)) {
            (true, true) => found(
                ManagedIdentityHost::ServiceFabric,
                &[
                    IDENTITY_ENDPOINT,
                    IDENTITY_HEADER,
                    IDENTITY_SERVER_THUMBPRINT,
                ],
            ),
            (true, false) => found(
                ManagedIdentityHost::AppService,
                &[IDENTITY_ENDPOINT, IDENTITY_HEADER],
            ),
            (false, false) if is_set(IMDS_ENDPOINT) => found(
                ManagedIdentityHost::AzureArc,
                &[IDENTITY_ENDPOINT, IMDS_ENDPOINT],
            ),
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
            true => found(ManagedIdentityHost::AzureMl, &[MSI_ENDPOINT, MSI_SECRET]),
            false => Err(Error::configuration(format!(
                "{MSI_ENDPOINT} is set without {MSI_SECRET}, as in Cloud Shell, whose tokens are a user's and which Microsoft Entra does not take as client assertion (AADSTS700229): run the service on a host with a managed identity, or give the process {MSI_SECRET} too if this is Azure ML"
            ))),
        };
    }
    let agent = environment.place(PathBuf::from(HIMDS));
    Ok(match agent.is_file() {
        true => (
            ManagedIdentityHost::AzureArc,
            format!("no variable names a host, and the agent of Azure Arc is at {HIMDS}"),
        ),
        // A header without an endpoint is set in some containers that have IMDS. It is not sent.
        false => (
            ManagedIdentityHost::Imds,
            match is_set(imds::POD_IDENTITY_AUTHORITY_HOST) {
                true => format!(
                    "no variable names another host; {} names its address",
                    imds::POD_IDENTITY_AUTHORITY_HOST
                ),
                false => "it is the default: no variable names another host".to_owned(),
            },
        ),
    })
}
