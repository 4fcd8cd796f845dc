//! What a refusal means: what happened, whose turn it is, and what to run.
//!
//! Microsoft means its numbers for people and changes them. So they explain here, and steer only
//! the few repeats that the caller can afford to lose; status and OAuth `error` decide the rest.

mod case;
mod command;
mod identity;
mod resource;
mod table;

pub use command::{Command, Shell};
pub(crate) use identity::of_identity_refusal;

use crate::{
    authority::{AuthorityHost, ClientId, TenantId},
    claims::Claims,
    error::{Error, chain},
};
use case::Case;
use std::fmt;
use table::Row;

/// Who has to act before the same request can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Actor {
    /// The administrator of the tenant that owns the managed identity and the app.
    HomeAdministrator,
    /// The administrator of the tenant that owns the resource.
    TargetAdministrator,
    /// The developer of the service: its code or its configuration.
    Developer,
    /// The operator of the host that the service runs on: its identity, clock or network.
    Operator,
    /// Nobody: it is the service's own trouble, or something new that has not propagated yet. Wait.
    Nobody,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HomeAdministrator => "the home tenant's administrator",
            Self::TargetAdministrator => "the target tenant's administrator",
            Self::Developer => "the service's developer",
            Self::Operator => "the operator of the service's host",
            Self::Nobody => "nobody",
        })
    }
}

/// What happened, whose turn it is, and what to do about it.
///
/// `Display` gives all of it as text for a person: one paragraph, then the commands, each indented
/// on a line of its own. Values that other parties sent are shown escaped, and appear in a command
/// only if they parse as what belongs there; what is left for the reader to fill in stands in angle
/// brackets.
///
/// ```
/// # fn demo(error: azure_core::Error) {
/// use cross_tenant_identity::{Actor, Diagnosis};
///
/// if let Some(diagnosis) = Diagnosis::of(&error) {
///     eprintln!("{diagnosis}");
///     if diagnosis.who() == Actor::TargetAdministrator {
///         // Show it to the customer.
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    code: Option<u32>,
    what_happened: String,
    who: Actor,
    what_to_do: String,
    commands: Vec<Command>,
}

impl Diagnosis {
    /// The number that Microsoft Entra gave, such as `700213` for AADSTS700213.
    pub fn code(&self) -> Option<u32> {
        self.code
    }

    /// What went wrong, in whole sentences.
    pub fn what_happened(&self) -> &str {
        &self.what_happened
    }

    /// Whose turn it is.
    pub fn who(&self) -> Actor {
        self.who
    }

    /// What to change, and to which value, in whole sentences.
    pub fn what_to_do(&self) -> &str {
        &self.what_to_do
    }

    /// Commands that mend or check it, in the order in which to run them; where both shells can do
    /// it, first all of Azure CLI's, then all of PowerShell's. Often empty.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The diagnosis of an error of this crate at any depth of `error`'s sources, or else of an
    /// answer of Azure Resource Manager, Storage or Key Vault that an SDK client turned into an
    /// error. `None` if nothing is known of it.
    pub fn of(error: &(dyn std::error::Error + 'static)) -> Option<Diagnosis> {
        // An error of ours has the token endpoint's answer below it, which is no resource's.
        if let Some(ours) = Error::find(error) {
            return ours.diagnosis().cloned();
        }
        chain(error)
            .filter_map(|error| error.downcast_ref::<azure_core::Error>())
            .find_map(resource::of_error)
    }

    fn new(who: Actor, what_happened: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self {
            code: None,
            what_happened: what_happened.into(),
            who,
            what_to_do: what_to_do.into(),
            commands: Vec::new(),
        }
    }

    fn with_code(mut self, code: Option<u32>) -> Self {
        self.code = code;
        self
    }

    fn with_commands(mut self, commands: impl IntoIterator<Item = Command>) -> Self {
        self.commands.extend(commands);
        self
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} To be mended by {}: {}",
            self.what_happened, self.who, self.what_to_do
        )?;
        for command in &self.commands {
            write!(f, "\n    {command}")?;
        }
        Ok(())
    }
}

/// Whether the exchange may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Nothing changes by itself.
    Never,
    /// With another assertion, if the host has one.
    NewAssertionOnce,
    /// Not inside this call; the next one may find that it has cleared.
    Later,
}

/// What the token endpoint said when it refused (RFC 6749 §5.2, and what Entra adds).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal<'a> {
    pub(crate) status: u16,
    pub(crate) error: Option<&'a str>,
    pub(crate) description: Option<&'a str>,
    pub(crate) codes: &'a [u32],
    pub(crate) suberror: Option<&'a str>,
    /// Whether the answer carries `claims`, which name the policy that refused.
    pub(crate) has_claims: bool,
}

/// What was asked for when it was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) authority: &'a AuthorityHost,
    pub(crate) tenant: &'a TenantId,
    pub(crate) client_id: &'a ClientId,
    /// Separated by spaces, as on the wire.
    pub(crate) scopes: &'a str,
    pub(crate) assertion: Option<&'a Claims>,
    /// The URI that the assertion was asked for.
    pub(crate) audience: &'a str,
}

/// What a refusal of the token endpoint means, if it is known, and whether to try again.
pub(crate) fn of_refusal(
    refusal: &Refusal<'_>,
    exchange: &Exchange<'_>,
) -> (Option<Diagnosis>, Retry) {
    let received = match refusal.codes {
        [] => codes_in(refusal.description.unwrap_or_default()),
        codes => codes.to_vec(),
    };
    let passes = refusal.error == Some("temporarily_unavailable")
        || matches!(refusal.status, 408 | 429 | 500..=599);
    let known = received
        .iter()
        .find_map(|&code| table::row(code).map(|row| (code, row)));
    match known {
        Some((code, row)) => {
            let retry = match row.retry {
                Retry::Never if passes => Retry::Later,
                retry => retry,
            };
            (Some(Case::new(refusal, exchange).explain(code, row)), retry)
        }
        None if refusal.error == Some("temporarily_unavailable") => {
            let explained = Case::new(refusal, exchange).fill(&Row::UNAVAILABLE);
            let code = received.first().copied();
            (Some(explained.with_code(code)), Retry::Later)
        }
        None if passes => (None, Retry::Later),
        None => (None, Retry::Never),
    }
}

/// The numbers in a description such as "AADSTS700213: No matching …". An answer of another
/// service may hold Entra's sentence without its list of codes.
fn codes_in(description: &str) -> Vec<u32> {
    const MOST: usize = 8;
    description
        .split("AADSTS")
        .skip(1)
        .filter_map(|rest| {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            rest[..end].parse().ok()
        })
        .take(MOST)
        .collect()
}

#[cfg(test)]
mod tests;
