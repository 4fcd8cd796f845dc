//! Contoso's service lists the resource groups of Litware's subscription.
//!
//! On real Azure when CROSS_TENANT_TARGET_TENANT_ID, CROSS_TENANT_CLIENT_ID and
//! TARGET_SUBSCRIPTION_ID are set, and what else the credential's `from_env` reads (such as
//! CROSS_TENANT_IDENTITY_CLIENT_ID); else on the emulator, in this process.
//!
//! ```text
//! cargo run --example list_resource_groups
//! cargo run --example list_resource_groups -- --verbose
//! cargo run --example list_resource_groups -- --without service-principal
//! ```

mod support;

use azure_core::credentials::TokenCredential;
use azure_identity::ClientAssertion;
use cross_tenant_identity::{CrossTenantManagedIdentityCredential, ManagedIdentityAssertion};
use cross_tenant_identity_emulator::Step;
use futures::TryStreamExt;
use std::{error::Error, process::ExitCode};
use support::{
    arm::{self, ResourceGroup, ResourceManager},
    azure::Azure,
    claims,
    explain::explain,
};

const STORAGE: &str = "https://storage.azure.com/.default";

fn usage() -> String {
    let steps: String = Step::ALL
        .iter()
        .map(|step| format!("                     {step:<24} {}\n", step.description()))
        .collect();
    format!(
        "\
usage: list_resource_groups [--verbose] [--without STEP]

  --verbose        walk the story step by step, with the claims of each token
  --without STEP   on the emulator, leave out a step of the set-up or take it wrongly, to see the
                   error that it causes. STEP is one of
{steps}
On real Azure set CROSS_TENANT_TARGET_TENANT_ID, CROSS_TENANT_CLIENT_ID, TARGET_SUBSCRIPTION_ID and,
where the host has several identities, CROSS_TENANT_IDENTITY_CLIENT_ID.
RUST_LOG=cross_tenant_identity=debug shows each leg."
    )
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{}", usage());
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("{why}\n\n{}", usage());
            return ExitCode::from(2);
        }
    };
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            explain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let azure = Azure::from_environment(arguments.without)?;
    if azure.is_emulated() {
        println!(
            "No Azure is configured: this runs on the emulator, in this process (--help tells more).\n"
        );
    }
    let credential = azure.credential()?;
    if arguments.verbose {
        tell_the_story(&azure, &credential).await?;
    }
    let groups = ResourceManager::new(credential, azure.client_options())?
        .resource_groups(&azure.target_subscription_id)?
        .try_collect::<Vec<_>>()
        .await?;
    print_table(&groups);
    Ok(())
}

/// The requests of the story one by one; the credential makes them by itself as they are needed.
async fn tell_the_story(
    azure: &Azure,
    credential: &CrossTenantManagedIdentityCredential,
) -> Result<(), Box<dyn Error>> {
    println!("1. The host's identity endpoint vouches for the managed identity:");
    let assertion = ManagedIdentityAssertion::new(Some(azure.identity_options()?))?;
    let jwt = assertion.secret(None).await?;
    claims::print(&jwt);

    println!("\n2. At home, Contoso's own tenant takes that as the app's client assertion:");
    match claims::of(&jwt).get("tid").and_then(|tid| tid.as_str()) {
        None => println!("     the assertion names no home tenant"),
        Some(home) => match credential
            .for_tenant(home)?
            .get_token(&[STORAGE], None)
            .await
        {
            Ok(token) => claims::print(token.token.secret()),
            // Since 2026 the home tenant needs a service principal of its own for this. The way to
            // the target does not lead through here.
            Err(error) => println!("     refused, which says nothing of the target: {error}"),
        },
    }

    println!("\n3. In the target tenant, Litware, the same assertion gives a token for storage:");
    claims::print(credential.get_token(&[STORAGE], None).await?.token.secret());

    println!("\n4. And one for Resource Manager:");
    claims::print(
        credential
            .get_token(&[arm::SCOPE], None)
            .await?
            .token
            .secret(),
    );

    println!("\n5. With which Resource Manager lists what Litware lets Contoso see:\n");
    Ok(())
}

fn print_table(groups: &[ResourceGroup]) {
    if groups.is_empty() {
        println!("There is no resource group that this app may read.");
        return;
    }
    let width = groups
        .iter()
        .map(|group| group.name.len())
        .max()
        .unwrap_or(0)
        .max(14);
    println!("{:<width$}  {:<16}  STATE", "RESOURCE GROUP", "LOCATION");
    for group in groups {
        println!(
            "{:<width$}  {:<16}  {}",
            group.name, group.location, group.properties.provisioning_state
        );
    }
}

#[derive(Default)]
struct Arguments {
    verbose: bool,
    without: Option<Step>,
}

impl Arguments {
    /// `None` when help is asked for.
    fn parse(mut given: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut arguments = Self::default();
        while let Some(argument) = given.next() {
            match argument.as_str() {
                "--help" | "-h" => return Ok(None),
                "--verbose" | "-v" => arguments.verbose = true,
                "--without" => {
                    let step = given.next().ok_or("--without needs a step")?;
                    arguments.without = Some(step.parse().map_err(|why| format!("{why}"))?);
                }
                other => return Err(format!("unknown argument {other:?}")),
            }
        }
        Ok(Some(arguments))
    }
}
