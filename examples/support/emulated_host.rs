//! Runs an example as on a host of Azure: in a process of its own, which finds there the variables that
//! the host sets. Only the services behind them are the emulator's.

use super::{
    output,
    variables::{ARM_ENDPOINT, BadVariables, CA_FILE},
};
use cross_tenant_identity_emulator::{Emulator, Host, Step};
use std::{env, error::Error, process::Command, process::ExitCode};

/// Runs this program with `arguments`, and returns its exit status.
///
/// # Errors
///
/// When the emulator or the program does not start, or the host cannot be emulated on this machine.
pub fn run(
    host: Host,
    without: Option<Step>,
    arguments: &[&str],
) -> Result<ExitCode, Box<dyn Error>> {
    let emulator = Emulator::start().map_err(|why| format!("the emulator did not start: {why}"))?;
    let scenario = match without {
        Some(step) => emulator.create_scenario_without(step),
        None => emulator.create_scenario(),
    };
    let variables = emulator.client_variables(&scenario, host, None)?;
    debug_assert!(variables.get(ARM_ENDPOINT).is_some() && variables.get(CA_FILE).is_some());
    output::note(format_args!(
        "This runs on the emulator, as on the host {host}: {}.",
        host.description()
    ));
    let mut command = Command::new(env::current_exe()?);
    command.args(arguments);
    variables.set_on(&mut command);
    let status = command.status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The emulator has nothing to do with the Azure that the variables name.
pub fn conflict(option: &str) -> BadVariables {
    BadVariables::one(format!(
        "{option} is for the emulator in this process, but the environment chooses an Azure or a running emulator: unset CROSS_TENANT_..., TARGET_..., {ARM_ENDPOINT} and {CA_FILE}, or leave {option} out"
    ))
}
