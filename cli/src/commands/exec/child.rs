//! The command's process.

use super::{
    program::{self, Program},
    variables::Variables,
};
use crate::{
    outcome::Failure,
    signals::{Received, Signals},
};
use std::process::ExitStatus;
use tokio::process::{Child, Command};
#[cfg(unix)]
use tracing::warn;

/// Runs the command to its end. Returns its exit status.
pub(super) async fn run(program: Program, variables: &Variables) -> Result<u8, Failure> {
    // From now on a signal is the command's.
    let mut signals = Signals::of_command()?;
    let mut command = command(&program);
    command.kill_on_drop(true);
    variables.apply(&mut command);
    let child = command.spawn();
    let mut child = child.map_err(|why| program::cannot_run(&program.path, &why))?;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(exit_status(status?)),
            received = signals.next() => pass_on(&child, &received),
        }
    }
}

#[cfg(target_os = "linux")]
fn command(program: &Program) -> Command {
    super::with_parent::command(program).into()
}

#[cfg(not(target_os = "linux"))]
fn command(program: &Program) -> Command {
    let mut command = Command::new(&program.path);
    command.args(&program.arguments);
    command
}

#[cfg(unix)]
fn pass_on(child: &Child, received: &Received) {
    use rustix::process::{Pid, kill_process};

    // The terminal sends it to the command, too.
    if received.is_of_terminal() {
        return;
    }
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    // There is no id when the command has ended.
    let Some(pid) = pid.and_then(Pid::from_raw) else {
        return;
    };
    // A command that has become another user, such as sudo. It needs its endpoint all the same.
    if let Err(why) = kill_process(pid, received.signal()) {
        warn!(%why, signal = received.signal().as_raw(), "a signal was not passed on");
    }
}

#[cfg(not(unix))]
fn pass_on(_: &Child, _: &Received) {
    // Windows sends Ctrl+C to all programs of the console.
}

/// 128 and the number of the signal, as a shell does, if a signal ended the command.
fn exit_status(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    // Windows has larger ones: they are failures, too.
    let code = status.code().unwrap_or(1);
    u8::try_from(code).unwrap_or(u8::MAX)
}
