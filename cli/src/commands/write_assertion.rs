//! `write-assertion`: a file for what only speaks workload identity.

use crate::{
    assertion_file::AssertionFile,
    azure::Connection,
    log,
    outcome::{Failure, Outcome},
    output,
    signals::Signals,
    systemd,
};
use clap::Args;
use std::path::PathBuf;

const MORE: &str = "\
A program reads the file with AZURE_FEDERATED_TOKEN_FILE=FILE, AZURE_TENANT_ID=(the target tenant) and
AZURE_CLIENT_ID=(the multi-tenant app). Whoever can read it can be the app in every tenant that trusts it:
it has mode 0600.

Runs until SIGTERM or Ctrl+C, and leaves the file.";

#[derive(Args, Debug)]
#[command(after_help = MORE)]
pub(crate) struct WriteAssertionArguments {
    /// The file. It is replaced as a whole, and renewed long before the assertion in it expires.
    #[arg(long, value_name = "FILE")]
    path: PathBuf,

    /// Write it once, and end.
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    connection: Connection,
}

impl WriteAssertionArguments {
    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        let azure = self.connection.azure(None)?;
        let mut file = AssertionFile::new(azure.assertion()?, self.path.clone());
        file.write().await?;
        output::note(&format!("Wrote {}.", self.path.display()));
        if self.once {
            return Ok(Outcome::Ok);
        }
        log::start(log::Level::Warnings);
        let mut signals = Signals::new()?;
        systemd::notify("READY=1");
        tokio::select! {
            () = file.keep() => {}
            () = signals.end() => {}
        }
        systemd::notify("STOPPING=1");
        Ok(Outcome::Ok)
    }
}
