//! The environment variables that clients need.

use cross_tenant_identity_emulator::{Emulator, Scenario};
use std::{env, path::Path};

use crate::host::HostVariables;

/// The hosts for which clients must not use a proxy.
const LOOPBACK: &str = "localhost,127.0.0.1";

/// The variable that chooses an identity.
const IDENTITY_CLIENT_ID: &str = "CROSS_TENANT_IDENTITY_CLIENT_ID";

/// The variables in the order in which they are printed.
pub(crate) struct Variables(Vec<(&'static str, String)>);

impl Variables {
    pub(crate) fn new(
        emulator: &Emulator,
        scenario: &Scenario,
        host: &HostVariables,
        ca_file: &Path,
    ) -> Variables {
        let ca_file = ca_file.to_string_lossy();
        let selects = host.takes_client_id && scenario.identity_selector().is_some();
        let variables = vec![
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", emulator.imds_url()),
            ("AZURE_AUTHORITY_HOST", emulator.https_url()),
            ("ARM_ENDPOINT", emulator.https_url()),
            ("GRAPH_ENDPOINT", emulator.https_url()),
            ("EMULATOR_CA_FILE", &ca_file),
            ("REQUESTS_CA_BUNDLE", &ca_file),
            ("SSL_CERT_FILE", &ca_file),
            ("NODE_EXTRA_CA_CERTS", &ca_file),
            ("HOME_TENANT_ID", &scenario.home_tenant_id),
            ("CROSS_TENANT_TARGET_TENANT_ID", &scenario.target_tenant_id),
            ("CROSS_TENANT_CLIENT_ID", &scenario.client_id),
            ("TARGET_SUBSCRIPTION_ID", &scenario.target_subscription_id),
            ("TARGET_VAULT_URL", emulator.https_url()),
            (IDENTITY_CLIENT_ID, &scenario.identity_client_id),
            ("IDENTITY_PRINCIPAL_ID", &scenario.identity_principal_id),
            ("IDENTITY_RESOURCE_ID", &scenario.identity_resource_id),
        ];
        let mut variables: Vec<_> = variables
            .into_iter()
            .filter(|(name, _)| selects || *name != IDENTITY_CLIENT_ID)
            .map(|(name, value)| (name, value.to_owned()))
            .chain(host.variables.iter().cloned())
            .collect();
        for name in ["NO_PROXY", "no_proxy"] {
            variables.push((name, without_proxy(env::var(name).ok().as_deref())));
        }
        Variables(variables)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
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
