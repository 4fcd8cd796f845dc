//! A pod on AKS gets access to Litware: the projected token of its service account is the client
//! assertion.
//!
//! The pod is labelled `azure.workload.identity/use: "true"`. Contoso's multi-tenant app trusts the
//! service account by a federated identity credential with the cluster's OIDC issuer and the subject
//! `system:serviceaccount:NAMESPACE:NAME`. Set TARGET_TENANT_ID and CLIENT_ID: the AZURE_TENANT_ID and
//! AZURE_CLIENT_ID that workload identity sets are the home tenant's.
//!
//! ```text
//! cargo run --example workload_identity
//! ```

use azure_core::{
    credentials::TokenCredential,
    error::{Error, ErrorKind},
};
use cross_tenant_identity::{CrossTenantManagedIdentityCredential, TokenFileAssertion, explain};
use std::{env, process::ExitCode, sync::Arc};

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
    let credential = CrossTenantManagedIdentityCredential::with_assertion(
        &variable("TARGET_TENANT_ID")?,
        &variable("CLIENT_ID")?,
        Arc::new(TokenFileAssertion::from_env()?),
        None,
    )?;
    // Hand the credential to any client of the Azure SDK. This only shows that it works.
    let scope = "https://management.azure.com/.default";
    let token = credential.get_token(&[scope], None).await?;
    println!("a token for {scope} until {}", token.expires_on);
    Ok(())
}

fn variable(name: &str) -> azure_core::Result<String> {
    env::var(name)
        .map_err(|_| Error::with_message(ErrorKind::Credential, format!("{name} is not set")))
}
