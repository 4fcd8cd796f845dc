//! `setup`: the scripts of the set-up kit, with the settings filled in.

mod home;
mod script;
mod target;
mod value;

use crate::{
    outcome::{Failure, Outcome},
    output,
};
use clap::{Args, Subcommand};
use home::HomeArguments;
use script::Script;
use target::TargetArguments;
use value::{Value, Values};

const MORE: &str = "\
The script goes to standard output. What it still needs is named on standard error: give it here, or to the
script, or write it into the file. Nothing is sent, and nothing is run.

  cross-tenant-identity setup target --client-id ID > set-up.sh
  bash set-up.sh --tenant ID --scope /subscriptions/ID/resourceGroups/NAME";

#[derive(Args, Debug)]
#[command(after_help = MORE)]
pub(crate) struct SetupArguments {
    #[command(subcommand)]
    side: Side,
}

#[derive(Debug, Subcommand)]
enum Side {
    /// The home tenant's part: managed identity, multi-tenant app and federated identity credential.
    #[command(after_help = MORE)]
    Home(Box<HomeArguments>),
    /// The target tenant's part: the service principal of the app and its role.
    #[command(after_help = MORE)]
    Target(Box<TargetArguments>),
}

impl SetupArguments {
    pub(crate) fn run(self) -> Result<Outcome, Failure> {
        match self.side {
            Side::Home(it) => it.run(),
            Side::Target(it) => it.run(),
        }
    }
}

/// Prints the script with its values, and says beside it what is still open. A flag that the script
/// has no place for is an error: whoever gives it expects an effect.
fn print(
    script: &Script,
    flags: &[(Value, Option<&str>)],
    known: Values,
) -> Result<Outcome, Failure> {
    let mut values = known;
    for (value, flag) in flags {
        let Some(flag) = flag else { continue };
        if !script.has(*value) {
            return Err(Failure::usage(format!(
                "{} has no place in this format: leave it out, or choose another --format",
                value.flag()
            )));
        }
        values.insert(*value, value.parse(flag)?);
    }
    output::print(&script.fill(&values)?)?;
    for value in script.open(&values) {
        output::note(&format!(
            "still open: {} ({})",
            value.meaning(),
            value.flag()
        ));
    }
    Ok(Outcome::Ok)
}
