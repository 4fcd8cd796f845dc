//! Contoso's service lists the resource groups of many customers at once: one assertion for all, and what
//! fails with one customer stops no other.
//!
//! On real Azure when CROSS_TENANT_TARGET_TENANT_ID, CROSS_TENANT_CLIENT_ID and TARGET_SUBSCRIPTION_ID are
//! set, for the tenants of a file that has "TENANT SUBSCRIPTION" in each line; else on the emulator, with
//! 200 tenants of which three are set up wrong.
//!
//! ```text
//! cargo run --example many_tenants
//! cargo run --example many_tenants -- tenants.txt
//! ```

mod support;

use azure_core::http::ClientOptions;
use cross_tenant_identity::CrossTenantManagedIdentityCredential;
use cross_tenant_identity_emulator::Endpoint;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use std::{
    error::Error,
    io::{IsTerminal, Write},
    process::ExitCode,
};
use support::{
    arm::{ResourceGroup, ResourceManager},
    azure::Azure,
    customers::{self, Customer},
    explain::explain,
};

/// How many tenants are asked at once.
const AT_ONCE: usize = 16;

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().nth(1).as_deref()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            explain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Whether all tenants answered.
async fn run(file: Option<&str>) -> Result<bool, Box<dyn Error>> {
    let azure = Azure::from_environment(None)?;
    let customers = match (azure.emulator(), file) {
        (Some((emulator, story)), None) => customers::emulated(emulator, story)?,
        (Some(_), Some(_)) => {
            return Err("a file names tenants of real Azure: set its variables".into());
        }
        (None, Some(file)) => customers::read(file)?,
        (None, None) => return Err("give a file with TENANT SUBSCRIPTION in each line".into()),
    };
    // Each pipeline shares its connections with the others.
    let connections = azure.client_options();
    let credential = azure.credential()?;
    let all = customers.len();
    let mut failures = Vec::new();
    let mut groups = 0;
    let mut answers = stream::iter(&customers)
        .map(|customer| {
            let listed = list(&credential, connections.clone(), customer);
            listed.map(move |listed| (customer, listed))
        })
        .buffer_unordered(AT_ONCE);
    let mut done = 0;
    while let Some((customer, answer)) = answers.next().await {
        done += 1;
        progress(done, all);
        match answer {
            Ok(listed) => groups += listed.len(),
            Err(error) => failures.push((customer, error)),
        }
    }
    println!(
        "{} of {all} tenants answered, with {groups} resource groups.",
        all - failures.len()
    );
    failures.sort_by_key(|(customer, _)| &customer.name);
    for (customer, error) in &failures {
        println!("\n{} ({})", customer.name, customer.tenant_id);
        println!("{}", cross_tenant_identity::explain(error));
    }
    if let Some((emulator, _)) = azure.emulator() {
        let asked = emulator.requests_to(Endpoint::Imds).len();
        println!("\nThe host was asked for {asked} assertion, which served all.");
    }
    Ok(failures.is_empty())
}

async fn list(
    credential: &CrossTenantManagedIdentityCredential,
    connections: ClientOptions,
    customer: &Customer,
) -> azure_core::Result<Vec<ResourceGroup>> {
    // The family's cache, assertion and limits are shared, so that this costs next to nothing.
    let credential = credential.for_tenant(&customer.tenant_id)?;
    ResourceManager::new(credential, connections)?
        .resource_groups(&customer.subscription_id)?
        .try_collect()
        .await
}

/// For a person who waits.
fn progress(done: usize, all: usize) {
    const WIDTH: usize = 40;
    let mut stderr = std::io::stderr();
    if !stderr.is_terminal() {
        return;
    }
    let filled = done * WIDTH / all.max(1);
    let (bar, rest) = ("#".repeat(filled), "-".repeat(WIDTH - filled));
    let end = if done == all { "\n" } else { "" };
    // What cannot be shown of it is no loss.
    let _ = write!(stderr, "\r[{bar}{rest}] {done} of {all} tenants{end}");
}
