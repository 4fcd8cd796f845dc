//! The command line.

use crate::{
    commands::{
        audit::AuditArguments, claims::ClaimsArguments, completions::CompletionsArguments,
        doctor::DoctorArguments, exec::ExecArguments, exec_credential::ExecCredentialArguments,
        list_groups::ListGroupsArguments, many_tenants::ManyTenantsArguments,
        serve::ServeArguments, setup::SetupArguments, token::TokenArguments,
        write_assertion::WriteAssertionArguments,
    },
    outcome::{Failure, Outcome},
};
use clap::{CommandFactory, Parser, Subcommand};

const MORE: &str = "\
Settings come from flags, from the variables CROSS_TENANT_… and from the file of --config. A flag wins
over a variable, and a variable over the file.

Exit status: 0 if all went well, 1 if something was refused or failed, 2 if the command line, the
variables or the file are wrong.

Try it without Azure:
  cross-tenant-identity doctor --emulator
  cross-tenant-identity doctor --emulator --without service-principal";

/// Reaches another tenant's Azure resources with a managed identity, and finds out why it cannot.
#[derive(Debug, Parser)]
#[command(name = "cross-tenant-identity", version, after_help = MORE, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find out what is wrong, who has to act, and what to run.
    Doctor(DoctorArguments),
    /// Compare what Microsoft Graph shows of the app in both tenants with the live assertion.
    Audit(AuditArguments),
    /// Get an access token of the target tenant; print when it expires and what it says.
    Token(TokenArguments),
    /// Print the claims of a JWT from standard input. Does not verify it.
    Claims(ClaimsArguments),
    /// List the resource groups that the target tenant lets the app read.
    ListGroups(ListGroupsArguments),
    /// List the resource groups of many target tenants at once.
    ManyTenants(ManyTenantsArguments),
    /// Run a command whose Azure SDK, of any language, gets tokens of the target tenant.
    Exec(ExecArguments),
    /// Give many clients of this machine tokens, each of its own tenant, by one endpoint.
    Serve(ServeArguments),
    /// Keep a file filled with the managed identity's assertion, for workload identity.
    WriteAssertion(WriteAssertionArguments),
    /// Print a token as kubectl reads it.
    ExecCredential(ExecCredentialArguments),
    /// Print the scripts of the set-up, for one of the two tenants, with your values in them.
    Setup(SetupArguments),
    /// Print the completions of a shell.
    Completions(CompletionsArguments),
}

impl Command {
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Doctor(it) => it.json,
            Self::Audit(it) => it.json,
            Self::Token(it) => it.json,
            Self::Claims(it) => it.json,
            Self::ListGroups(it) => it.json,
            Self::ManyTenants(it) => it.json,
            Self::Exec(_)
            | Self::Serve(_)
            | Self::WriteAssertion(_)
            | Self::ExecCredential(_)
            | Self::Setup(_)
            | Self::Completions(_) => false,
        }
    }

    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        match self {
            Self::Doctor(it) => it.run().await,
            Self::Audit(it) => it.run().await,
            Self::Token(it) => it.run().await,
            Self::Claims(it) => it.run(),
            Self::ListGroups(it) => it.run().await,
            Self::ManyTenants(it) => it.run().await,
            Self::Exec(it) => it.run().await,
            Self::Serve(it) => it.run().await,
            Self::WriteAssertion(it) => it.run().await,
            Self::ExecCredential(it) => it.run().await,
            Self::Setup(it) => it.run(),
            Self::Completions(it) => it.run(Arguments::command()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
