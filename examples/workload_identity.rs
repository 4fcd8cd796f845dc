//! A pod on AKS gets access to Litware: the projected token of its service account is the client
//! assertion.
//!
//! The pod is labelled `azure.workload.identity/use: "true"`. Contoso's multi-tenant app trusts the
//! service account by a federated identity credential with the cluster's OIDC issuer and the subject
//! `system:serviceaccount:NAMESPACE:NAME`. Set CROSS_TENANT_TARGET_TENANT_ID and
//! CROSS_TENANT_CLIENT_ID: AZURE_TENANT_ID and AZURE_CLIENT_ID, which workload identity sets, name the
//! home tenant and an identity there.
//!
//! ```text
//! cargo run --example workload_identity
//! ```
//!
//! With the emulator:
//!
//! ```text
//! cargo build --example workload_identity
//! cargo run -p cross-tenant-identity-emulator -- run --host workload-identity \
//!   -- target/debug/examples/workload_identity
//! ```

mod support;

use clap::Parser;
use cross_tenant_identity::SettingsHost;
use std::{error::Error, process::ExitCode};
use support::{
    azure::Azure,
    program,
    variables::{self, EmulatorVariables, Given},
};

const SCOPE: &str = "https://management.azure.com/.default";

/// Gets a token of Litware's tenant in a pod on AKS. The projected token of the pod's service account
/// is the client assertion.
///
/// AZURE_FEDERATED_TOKEN_FILE or CROSS_TENANT_TOKEN_FILE names the file.
#[derive(Debug, Parser)]
#[command(name = "workload_identity", version, after_help = variables::HELP)]
struct Arguments {
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    emulator: EmulatorVariables,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::log("error");
    program::exit_code(run(arguments).await)
}

async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let given = Given {
        emulator: arguments.emulator,
        ..Default::default()
    };
    let mut azure = Azure::configured(given.check()?);
    // Without this, and without the variable that names the file, it would be a managed identity.
    azure.settings_mut().host = Some(SettingsHost::WorkloadIdentity);
    let credential = azure.credential()?;
    // Give the credential to any client of the Azure SDK. This only shows that it works.
    azure
        .show_token(&*credential, SCOPE, arguments.json)
        .await?;
    Ok(ExitCode::SUCCESS)
}
