//! Where an example runs: on Azure when the environment says so, else on the embedded emulator.

use super::{azurite::Azurite, service::SECRET, vault};
use azure_core::http::ClientOptions;
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
    ManagedIdentityAssertionOptions, Settings,
};
use cross_tenant_identity_emulator::{Emulator, Scenario, SetUpError, Step};
use std::sync::Arc;

/// Who asks for what. The same on Azure and on the emulator.
pub struct Azure {
    pub target_subscription_id: String,
    settings: Settings,
    /// Azure itself where there is none.
    emulator: Option<(Emulator, Scenario)>,
}

/// What real Azure needs to be told beside the credential's settings, all or none of it.
const SUBSCRIPTION_ID: &str = "TARGET_SUBSCRIPTION_ID";
const PREFIX_OF_SETTINGS: &str = "CROSS_TENANT_";

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
        let has_settings = std::env::vars_os()
            .any(|(name, _)| name.to_string_lossy().starts_with(PREFIX_OF_SETTINGS));
        if !has_settings && set(SUBSCRIPTION_ID).is_none() {
            return Self::emulated(without);
        }
        if without.is_some() {
            return Err(format!(
                "--without leaves a step out of the emulator's story, but {PREFIX_OF_SETTINGS}… and {SUBSCRIPTION_ID} choose real Azure: unset them"
            ));
        }
        let or_emulator = format!(
            "real Azure needs {SUBSCRIPTION_ID} and the credential's settings: set all of them, or none to use the emulator"
        );
        let settings = Settings::from_env().map_err(|why| format!("{why}\n{or_emulator}"))?;
        let subscription_id = set(SUBSCRIPTION_ID);
        Ok(Self {
            target_subscription_id: subscription_id
                .ok_or_else(|| format!("{SUBSCRIPTION_ID} is not set\n{or_emulator}"))?,
            settings,
            emulator: None,
        })
    }

    fn emulated(without: Option<Step>) -> Result<Self, String> {
        let emulator =
            Emulator::start().map_err(|why| format!("the emulator did not start: {why}"))?;
        let story = match without {
            Some(step) => emulator.create_scenario_without(step),
            None => emulator.create_scenario(),
        };
        Ok(Self {
            target_subscription_id: story.target_subscription_id.clone(),
            settings: Settings {
                target_tenant_id: story.target_tenant_id.clone(),
                client_id: story.client_id.clone(),
                identity_client_id: story.identity_selector().map(str::to_owned),
                ..Default::default()
            },
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

    /// The emulator and its story, if there is no Azure.
    pub fn emulator(&self) -> Option<(&Emulator, &Scenario)> {
        self.emulator
            .as_ref()
            .map(|(emulator, story)| (emulator, story))
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

    /// # Errors
    ///
    /// When a setting makes no sense.
    pub fn credential(&self) -> azure_core::Result<Arc<CrossTenantManagedIdentityCredential>> {
        self.settings.credential(Some(self.connections()))
    }

    /// # Errors
    ///
    /// When a setting makes no sense.
    pub fn identity_options(&self) -> azure_core::Result<ManagedIdentityAssertionOptions> {
        let options = self.settings.options(Some(self.connections()))?;
        Ok(options.managed_identity)
    }

    fn connections(&self) -> CrossTenantManagedIdentityCredentialOptions {
        CrossTenantManagedIdentityCredentialOptions::default()
            .with_client_options(self.client_options(), self.client_options())
    }
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
