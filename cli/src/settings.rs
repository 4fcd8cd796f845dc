//! The credential's settings: flags over variables over a file.

mod file;
mod names;

pub(crate) use file::read_as as read;

use crate::outcome::Failure;
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use cross_tenant_identity::{Settings, SettingsHost, UnchangedDueToken};
use serde::{
    Deserialize, Serialize,
    de::{IntoDeserializer, value},
};
use std::path::PathBuf;

const HOSTS: [&str; 6] = [
    "imds",
    "app-service",
    "azure-arc",
    "azure-ml",
    "service-fabric",
    "workload-identity",
];

/// Settings that flags or a file give. The words are those of [`Settings`].
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[command(
    next_help_heading = "Settings (each is also a variable, CROSS_TENANT_…, and a key of the file)"
)]
pub(crate) struct GivenSettings {
    /// The target tenant, which owns the resources: its id or one of its domain names.
    #[arg(long, value_name = "TENANT")]
    target_tenant_id: Option<String>,
    /// The client id of the multi-tenant app.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The managed identity by its client id.
    #[arg(long, value_name = "ID")]
    identity_client_id: Option<String>,
    /// The managed identity by its object (principal) id.
    #[arg(long, value_name = "ID")]
    identity_object_id: Option<String>,
    /// The managed identity by its resource id.
    #[arg(long, value_name = "ID")]
    identity_resource_id: Option<String>,
    /// The authority host, such as https://login.microsoftonline.us.
    #[arg(long, value_name = "URL")]
    authority_host: Option<String>,
    /// The audience of the cloud's token exchange.
    #[arg(long)]
    audience: Option<String>,
    /// The host whose identity is used. Default: what the environment tells.
    #[arg(long, value_parser = host_parser())]
    host: Option<SettingsHost>,
    /// The origin of the IMDS, where it is not at its usual address.
    #[arg(long, value_name = "URL")]
    imds_endpoint: Option<String>,
    /// The file that holds the client assertion, for workload identity.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How many tokens are kept.
    #[arg(long, value_name = "NUMBER")]
    max_cached_tokens: Option<usize>,
    /// How many token requests may be under way at once.
    #[arg(long, value_name = "NUMBER")]
    max_concurrent_requests: Option<usize>,
    /// What a call gets in the last 7 minutes of a token that was not renewed.
    #[arg(long, value_name = "WHAT", value_parser = unchanged_parser())]
    unchanged_due_token: Option<UnchangedDueToken>,
}

fn host_parser() -> impl TypedValueParser<Value = SettingsHost> {
    PossibleValuesParser::new(HOSTS).try_map(|name| name.parse::<SettingsHost>())
}

fn unchanged_parser() -> impl TypedValueParser<Value = UnchangedDueToken> {
    PossibleValuesParser::new(["serve", "fail"]).try_map(|name| {
        let name: value::StringDeserializer<value::Error> = name.into_deserializer();
        UnchangedDueToken::deserialize(name)
    })
}

impl GivenSettings {
    /// These flags over the variables over the file. `target_tenant_id` is what a command takes where
    /// none of them has one.
    pub(crate) fn complete(
        &self,
        config: Option<&PathBuf>,
        target_tenant_id: Option<&str>,
    ) -> Result<Settings, Failure> {
        let file = config.map(|path| file::read(path)).transpose();
        let file = file.map_err(Failure::usage)?;
        let has_none = self.is_empty() && file.is_none();
        let completed = self.complete_over_file(file.unwrap_or_default(), target_tenant_id);
        completed.map_err(|failure| match failure {
            Failure::Usage(text) if has_none => {
                Failure::Usage(format!("{text}\n\n{HOW_TO_GIVE_SETTINGS}"))
            }
            other => other,
        })
    }

    /// The same, of a file that was read already.
    pub(crate) fn complete_over_file(
        &self,
        file: Self,
        target_tenant_id: Option<&str>,
    ) -> Result<Settings, Failure> {
        let mut below = file.over(Settings::default());
        if let (true, Some(tenant)) = (below.target_tenant_id.is_empty(), target_tenant_id) {
            below.target_tenant_id = tenant.to_owned();
        }
        // Twice: so that a required setting that a flag gives is not missed below it.
        let below = self.clone().over(below);
        let read = Settings::from_env_over(below)
            .map_err(|error| Failure::Usage(cross_tenant_identity::explain(&error).to_string()))?;
        Ok(self.clone().over(read))
    }

