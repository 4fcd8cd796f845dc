//! `completions`: what a shell needs to complete this command line.

use crate::{
    arguments::Arguments,
    outcome::{Failure, Outcome},
    output,
};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell. For bash: source <(cross-tenant-identity completions bash)
    shell: Shell,
}

impl CompletionsArguments {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        let mut script = Vec::new();
        let mut command = Arguments::command();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        output::print(&String::from_utf8_lossy(&script))?;
        Ok(Outcome::Ok)
    }
}
