//! What an error means: what happened, who has to act, and what to run.
//!
//! Microsoft writes its error numbers for people, and changes them. So the numbers choose the
//! explanation, and decide only about a few repeated requests that do no harm if they are wrong.
//! The status and the OAuth `error` decide everything else.
//!
//! Each of these files explains the failures of one place: [`token_endpoint`] those of Entra,
//! [`identity`] of IMDS, [`no_imds`] of a host without IMDS, [`host`] of the identity endpoints of
//! other hosts, [`connection`] of the network, [`configuration`] of the caller's values, [`scope`] of
//! the scope of a call, [`resource`] of the service that the token is for, [`given_up`] of the
//! requests that this crate stopped or did not send.
//!
//! The meaning of an error number is in [`table`], and [`case`] fills it in with the values of a
//! request. [`remedy`] chooses the commands, [`command`] writes them. [`guide`] knows where `TROUBLESHOOTING.md`
//! explains it.

mod case;
mod clocks;
mod command;
mod configuration;
mod connection;
mod given_up;
mod guide;
mod host;
mod identity;
mod no_imds;
mod presented;
mod refusal;
mod remedy;
mod resource;
mod scope;
mod table;
mod token_endpoint;
mod trust;
mod value;

pub use command::{Command, Shell};
pub(crate) use configuration::{bad_value, bad_values};
pub(crate) use connection::{Failure as ConnectionFailure, Peer};
pub(crate) use given_up::{
    bad_source, ended, no_thread, not_renewed, panicked, queue_stood_still, too_many_requests,
    took_too_long,
};
#[cfg(feature = "rustls")]
pub(crate) use host::of_wrong_thumbprint;
pub(crate) use host::{
    HostRefusal, of_host_refusal, of_key_file, of_other_identity, of_refused_key, of_token_file,
    of_unreadable_host_token,
};
pub(crate) use identity::{IdentityRefusal, of_identity_refusal, of_unreadable_token};
pub(crate) use no_imds::{Signs, nobody_answers};
pub(crate) use refusal::{AssertionRequest, Exchange, Refusal, codes_in};
pub(crate) use resource::{of_error as of_resource_error, of_status as of_resource_status};
pub(crate) use scope::{of_scope, of_several_resources};
pub(crate) use table::Retry;
pub(crate) use token_endpoint::{of_refusal, of_unreadable_answer};

use crate::redact;
use serde::{Serialize, Serializer};
use std::fmt;

/// Who has to act before the same request can succeed.
///
/// Serialized in snake case, such as `target_administrator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Actor {
    /// The administrator of the tenant that owns the managed identity and the app.
    HomeAdministrator,
    /// The administrator of the tenant that owns the resource.
    TargetAdministrator,
    /// First the administrator of the home tenant, then the administrator of the target tenant: the
    /// response does not say which of the two has to fix something.
    BothAdministrators,
    /// The developer of the service: its code or its configuration.
    Developer,
    /// The operator of the host that the service runs on: its identity, clock or network.
    Operator,
    /// Nobody: the service has a problem of its own, or a new registration has not propagated yet.
    /// Wait.
    Nobody,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HomeAdministrator => "the home tenant's administrator",
            Self::TargetAdministrator => "the target tenant's administrator",
            Self::BothAdministrators => "the home tenant's administrator, then the target tenant's",
            Self::Developer => "the service's developer",
            Self::Operator => "the operator of the service's host",
            Self::Nobody => "nobody",
        })
    }
}

/// What happened, who has to act, and what to do.
///
/// Every [`Error`](crate::Error) of this crate has one. `Display` prints all of it for a person, on
/// several lines. Values from other parties are shown escaped. They appear in a command only if
/// they parse as the kind of value that the command needs. A value that the reader has to fill in
/// is in angle brackets. A value that is meant to be copied is never shortened.
///
/// ```
/// # fn demo(error: azure_core::Error) {
/// use cross_tenant_identity::{Actor, Diagnosis};
///
/// if let Some(diagnosis) = Diagnosis::of(&error)
///     && diagnosis.who() == Actor::TargetAdministrator
/// {
///     println!("Please send this to the other side:\n{diagnosis}");
/// }
/// # }
/// ```
///
/// Serialized it is an object with the fields `code`, `answer`, `what_happened`, `who`, `what_to_do`,
/// `commands` (each with `shell` and `text`), `links` and `support_ids` (an object).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    code: Option<u32>,
    answer: Option<String>,
    what_happened: String,
    who: Actor,
    what_to_do: String,
    commands: Vec<Command>,
    links: Vec<String>,
    #[serde(serialize_with = "by_name")]
    support_ids: Vec<(&'static str, String)>,
}

impl Diagnosis {
    /// The number of the Microsoft Entra error, such as `700213` for AADSTS700213.
    pub fn code(&self) -> Option<u32> {
        self.code
    }

    /// What the service answered, in its own words, without secrets.
    pub fn answer(&self) -> Option<&str> {
        self.answer.as_deref()
    }

    /// What went wrong, in complete sentences.
    pub fn what_happened(&self) -> &str {
        &self.what_happened
    }

    /// Who has to act.
    pub fn who(&self) -> Actor {
        self.who
    }

    /// What to change, and to which value, in complete sentences. The first sentence is the most
    /// important action. The others say how to check it and what else to look at.
    pub fn what_to_do(&self) -> &str {
        &self.what_to_do
    }

    /// The first sentence of [`what_to_do`](Self::what_to_do).
    pub(crate) fn first_step(&self) -> &str {
        first_sentence(&self.what_to_do)
    }

    /// Commands that fix the problem or check it, in the order in which to run them: first all
    /// commands for Azure CLI, then all for PowerShell. Often empty.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// Pages that explain more. Often empty.
    pub fn links(&self) -> impl Iterator<Item = &str> {
        self.links.iter().map(String::as_str)
    }

