//! Where an example runs: on Azure when the environment says so, else on the embedded emulator.

use super::{azurite::Azurite, service::SECRET, vault};
use azure_core::http::ClientOptions;
use azure_identity::UserAssignedId;
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredentialOptions, ManagedIdentityAssertionOptions,
};
use cross_tenant_identity_emulator::{Emulator, Scenario, SetUpError, Step};

/// Who asks for what. The same on Azure and on the emulator.
pub struct Azure {
    pub target_tenant_id: String,
    pub client_id: String,
    pub target_subscription_id: String,
    identity_client_id: Option<String>,
    /// Azure itself where there is none.
    emulator: Option<(Emulator, Scenario)>,
}

/// What real Azure needs to be told, all or none of it.
const NEEDED: [&str; 3] = ["TARGET_TENANT_ID", "CLIENT_ID", "TARGET_SUBSCRIPTION_ID"];
const OPTIONAL: &str = "IDENTITY_CLIENT_ID";

/// What the example with a blob needs on top, such as `https://litware.blob.core.windows.net`.
const STORAGE_URL: &str = "TARGET_STORAGE_URL";

/// What the service may be given on top, such as `https://litware.vault.azure.net`.
const VAULT_URL: &str = "TARGET_VAULT_URL";

/// Litware's storage account.
pub struct Storage {
    pub url: String,
    /// Azure's own where there is none.
    _azurite: Option<Azurite>,
}

impl Azure {
    /// # Errors
    ///
    /// When the environment names some of what Azure needs but not all, or Azure is to do without
    /// a step, which only the emulator can.
    pub fn from_environment(without: Option<Step>) -> Result<Self, String> {
        let missing: Vec<_> = NEEDED
            .into_iter()
            .filter(|name| set(name).is_none())
            .collect();
        match (missing.as_slice(), without) {
            ([], None) => {
                let value = |name| set(name).unwrap_or_default();
                Ok(Self {
                    target_tenant_id: value(NEEDED[0]),
                    client_id: value(NEEDED[1]),
                    target_subscription_id: value(NEEDED[2]),
                    identity_client_id: set(OPTIONAL),
                    emulator: None,
                })
            }
            ([], Some(_)) => Err(format!(
                "--without leaves a step out of the emulator's story, but {} choose real Azure: unset them",
                NEEDED.join(", ")
            )),
            (missing, _) if missing.len() == NEEDED.len() && set(OPTIONAL).is_none() => {
                Self::emulated(without)
            }
            (missing, _) => Err(format!(
                "real Azure needs {} (and takes {OPTIONAL}), but {} not set: set all of them, or none to use the emulator",
                NEEDED.join(", "),
                match missing {
                    [one] => format!("{one} is"),
                    several => format!("{} are", several.join(" and ")),
                }
            )),
        }
    }

    fn emulated(without: Option<Step>) -> Result<Self, String> {
        let emulator =
            Emulator::start().map_err(|why| format!("the emulator did not start: {why}"))?;
        let story = match without {
            Some(step) => emulator.create_scenario_without(step),
            None => emulator.create_scenario(),
        };
        Ok(Self {
            target_tenant_id: story.target_tenant_id.clone(),
            client_id: story.client_id.clone(),
            target_subscription_id: story.target_subscription_id.clone(),
            identity_client_id: story.identity_selector().map(str::to_owned),
            emulator: Some((emulator, story)),
        })
    }

    /// The URL of Litware's vault: the emulator's has the service's secret in it.
    ///
    /// # Errors
    ///
    /// When the emulator has it already.
    pub fn vault_url(&self) -> Result<Option<String>, SetUpError> {
        match &self.emulator {
            Some((emulator, story)) => vault::emulated(emulator, story, SECRET).map(Some),
            None => Ok(set(VAULT_URL)),
        }
    }

    /// # Errors
    ///
    /// When real Azure is configured without the account's URL, or Azurite does not start.
    pub fn storage(&self) -> Result<Storage, String> {
        let Some((emulator, _)) = &self.emulator else {
            let url = set(STORAGE_URL).ok_or_else(|| {
                format!("{STORAGE_URL} is not set: give the account's URL, such as https://litware.blob.core.windows.net")
            })?;
            return Ok(Storage {
                url,
                _azurite: None,
            });
        };
        let azurite = Azurite::start(emulator)?;
        Ok(Storage {
            url: azurite.url.clone(),
            _azurite: Some(azurite),
        })
    }

    pub fn is_emulated(&self) -> bool {
        self.emulator.is_some()
    }

    /// The one thing in which Azure and the emulator differ.
    pub fn client_options(&self) -> ClientOptions {
        match &self.emulator {
            Some((emulator, _)) => emulator.client_options(),
            None => ClientOptions::default(),
        }
    }

    pub fn identity_options(&self) -> ManagedIdentityAssertionOptions {
        ManagedIdentityAssertionOptions {
            user_assigned_id: self
                .identity_client_id
                .clone()
                .map(UserAssignedId::ClientId),
            client_options: self.client_options(),
            ..Default::default()
        }
    }

    pub fn credential_options(&self) -> CrossTenantManagedIdentityCredentialOptions {
        CrossTenantManagedIdentityCredentialOptions {
            client_options: self.client_options(),
            managed_identity: self.identity_options(),
            ..Default::default()
        }
    }
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
