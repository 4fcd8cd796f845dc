//! The environment variables that clients need.

use clap::ValueEnum;
use cross_tenant_identity_emulator::{Emulator, Scenario};
use std::{env, path::Path};

use crate::arguments::{Host, Options};

/// The hosts for which clients must not use a proxy.
const LOOPBACK: &str = "localhost,127.0.0.1";

/// The language of the printed variables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// `export NAME=value`
    #[default]
    Bash,
    /// `$env:NAME = 'value'`
    Powershell,
    /// `NAME=value`
    Dotenv,
    /// An object with a member for each variable.
    Json,
}

/// The variables in the order in which they are printed.
pub(crate) struct Variables(Vec<(&'static str, String)>);

impl Variables {
    pub(crate) fn new(
        emulator: &Emulator,
        scenario: &Scenario,
        options: &Options,
        ca_file: &Path,
    ) -> Variables {
        let ca_file = ca_file.to_string_lossy();
        let mut variables = vec![
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", emulator.imds_url()),
            ("AZURE_AUTHORITY_HOST", emulator.https_url()),
            ("ARM_ENDPOINT", emulator.https_url()),
            ("EMULATOR_CA_FILE", &ca_file),
            ("REQUESTS_CA_BUNDLE", &ca_file),
            ("SSL_CERT_FILE", &ca_file),
            ("NODE_EXTRA_CA_CERTS", &ca_file),
            ("HOME_TENANT_ID", &scenario.home_tenant_id),
            ("TARGET_TENANT_ID", &scenario.target_tenant_id),
            ("CLIENT_ID", &scenario.client_id),
            ("TARGET_SUBSCRIPTION_ID", &scenario.target_subscription_id),
            ("TARGET_VAULT_URL", emulator.https_url()),
            ("IDENTITY_CLIENT_ID", &scenario.identity_client_id),
            ("IDENTITY_PRINCIPAL_ID", &scenario.identity_principal_id),
            ("IDENTITY_RESOURCE_ID", &scenario.identity_resource_id),
        ];
        if options.host == Host::AppService {
            variables.push(("IDENTITY_ENDPOINT", emulator.identity_endpoint()));
            variables.push(("IDENTITY_HEADER", emulator.identity_header()));
        }
        let mut variables: Vec<_> = variables
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        for name in ["NO_PROXY", "no_proxy"] {
            variables.push((name, without_proxy(env::var(name).ok().as_deref())));
        }
        Variables(variables)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The text that sets the variables.
    pub(crate) fn in_format(&self, format: Format) -> String {
        let lines = |line: fn(&str, &str) -> String| {
            self.iter()
                .map(|(name, value)| line(name, value))
                .collect::<String>()
        };
        match format {
            Format::Bash => lines(|name, value| format!("export {name}={}\n", bash_word(value))),
            Format::Powershell => {
                lines(|name, value| format!("$env:{name} = '{}'\n", value.replace('\'', "''")))
            }
            Format::Dotenv => lines(|name, value| format!("{name}={}\n", dotenv_value(value))),
            Format::Json => {
                let object: serde_json::Map<_, _> = self
                    .iter()
                    .map(|(name, value)| (name.to_owned(), value.into()))
                    .collect();
                format!("{:#}\n", serde_json::Value::Object(object))
            }
        }
    }
}

/// The loopback hosts, and the hosts that already use no proxy.
fn without_proxy(current: Option<&str>) -> String {
    match current {
        None | Some("") => LOOPBACK.to_owned(),
        Some(current) if current.starts_with(LOOPBACK) => current.to_owned(),
        Some(current) => format!("{LOOPBACK},{current}"),
    }
}

fn is_plain(value: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,".contains(letter);
    !value.is_empty() && value.chars().all(plain)
}

/// The value as one word of bash.
fn bash_word(value: &str) -> String {
    if is_plain(value) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

/// Single quotes keep a value as it is. A value with a single quote needs double quotes.
fn dotenv_value(value: &str) -> String {
    if is_plain(value) {
        value.to_owned()
    } else if value.contains('\'') {
        format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\""))
    } else {
        format!("'{value}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_format(format: Format) -> String {
        Variables(vec![
            ("A", "it's a".to_owned()),
            ("B", "/tmp/b.pem".to_owned()),
        ])
        .in_format(format)
    }

    #[test]
    fn each_format_quotes_its_values() {
        assert_eq!(
            in_format(Format::Bash),
            "export A='it'\\''s a'\nexport B=/tmp/b.pem\n"
        );
        assert_eq!(
            in_format(Format::Powershell),
            "$env:A = 'it''s a'\n$env:B = '/tmp/b.pem'\n"
        );
        assert_eq!(in_format(Format::Dotenv), "A=\"it's a\"\nB=/tmp/b.pem\n");
        let json: serde_json::Value = serde_json::from_str(&in_format(Format::Json)).expect("JSON");
        assert_eq!(json, serde_json::json!({"A": "it's a", "B": "/tmp/b.pem"}));
    }

    #[test]
    fn an_empty_value_is_quoted() {
        assert_eq!(bash_word(""), "''");
        assert_eq!(dotenv_value(""), "''");
    }

    #[test]
    fn the_hosts_that_use_no_proxy_are_kept() {
        assert_eq!(without_proxy(None), LOOPBACK);
        assert_eq!(
            without_proxy(Some("example.com")),
            "localhost,127.0.0.1,example.com"
        );
        let current = without_proxy(Some("example.com"));
        assert_eq!(without_proxy(Some(&current)), current);
    }
}
