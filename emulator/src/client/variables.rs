//! The environment variables that clients need.

use std::{env, ffi::OsStr, io, path::Path, process::Command};

use crate::{
    client::{ca_file::CaFile, host::Host, host_set_up::HostVariables},
    emulator::Emulator,
    scenario::Scenario,
};

/// The hosts for which clients must not use a proxy.
const LOOPBACK: &str = "localhost,127.0.0.1";

/// The variable that chooses an identity.
const IDENTITY_CLIENT_ID: &str = "CROSS_TENANT_IDENTITY_CLIENT_ID";

/// Variables that would select another identity, or another endpoint than the emulator's.
const REMOVED: [&str; 15] = [
    "AZURE_FEDERATED_TOKEN_FILE",
    "CROSS_TENANT_AUDIENCE",
    "CROSS_TENANT_AUTHORITY_HOST",
    "CROSS_TENANT_HOST",
    "CROSS_TENANT_IDENTITY_CLIENT_ID",
    "CROSS_TENANT_IDENTITY_OBJECT_ID",
    "CROSS_TENANT_IDENTITY_RESOURCE_ID",
    "CROSS_TENANT_IMDS_ENDPOINT",
    "CROSS_TENANT_TOKEN_FILE",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
];

/// The environment variables with which another process uses the emulator, as on a [`Host`].
///
/// Keep it for as long as the process runs: dropping it removes the files that the variables name.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// use cross_tenant_identity_emulator::{Emulator, Host};
/// use std::process::Command;
///
/// let azure = Emulator::start()?;
/// let scenario = azure.create_scenario();
/// let variables = azure.client_variables(&scenario, Host::AppService, None)?;
/// let mut command = Command::new("my-service");
/// variables.set_on(&mut command);
/// let status = command.status()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ClientVariables {
    /// In the order in which they are printed.
    variables: Vec<(&'static str, String)>,
    _ca_file: CaFile,
    _host: HostVariables,
}

impl ClientVariables {
    /// Their names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.iter();
        all.find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Sets the variables for the process of a command, and removes those that would select another
    /// identity or another endpoint.
    pub fn set_on(&self, command: &mut Command) {
        for name in REMOVED {
            command.env_remove(name);
        }
        command.envs(self.iter().map(|(name, value)| (name, OsStr::new(value))));
    }
}

impl Emulator {
    /// Sets the emulator up as the identity endpoint of `host`, and returns the variables for a
    /// process that appears to run there.
    ///
    /// The certificate of the emulator's CA goes into the file `ca_file`, which stays, or into a
    /// temporary file.
    ///
    /// # Errors
    ///
    /// If a file cannot be written. For Azure Arc it is the directory of the key files, the only one
    /// from which clients take them.
    pub fn client_variables(
        &self,
        scenario: &Scenario,
        host: Host,
        ca_file: Option<&Path>,
    ) -> io::Result<ClientVariables> {
        let ca_file = CaFile::write(ca_file, self.ca_pem())?;
        let of_host = HostVariables::new(host, self, scenario)?;
        let selects = host.takes_client_id() && scenario.identity_selector().is_some();
        let ca_path = ca_file.path().to_string_lossy();
        let variables = vec![
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", self.imds_url()),
            ("AZURE_AUTHORITY_HOST", self.https_url()),
            ("ARM_ENDPOINT", self.https_url()),
            ("GRAPH_ENDPOINT", self.https_url()),
            ("EMULATOR_CA_FILE", &ca_path),
            ("REQUESTS_CA_BUNDLE", &ca_path),
            ("SSL_CERT_FILE", &ca_path),
            ("NODE_EXTRA_CA_CERTS", &ca_path),
            ("HOME_TENANT_ID", &scenario.home_tenant_id),
            ("CROSS_TENANT_TARGET_TENANT_ID", &scenario.target_tenant_id),
            ("CROSS_TENANT_CLIENT_ID", &scenario.client_id),
            ("TARGET_SUBSCRIPTION_ID", &scenario.target_subscription_id),
            ("TARGET_VAULT_URL", self.https_url()),
            (IDENTITY_CLIENT_ID, &scenario.identity_client_id),
            ("IDENTITY_PRINCIPAL_ID", &scenario.identity_principal_id),
            ("IDENTITY_RESOURCE_ID", &scenario.identity_resource_id),
        ];
        let mut variables: Vec<_> = variables
            .into_iter()
            .filter(|(name, _)| selects || *name != IDENTITY_CLIENT_ID)
            .map(|(name, value)| (name, value.to_owned()))
            .chain(of_host.variables.iter().cloned())
            .collect();
        for name in ["NO_PROXY", "no_proxy"] {
            variables.push((name, without_proxy(env::var(name).ok().as_deref())));
        }
        Ok(ClientVariables {
            variables,
            _ca_file: ca_file,
            _host: of_host,
        })
    }
}

/// The loopback hosts, and the hosts that already use no proxy.
fn without_proxy(current: Option<&str>) -> String {
    match current {
        None | Some("") => LOOPBACK.to_owned(),
        Some(current) if current.starts_with(LOOPBACK) => current.to_owned(),
        Some(current) => format!("{LOOPBACK},{current}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_that_use_no_proxy_are_kept() {
        assert_eq!(without_proxy(None), LOOPBACK);
        assert_eq!(
            without_proxy(Some("example.com")),
            "localhost,127.0.0.1,example.com"
        );
        let current = without_proxy(Some("example.com"));
        assert_eq!(without_proxy(Some(&current)), current);
    }
}
