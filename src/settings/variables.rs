//! Settings from environment variables.

use super::{
    Settings, SettingsHost,
    names::{KEYS, Names, PREFIX, name},
    nearest::nearest,
    replace,
};
use crate::{UnchangedDueToken, authority::quoted, environment::Environment, error::Error};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value},
};
use std::collections::BTreeMap;

const IDENTITIES: [&str; 3] = [
    "identity_client_id",
    "identity_object_id",
    "identity_resource_id",
];

impl Settings {
    pub(crate) fn of_environment(environment: &Environment) -> Result<Self, Error> {
        Self::of_environment_over(Self::default(), environment)
    }

    /// The variables, and the settings of `defaults` where no variable is set.
    pub(crate) fn of_environment_over(
        defaults: Self,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let mut variables = Variables::read(environment);
        let given = variables.keys();
        let is_alone = defaults == Self::default();
        let mut settings = defaults;
        variables.required(
            &mut settings.target_tenant_id,
            "target_tenant_id",
            environment,
        );
        variables.required(&mut settings.client_id, "client_id", environment);
        if given.iter().any(|key| IDENTITIES.contains(key)) {
            // One identity vouches, so that of the variables takes the place of another.
            settings.identity_client_id = None;
            settings.identity_object_id = None;
            settings.identity_resource_id = None;
        }
        let texts = [
            (&mut settings.identity_client_id, "identity_client_id"),
            (&mut settings.identity_object_id, "identity_object_id"),
            (&mut settings.identity_resource_id, "identity_resource_id"),
            (&mut settings.authority_host, "authority_host"),
            (&mut settings.audience, "audience"),
            (&mut settings.imds_endpoint, "imds_endpoint"),
        ];
        for (setting, key) in texts {
            replace(setting, &variables.text(key));
        }
        let token_file = variables.text("token_file").map(Into::into);
        replace(&mut settings.token_file, &token_file);
        let host = variables.parsed("host", SettingsHost::named);
        replace(&mut settings.host, &host);
        for (setting, key) in [
            (&mut settings.max_cached_tokens, "max_cached_tokens"),
            (
                &mut settings.max_concurrent_requests,
                "max_concurrent_requests",
            ),
        ] {
            replace(setting, &variables.parsed(key, number));
        }
        let unchanged = variables.parsed("unchanged_due_token", unchanged_due_token);
        replace(&mut settings.unchanged_due_token, &unchanged);

        // What is not of a variable is judged by the rules of a file, when the credential is made.
        let is_of_variable = |key: &str| match key {
            "identity" => given.iter().any(|given| IDENTITIES.contains(given)),
            "host" => is_alone,
            key => given.contains(&key),
        };
        let problems = settings.problems(Names::Variables, environment);
        let Variables { bad, mut wrong, .. } = variables;
        let others = problems
            .into_iter()
            .filter(|it| !bad.contains(&it.key) && is_of_variable(it.key));
        wrong.extend(others.map(|it| it.message));
        match wrong.is_empty() {
            true => Ok(settings),
            false => Err(Error::settings(&wrong)),
        }
    }
}

/// The variables that are left to be read, and what is wrong with those that were read.
#[derive(Default)]
struct Variables {
    values: BTreeMap<&'static str, String>,
    /// The keys of which it is known already that they are wrong.
    bad: Vec<&'static str>,
    wrong: Vec<String>,
}

impl Variables {
    fn read(environment: &Environment) -> Self {
        let mut read = Self::default();
        for (variable, value) in environment.vars(PREFIX) {
            // Windows takes any case for the same.
            let found = KEYS.into_iter().find(|key| match cfg!(windows) {
                true => name(key).eq_ignore_ascii_case(&variable),
                false => name(key) == variable,
            });
            let why = match (found, value) {
                (None, _) if is_service_link(&variable) => continue,
                (None, _) => unknown(&variable),
                (Some(key), Some(value)) if !value.is_empty() => {
                    read.values.insert(key, value);
                    continue;
                }
                (Some(key), value) => {
                    read.bad.push(key);
                    match value {
                        Some(_) => format!("{variable} is empty: give it a value, or unset it"),
                        None => format!("{variable} is not Unicode: give a value that is"),
                    }
                }
            };
            read.wrong.push(why);
        }
        read
    }

