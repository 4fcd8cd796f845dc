//! A pod on AKS gets access to Litware: the projected token of its service account is the client
//! assertion.
//!
//! The pod is labelled `azure.workload.identity/use: "true"`. Contoso's multi-tenant app trusts the
//! service account by a federated identity credential with the cluster's OIDC issuer and the subject
//! `system:serviceaccount:NAMESPACE:NAME`. Set CROSS_TENANT_TARGET_TENANT_ID and
//! CROSS_TENANT_CLIENT_ID: the AZURE_TENANT_ID and
//! AZURE_CLIENT_ID that workload identity sets are the home tenant's.
//!
//! ```text
//! cargo run --example workload_identity
//! ```

use azure_core::credentials::TokenCredential;
use cross_tenant_identity::{Settings, SettingsHost, explain};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", explain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> azure_core::Result<()> {
    let mut settings = Settings::from_env()?;
    // Without it, the file is found by AZURE_FEDERATED_TOKEN_FILE, and without that variable it would be
    // a managed identity.
    settings.host = Some(SettingsHost::WorkloadIdentity);
    let credential = settings.credential(None)?;
    // Hand the credential to any client of the Azure SDK. This only shows that it works.
    let scope = "https://management.azure.com/.default";
    let token = credential.get_token(&[scope], None).await?;
    println!("a token for {scope} until {}", token.expires_on);
    Ok(())
}
