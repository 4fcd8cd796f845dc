//! The emulator as a program. It creates Contoso and Litware, and gives other programs the
//! environment variables that they need to use it.

#![forbid(unsafe_code)]

mod arguments;
mod child;
mod format;
mod output;
mod signals;
mod target_vault;

use clap::Parser;
use cross_tenant_identity_emulator::{ClientVariables, Emulator, Scenario};
use std::{
    ffi::OsString,
    io::{self, ErrorKind},
    process,
};

use arguments::{Arguments, Command, Options};
use format::Format;

/// The program was not able to do its work.
const FAILURE: i32 = 1;

fn main() {
    let arguments = Arguments::parse();
    arguments.check();
    let code = match run(&arguments) {
        Ok(code) => code,
        // The reader of the variables has closed the pipe, for example `| head -1`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => 0,
        Err(error) => {
            output::error(&error);
            FAILURE
        }
    };
    process::exit(code);
}

/// Returns the exit status of the program.
fn run(arguments: &Arguments) -> io::Result<i32> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match &arguments.command {
            None => serve(&arguments.options, arguments.format()).await,
            Some(Command::Run { command }) => run_command(&arguments.options, command).await,
        }
    })
}

/// Prints the variables, and serves until a signal asks the program to stop.
async fn serve(options: &Options, format: Format) -> io::Result<i32> {
    // Before the output: the reader can send a signal as soon as it has read the variables.
    let mut signals = signals::Signals::new()?;
    let azure = LocalAzure::start(options)?;
    output::variables(&format.write(azure.variables.iter()))?;
    output::next_step(&azure.emulator, options.without, &azure.variables, format);
    signals.next().await;
    Ok(0)
}

/// Runs a command with the variables. Returns its exit status.
async fn run_command(options: &Options, command: &[OsString]) -> io::Result<i32> {
    let signals = signals::Signals::new()?;
    let azure = LocalAzure::start(options)?;
    child::run(command, &azure.variables, signals).await
}

/// A running emulator with Contoso and Litware, and the variables for its clients.
struct LocalAzure {
    emulator: Emulator,
    variables: ClientVariables,
}

impl LocalAzure {
    fn start(options: &Options) -> io::Result<LocalAzure> {
        let emulator = Emulator::start_on(options.port, options.https_port())?;
        let scenario: Scenario = match options.without {
            None => emulator.create_scenario(),
            Some(step) => emulator.create_scenario_without(step),
        };
        emulator.move_to_cloud(options.cloud.into());
        target_vault::add(&emulator, &scenario).map_err(io::Error::other)?;
        if options.log {
            emulator.on_request(output::request);
        }
        let ca_file = options.ca_file.as_deref();
        let variables = emulator.client_variables(&scenario, options.host, ca_file)?;
        Ok(LocalAzure {
            emulator,
            variables,
        })
    }
}
