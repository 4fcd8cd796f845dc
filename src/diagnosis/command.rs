//! Commands that a reader can paste. They contain only fixed text and values that were parsed.

use super::presented::Kind;
use crate::{
    authority::{AuthorityHost, ClientId, TenantId, parse_guid},
    redact,
};
use serde::Serialize;
use std::{borrow::Cow, fmt};
use url::Url;

/// The command line that a [`Command`] is written for. Serialized in snake case: `azure_cli`,
/// `power_shell`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shell {
    /// Azure CLI, quoted for a POSIX shell.
    AzureCli,
    /// Azure PowerShell, quoted for `pwsh`.
    PowerShell,
}

/// A command that fixes or checks the problem of a [`Diagnosis`](crate::Diagnosis).
///
/// It contains fixed text, and values that parse as the expected kind, such as a GUID, a tenant, an
/// https issuer, the subject of an assertion or an Azure resource id. Any other value is a
/// placeholder in angle brackets, in quotes, for the reader to fill in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Command {
    shell: Shell,
    text: String,
}

impl Command {
    /// The shell that the command is quoted for.
    pub fn shell(&self) -> Shell {
        self.shell
    }

    /// The command, one line.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn text_mut(&mut self) -> &mut String {
        &mut self.text
    }

    pub(super) fn az(text: &'static str) -> Self {
        Self {
            shell: Shell::AzureCli,
            text: format!("az {text}"),
        }
    }

    pub(super) fn powershell(text: &'static str) -> Self {
        Self {
            shell: Shell::PowerShell,
            text: text.to_owned(),
        }
    }

    pub(super) fn fixed(mut self, text: &'static str) -> Self {
        self.text.push(' ');
        self.text.push_str(text);
        self
    }

    pub(super) fn value(mut self, option: &'static str, value: &Value) -> Self {
        let quoted = self.shell.quote(&value.0);
        self.text.push_str(&format!(" {option} {quoted}"));
        self
    }

    pub(super) fn placeholder(mut self, option: &'static str, name: &'static str) -> Self {
        // In quotes it is an argument, which the command refuses. Without quotes it is a
        // redirection.
        let quoted = self.shell.quote(&format!("<{name}>"));
        self.text.push_str(&format!(" {option} {quoted}"));
        self
    }

    pub(super) fn value_or(
        self,
        option: &'static str,
        value: Option<&Value>,
        placeholder: &'static str,
    ) -> Self {
        match value {
            Some(value) => self.value(option, value),
            None => self.placeholder(option, placeholder),
        }
    }

    /// Reduces a list to the items whose property has this value (JMESPath).
    pub(super) fn query(mut self, property: &'static str, value: &Value) -> Self {
        let query = format!("[?{property}=='{}']", value.0);
        self.text
            .push_str(&format!(" --query {}", self.shell.quote(&query)));
        self
    }

    /// A query (JMESPath) with a value inside.
    pub(super) fn query_with(
        mut self,
        before: &'static str,
        value: Option<&Value>,
        placeholder: &'static str,
        after: &'static str,
    ) -> Self {
        let value = known_or(value, placeholder);
        let quoted = self.shell.quote(&format!("{before}{value}{after}"));
        self.text.push_str(&format!(" --query {quoted}"));
        self
    }

    /// A value that the reader has to fill in, as a part of a longer word.
    pub(super) fn placeholder_in(
        mut self,
        option: &'static str,
        before: &'static str,
        name: &'static str,
        after: &'static str,
    ) -> Self {
        let quoted = self.shell.quote(&format!("{before}<{name}>{after}"));
        self.text.push_str(&format!(" {option} {quoted}"));
        self
    }

    /// The object id of an app: PowerShell's commands for the credentials of an app accept no
    /// client id.
    pub(super) fn object_of(mut self, option: &'static str, app: &Value) -> Self {
        let app = self.shell.quote(&app.0);
        self.text.push_str(&format!(
            " {option} (Get-AzADApplication -ApplicationId {app}).Id"
        ));
        self
    }

    /// The argument of Azure CLI for the body of a request to the directory.
    pub(super) fn parameters(mut self, body: &Body) -> Self {
        let quoted = self.shell.quote(&body.0.to_string());
        self.text.push_str(&format!(" --parameters {quoted}"));
        self
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Shell {
    fn quote(self, word: &str) -> String {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b":/._-".contains(&b);
        if !word.is_empty() && !word.starts_with('-') && word.bytes().all(is_plain) {
            return word.to_owned();
        }
        match self {
            // POSIX.1-2024, Shell Command Language, 2.2.2: nothing is special in single quotes.
            Self::AzureCli => format!("'{}'", word.replace('\'', r"'\''")),
            // about_Quoting_Rules: PowerShell also treats typographic quotes as single quotes.
            Self::PowerShell => {
                let mut quoted = String::from("'");
                for c in word.chars() {
                    if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
                        quoted.push(c);
                    }
                    quoted.push(c);
                }
                quoted.push('\'');
                quoted
            }
        }
    }
}

