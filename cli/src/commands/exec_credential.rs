//! `exec-credential`: a token for kubectl and other clients of Kubernetes.
//!
//! Kubernetes, "client-go credential plugins".

use crate::{
    azure::Connection,
    cloud::variable_of,
    outcome::{Failure, Outcome},
    output,
};
use azure_core::{credentials::TokenCredential, time::to_rfc3339};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

/// The app that all clusters of AKS with Entra share (Microsoft Learn, "Use kubelogin to authenticate
/// users in Azure Kubernetes Service").
const AKS_SERVER: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

const VERSION: &str = "client.authentication.k8s.io/v1";
const OLDER_VERSION: &str = "client.authentication.k8s.io/v1beta1";

const MORE: &str = "\
In the kubeconfig:

  users:
  - name: litware
    user:
      exec:
        apiVersion: client.authentication.k8s.io/v1
        command: cross-tenant-identity
        args: [exec-credential, --config, /etc/cross-tenant-identity/litware.toml]
        interactiveMode: Never";

#[derive(Args, Debug)]
#[command(after_help = MORE)]
pub(crate) struct ExecCredentialArguments {
    /// The app id of the cluster's API server. Default: that of Azure Kubernetes Service.
    #[arg(long, value_name = "ID", default_value = AKS_SERVER)]
    server_id: String,

    #[command(flatten)]
    connection: Connection,
}

/// What kubectl tells.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecInfo {
    api_version: String,
}

impl ExecCredentialArguments {
    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        let version = version(variable_of("KUBERNETES_EXEC_INFO").as_deref())?;
        let scope = format!("{}/.default", self.server_id);
        let azure = self.connection.azure(None)?;
        let scopes = [scope.as_str()];
        let token = azure.credential()?.get_token(&scopes, None).await?;
        output::print_json(&json!({
            "apiVersion": version,
            "kind": "ExecCredential",
            "status": {
                "token": token.token.secret(),
                "expirationTimestamp": to_rfc3339(&token.expires_on),
            },
        }))?;
        Ok(Outcome::Ok)
    }
}

fn version(info: Option<&str>) -> Result<&'static str, Failure> {
    let Some(info) = info else {
        return Ok(VERSION);
    };
    let info: Option<ExecInfo> = serde_json::from_str(info).ok();
    match info.as_ref().map(|it| it.api_version.as_str()) {
        Some(VERSION) => Ok(VERSION),
        Some(OLDER_VERSION) => Ok(OLDER_VERSION),
        _ => Err(Failure::usage(format!(
            "KUBERNETES_EXEC_INFO asks for an unknown version: write apiVersion: {VERSION} into the kubeconfig"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_version_that_was_asked_for() {
        let info = |version: &str| json!({"apiVersion": version, "spec": {}}).to_string();
        assert_eq!(version(None).unwrap(), VERSION);
        for known in [VERSION, OLDER_VERSION] {
            assert_eq!(version(Some(&info(known))).unwrap(), known);
        }
        for wrong in [info("client.authentication.k8s.io/v9"), "x".to_owned()] {
            assert!(version(Some(&wrong)).is_err(), "{wrong}");
        }
    }
}
