//! The setting `host`: where the client assertion comes from.

use super::{Settings, names::Names};
use crate::{
    assertion::AZURE_FEDERATED_TOKEN_FILE, environment::Environment,
    managed_identity::ManagedIdentityHost,
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

const WORKLOAD_IDENTITY: &str = "workload-identity";

/// Where the client assertion comes from. In files and variables it is a name: `imds`, `app-service`,
/// `azure-arc`, `azure-ml`, `service-fabric` or `workload-identity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[non_exhaustive]
pub enum SettingsHost {
    /// A managed identity of this host.
    ManagedIdentity(ManagedIdentityHost),
    /// A token file, as AKS workload identity has it: a
    /// [`TokenFileAssertion`](crate::TokenFileAssertion). There is no managed identity.
    WorkloadIdentity,
}

impl fmt::Display for SettingsHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ManagedIdentity(host) => host.fmt(f),
            Self::WorkloadIdentity => f.pad(WORKLOAD_IDENTITY),
        }
    }
}

impl FromStr for SettingsHost {
    type Err = azure_core::Error;

    /// # Errors
    ///
    /// When it is none of the names that `Display` gives.
    fn from_str(name: &str) -> azure_core::Result<Self> {
        Self::named("the host", name).map_err(|why| crate::Error::configuration(why).into())
    }
}

impl SettingsHost {
    /// `what` is the name of the value for a message.
    pub(super) fn named(what: &str, name: &str) -> Result<Self, String> {
        if name == WORKLOAD_IDENTITY {
            return Ok(Self::WorkloadIdentity);
        }
        let host = ManagedIdentityHost::named(what, name, Some(WORKLOAD_IDENTITY))?;
        Ok(Self::ManagedIdentity(host))
    }
}

impl From<ManagedIdentityHost> for SettingsHost {
    fn from(host: ManagedIdentityHost) -> Self {
        Self::ManagedIdentity(host)
    }
}

impl From<SettingsHost> for String {
    fn from(host: SettingsHost) -> Self {
        host.to_string()
    }
}

impl TryFrom<String> for SettingsHost {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::named("host", &name)
    }
}

/// What makes the assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    ManagedIdentity,
    TokenFile,
}

impl Settings {
    /// The source that the setting names, else the one that the other settings and the environment
    /// leave no doubt about.
    pub(super) fn source(&self, names: Names, environment: &Environment) -> Result<Source, String> {
        match self.host {
            Some(SettingsHost::ManagedIdentity(_)) => return Ok(Source::ManagedIdentity),
            Some(SettingsHost::WorkloadIdentity) => return Ok(Source::TokenFile),
            None if self.token_file.is_some() => return Ok(Source::TokenFile),
            // Only IMDS has it.
            None if self.imds_endpoint.is_some() => return Ok(Source::ManagedIdentity),
            None => {}
        }
        if environment.var(AZURE_FEDERATED_TOKEN_FILE).is_none() {
            return Ok(Source::ManagedIdentity);
        }
        let identity = self.identities().next().map(|(key, _)| names.name(key));
        let of_a_host = ["IDENTITY_ENDPOINT", "MSI_ENDPOINT"]
            .into_iter()
            .find(|name| environment.var(name).is_some())
            .map(str::to_owned);
        match identity.or(of_a_host) {
            None => Ok(Source::TokenFile),
            Some(other) => Err(format!(
                "{AZURE_FEDERATED_TOKEN_FILE}, which is for workload identity, and {other}, which is for a managed identity, are both set: set {} to {WORKLOAD_IDENTITY}, and leave out an identity, or to the host that has the managed identity, such as imds",
                names.name("host")
            )),
        }
    }
}
