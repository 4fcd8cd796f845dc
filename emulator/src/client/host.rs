//! The hosts on which a client can appear to run.

use std::{fmt, str::FromStr};

/// A host on which a client appears to run. See [`Emulator::client_variables`].
///
/// [`Emulator::client_variables`]: crate::Emulator::client_variables
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Host {
    /// A virtual machine, scale set, AKS node or container instance.
    #[default]
    Imds,
    /// App Service, Functions or Container Apps.
    AppService,
    /// A machine with Azure Arc. Its agent writes key files to `/var/opt/azcmagent/tokens`.
    AzureArc,
    /// Azure Machine Learning.
    AzureMl,
    /// Service Fabric.
    ServiceFabric,
    /// A pod on AKS with workload identity. It has a token file and no managed identity.
    WorkloadIdentity,
}

impl Host {
    /// All hosts.
    pub const ALL: [Host; 6] = [
        Host::Imds,
        Host::AppService,
        Host::AzureArc,
        Host::AzureMl,
        Host::ServiceFabric,
        Host::WorkloadIdentity,
    ];

    /// The name of the host on a command line, for example `app-service`.
    pub fn name(self) -> &'static str {
        match self {
            Host::Imds => "imds",
            Host::AppService => "app-service",
            Host::AzureArc => "azure-arc",
            Host::AzureMl => "azure-ml",
            Host::ServiceFabric => "service-fabric",
            Host::WorkloadIdentity => "workload-identity",
        }
    }

    /// Another name that [`FromStr`] accepts.
    pub fn alias(self) -> Option<&'static str> {
        match self {
            Host::AzureArc => Some("arc"),
            _ => None,
        }
    }

    /// What the host is, in one line without a full stop.
    pub fn description(self) -> &'static str {
        match self {
            Host::Imds => "a virtual machine, scale set, AKS node or container instance",
            Host::AppService => "App Service, Functions or Container Apps",
            Host::AzureArc => {
                "a machine with Azure Arc; writes key files to /var/opt/azcmagent/tokens"
            }
            Host::AzureMl => "Azure Machine Learning",
            Host::ServiceFabric => "Service Fabric",
            Host::WorkloadIdentity => "a pod on AKS with workload identity",
        }
    }

    /// Whether a client can choose an identity by its client id.
    pub(crate) fn takes_client_id(self) -> bool {
        matches!(self, Host::Imds | Host::AppService | Host::AzureMl)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Host {
    type Err = UnknownHost;

    fn from_str(text: &str) -> Result<Host, UnknownHost> {
        Host::ALL
            .into_iter()
            .find(|host| host.name() == text || host.alias() == Some(text))
            .ok_or_else(|| UnknownHost(text.to_owned()))
    }
}

/// The text is not the name of a [`Host`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownHost(String);

impl fmt::Display for UnknownHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = Host::ALL.map(Host::name).join(", ");
        write!(
            f,
            "'{}' is not a host. The hosts are: {hosts}",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for UnknownHost {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_is_parsed_from_its_names() {
        for host in Host::ALL {
            assert_eq!(host.to_string().parse(), Ok(host));
            if let Some(alias) = host.alias() {
                assert_eq!(alias.parse(), Ok(host));
            }
        }
        let unknown = "Arc".parse::<Host>().expect_err("names are in lower case");
        assert!(unknown.to_string().contains("azure-arc"));
    }
}