/// A value that was parsed, and can be part of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value(String);

impl Value {
    pub(super) fn guid(text: &str) -> Option<Self> {
        parse_guid(text).map(Self)
    }

    pub(super) fn tenant(tenant: &TenantId) -> Self {
        Self(tenant.as_str().to_owned())
    }

    pub(super) fn client(client: &ClientId) -> Self {
        Self(client.as_str().to_owned())
    }

    /// The token-exchange audience of the cloud, from this crate's own table.
    pub(super) fn audience(authority: &AuthorityHost) -> Option<Self> {
        authority.audience().map(|known| Self(known.to_owned()))
    }

    /// An https issuer, byte for byte: Entra compares every byte.
    pub(super) fn issuer(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_safe = is_claim(text, b":/._-") && text.starts_with("https://");
        (is_safe && url.host().is_some()).then(|| Self(text.to_owned()))
    }

    /// The subject of an assertion, byte for byte.
    pub(super) fn subject(text: &str) -> Option<Self> {
        // A GitHub environment and a Terraform project can have spaces in their names.
        let is_safe = is_claim(text, b":/._-@+=%~,#*|() ") && text.trim() == text;
        is_safe.then(|| Self(text.to_owned()))
    }

    /// A name of letters, digits and hyphens, such as the name of a key vault.
    pub(super) fn name(text: &str) -> Option<Self> {
        const LONGEST: usize = 127;
        let is_safe = (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !text.starts_with('-');
        is_safe.then(|| Self(text.to_owned()))
    }

    /// A permission of Microsoft Graph, such as `Application.Read.All`.
    pub(super) fn permission(text: &str) -> Option<Self> {
        const LONGEST: usize = 100;
        let is_part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let is_safe = text.len() <= LONGEST
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.contains('.')
            && text.split('.').all(is_part);
        is_safe.then(|| Self(text.to_owned()))
    }

    /// Text of a resource that is a constant in this crate.
    pub(super) fn fixed(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// A resource id or a scope of Azure Resource Manager.
    pub(super) fn resource_id(text: &str) -> Option<Self> {
        const LONGEST: usize = 1024;
        let is_safe = text.len() <= LONGEST
            && ["/subscriptions/", "/providers/"]
                .iter()
                .any(|start| starts_with_ignoring_case(text, start))
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/._()-".contains(&b));
        is_safe.then(|| Self(text.to_owned()))
    }
}

/// Whether a claim of an assertion can be part of a command: it is not longer than the directory
/// accepts (Microsoft Graph, "federatedIdentityCredential resource type": 600 characters), has only
/// letters, digits and these signs, and contains nothing that has the shape of a token.
fn is_claim(text: &str, signs: &[u8]) -> bool {
    const LONGEST: usize = 600;
    (1..=LONGEST).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || signs.contains(&b))
        && matches!(redact::redact(text, &[]), Cow::Borrowed(_))
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// The properties of a federated identity credential, as far as they are known.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    pub(super) kind: Kind,
    pub(super) issuer: Option<Value>,
    pub(super) subject: Option<Value>,
    pub(super) audience: Option<Value>,
}

impl Trust {
    const NO_ISSUER: &str = "issuer of the client assertion";
    const NO_AUDIENCE: &str = "token-exchange audience of the cloud";

    /// Letters, digits and hyphens, at most 120 of them (Microsoft Graph,
    /// "federatedIdentityCredential resource type").
    fn name(&self) -> String {
        const LONGEST: usize = 120;
        let mut name = self.kind.label().to_owned();
        let Some(subject) = &self.subject else {
            return name;
        };
        // This prefix is the same for every service account.
        let own = subject.0.trim_start_matches("system:serviceaccount:");
        for part in own.split(|c: char| !c.is_ascii_alphanumeric()) {
            if !part.is_empty() && name.len() + 1 + part.len() <= LONGEST {
                name.push('-');
                name.push_str(part);
            }
        }
        name
    }

