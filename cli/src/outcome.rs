//! How a command ends.

use cross_tenant_identity::{Error as IdentityError, Stage};
use std::{error::Error, io};

/// What the exit status tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    /// Something was refused or failed.
    Failed,
    /// The command line, a variable or a file is wrong.
    WrongUsage,
    /// A command was run, and this is its exit status.
    Exited(u8),
}

impl Outcome {
    pub(crate) fn of(is_ok: bool) -> Self {
        if is_ok { Self::Ok } else { Self::Failed }
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            // As clap has it.
            Self::WrongUsage => 2,
            Self::Exited(status) => status,
        }
    }
}

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The user's own input is wrong. Whole sentences without a full stop at the end.
    Usage(String),
    /// An error that `explain` can say more of.
    Error(Box<dyn Error>),
    Io(io::Error),
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Usage(_) => Outcome::WrongUsage,
            // The reader has closed the pipe, as `| head -1` does.
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Outcome::Ok,
            Self::Error(error) if is_configuration(error.as_ref()) => Outcome::WrongUsage,
            Self::Error(_) | Self::Io(_) => Outcome::Failed,
        }
    }
}

fn is_configuration(error: &(dyn Error + 'static)) -> bool {
    IdentityError::find(error).is_some_and(|ours| ours.stage() == Stage::Configuration)
}

impl From<azure_core::Error> for Failure {
    fn from(error: azure_core::Error) -> Self {
        Self::Error(Box::new(error))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Io(error.into())
    }
}
