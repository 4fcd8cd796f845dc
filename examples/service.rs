//! Contoso's service: an HTTP server whose requests, tasks and probes share one credential.
//!
//! It runs on Azure when CROSS_TENANT_TARGET_TENANT_ID, CROSS_TENANT_CLIENT_ID and
//! TARGET_SUBSCRIPTION_ID are set (and, for /secret, TARGET_VAULT_URL). Without variables it runs on the
//! emulator, in this process.
//!
//! ```text
//! cargo run --example service              # on a port that the system chooses
//! cargo run --example service -- 0.0.0.0:8080
//! curl http://127.0.0.1:8080/groups        # the resource groups that Contoso can see
//! curl http://127.0.0.1:8080/secret        # the length of a secret in Litware's vault
//! curl http://127.0.0.1:8080/ready         # whether there is a token, else why not and what to do
//! ```

mod support;

use clap::Parser;
use serde_json::json;
use std::{error::Error, process::ExitCode, time::Duration};
use support::{
    azure::Azure,
    output, program,
    service::{Service, vault_client},
    variables::{self, ArmVariables, EmulatorVariables, Given, VaultVariables},
};
use tokio::{net::TcpListener, signal, time};
use tracing::{info, warn};

/// An HTTP server whose requests, tasks and health probes share one credential.
///
/// Without variables it runs on the emulator, in this process. It stops on Ctrl+C or SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "service", version, after_help = variables::HELP)]
struct Arguments {
    /// The address and port on which it listens. With port 0, the system chooses.
    #[arg(default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT")]
    listen: String,

    /// Print where it listens as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    arm: ArmVariables,

    #[command(flatten)]
    vault: VaultVariables,

    #[command(flatten)]
    emulator: EmulatorVariables,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::log("info");
    program::exit_code(run(arguments).await)
}

async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let listen = &arguments.listen;
    let azure = Azure::new(
        Given {
            emulator: arguments.emulator,
            arm: Some(arguments.arm),
            vault: Some(arguments.vault),
            ..Default::default()
        },
        None,
    )?;
    if azure.is_emulated() {
        output::note("No Azure is configured: this runs on the emulator, in this process.");
    }
    // One credential for the whole service. It sends nothing until somebody asks.
    let credential = azure.credential()?;
    let vault_url = azure.vault_url()?;
    let service = || -> Result<Service, Box<dyn Error>> {
        let vault = |url: &String| {
            let options = azure.client_options("Azure Key Vault")?;
            vault_client(url, credential.clone(), options)
        };
        Ok(Service::new(
            credential.clone(),
            azure.resource_manager(credential.clone())?,
            azure.target_subscription_id().to_owned(),
            vault_url.as_ref().map(vault).transpose()?,
        ))
    };
    // Four SDK clients share the credential. It makes one token request for each scope.
    let (serving, watching) = (service()?, service()?);
    let watcher = tokio::spawn(watch(watching));

    let listener = TcpListener::bind(listen)
        .await
        .map_err(|why| format!("cannot listen on {listen}: {why}"))?;
    let url = format!("http://{}", listener.local_addr()?);
    match arguments.json {
        true => output::line(json!({ "listening": url }))?,
        false => output::line(format_args!("Listening on {url}"))?,
    }
    // Requests that have begun are answered before this returns.
    axum::serve(listener, serving.router())
        .with_graceful_shutdown(stop())
        .await?;
    watcher.abort();
    output::note("Stopped.");
    Ok(ExitCode::SUCCESS)
}

/// Lists Litware's resource groups once a minute, beside all requests.
async fn watch(service: Service) {
    let mut minutes = time::interval(Duration::from_secs(60));
    loop {
        minutes.tick().await;
        match service.groups().await {
            Ok(groups) => info!(number = groups.len(), "resource groups"),
            Err(error) => warn!(%error, "no resource groups"),
        }
    }
}

/// Ctrl+C, or SIGTERM from an orchestrator.
async fn stop() {
    let interrupt = async {
        if let Err(error) = signal::ctrl_c().await {
            warn!(%error, "cannot listen for Ctrl+C");
            std::future::pending().await
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(error) => {
                warn!(%error, "cannot listen for SIGTERM");
                std::future::pending().await
            }
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