    pub(super) fn body(&self) -> Body {
        Body(serde_json::json!({
            "name": self.name(),
            "issuer": known_or(self.issuer.as_ref(), Self::NO_ISSUER),
            "subject": known_or(self.subject.as_ref(), self.kind.unknown_subject()),
            "audiences": [known_or(self.audience.as_ref(), Self::NO_AUDIENCE)],
        }))
    }

    /// The body of a request that changes only the audience.
    pub(super) fn audience_alone(&self) -> Body {
        let audience = known_or(self.audience.as_ref(), Self::NO_AUDIENCE);
        Body(serde_json::json!({ "audiences": [audience] }))
    }

    /// The same values as options of PowerShell's command.
    pub(super) fn options(&self, command: Command) -> Command {
        self.audience_option(command.value("-Name", &Value(self.name())))
            .value_or("-Issuer", self.issuer.as_ref(), Self::NO_ISSUER)
            .value_or(
                "-Subject",
                self.subject.as_ref(),
                self.kind.unknown_subject(),
            )
    }

    pub(super) fn audience_option(&self, command: Command) -> Command {
        command.value_or("-Audience", self.audience.as_ref(), Self::NO_AUDIENCE)
    }
}

/// JSON made of fixed text, parsed values and placeholders.
pub(super) struct Body(serde_json::Value);

fn known_or(value: Option<&Value>, placeholder: &'static str) -> String {
    match value {
        Some(value) => value.0.clone(),
        None => format!("<{placeholder}>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&str; 9] = [
        "it's",
        "$(reboot)",
        "`reboot`",
        "a\nb",
        "a;b",
        "a\"b",
        "a b",
        "\u{2019}; reboot; \u{2018}",
        "",
    ];

    #[cfg(unix)]
    #[test]
    fn a_posix_shell_does_not_change_a_quoted_word() {
        for word in HOSTILE {
            let script = format!("printf %s {}", Shell::AzureCli.quote(word));
            let out = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), word);
        }
    }

    #[test]
    fn quotes_of_every_kind_are_doubled_for_powershell() {
        assert_eq!(Shell::PowerShell.quote("it's"), "'it''s'");
        assert_eq!(
            Shell::PowerShell.quote("\u{2019}; $(x)"),
            "'\u{2019}\u{2019}; $(x)'"
        );
        assert_eq!(Shell::PowerShell.quote("-Force"), "'-Force'");
    }

    #[test]
    fn a_plain_word_stays_plain() {
        for word in [
            "api://AzureADTokenExchange",
            "/subscriptions/a/resourceGroups/b_c",
        ] {
            assert_eq!(Shell::AzureCli.quote(word), word);
            assert_eq!(Shell::PowerShell.quote(word), word);
        }
    }

    #[test]
    fn a_command_displays_its_text() {
        let command = Command::az("cloud set").fixed("--name AzureUSGovernment");
        assert_eq!(command.to_string(), "az cloud set --name AzureUSGovernment");
        assert_eq!(command.text(), command.to_string());
    }

    #[test]
    fn only_text_that_parses_becomes_a_value() {
        for bad in HOSTILE {
            assert_eq!(Value::guid(bad), None, "{bad:?}");
            for text in [
                bad.to_owned(),
                format!("https://login.example/{bad}"),
                format!("/subscriptions/{bad}"),
            ] {
                if text.ends_with('/') {
                    continue;
                }
                assert_eq!(Value::issuer(&text), None, "{text:?}");
                assert_eq!(Value::resource_id(&text), None, "{text:?}");
            }
        }
        for bad in [
            "http://login.example/x",
            "https://",
            "https://user@login.example/",
            "https://login.example/?x=1",
            "https://login.example/\u{202e}",
        ] {
            assert_eq!(Value::issuer(bad), None, "{bad:?}");
        }
        let issuer = "https://sts.windows.net/AAAAAAAA-86f1-41af-91ab-2d7cd011db47/";
        assert_eq!(Value::issuer(issuer).unwrap().0, issuer);
        assert_eq!(Value::resource_id("/etc/passwd"), None);
        assert!(Value::resource_id("/SUBSCRIPTIONS/x/resourceGroups/a(b)").is_some());
    }
}
