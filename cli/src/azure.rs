//! Where a command runs: on Azure, or on an emulator in this process.

#[cfg(feature = "emulator")]
use crate::emulated::{Emulated, EmulatorArguments};
use crate::{
    cloud::{self, Service},
    outcome::Failure,
    own_endpoint,
    rest::JsonService,
    settings::GivenSettings,
};
use azure_core::{credentials::TokenCredential, http::ClientOptions};
use clap::Args;
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential as Credential,
    CrossTenantManagedIdentityCredentialOptions as Options, ManagedIdentityAssertion,
    ManagedIdentityAssertionOptions, Settings,
};
use std::{path::PathBuf, sync::Arc};

/// Which tenant, app and identity, and where they are.
#[derive(Args, Clone, Debug)]
pub(crate) struct Connection {
    /// Read settings from this file: TOML, JSON or YAML, by its name.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[cfg(feature = "emulator")]
    #[command(flatten)]
    pub(crate) emulator: EmulatorArguments,

    #[command(flatten)]
    settings: GivenSettings,
}

/// What a command needs of Azure.
pub(crate) struct Azure {
    pub(crate) settings: Settings,
    client_options: ClientOptions,
    #[cfg(feature = "emulator")]
    pub(crate) emulated: Option<Emulated>,
}

impl Connection {
    /// `target_tenant_id` is what the command takes where no setting names one.
    pub(crate) fn azure(&self, target_tenant_id: Option<&str>) -> Result<Azure, Failure> {
        #[cfg(feature = "emulator")]
        if let Some(emulated) = self.emulator.start()? {
            return Ok(Azure {
                settings: emulated.settings(),
                client_options: emulated.emulator.client_options(),
                emulated: Some(emulated),
            });
        }
        let config = self.config.as_ref();
        let settings = self.settings.complete(config, target_tenant_id)?;
        own_endpoint::refuse_nested(&settings)?;
        Ok(Azure {
            settings,
            client_options: ClientOptions::default(),
            #[cfg(feature = "emulator")]
            emulated: None,
        })
    }
}

impl Azure {
    pub(crate) fn credential(&self) -> Result<Arc<Credential>, Failure> {
        Ok(self.settings.credential(Some(self.options()))?)
    }

    pub(crate) fn is_emulated(&self) -> bool {
        #[cfg(feature = "emulator")]
        return self.emulated.is_some();
        #[cfg(not(feature = "emulator"))]
        return false;
    }

    /// Azure Resource Manager, as the tenant of the credential sees it.
    pub(crate) fn resource_manager(
        &self,
        credential: Arc<dyn TokenCredential>,
    ) -> Result<JsonService, Failure> {
        let service = self.resource_manager_service()?;
        Ok(self.service(credential, service))
    }

    pub(crate) fn resource_manager_service(&self) -> Result<Service, Failure> {
        #[cfg(feature = "emulator")]
        if self.is_emulated() {
            // It answers for the real host.
            return cloud::public_resource_manager();
        }
        cloud::resource_manager(&self.settings)
    }

    /// Microsoft Graph, as the caller's tenant shows it.
    pub(crate) fn graph(&self, caller: Arc<dyn TokenCredential>) -> Result<JsonService, Failure> {
        let service = self.graph_service()?;
        Ok(self.service(caller, service))
    }

    pub(crate) fn graph_service(&self) -> Result<Service, Failure> {
        #[cfg(feature = "emulator")]
        if self.is_emulated() {
            return cloud::public_graph();
        }
        cloud::graph(&self.settings)
    }

    /// How the managed identity is reached; `None` if the assertion is not of one.
    pub(crate) fn managed_identity_options(&self) -> Option<ManagedIdentityAssertionOptions> {
        // An error says that the assertion is in a file: all else was checked for the credential.
        let options = self.settings.options(Some(self.options())).ok()?;
        Some(options.managed_identity)
    }

    /// The managed identity's token, as a client assertion.
    pub(crate) fn assertion(&self) -> Result<ManagedIdentityAssertion, Failure> {
        let options = self.settings.options(Some(self.options()))?;
        Ok(ManagedIdentityAssertion::new(Some(
            options.managed_identity,
        ))?)
    }

    /// The managed identity, by the id that the settings name.
    pub(crate) fn identity(&self) -> Option<&str> {
        let settings = &self.settings;
        let ids = [
            &settings.identity_client_id,
            &settings.identity_object_id,
            &settings.identity_resource_id,
        ];
        ids.into_iter().find_map(Option::as_deref)
    }

    pub(crate) fn authority_host(&self) -> String {
        cloud::authority_host(&self.settings)
    }

    fn options(&self) -> Options {
        match self.is_emulated() {
            true => Options::default()
                .with_client_options(self.client_options.clone(), self.client_options.clone()),
            false => Options::default(),
        }
    }

    fn service(&self, credential: Arc<dyn TokenCredential>, service: Service) -> JsonService {
        JsonService::new(credential, service, self.client_options.clone())
    }

    /// The subscription that the flag names, or the emulator's, or the one of the variable.
    pub(crate) fn subscription_id(&self, flag: Option<&str>) -> Option<String> {
        if let Some(flag) = flag {
            return Some(flag.to_owned());
        }
        #[cfg(feature = "emulator")]
        if let Some(emulated) = &self.emulated {
            return Some(emulated.scenario.target_subscription_id.clone());
        }
        cloud::variable_of("TARGET_SUBSCRIPTION_ID")
    }
}
