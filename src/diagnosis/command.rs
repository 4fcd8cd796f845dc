//! Commands that a reader can paste. They contain only fixed text and values that were parsed.

use super::value::{Body, Value};
use serde::Serialize;
use std::fmt;

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
        let quoted = self.shell.quote(value.text());
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
        let query = format!("[?{property}=='{}']", value.text());
        self.text
            .push_str(&format!(" --query {}", self.shell.quote(&query)));
        self
    }

    /// The object id of an app: PowerShell's commands for the credentials of an app accept no
    /// client id.
    pub(super) fn object_of(mut self, option: &'static str, app: &Value) -> Self {
        let app = self.shell.quote(app.text());
        self.text.push_str(&format!(
            " {option} (Get-AzADApplication -ApplicationId {app}).Id"
        ));
        self
    }

    /// The argument of Azure CLI for the body of a request to the directory.
    pub(super) fn parameters(mut self, body: &Body) -> Self {
        let quoted = self.shell.quote(&body.to_string());
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

#[cfg(test)]
mod tests {
    use super::{super::value::tests::HOSTILE, *};

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
}
