//! The variables that the command gets, and those that it must not get.

use std::{env, ffi::OsString, path::Path};
use tokio::process::Command;

/// Variables that select another credential or another endpoint in the SDKs of Azure, or that are for
/// this program's own managed identity.
const REMOVED: [&str; 21] = [
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_KUBERNETES_CA_DATA",
    "AZURE_KUBERNETES_CA_FILE",
    "AZURE_KUBERNETES_SNI_NAME",
    "AZURE_KUBERNETES_TOKEN_PROXY",
    "AZURE_PASSWORD",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_TENANT_ID",
    "AZURE_USERNAME",
    "DEFAULT_IDENTITY_CLIENT_ID",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
];

/// The settings of this program.
const REMOVED_PREFIX: &str = "CROSS_TENANT_";

/// A proxy must not get the secret, and cannot reach this machine.
const WITHOUT_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];
const LOOPBACK: &str = "localhost,127.0.0.1";

pub(super) struct Variables(Vec<(&'static str, OsString)>);

impl Variables {
    pub(super) fn of_app_service(endpoint: &str, secret: &str) -> Self {
        let mut variables = vec![
            ("IDENTITY_ENDPOINT", endpoint.into()),
            ("IDENTITY_HEADER", secret.into()),
        ];
        for name in WITHOUT_PROXY {
            let names = [name].into_iter().chain(WITHOUT_PROXY);
            let current = names
                .filter_map(|it| env::var(it).ok())
                .find(|it| !it.is_empty());
            variables.push((name, without_proxy(current.as_deref()).into()));
        }
        Self(variables)
    }

    pub(super) fn of_workload_identity(
        file: &Path,
        tenant_id: &str,
        client_id: &str,
        authority_host: &str,
    ) -> Self {
        Self(vec![
            ("AZURE_FEDERATED_TOKEN_FILE", file.into()),
            ("AZURE_TENANT_ID", tenant_id.into()),
            ("AZURE_CLIENT_ID", client_id.into()),
            ("AZURE_AUTHORITY_HOST", authority_host.into()),
        ])
    }

    pub(super) fn apply(&self, command: &mut Command) {
        for name in REMOVED {
            command.env_remove(name);
        }
        for (name, _) in env::vars_os() {
            if name
                .to_str()
                .is_some_and(|it| it.starts_with(REMOVED_PREFIX))
            {
                command.env_remove(name);
            }
        }
        command.envs(self.0.iter().map(|(name, value)| (name, value)));
    }
}

/// This machine, and the hosts that already use no proxy.
fn without_proxy(current: Option<&str>) -> String {
    match current {
        None | Some("") => LOOPBACK.to_owned(),
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
            without_proxy(Some("a.example")),
            "localhost,127.0.0.1,a.example"
        );
    }
}
