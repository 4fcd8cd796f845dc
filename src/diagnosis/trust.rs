//! The federated identity credential that a command creates or changes.

use super::{
    command::Command,
    presented::Kind,
    value::{Body, Value},
};

/// The properties of a federated identity credential, as far as they are known.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    pub(super) kind: Kind,
    pub(super) issuer: Option<Value>,
    pub(super) subject: Option<Value>,
    pub(super) audience: Option<Value>,
}

impl Trust {
    const NO_NAME: &str = "name of the federated identity credential";
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
        let own = subject.text().trim_start_matches("system:serviceaccount:");
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
        self.audience_option(command.value_or(
            "-Name",
            Value::name(&self.name()).as_ref(),
            Self::NO_NAME,
        ))
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

fn known_or(value: Option<&Value>, placeholder: &'static str) -> String {
    match value {
        Some(value) => value.text().to_owned(),
        None => format!("<{placeholder}>"),
    }
}