    /// Names and values by which Microsoft support, and the sign-in logs of the tenant, find the
    /// request. Often empty.
    pub fn support_ids(&self) -> impl Iterator<Item = (&str, &str)> {
        self.support_ids
            .iter()
            .map(|(name, id)| (*name, id.as_str()))
    }

    fn new(who: Actor, what_happened: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self {
            code: None,
            answer: None,
            what_happened: what_happened.into(),
            who,
            what_to_do: what_to_do.into(),
            commands: Vec::new(),
            links: Vec::new(),
            support_ids: Vec::new(),
        }
    }

    fn with_code(mut self, code: Option<u32>) -> Self {
        self.code = code;
        self
    }

    /// `answer` is escaped, short, and contains no secret.
    pub(crate) fn with_answer(mut self, answer: impl Into<String>) -> Self {
        self.answer = Some(answer.into()).filter(|answer| !answer.is_empty());
        self
    }

    /// Each value is escaped, short, and not a secret.
    pub(crate) fn with_support_ids(
        mut self,
        ids: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        self.support_ids.extend(ids);
        self
    }

    /// Removes the given secrets everywhere, and everything that has the shape of a token.
    pub(crate) fn redacted(mut self, secrets: &[&str]) -> Self {
        let texts = [&mut self.what_happened, &mut self.what_to_do]
            .into_iter()
            .chain(&mut self.answer)
            .chain(self.commands.iter_mut().map(Command::text_mut))
            .chain(&mut self.links)
            .chain(self.support_ids.iter_mut().map(|(_, id)| id));
        for text in texts {
            *text = redact::redact(text, secrets).into_owned();
        }
        self
    }

    fn with_commands(mut self, commands: impl IntoIterator<Item = Command>) -> Self {
        self.commands.extend(commands);
        self.commands
            .sort_by_key(|command| command.shell() != Shell::AzureCli);
        self
    }

    fn with_link(mut self, link: impl Into<String>) -> Self {
        self.links.push(link.into());
        self
    }
}

/// Serializes them as an object. Names such as "Trace ID" become `trace_id`.
fn by_name<S: Serializer>(ids: &[(&'static str, String)], to: S) -> Result<S::Ok, S::Error> {
    let field = |name: &str| name.to_ascii_lowercase().replace(' ', "_");
    to.collect_map(ids.iter().map(|(name, id)| (field(name), id)))
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "What happened: {}", self.what_happened)?;
        writeln!(f, "Who has to act: {}", self.who)?;
        write!(f, "What to do: {}", self.what_to_do)?;
        for (shell, label) in [
            (Shell::AzureCli, "Azure CLI"),
            (Shell::PowerShell, "PowerShell"),
        ] {
            let mut commands = self.commands.iter().filter(|it| it.shell() == shell);
            if let Some(first) = commands.next() {
                write!(f, "\n\n{label}:\n    {first}")?;
            }
            for command in commands {
                write!(f, "\n    {command}")?;
            }
        }
        if !self.links.is_empty() || !self.support_ids.is_empty() {
            f.write_str("\n")?;
        }
        for link in &self.links {
            write!(f, "\nMore: {link}")?;
        }
        for (at, (name, id)) in self.support_ids.iter().enumerate() {
            let before = if at == 0 { "\nFor support: " } else { ", " };
            write!(f, "{before}{name} {id}")?;
        }
        Ok(())
    }
}

/// A text up to the first full stop that ends a sentence. Text in double quotes is a value, and a
/// value can contain full stops.
pub(crate) fn first_sentence(text: &str) -> &str {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '.' if !is_quoted && text[at + 1..].starts_with(' ') => return &text[..=at],
            _ => {}
        }
    }
    text
}

/// Text of another party, for reading: escaped, shortened, in quotes, and without anything that
/// looks like a token.
fn shown(text: &str) -> String {
    crate::authority::quoted(&crate::redact::redact(text, &[]))
}

/// Text of another party, for copying: not shortened. `None` if it is longer than the directory
/// accepts (Microsoft Graph, "federatedIdentityCredential resource type": 600 characters), or looks
/// like a token.
fn copied(text: &str) -> Option<String> {
    const LONGEST: usize = 600;
    let is_whole = text.chars().count() <= LONGEST
        && matches!(
            crate::redact::redact(text, &[]),
            std::borrow::Cow::Borrowed(_)
        );
    is_whole.then(|| format!("{text:?}"))
}

/// The text in single or double quotes directly after `words`. The case of `words` does not matter.
fn quoted_after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let rest = after(text, words)?.trim_start_matches([' ', ':', '\u{a0}']);
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (value, _) = rest[1..].split_once(quote)?;
    Some(value)
}

/// The GUID directly after `words`, in quotes, in brackets or without them.
fn guid_after(text: &str, words: &str) -> Option<String> {
    const LENGTH: usize = 36;
    let rest = after(text, words)?.trim_start_matches(['\'', '"', '[', '(', ' ', ':', '`']);
    crate::authority::parse_guid(rest.get(..LENGTH)?)
}

/// The text after `words`, which are ASCII. Their case does not matter.
fn after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let at = find_ignoring_case(text, words)?;
    Some(&text[at + words.len()..])
}

fn find_ignoring_case(text: &str, words: &str) -> Option<usize> {
    // Lower-casing ASCII keeps the position of each byte.
    text.to_ascii_lowercase().find(&words.to_ascii_lowercase())
}

fn contains_ignoring_case(text: &str, words: &str) -> bool {
    find_ignoring_case(text, words).is_some()
}

#[cfg(test)]
mod tests;
