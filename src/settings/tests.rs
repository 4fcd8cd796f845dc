mod check;
mod credential;
mod names;
mod over_a_file;

use super::*;
use crate::{ManagedIdentityHost, Stage, time::tests::HeldClock};

const TENANT: &str = "22222222-2222-4222-8222-222222222222";
const APP: &str = "33333333-3333-4333-8333-333333333333";
const IDENTITY: &str = "11111111-1111-4111-8111-111111111111";
const RESOURCE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n";
const ARM: &str = "https://management.azure.com/.default";

/// An environment with the two required variables and these.
fn with(variables: &[(&str, &str)]) -> Environment {
    let required = [
        ("CROSS_TENANT_TARGET_TENANT_ID", TENANT),
        ("CROSS_TENANT_CLIENT_ID", APP),
    ];
    of(required.iter().chain(variables).copied())
}

fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Environment {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Environment::Fixed {
        values: variables.into_iter().map(owned).collect(),
        root: None,
    }
}

/// What `from_env` says is wrong.
fn why(environment: &Environment) -> String {
    let error = Settings::of_environment(environment).unwrap_err();
    assert_eq!(error.stage(), Stage::Configuration);
    let diagnosis = error.diagnosis().unwrap();
    let line = error.to_string();
    assert!(!line.contains('…'), "cut: {line}");
    format!("{line}\n{diagnosis}")
}

/// What a file with these settings says is wrong.
fn why_of(settings: &Settings, environment: Environment) -> String {
    let made = settings.build(Options::default(), environment, HeldClock::new());
    made.unwrap_err().to_string()
}

fn settings() -> Settings {
    Settings {
        target_tenant_id: TENANT.into(),
        client_id: APP.into(),
        ..Default::default()
    }
}
