//! What a credential is made of, from the environment or from a file.

mod check;
mod credential;
mod host;
mod names;
mod nearest;
mod variables;

pub use host::SettingsHost;

use crate::{
    credential::{
        CrossTenantManagedIdentityCredential as Credential,
        CrossTenantManagedIdentityCredentialOptions as Options, UnchangedDueToken,
    },
    environment::Environment,
    time::SystemClock,
};
use azure_identity::UserAssignedId;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc};

/// What an operator decides about a credential: for which tenant and app, with which identity, and
/// within which limits.
///
/// It comes from the environment ([`from_env`](Self::from_env)), or from a file in any format that
/// [`serde`](https://serde.rs) reads, and becomes a credential by [`credential`](Self::credential).
/// What only code can give (a transport, policies, retry options) goes there, too.
///
/// | Key in a file | Environment variable |
/// | --- | --- |
/// | `target_tenant_id` | `CROSS_TENANT_TARGET_TENANT_ID` |
/// | `client_id` | `CROSS_TENANT_CLIENT_ID` |
/// | `identity_client_id` | `CROSS_TENANT_IDENTITY_CLIENT_ID` |
/// | `identity_object_id` | `CROSS_TENANT_IDENTITY_OBJECT_ID` |
/// | `identity_resource_id` | `CROSS_TENANT_IDENTITY_RESOURCE_ID` |
/// | `authority_host` | `CROSS_TENANT_AUTHORITY_HOST` |
/// | `audience` | `CROSS_TENANT_AUDIENCE` |
/// | `host` | `CROSS_TENANT_HOST` |
/// | `imds_endpoint` | `CROSS_TENANT_IMDS_ENDPOINT` |
/// | `token_file` | `CROSS_TENANT_TOKEN_FILE` |
/// | `max_cached_tokens` | `CROSS_TENANT_MAX_CACHED_TOKENS` |
/// | `max_concurrent_requests` | `CROSS_TENANT_MAX_CONCURRENT_REQUESTS` |
/// | `unchanged_due_token` | `CROSS_TENANT_UNCHANGED_DUE_TOKEN` |
///
/// The first two are required. A key that is not in this table is an error, and so is a variable that
/// begins with `CROSS_TENANT_` and is not in it: a typing error is never ignored.
///
/// `AZURE_TENANT_ID` and `AZURE_CLIENT_ID` are not read. For `azure_identity` they name the home tenant and
/// the identity, or another app; nothing tells whether the target tenant and the multi-tenant app are
/// meant.
///
/// In TOML:
///
/// ```toml
/// target_tenant_id = "22222222-2222-4222-8222-222222222222"
/// client_id = "33333333-3333-4333-8333-333333333333"
/// identity_client_id = "11111111-1111-4111-8111-111111111111"
/// host = "app-service"
/// max_cached_tokens = 5000
/// ```
///
/// In JSON:
///
/// ```
/// use cross_tenant_identity::Settings;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let settings: Settings = serde_json::from_str(
///     r#"{
///         "target_tenant_id": "22222222-2222-4222-8222-222222222222",
///         "client_id": "33333333-3333-4333-8333-333333333333",
///         "identity_client_id": "11111111-1111-4111-8111-111111111111",
///         "unchanged_due_token": "fail"
///     }"#,
/// )?;
/// let credential = settings.credential(None)?;
/// # Ok(())
/// # }
/// ```
///
/// It may be a part of a larger file:
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct ServiceSettings {
///     port: u16,
///     litware: cross_tenant_identity::Settings,
/// }
/// ```
///
/// `Default` is for struct update. It has no tenant and no app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The **target** tenant, the one that owns the resources: its id (a GUID) or one of its domain
    /// names.
    pub target_tenant_id: String,

    /// The client id of the **multi-tenant app**, which lives in the home tenant and trusts the managed
    /// identity.
    pub client_id: String,

    /// The managed identity by its client id. At most one of the three `identity_` settings is given.
    ///
    /// Default: the choice of the identity endpoint. That is how a system-assigned identity is chosen: no
    /// endpoint has a parameter that asks for it, and IMDS prefers it where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_client_id: Option<String>,

    /// The managed identity by its object (principal) id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_object_id: Option<String>,

    /// The managed identity by its resource id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_resource_id: Option<String>,

    /// The authority host, such as `https://login.microsoftonline.us`.
    ///
    /// A file may name any https origin; one of no known cloud needs its [`audience`](Self::audience). A
    /// variable may name only a known cloud's host, or this machine.
    ///
    /// Default: the one that `AZURE_AUTHORITY_HOST` names, else the public cloud's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority_host: Option<String>,

    /// The audience of the cloud's token exchange.
    ///
    /// A variable may name only one that begins with `api://AzureADTokenExchange`: a token for another
    /// audience is not an assertion, but access to a resource.
    ///
    /// Default: the audience of the cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,

    /// The host, and with it where the client assertion comes from.
    ///
    /// Default: what the environment tells, as [`ManagedIdentityHost`](crate::ManagedIdentityHost)
    /// describes. Before that, [`WorkloadIdentity`](SettingsHost::WorkloadIdentity), if `token_file` is
    /// given or `AZURE_FEDERATED_TOKEN_FILE` is set. If an identity is given beside that variable, or the
    /// variables of another host are set, then this setting is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<SettingsHost>,

    /// The origin of the IMDS, such as `http://127.0.0.1:8080`, where it is not at its usual address.
    ///
    /// A variable may name only this machine or an address of its own network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imds_endpoint: Option<String>,

    /// The file that holds the client assertion, for
    /// [`WorkloadIdentity`](SettingsHost::WorkloadIdentity).
    ///
    /// Default: the one that `AZURE_FEDERATED_TOKEN_FILE` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,

    /// [`Options::max_cached_tokens`](Options::max_cached_tokens).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_cached_tokens: Option<usize>,

    /// [`Options::max_concurrent_requests`](Options::max_concurrent_requests).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent_requests: Option<usize>,

    /// [`Options::unchanged_due_token`](Options::unchanged_due_token): `serve` or `fail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchanged_due_token: Option<UnchangedDueToken>,
}

