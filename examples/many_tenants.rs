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
use clap::Parser;
use cross_tenant_identity::{CrossTenantManagedIdentityCredential, Diagnosis, explain};
use cross_tenant_identity_emulator::Endpoint;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use serde_json::json;
use std::{
    error::Error,
    io::{IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};
use support::{
    arm::{ResourceGroup, ResourceManager},
    azure::Azure,
    customers::{self, Customer},
    output, program,
    variables::{self, ArmVariables, EmulatorVariables, Given},
};

/// How many tenants are asked at once.
const AT_ONCE: usize = 16;

/// Lists the resource groups that Contoso's app can see in the tenants of many customers.
///
/// Without variables it runs on the emulator, in this process, with 200 tenants of which three are set up
/// wrong.
#[derive(Debug, Parser)]
#[command(name = "many_tenants", version, after_help = variables::HELP)]
struct Arguments {
    /// On Azure, a file with a tenant and its subscription in each line.
    file: Option<PathBuf>,

    /// Print the tenants as JSON. Everything else goes to standard error.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    arm: ArmVariables,

    #[command(flatten)]
    emulator: EmulatorVariables,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The summary tells what fails.
    program::log("off");
    program::exit_code(run(arguments).await)
}

async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let given = Given {
        emulator: arguments.emulator,
        arm: Some(arguments.arm),
        ..Default::default()
    };
    let azure = Azure::new(given, None)?;
    let customers = match (azure.emulator(), &arguments.file) {
        (Some((emulator, scenario)), None) => customers::emulated(emulator, scenario)?,
        (Some(_), Some(_)) => {
            return Err("a file names tenants of Azure: set the variables of --help, too".into());
        }
        (None, Some(file)) => customers::read(file)?,
        (None, None) => return Err("give a file with TENANT SUBSCRIPTION in each line".into()),
    };
    // Each pipeline shares its connections with the others.
    let connections = azure.client_options("Azure Resource Manager")?;
    let credential = azure.credential()?;
    let all = customers.len();
    let mut failures = Vec::new();
    let mut succeeded = Vec::new();
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
            Ok(listed) => succeeded.push((customer, listed)),
            Err(error) => failures.push((customer, error)),
        }
    }
    if arguments.json {
        print_json(&succeeded, &failures)?;
        return Ok(exit_code(failures.is_empty()));
    }
    let groups: usize = succeeded.iter().map(|(_, listed)| listed.len()).sum();
    output::line(format_args!(
        "{} of {all} tenants answered, with {groups} resource groups.",
        all - failures.len()
    ))?;
    failures.sort_by_key(|(customer, _)| &customer.name);
    for (customer, error) in &failures {
        output::line("")?;
        output::heading(&format!("{} ({})", customer.name, customer.tenant_id))?;
        output::line(explain(error))?;
    }
    if let Some((emulator, _)) = azure.emulator() {
        let asked = emulator.requests_to(Endpoint::Imds).len();
        output::note(format_args!(
            "\nIdentity requests: {asked}, for all tenants."
        ));
    }
    Ok(exit_code(failures.is_empty()))
}

fn exit_code(all_answered: bool) -> ExitCode {
    match all_answered {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn print_json(
    succeeded: &[(&Customer, Vec<ResourceGroup>)],
    failures: &[(&Customer, azure_core::Error)],
) -> Result<(), Box<dyn Error>> {
    let answered = succeeded.iter().map(|(customer, groups)| {
        let names: Vec<_> = groups.iter().map(|group| &group.name).collect();
        json!({"tenant": customer.tenant_id, "groups": names})
    });
    let failed = failures.iter().map(|(customer, error)| {
        json!({"tenant": customer.tenant_id, "diagnosis": Diagnosis::of(error)})
    });
    let all: Vec<_> = answered.chain(failed).collect();
    output::line(serde_json::to_string_pretty(&all)?)
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
