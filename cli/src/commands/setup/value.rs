//! The values of the scripts. Each is parsed before it gets into one.

use crate::{guid::is_guid, outcome::Failure};
use std::collections::BTreeMap;

pub(super) type Values = BTreeMap<Value, String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    HomeTenant,
    TargetTenant,
    App,
    Subscription,
    ResourceGroup,
    VirtualMachine,
    IdentityName,
    AppName,
    Scope,
    Role,
    RoleId,
    RoleAssignment,
    AuthorityHost,
    Audience,
    Graph,
    ResourceManager,
}

impl Value {
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::HomeTenant => "--home-tenant-id",
            Self::TargetTenant => "--target-tenant-id",
            Self::App => "--client-id",
            Self::Subscription => "--subscription-id",
            Self::ResourceGroup => "--resource-group",
            Self::VirtualMachine => "--vm",
            Self::IdentityName => "--identity-name",
            Self::AppName => "--app-name",
            Self::Scope => "--scope",
            Self::Role => "--role",
            Self::RoleId => "--role-id",
            Self::RoleAssignment => "--role-assignment-id",
            Self::AuthorityHost | Self::Graph | Self::ResourceManager => "--authority-host",
            Self::Audience => "--audience",
        }
    }

    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::HomeTenant => "the home tenant's id",
            Self::TargetTenant => "the target tenant's id",
            Self::App => "the client id of the app",
            Self::Subscription => "the subscription's id",
            Self::ResourceGroup => "the resource group of the managed identity",
            Self::VirtualMachine => "the virtual machine",
            Self::IdentityName => "the name of the managed identity",
            Self::AppName => "the display name of the app",
            Self::Scope => "the resource id that the role is for",
            Self::Role => "the name of the role",
            Self::RoleId => "the id of the role",
            Self::RoleAssignment => "a new GUID, the name of the role assignment",
            Self::AuthorityHost => "the authority host",
            Self::Audience => "the audience of the token exchange",
            Self::Graph => "Microsoft Graph",
            Self::ResourceManager => "Azure Resource Manager",
        }
    }

    /// The text as it gets into a script.
    pub(super) fn parse(self, text: &str) -> Result<String, Failure> {
        let (parsed, needed) = match self {
            Self::HomeTenant
            | Self::App
            | Self::Subscription
            | Self::RoleId
            | Self::RoleAssignment => (guid(text), "a GUID"),
            Self::TargetTenant => (
                guid(text).or_else(|| domain(text)),
                "a GUID or a domain name",
            ),
            Self::ResourceGroup => (
                name(text, 90, "_-.()").filter(|it| !it.ends_with('.')),
                "1 to 90 letters, digits, underscores, hyphens, dots or parentheses, without a dot at the end",
            ),
            Self::VirtualMachine => (
                name(text, 80, "_-.").filter(|it| it.starts_with(char::is_alphanumeric)),
                "1 to 80 letters, digits, underscores, hyphens or dots, beginning with a letter or a digit",
            ),
            Self::IdentityName => (
                name(text, 120, "_-").filter(|it| {
                    it.len() >= 3 && it.is_ascii() && it.starts_with(char::is_alphanumeric)
                }),
                "3 to 120 letters, digits, hyphens or underscores, beginning with a letter or a digit",
            ),
            Self::AppName => (
                name(text, 120, " ._-").filter(|it| it.is_ascii()),
                "1 to 120 letters, digits, spaces, dots, hyphens or underscores",
            ),
            Self::Scope => (
                scope(text),
                "a resource id, such as /subscriptions/ID/resourceGroups/NAME",
            ),
            Self::Role => (
                name(text, 512, " ._-()").filter(|it| it.starts_with(char::is_alphanumeric)),
                "the name of a role: letters, digits, spaces, dots, hyphens, underscores or parentheses",
            ),
            Self::AuthorityHost | Self::Graph | Self::ResourceManager => {
                (origin(text), "https:// and a host name, without a path")
            }
            Self::Audience => (
                name(text, 200, ":/._-"),
                "letters, digits and the characters :/._-",
            ),
        };
        // With the escapes of Debug: a line break in it starts no line of its own.
        parsed
            .ok_or_else(|| Failure::usage(format!("{} needs {needed}, not {text:?}", self.flag())))
    }
}

fn guid(text: &str) -> Option<String> {
    is_guid(text).then(|| text.to_ascii_lowercase())
}

fn name(text: &str, longest: usize, others: &str) -> Option<String> {
    let fits = (1..=longest).contains(&text.chars().count());
    let is_allowed = |it: char| it.is_alphanumeric() || others.contains(it);
    (fits && text.chars().all(is_allowed)).then(|| text.to_owned())
}

fn domain(text: &str) -> Option<String> {
    let name = name(text, 253, ".-")?;
    let is_domain = name.is_ascii() && name.contains('.') && !name.starts_with(['.', '-']);
    is_domain.then_some(name)
}

fn scope(text: &str) -> Option<String> {
    // With a slash at the end, the role that is there is not found again.
    let text = text.strip_suffix('/').unwrap_or(text);
    let below = [
        "/subscriptions/",
        "/providers/Microsoft.Management/managementGroups/",
    ]
    .iter()
    .find_map(|start| text.strip_prefix(start))?;
    let is_scope = below
        .split('/')
        .all(|part| name(part, 260, "_-.()").is_some());
    is_scope.then(|| text.to_owned())
}

fn origin(text: &str) -> Option<String> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let host = text.strip_prefix("https://")?;
    name(host, 253, ".-").filter(|it| it.is_ascii())?;
    Some(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_brings_what_a_shell_or_a_language_reads_as_code() {
        let all = [
            Value::HomeTenant,
            Value::TargetTenant,
            Value::App,
            Value::ResourceGroup,
            Value::VirtualMachine,
            Value::IdentityName,
            Value::AppName,
            Value::Scope,
            Value::Role,
            Value::AuthorityHost,
            Value::Audience,
        ];
        for value in all {
            for start in [
                "",
                "name",
                "https://host",
                "/subscriptions/s/resourceGroups/g",
            ] {
                for bad in [
                    "'", "\"", "`", "$", "\\", ";", "{", "%", "<", "\n", "\r", "\u{2019}", "\0",
                ] {
                    let text = format!("{start}{bad}");
                    assert!(value.parse(&text).is_err(), "{value:?}: {text:?}");
                }
            }
            assert!(value.parse("").is_err(), "{value:?}");
        }
    }

    #[test]
    fn ids_and_scopes_get_the_form_that_azure_compares() {
        let scope = "/subscriptions/s/resourceGroups/NetworkWatcherRG";
        assert_eq!(
            Value::Scope.parse(&format!("{scope}/")).ok().as_deref(),
            Some(scope)
        );
        assert!(Value::Scope.parse("/").is_err());
        assert!(Value::Scope.parse("/subscriptions//x").is_err());
        let upper = "5B5C7170-0000-4000-8000-00000000000A";
        assert_eq!(Value::App.parse(upper).ok(), Some(upper.to_lowercase()));
        assert!(Value::TargetTenant.parse("litware.example").is_ok());
    }
}
