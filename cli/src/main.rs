//! The command line of cross-tenant-identity: what two organisations need to set it up together and
//! to find out what is wrong.

#![forbid(unsafe_code)]
#![allow(
    rustdoc::bare_urls,
    reason = "the comments of arguments are the help that is printed"
)]

mod arguments;
mod assertion_file;
mod azure;
mod clock;
mod cloud;
mod commands;
mod core_dumps;
#[cfg(feature = "emulator")]
mod emulated;
mod endpoint;
mod guid;
mod jwt;
mod log;
mod open_files;
mod outcome;
mod output;
mod own_endpoint;
mod resource_manager;
mod rest;
mod secret_file;
mod settings;
mod signals;
mod systemd;
mod table;

use arguments::Arguments;
use clap::Parser;
use outcome::{Failure, Outcome};
use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if let Some(command) = commands::exec::WithParent::from_arguments(std::env::args_os()) {
        // It comes back only if the command cannot be run.
        return ExitCode::from(output::failure(&command.run(), false).code());
    }
    // All commands have tokens or assertions in memory.
    core_dumps::forbid();
    let arguments = Arguments::parse();
    let wants_json = arguments.command.wants_json();
    let ended = run(arguments).unwrap_or_else(|failure| output::failure(&failure, wants_json));
    ExitCode::from(ended.code())
}

fn run(arguments: Arguments) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(arguments.command.run())
}