    /// The keys of the variables that have a value.
    fn keys(&self) -> Vec<&'static str> {
        self.values.keys().copied().collect()
    }

    fn text(&mut self, key: &'static str) -> Option<String> {
        self.values.remove(key)
    }

    fn parsed<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str, &str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.text(key)?;
        match parse(&name(key), &value) {
            Ok(value) => Some(value),
            Err(why) => {
                self.bad.push(key);
                self.wrong.push(why);
                None
            }
        }
    }

    /// Leaves the setting as it is where there is no variable; it must not be empty then.
    fn required(&mut self, setting: &mut String, key: &'static str, environment: &Environment) {
        if let Some(value) = self.text(key) {
            *setting = value;
        } else if setting.is_empty() && !self.bad.contains(&key) {
            self.bad.push(key);
            self.wrong.push(missing(key, environment));
        }
    }
}

fn missing(key: &str, environment: &Environment) -> String {
    let (theirs, may_be, give) = match key {
        "target_tenant_id" => (
            "AZURE_TENANT_ID",
            "it may name the home tenant or the target tenant",
            "the id of the tenant that owns the resources, or one of its domain names",
        ),
        _ => (
            "AZURE_CLIENT_ID",
            "it may name the multi-tenant app or a managed identity",
            "the client id of the multi-tenant app",
        ),
    };
    let name = name(key);
    match environment.var(theirs) {
        Some(_) => format!(
            "{name} is missing, and {theirs}, which is set, is not read, because {may_be}: set {name} to {give}"
        ),
        None => format!("{name} is missing: set it to {give}"),
    }
}

fn unknown(variable: &str) -> String {
    let upper = variable.to_ascii_uppercase();
    let rest = upper.strip_prefix(PREFIX).unwrap_or_default();
    let keys = KEYS.map(str::to_ascii_uppercase);
    let to_do = match nearest(rest, keys.iter().map(String::as_str)) {
        Some(nearest) => format!("use {PREFIX}{nearest} if that is meant, else unset it"),
        None => format!(
            "unset it; the names behind {PREFIX} are {}",
            keys.join(", ")
        ),
    };
    format!("the variable {} is unknown: {to_do}", quoted(variable))
}

/// Kubernetes sets variables in every pod for each service of its namespace, such as
/// `CROSS_TENANT_SERVICE_HOST` and `CROSS_TENANT_PORT_80_TCP_ADDR` for one with the name `cross-tenant`
/// (Kubernetes, "Service", "Environment variables").
fn is_service_link(variable: &str) -> bool {
    if variable.ends_with("_SERVICE_HOST") || variable.ends_with("_PORT") {
        return true;
    }
    if variable.contains("_SERVICE_PORT_") {
        return true;
    }
    let is_port = |text: &str| {
        let (number, protocol) = text.split_once('_').unwrap_or_default();
        let mut words = protocol.split('_');
        !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
            && matches!(words.next(), Some("TCP" | "UDP" | "SCTP"))
            && matches!(words.next(), None | Some("PROTO" | "PORT" | "ADDR"))
            && words.next().is_none()
    };
    variable
        .rsplit_once("_PORT_")
        .is_some_and(|(_, port)| is_port(port))
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| {
        format!(
            "{name} is {}, which is not a whole number: give 1 or more",
            quoted(value)
        )
    })
}

fn unchanged_due_token(name: &str, value: &str) -> Result<UnchangedDueToken, String> {
    let value_of: value::StrDeserializer<'_, value::Error> = value.into_deserializer();
    UnchangedDueToken::deserialize(value_of)
        .map_err(|_| format!("{name} is {}: give serve or fail", quoted(value)))
}
