//! `completions`: what a shell needs to complete this command line.

use crate::{
    outcome::{Failure, Outcome},
    output,
};
use clap::{Args, Command};
use clap_complete::Shell;

#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell. For bash: source <(cross-tenant-identity completions bash)
    shell: Shell,
}

impl CompletionsArguments {
    /// `command` is the whole command line.
    pub(crate) fn run(self, mut command: Command) -> Result<Outcome, Failure> {
        let mut script = Vec::new();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        output::print(&String::from_utf8_lossy(&script))?;
        Ok(Outcome::Ok)
    }
}
