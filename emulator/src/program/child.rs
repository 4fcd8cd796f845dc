//! The command of `run`.

use cross_tenant_identity_emulator::ClientVariables;
use std::{ffi::OsString, io, process::ExitStatus};
use tokio::process::{Child, Command};

use crate::signals::{Signal, Signals};

/// Runs the command with the variables. Returns its exit status.
pub(crate) async fn run(
    command: &[OsString],
    variables: &ClientVariables,
    mut signals: Signals,
) -> io::Result<i32> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(io::Error::other("there is no command to run"));
    };
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    variables.set_on(command.as_std_mut());
    let mut child = command.spawn().map_err(|error| {
        let message = format!("cannot run {}: {error}", program.display());
        io::Error::other(message)
    })?;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(exit_status(status?)),
            signal = signals.next() => match signal {
                // The terminal sends it to the command, too.
                Signal::Interrupt => {}
                Signal::Terminate => terminate(&mut child)?,
            },
        }
    }
}

#[cfg(unix)]
fn terminate(child: &mut Child) -> io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};

    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    // There is no id when the command has ended.
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        kill_process(pid, Signal::TERM)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn terminate(child: &mut Child) -> io::Result<()> {
    child.start_kill()
}

/// 128 and the number of the signal, as a shell does, if a signal ended the command.
fn exit_status(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal;
    }
    status.code().unwrap_or(crate::FAILURE)
}