    /// The same, where `target_tenant_id` and `client_id` may be missing: then they are empty.
    pub(crate) fn as_far_as_known(&self, config: Option<&PathBuf>) -> Result<Settings, Failure> {
        let file = config.map(|path| file::read(path)).transpose();
        let file = file.map_err(Failure::usage)?.unwrap_or_default();
        let mut below = self.clone().over(file.over(Settings::default()));
        for required in [&mut below.target_tenant_id, &mut below.client_id] {
            if required.is_empty() {
                NOT_KNOWN.clone_into(required);
            }
        }
        let read = Settings::from_env_over(below)
            .map_err(|error| Failure::Usage(cross_tenant_identity::explain(&error).to_string()))?;
        let mut settings = self.clone().over(read);
        for required in [&mut settings.target_tenant_id, &mut settings.client_id] {
            if required == NOT_KNOWN {
                required.clear();
            }
        }
        Ok(settings)
    }

    pub(crate) fn has_target_tenant(&self) -> bool {
        self.target_tenant_id.is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn over(self, below: Settings) -> Settings {
        let names_identity = self.identity_client_id.is_some()
            || self.identity_object_id.is_some()
            || self.identity_resource_id.is_some();
        // One identity vouches, so the one that is given takes the place of another.
        let identity = |given: Option<String>, below| match names_identity {
            true => given,
            false => below,
        };
        Settings {
            target_tenant_id: self.target_tenant_id.unwrap_or(below.target_tenant_id),
            client_id: self.client_id.unwrap_or(below.client_id),
            identity_client_id: identity(self.identity_client_id, below.identity_client_id),
            identity_object_id: identity(self.identity_object_id, below.identity_object_id),
            identity_resource_id: identity(self.identity_resource_id, below.identity_resource_id),
            authority_host: self.authority_host.or(below.authority_host),
            audience: self.audience.or(below.audience),
            host: self.host.or(below.host),
            imds_endpoint: self.imds_endpoint.or(below.imds_endpoint),
            token_file: self.token_file.or(below.token_file),
            max_cached_tokens: self.max_cached_tokens.or(below.max_cached_tokens),
            max_concurrent_requests: self
                .max_concurrent_requests
                .or(below.max_concurrent_requests),
            unchanged_due_token: self.unchanged_due_token.or(below.unchanged_due_token),
        }
    }
}

/// The nil GUID (RFC 9562, section 5.9), in place of a required setting that may be missing.
const NOT_KNOWN: &str = "00000000-0000-0000-0000-000000000000";

const HOW_TO_GIVE_SETTINGS: &str = "Settings can be flags (--target-tenant-id, --client-id, …), variables (CROSS_TENANT_…) or a file (--config). To try it without Azure: --emulator";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_library() {
        let all = Settings {
            target_tenant_id: "t".into(),
            client_id: "c".into(),
            identity_client_id: Some("1".into()),
            identity_object_id: Some("2".into()),
            identity_resource_id: Some("3".into()),
            authority_host: Some("4".into()),
            audience: Some("5".into()),
            host: Some(SettingsHost::WorkloadIdentity),
            imds_endpoint: Some("6".into()),
            token_file: Some("7".into()),
            max_cached_tokens: Some(8),
            max_concurrent_requests: Some(9),
            unchanged_due_token: Some(UnchangedDueToken::Fail),
        };
        let json = serde_json::to_value(&all).unwrap();
        let given: GivenSettings = serde_json::from_value(json).unwrap();
        assert_eq!(given.over(Settings::default()), all);
    }

    #[test]
    fn every_host_has_its_name() {
        for name in HOSTS {
            assert_eq!(name.parse::<SettingsHost>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn an_identity_takes_the_place_of_another() {
        let below = Settings {
            identity_client_id: Some("below".into()),
            audience: Some("below".into()),
            ..Default::default()
        };
        let given = GivenSettings {
            identity_object_id: Some("given".into()),
            ..Default::default()
        };
        let settings = given.over(below);
        assert_eq!(settings.identity_client_id, None);
        assert_eq!(settings.identity_object_id.as_deref(), Some("given"));
        assert_eq!(settings.audience.as_deref(), Some("below"));
    }
}
