//! `exec`: a command whose Azure SDK gets the tokens of the target tenant.

mod child;
mod program;
mod variables;
#[cfg(target_os = "linux")]
mod with_parent;

use crate::{
    assertion_file::AssertionFile,
    azure::{Azure, Connection},
    endpoint::{Access, Client, Clients, Endpoint, Resources, Secret},
    log,
    outcome::{Failure, Outcome},
    own_endpoint,
};
use clap::{Args, ValueEnum};
use program::Program;
use std::{ffi::OsString, net::Ipv4Addr};
use variables::Variables;
#[cfg(target_os = "linux")]
pub(crate) use with_parent::WithParent;

const MORE: &str = "\
The command needs no change: ManagedIdentityCredential and DefaultAzureCredential of every Azure SDK read
the variables that it gets. They lead to an endpoint of this machine, which ends with the command.

  cross-tenant-identity exec -- python list_groups.py

Exit status: that of the command; 128 and the number of the signal if a signal ended it; 2 if the command
does not exist or a setting is wrong. Then nothing was started.";

#[derive(Args, Debug)]
#[command(after_help = MORE)]
pub(crate) struct ExecArguments {
    /// How the command gets its tokens.
    #[arg(long, value_enum, default_value_t = Protocol::AppService)]
    protocol: Protocol,

    /// What the command may get tokens for, such as https://storage.azure.com. May be repeated. Default:
    /// anything.
    #[arg(long = "resource", value_name = "RESOURCE")]
    resources: Vec<String>,

    #[command(flatten)]
    connection: Connection,

    /// The command, and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// From an endpoint on this machine, by IDENTITY_ENDPOINT and IDENTITY_HEADER.
    AppService,
    /// From Entra, with an assertion in a file, by AZURE_FEDERATED_TOKEN_FILE.
    WorkloadIdentity,
}

impl ExecArguments {
    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        if self.protocol == Protocol::WorkloadIdentity && !self.resources.is_empty() {
            return Err(Failure::usage(
                "--resource is for --protocol app-service: with workload-identity the command itself asks Entra, for whatever it likes",
            ));
        }
        let program = Program::find(&self.command)?;
        let azure = self.connection.azure(None)?;
        log::start(log::Level::Warnings);
        match self.protocol {
            Protocol::AppService => self.with_endpoint(program, &azure).await,
            Protocol::WorkloadIdentity => with_assertion(program, &azure).await,
        }
    }

    async fn with_endpoint(&self, program: Program, azure: &Azure) -> Result<Outcome, Failure> {
        let (secret, text) = Secret::generate()?;
        let client = Client {
            name: "exec".to_owned(),
            secret,
            target_tenant_id: azure.settings.target_tenant_id.clone(),
            app_id: azure.settings.client_id.clone(),
            identity: azure.identity().map(str::to_owned),
            resources: match self.resources.is_empty() {
                true => Resources::Any,
                false => Resources::Only(self.resources.clone()),
            },
            credential: azure.credential()?,
        };
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let access = Access {
            clients: Clients::new([client]),
            ..Default::default()
        };
        let endpoint = Endpoint::bind(address, access, None).await?;
        own_endpoint::refuse_itself(&azure.settings, endpoint.address()?).await?;
        let variables = Variables::of_app_service(&endpoint.url()?, &text);
        let serving = tokio::spawn(endpoint.serve(std::future::pending()));
        let status = child::run(program, &variables).await;
        // Without the grace of `serve`: whoever asks now is not the command, and may be anybody who keeps
        // a connection open.
        serving.abort();
        Ok(Outcome::Exited(status?))
    }
}

async fn with_assertion(program: Program, azure: &Azure) -> Result<Outcome, Failure> {
    let assertion = azure.assertion()?;
    let folder = private_folder()?;
    let path = folder.path().join("assertion");
    let mut file = AssertionFile::new(assertion, path.clone());
    // Before the command starts, so that it never finds an empty one.
    file.write().await?;
    let variables = Variables::of_workload_identity(
        &path,
        &azure.settings.target_tenant_id,
        &azure.settings.client_id,
        &azure.authority_host(),
    );
    let renewing = tokio::spawn(async move { file.keep().await });
    let status = child::run(program, &variables).await;
    renewing.abort();
    Ok(Outcome::Exited(status?))
}

/// That only this user can open. It goes with the command.
fn private_folder() -> Result<tempfile::TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("cross-tenant-identity-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    Ok(builder.tempdir()?)
}