impl Settings {
    /// Reads the variables `CROSS_TENANT_…`.
    ///
    /// # Errors
    ///
    /// When a required variable is missing, a value makes no sense, two variables exclude each other, or
    /// a variable has an unknown name. One error tells all of them.
    pub fn from_env() -> azure_core::Result<Self> {
        Ok(Self::of_environment(&Environment::Process)?)
    }

    /// Reads the variables `CROSS_TENANT_…`, and takes the settings of `defaults`, for example of a file,
    /// where no variable is set. An identity of the variables replaces an identity of `defaults`, whichever
    /// of the three `identity_` settings names it.
    ///
    /// ```no_run
    /// use cross_tenant_identity::Settings;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let file: Settings = serde_json::from_str(&std::fs::read_to_string("litware.json")?)?;
    /// let credential = Settings::from_env_over(file)?.credential(None)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env), for what the variables set, and when a required setting is in
    /// neither of the two. All other settings are checked by [`credential`](Self::credential).
    pub fn from_env_over(defaults: Self) -> azure_core::Result<Self> {
        Ok(Self::of_environment_over(defaults, &Environment::Process)?)
    }

    /// Makes the credential that the settings describe. Sends nothing.
    ///
    /// `options` holds what only code can give, and the program's own defaults: a setting that is given
    /// replaces the same option.
    ///
    /// ```no_run
    /// use cross_tenant_identity::{CrossTenantManagedIdentityCredentialOptions, Settings};
    /// # use std::sync::Arc;
    /// # fn transport() -> azure_core::http::Transport { unimplemented!() }
    ///
    /// # fn main() -> azure_core::Result<()> {
    /// let mut options = CrossTenantManagedIdentityCredentialOptions::default();
    /// options.client_options.transport = Some(transport());
    /// let credential = Settings::from_env()?.credential(Some(options))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When a setting, an option or a variable of the environment makes no sense. One error tells all
    /// settings that are wrong.
    pub fn credential(&self, options: Option<Options>) -> azure_core::Result<Arc<Credential>> {
        let options = options.unwrap_or_default();
        let clock = Arc::new(SystemClock);
        Ok(self.build(options, Environment::Process, clock)?)
    }

    /// The options of [`credential`](Self::credential), for those who make the credential or a
    /// [`ManagedIdentityAssertion`](crate::ManagedIdentityAssertion) themselves.
    ///
    /// # Errors
    ///
    /// When a setting makes no sense, or the client assertion comes from a file: no option says that,
    /// only [`credential`](Self::credential) heeds it.
    pub fn options(&self, options: Option<Options>) -> azure_core::Result<Options> {
        Ok(self.managed_identity_options(options.unwrap_or_default(), &Environment::Process)?)
    }

    /// The identities that are given, by their keys.
    fn identities(&self) -> impl Iterator<Item = (&'static str, UserAssignedId)> {
        let client_id = self.identity_client_id.clone();
        let object_id = self.identity_object_id.clone();
        let resource_id = self.identity_resource_id.clone();
        let all = [
            (
                "identity_client_id",
                client_id.map(UserAssignedId::ClientId),
            ),
            (
                "identity_object_id",
                object_id.map(UserAssignedId::ObjectId),
            ),
            (
                "identity_resource_id",
                resource_id.map(UserAssignedId::ResourceId),
            ),
        ];
        all.into_iter().filter_map(|(key, id)| Some((key, id?)))
    }
}

impl Credential {
    /// Makes the credential that the environment describes, by the variables `CROSS_TENANT_…` of
    /// [`Settings`]. Sends nothing.
    ///
    /// ```no_run
    /// use cross_tenant_identity::CrossTenantManagedIdentityCredential;
    ///
    /// # fn main() -> azure_core::Result<()> {
    /// let credential = CrossTenantManagedIdentityCredential::from_env()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Settings::from_env`] and [`Settings::credential`].
    pub fn from_env() -> azure_core::Result<Arc<Self>> {
        Settings::from_env()?.credential(None)
    }
}

fn replace<T: Clone>(option: &mut Option<T>, setting: &Option<T>) {
    if setting.is_some() {
        option.clone_from(setting);
    }
}

#[cfg(test)]
mod tests;
