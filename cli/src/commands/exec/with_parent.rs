//! The command of `exec` on Linux, which is told when `exec` is killed.

use super::program;
use crate::outcome::Failure;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, id},
};

/// The first argument of the process in between. It is no command of the command line, which people see.
const FIRST_ARGUMENT: &str = "exec-with-parent";

/// This program, also if its file was replaced since.
const OWN: &str = "/proc/self/exe";

/// Between `exec` and its command, for a moment: it becomes the command. Without unsafe code, no process
/// can set this for another one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WithParent {
    parent: i32,
    program: PathBuf,
    arguments: Vec<OsString>,
}

/// How to start the command so that it gets SIGTERM when this process ends before it.
pub(super) fn command(program: &program::Program) -> Command {
    if !Path::new(OWN).exists() {
        let mut command = Command::new(&program.path);
        command.args(&program.arguments);
        return command;
    }
    let mut command = Command::new(OWN);
    command
        .arg(FIRST_ARGUMENT)
        .arg(id().to_string())
        .arg(&program.path)
        .args(&program.arguments);
    command
}

impl WithParent {
    /// `None` if this process is none of those.
    pub(crate) fn from_arguments(arguments: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut arguments = arguments.into_iter().skip(1);
        if arguments.next()? != FIRST_ARGUMENT {
            return None;
        }
        Some(Self {
            parent: arguments.next()?.to_str()?.parse().ok()?,
            program: arguments.next()?.into(),
            arguments: arguments.collect(),
        })
    }

    pub(crate) fn run(self) -> Failure {
        // prctl(2), PR_SET_PDEATHSIG. It is kept by what this process becomes, but not by what that
        // starts.
        let _ = set_parent_process_death_signal(Some(Signal::TERM));
        // Before that, nobody was told.
        if getppid() != Pid::from_raw(self.parent) {
            return Failure::Io(io::Error::other(
                "exec has ended before its command started",
            ));
        }
        let why = Command::new(&self.program).args(&self.arguments).exec();
        program::cannot_run(&self.program, &why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Option<WithParent> {
        WithParent::from_arguments(arguments.iter().map(OsString::from))
    }

    #[test]
    fn only_its_own_arguments_are_read() {
        let arguments = ["program", FIRST_ARGUMENT, "7", "/bin/sh", "--", "-c"];
        let expected = WithParent {
            parent: 7,
            program: "/bin/sh".into(),
            arguments: vec!["--".into(), "-c".into()],
        };
        assert_eq!(read(&arguments), Some(expected));
        for other in [
            &[][..],
            &["program"],
            &["program", "exec", "--", "/bin/sh"],
            &["program", FIRST_ARGUMENT],
            &["program", FIRST_ARGUMENT, "x", "/bin/sh"],
        ] {
            assert_eq!(read(other), None, "{other:?}");
        }
    }
}
