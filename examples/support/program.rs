//! What the programs have in common: what is logged, how an error is printed, and the exit status.

use super::{
    output::{self, OutputClosed},
    variables::BadVariables,
};
use cross_tenant_identity::{Error, Stage, explain};
use std::{error::Error as StdError, io, process::ExitCode};
use tracing_subscriber::EnvFilter;

/// A wrong command line, as clap has it, or wrong settings.
const USAGE: u8 = 2;

/// Logs to standard error what `RUST_LOG` says, or what `default` says if it is not set.
pub fn log(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
}

/// Prints the error, if there is one.
pub fn exit_code(result: Result<ExitCode, Box<dyn StdError>>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) if error.is::<OutputClosed>() => ExitCode::SUCCESS,
        Err(error) if error.is::<BadVariables>() => {
            output::error(&error);
            ExitCode::from(USAGE)
        }
        Err(error) => {
            output::error(explain(error.as_ref()));
            let stage = Error::find(error.as_ref()).map(Error::stage);
            match stage {
                Some(Stage::Configuration) => ExitCode::from(USAGE),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
