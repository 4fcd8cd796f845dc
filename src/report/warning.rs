//! What a report warns of.

use crate::{diagnosis::Actor, redact};
use serde::Serialize;
use std::fmt;

/// What a [`Warning`] is about. Serialized in snake case, such as `clock_skew`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarningKind {
    /// This machine's clock is off by more than 60 s.
    ClockSkew,
    /// The assertion has less than 10 minutes and less than a quarter of its life left.
    AssertionEndsSoon,
    /// No identity is named, so the host chooses one: the system-assigned one if there is one.
    NoSelector,
    /// IMDS is asked although a variable of another host, such as `AZURE_FEDERATED_TOKEN_FILE`,
    /// is set.
    OtherHost,
    /// The identity is of the target tenant itself.
    SameTenant,
    /// The home tenant gave a token without a service principal of the app, which Entra retires.
    NoServicePrincipal,
    /// The exchange in the home tenant was refused for a reason that says nothing of the trust.
    HomeExchange,
    /// The resource's answer is a web page.
    WebPage,
}

/// Something that may go wrong soon, or looks wrong although it works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    pub(crate) kind: WarningKind,
    pub(crate) who: Actor,
    pub(crate) message: String,
    pub(crate) what_to_do: String,
}

impl Warning {
    /// What it is about.
    pub fn kind(&self) -> WarningKind {
        self.kind
    }

    /// Who should look at it.
    pub fn who(&self) -> Actor {
        self.who
    }

    /// What was seen, in whole sentences.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, in whole sentences.
    pub fn what_to_do(&self) -> &str {
        &self.what_to_do
    }

    pub(super) fn redact(&mut self, secrets: &[&str]) {
        for text in [&mut self.message, &mut self.what_to_do] {
            *text = redact::redact(text, secrets).into_owned();
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} (For {}.)",
            self.message, self.what_to_do, self.who
        )
    }
}
