//! Contoso's service lists the resource groups of Litware's subscription.
//!
//! It runs on Azure when CROSS_TENANT_TARGET_TENANT_ID, CROSS_TENANT_CLIENT_ID and
//! TARGET_SUBSCRIPTION_ID are set (and, where the host has several identities,
//! CROSS_TENANT_IDENTITY_CLIENT_ID). Without variables it runs on the emulator, in this process.
//!
//! ```text
//! cargo run --example list_resource_groups
//! cargo run --example list_resource_groups -- --verbose
//! cargo run --example list_resource_groups -- --without service-principal
//! cargo run --example list_resource_groups -- --host app-service
//! ```

mod support;

use azure_core::credentials::TokenCredential;
use clap::{
    Parser,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use cross_tenant_identity::{CrossTenantManagedIdentityCredential, explain};
use cross_tenant_identity_emulator::{Host, Step, UnknownHost, UnknownStep};
use futures::TryStreamExt;
use serde_json::json;
use std::{error::Error, process::ExitCode};
use support::{
    arm::{ResourceGroup, ResourceManager},
    azure::Azure,
    claims, emulated_host, output, program,
    variables::{self, ArmVariables, EmulatorVariables, Given},
};

const STORAGE: &str = "https://storage.azure.com/.default";

/// Lists the resource groups that Contoso's app can see in Litware's subscription.
///
/// Without variables it runs on the emulator, in this process.
#[derive(Debug, Parser)]
#[command(name = "list_resource_groups", version, after_help = variables::HELP)]
struct Arguments {
    /// Show each step, and the claims of each token.
    #[arg(short, long)]
    verbose: bool,

    /// Print the resource groups as JSON. Everything else goes to standard error.
    #[arg(long)]
    json: bool,

    /// On the emulator, leave out a step of the set-up, to see the error that it causes.
    #[arg(long, value_name = "STEP", value_parser = step_parser())]
    without: Option<Step>,

    /// On the emulator, run as on this host.
    #[arg(long, value_name = "HOST", value_parser = host_parser())]
    host: Option<Host>,

    #[command(flatten)]
    arm: ArmVariables,

    #[command(flatten)]
    emulator: EmulatorVariables,
}

fn step_parser() -> impl TypedValueParser<Value = Step> {
    let steps = Step::ALL.map(|step| PossibleValue::new(step.name()).help(step.description()));
    PossibleValuesParser::new(steps).try_map(|name| -> Result<Step, UnknownStep> { name.parse() })
}

fn host_parser() -> impl TypedValueParser<Value = Host> {
    let hosts = Host::ALL.map(|host| {
        PossibleValue::new(host.name())
            .aliases(host.alias())
            .help(host.description())
    });
    PossibleValuesParser::new(hosts).try_map(|name| -> Result<Host, UnknownHost> { name.parse() })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::log("error");
    program::exit_code(run(arguments).await)
}

async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let given = Given {
        emulator: arguments.emulator.clone(),
        arm: Some(arguments.arm.clone()),
        ..Default::default()
    };
    if let Some(host) = arguments.host {
        if given.is_configured() {
            return Err(emulated_host::conflict("--host").into());
        }
        return emulated_host::run(host, arguments.without, &arguments.of_output());
    }
    let azure = Azure::new(given, arguments.without)?;
    if azure.is_emulated() {
        output::note("No Azure is configured: this runs on the emulator, in this process.\n");
    }
    let credential = azure.credential()?;
    let arm = azure.resource_manager(credential.clone())?;
    if arguments.verbose {
        let steps = Steps {
            json: arguments.json,
        };
        steps.show(&azure, &credential, &arm).await?;
    }
    let groups = arm.resource_groups(azure.target_subscription_id())?;
    let groups: Vec<_> = azure.wait(groups.try_collect()).await?;
    if arguments.json {
        print_json(&groups)?;
    } else {
        print_table(&groups)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// The arguments that choose what is printed.
    fn of_output(&self) -> Vec<&'static str> {
        let all = [(self.verbose, "--verbose"), (self.json, "--json")];
        let given = all.into_iter().filter(|(is_given, _)| *is_given);
        given.map(|(_, name)| name).collect()
    }
}

/// The requests one by one. The credential makes them by itself when they are needed.
struct Steps {
    json: bool,
}

impl Steps {
    async fn show(
        &self,
        azure: &Azure,
        credential: &CrossTenantManagedIdentityCredential,
        arm: &ResourceManager,
    ) -> Result<(), Box<dyn Error>> {
        self.step("1. The host gives a token of Contoso's identity, the client assertion:")?;
        let assertion = azure.assertion()?;
        let assertion = azure.wait(assertion.secret(None)).await?;
        self.claims(&assertion)?;

        self.step("\n2. Contoso's own tenant gives a token for the client assertion:")?;
        match claims::of(&assertion)
            .get("tid")
            .and_then(|tid| tid.as_str())
        {
            None => self.line("     skipped: the assertion does not name a home tenant")?,
            Some(home) => {
                let home = credential.for_tenant(home)?;
                match azure.wait(home.get_token(&[STORAGE], None)).await {
                    Ok(token) => self.claims(token.token.secret())?,
                    // Since 2026 this needs a service principal in the home tenant, too. A token of the
                    // target tenant does not.
                    Err(error) => self.line(&format!(
                        "     refused. Litware's tenant can give a token all the same.\n\n{}\n",
                        explain(&error)
                    ))?,
                }
            }
        }

        self.step("\n3. Litware's tenant gives a token for Storage, for the same assertion:")?;
        self.token(azure, credential, STORAGE).await?;

        self.step("\n4. And a token for Azure Resource Manager:")?;
        self.token(azure, credential, arm.scope()).await?;

        self.step("\n5. Azure Resource Manager lists the resource groups that Contoso can see:")?;
        self.line("")
    }

    async fn token(
        &self,
        azure: &Azure,
        credential: &CrossTenantManagedIdentityCredential,
        scope: &str,
    ) -> Result<(), Box<dyn Error>> {
        let token = azure.wait(credential.get_token(&[scope], None)).await?;
        self.claims(token.token.secret())
    }

    fn claims(&self, jwt: &str) -> Result<(), Box<dyn Error>> {
        claims::lines(jwt)
            .iter()
            .try_for_each(|line| self.line(line))
    }

    fn step(&self, text: &str) -> Result<(), Box<dyn Error>> {
        match self.json {
            true => self.line(text),
            false => output::heading(text),
        }
    }

    /// Standard output is for the JSON alone.
    fn line(&self, text: &str) -> Result<(), Box<dyn Error>> {
        match self.json {
            true => {
                output::note(text);
                Ok(())
            }
            false => output::line(text),
        }
    }
}

fn print_json(groups: &[ResourceGroup]) -> Result<(), Box<dyn Error>> {
    let groups = groups.iter().map(|group| {
        json!({
            "name": group.name,
            "location": group.location,
            "provisioningState": group.properties.provisioning_state,
        })
    });
    output::line(format_args!("{:#}", groups.collect::<serde_json::Value>()))
}

fn print_table(groups: &[ResourceGroup]) -> Result<(), Box<dyn Error>> {
    if groups.is_empty() {
        return output::line("There is no resource group that this app may read.");
    }
    let rows = groups.iter().map(|group| {
        [
            group.name.clone(),
            group.location.clone(),
            group.properties.provisioning_state.clone(),
        ]
    });
    output::table(["RESOURCE GROUP", "LOCATION", "STATE"], rows)
}
