//! `serve`: one endpoint for many clients of this machine.

mod build;
mod config;
mod families;

use crate::{
    endpoint::{Endpoint, MOST_CONNECTIONS, Service, Upstream},
    log, open_files,
    outcome::{Failure, Outcome},
    signals::Signals,
    systemd,
};
use build::Built;
use clap::Args;
use config::Config;
use cross_tenant_identity::Error as IdentityError;
use std::{fs, net::SocketAddr, path::PathBuf, pin::pin, sync::Arc, time::Duration};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

/// For a first token of each client. Without one the endpoint starts, too.
const FIRST_TOKENS: Duration = Duration::from_secs(15);

/// What no time cures: Entra knows no such tenant (AADSTS90002), the name cannot be one of a tenant
/// (AADSTS900023), or the assertion is of an endpoint like this one (AADSTS700231).
const FINAL: [u32; 3] = [90_002, 900_023, 700_231];

const MORE: &str = "\
The file, in TOML (or the same in JSON or YAML):

  listen = \"127.0.0.1:8181\"
  # Only with [tls] and networks = [\"10.1.0.0/16\"] for what other machines reach.

  [settings]                      # as in the file of other commands
  client_id = \"…\"
  identity_client_id = \"…\"

  [[clients]]
  name = \"reports\"
  secret_file = \"/etc/cross-tenant-identity/reports.secret\"
  target_tenant_id = \"…\"
  resources = [\"https://management.azure.com\"]
  # [clients.settings]            # in place of [settings]: another app, another managed identity

A client runs with IDENTITY_ENDPOINT=http://127.0.0.1:8181/msi/token and its secret as IDENTITY_HEADER.

SIGHUP reads the file again and keeps all tokens. SIGTERM ends it when the requests under way are answered.
/livez, /readyz and /metrics need no secret.";

#[derive(Args, Debug)]
#[command(after_help = MORE)]
pub(crate) struct ServeArguments {
    /// The file with the clients: TOML, JSON or YAML, by its name.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl ServeArguments {
    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        let upstream = Arc::new(Upstream::default());
        let config = Config::read(&self.config)?;
        let address = config.listen;
        let built = Built::new(config, None, &upstream)?;
        log::start(log::Level::Structured);
        // So that no signal is lost from here on.
        let mut signals = Signals::new()?;
        open_files::raise(MOST_CONNECTIONS);
        let upstream_of_endpoint = Some(Arc::clone(&upstream));
        let endpoint = Endpoint::bind(address, built.access(), upstream_of_endpoint)
            .await
            .map_err(|why| Failure::usage(format!("cannot listen on {address}: {why}")))?;
        let listens = endpoint.address()?;
        built.refuse_itself(listens).await?;
        let service = endpoint.service();
        let first_tokens = first_tokens(&built, &service);
        let mut is_to_reload = match unless_ended(first_tokens, &mut signals).await {
            Some((done, is_to_reload)) => {
                done?;
                is_to_reload
            }
            None => return Ok(Outcome::Ok),
        };
        warn_of(&built);
        let (networks, names) = built.reach();
        let (url, clients) = (endpoint.url()?, built.count());
        let version = env!("CARGO_PKG_VERSION");
        info!(url, clients, networks, names, version, "ready");
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(endpoint.serve(async {
            let _ = stopped.await;
        }));
        systemd::notify("READY=1");
        let mut built = built;
        loop {
            if is_to_reload {
                systemd::reloading();
                built = self.reload(built, &service, &upstream, listens).await;
                systemd::notify("READY=1");
            }
            let received = signals.next().await;
            if received.asks_to_end() {
                break;
            }
            is_to_reload = received.asks_to_reload();
        }
        systemd::notify("STOPPING=1");
        info!("stopping: requests that are under way are answered");
        drop(stop);
        let _ = serving.await;
        info!("stopped");
        Ok(Outcome::Ok)
    }

    /// A file that is wrong changes nothing.
    async fn reload(
        &self,
        before: Built,
        service: &Service,
        upstream: &Upstream,
        listens: SocketAddr,
    ) -> Built {
        let after = self.read_again(&before, upstream, listens).await;
        service.reloaded(after.is_ok());
        match after {
            Ok(after) => {
                service.replace_access(after.access());
                warn_of(&after);
                let without_tokens = after.without_tokens().join(", ");
                let (networks, names) = after.reach();
                let clients = after.count();
                info!(
                    clients,
                    without_tokens, networks, names, "read the file again"
                );
                after
            }
            Err(failure) => {
                error!(
                    why = failure.one_line(),
                    "the file is wrong: clients, networks and certificate stay as they were"
                );
                before
            }
        }
    }

    async fn read_again(
        &self,
        before: &Built,
        upstream: &Upstream,
        listens: SocketAddr,
    ) -> Result<Built, Failure> {
        // Reading a pipe that nobody writes to would take for ever, and nobody would be answered.
        if fs::metadata(&self.config).is_ok_and(|it| !it.is_file()) {
            let path = self.config.display();
            return Err(Failure::usage(format!("{path} is no file any more")));
        }
        let config = Config::read(&self.config)?;
        if config.listen != before.listen() {
            return Err(Failure::usage(
                "listen has changed, which needs a restart: nothing of the file was taken",
            ));
        }
        let after = Built::new(config, Some(before), upstream)?;
        if after.has_tls() != before.has_tls() {
            return Err(Failure::usage(
                "tls was added or taken away, which needs a restart: nothing of the file was taken",
            ));
        }
        after.refuse_itself(listens).await?;
        Ok(after)
    }
}

/// What the work returns, and whether a signal asked to reload meanwhile. `None` if one asked to end.
async fn unless_ended<T>(
    work: impl Future<Output = T>,
    signals: &mut Signals,
) -> Option<(T, bool)> {
    let mut work = pin!(work);
    let mut is_to_reload = false;
    loop {
        tokio::select! {
            done = &mut work => return Some((done, is_to_reload)),
            received = signals.next() => {
                if received.asks_to_end() {
                    return None;
                }
                is_to_reload |= received.asks_to_reload();
            }
        }
    }
}

fn warn_of(built: &Built) {
    for warning in built.warnings() {
        warn!("{warning}");
    }
}

/// So that what is wrong for good is told before anything starts, and the first requests find tokens.
async fn first_tokens(built: &Built, service: &Service) -> Result<(), Failure> {
    let clients = built.clients();
    let mut wrong = Vec::new();
    for (client, result) in service.first_tokens(&clients, FIRST_TOKENS).await {
        match result {
            Some(Ok(())) => {}
            Some(Err(error)) if is_final(&error) => {
                let why = crate::output::one_line(&error);
                wrong.push(format!("the client {:?}: {why}", client.name));
            }
            // The library has logged why.
            Some(Err(_)) | None => warn!(client = client.name, "no token yet"),
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(wrong.join("\n"))),
    }
}

fn is_final(error: &azure_core::Error) -> bool {
    let code = IdentityError::find(error).and_then(IdentityError::code);
    code.is_some_and(|code| FINAL.contains(&code))
}
