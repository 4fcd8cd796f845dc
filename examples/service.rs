//! Contoso's service: an HTTP server whose requests, tasks and probes share one credential.
//!
//! On real Azure when CROSS_TENANT_TARGET_TENANT_ID, CROSS_TENANT_CLIENT_ID and
//! TARGET_SUBSCRIPTION_ID are set (and, for /secret, TARGET_VAULT_URL); else on the emulator, in this
//! process.
//!
//! ```text
//! cargo run --example service              # on a port of the system's choice
//! cargo run --example service -- 0.0.0.0:8080
//! curl http://127.0.0.1:8080/groups        # what Litware lets Contoso see
//! curl http://127.0.0.1:8080/secret        # the length of a secret in Litware's vault
//! curl http://127.0.0.1:8080/ready         # whether there is a token; why not, and what to do
//! ```

mod support;

use std::{error::Error, process::ExitCode, time::Duration};
use support::{azure::Azure, service::Service};
use tokio::{net::TcpListener, signal, time};
use tracing::{info, warn};

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let listen = std::env::args().nth(1).unwrap_or("127.0.0.1:0".to_owned());
    match run(&listen).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(listen: &str) -> Result<(), Box<dyn Error>> {
    let azure = Azure::from_environment(None)?;
    if azure.is_emulated() {
        println!("No Azure is configured: this runs on the emulator, in this process.");
    }
    // One for the whole service. It sends nothing until somebody asks.
    let credential = azure.credential()?;
    let vault_url = azure.vault_url()?;
    let service = |credential| {
        let subscription_id = azure.target_subscription_id.clone();
        let vault_url = vault_url.as_deref();
        Service::new(
            credential,
            azure.client_options(),
            subscription_id,
            vault_url,
        )
    };
    // Four SDK clients, one credential: between them they make one token request for each scope.
    let (serving, watching) = (service(credential.clone())?, service(credential)?);
    let watcher = tokio::spawn(watch(watching));

    let listener = TcpListener::bind(listen)
        .await
        .map_err(|why| format!("cannot listen on {listen}: {why}"))?;
    println!("Listening on http://{}", listener.local_addr()?);
    // Requests under way are answered before this returns.
    axum::serve(listener, serving.router())
        .with_graceful_shutdown(stop())
        .await?;
    watcher.abort();
    println!("Stopped.");
    Ok(())
}

/// Looks after Litware's resource groups once a minute, beside all requests.
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

/// Ctrl+C, or what an orchestrator sends.
async fn stop() {
    let interrupt = async {
        if let Err(error) = signal::ctrl_c().await {
            warn!(%error, "Ctrl+C will not be heard");
            std::future::pending().await
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(error) => {
                warn!(%error, "SIGTERM will not be heard");
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
