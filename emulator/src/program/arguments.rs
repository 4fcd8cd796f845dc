//! The command line.

use clap::{
    Args, CommandFactory, Parser, Subcommand, ValueEnum,
    builder::{FalseyValueParser, PossibleValue, PossibleValuesParser, TypedValueParser},
    error::ErrorKind,
};
use cross_tenant_identity_emulator::{Cloud, Host, Step, UnknownHost, UnknownStep};
use std::{ffi::OsString, path::PathBuf};

use crate::format::Format;

const EXAMPLES: &str = "\
Examples:
  Run a command with the emulator. The emulator stops when the command ends:
    cross-tenant-identity-emulator run -- COMMAND

  Start the emulator, and load the variables into bash:
    cross-tenant-identity-emulator > emulator.env &
    source emulator.env

Exit status: 0 on success, 1 if the emulator fails, 2 for a wrong command line.
`run` ends with the exit status of its command.";

/// A local Azure for cross-tenant managed identity: IMDS, App Service, Entra, Resource Manager,
/// Key Vault and Microsoft Graph.
///
/// It creates the tenants Contoso (home) and Litware (target), prints the environment variables
/// that clients need, and runs until Ctrl+C or SIGTERM. It listens only on the loopback interface.
#[derive(Debug, Parser)]
#[command(name = "cross-tenant-identity-emulator", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,

    /// The format of the printed variables [default: bash].
    #[arg(long, value_enum)]
    format: Option<Format>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a command with the emulator, and set the variables only for the command.
    Run {
        /// The command and its arguments.
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The port for HTTP (IMDS, App Service). HTTPS (Entra, Resource Manager, Key Vault,
    /// Microsoft Graph) listens on the next port. With 0, the system chooses both.
    #[arg(long, global = true, env = "EMULATOR_PORT", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u16).range(0..=65534))]
    pub(crate) port: u16,

    /// Leave out a step of the set-up, or take it wrongly, to see the error that it causes.
    #[arg(long, global = true, env = "EMULATOR_WITHOUT", value_name = "STEP")]
    #[arg(value_parser = step_parser())]
    pub(crate) without: Option<Step>,

    /// The host on which the client appears to run.
    #[arg(long, global = true, env = "EMULATOR_HOST", default_value_t)]
    #[arg(value_parser = host_parser())]
    pub(crate) host: Host,

    /// The cloud of Azure in which the tenants are.
    #[arg(
        long,
        global = true,
        env = "EMULATOR_CLOUD",
        value_enum,
        default_value_t
    )]
    pub(crate) cloud: CloudName,

    /// Write the CA certificate to this file, and keep the file. Without it, the program writes a
    /// temporary file and removes it at the end.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Print a line to standard error for each request.
    #[arg(long, global = true, env = "EMULATOR_LOG")]
    #[arg(value_parser = FalseyValueParser::new())]
    pub(crate) log: bool,
}

impl Options {
    pub(crate) fn https_port(&self) -> u16 {
        match self.port {
            0 => 0,
            port => port + 1,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CloudName {
    /// Azure.
    #[default]
    Public,
    /// Azure Government.
    UsGovernment,
    /// Azure operated by 21Vianet.
    China,
}

impl From<CloudName> for Cloud {
    fn from(name: CloudName) -> Cloud {
        match name {
            CloudName::Public => Cloud::Public,
            CloudName::UsGovernment => Cloud::UsGovernment,
            CloudName::China => Cloud::China,
        }
    }
}

impl Arguments {
    pub(crate) fn format(&self) -> Format {
        self.format.unwrap_or_default()
    }

    /// Ends the program if two arguments do not fit together.
    pub(crate) fn check(&self) {
        if self.command.is_some() && self.format.is_some() {
            Arguments::command()
                .error(
                    ErrorKind::ArgumentConflict,
                    "--format cannot be used with `run`: it prints no variables",
                )
                .exit();
        }
    }
}

fn step_parser() -> impl TypedValueParser<Value = Step> {
    let steps = Step::ALL.map(|step| PossibleValue::new(step.name()).help(step.description()));
    PossibleValuesParser::new(steps).try_map(|name| -> Result<Step, UnknownStep> { name.parse() })
}

fn host_parser() -> impl TypedValueParser<Value = Host> {
    let hosts = Host::ALL.map(|host| {
        PossibleValue::new(host.name())
            .aliases(host.alias())
            .help(host.description())
    });
    PossibleValuesParser::new(hosts).try_map(|name| -> Result<Host, UnknownHost> { name.parse() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once(&"emulator").chain(arguments))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_value_follows_a_space_or_an_equals_sign() {
        for arguments in [&["--without", "role"][..], &["--without=role"]] {
            let arguments = parse(arguments).expect("valid arguments");
            assert_eq!(arguments.options.without, Some(Step::Role));
        }
    }

    #[test]
    fn options_are_accepted_on_both_sides_of_run() {
        for arguments in [
            &["--log", "run", "--", "env", "-i"][..],
            &["run", "--log", "--", "env", "-i"],
        ] {
            let arguments = parse(arguments).expect("valid arguments");
            assert!(arguments.options.log);
            let Some(Command::Run { command }) = arguments.command else {
                panic!("no command");
            };
            assert_eq!(command, ["env", "-i"]);
        }
    }

    #[test]
    fn https_listens_on_the_port_after_http() {
        let port = |text| {
            parse(&["--port", text])
                .expect("a port")
                .options
                .https_port()
        };
        assert_eq!(port("0"), 0);
        assert_eq!(port("8080"), 8081);
        assert!(parse(&["--port", "65535"]).is_err());
    }

    #[test]
    fn run_needs_a_command() {
        let error = parse(&["run"]).expect_err("no command");
        assert_eq!(error.kind(), ErrorKind::MissingRequiredArgument);
    }
}
