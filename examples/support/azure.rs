//! Where an example runs: on Azure or a running emulator when the environment says so, else on an
//! emulator in this process.

use super::{
    arm::ResourceManager,
    azurite::Azurite,
    emulated_host, output,
    service::SECRET,
    variables::{Given, Variables},
    vault,
    waiting::Waiting,
};
use azure_core::{
    credentials::TokenCredential,
    http::{ClientOptions, Transport, Url},
    time::to_rfc3339,
};
use azure_identity::ClientAssertion;
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
    ManagedIdentityAssertion, ManagedIdentityHost, Settings, TokenFileAssertion,
};
use cross_tenant_identity_emulator::{Emulator, Scenario, SetUpError, Step};
use serde_json::json;
use std::{error::Error, sync::Arc};

/// Who asks for what. The same on Azure and on the emulator.
pub struct Azure {
    variables: Variables,
    /// None where the environment chooses.
    emulator: Option<(Emulator, Scenario)>,
    waiting: Waiting,
}

/// Litware's storage account.
pub struct Storage {
    pub url: Url,
    /// None where the environment names the account.
    _azurite: Option<Azurite>,
}

impl Azure {
    /// # Errors
    ///
    /// When a variable is missing or makes no sense, or the environment chooses an Azure and a step is
    /// to be left out, which only the emulator in this process can do.
    pub fn new(given: Given, without: Option<Step>) -> Result<Self, Box<dyn Error>> {
        match (given.is_configured(), without) {
            (false, without) => Self::emulated(without),
            (true, Some(_)) => Err(emulated_host::conflict("--without").into()),
            (true, None) => Ok(Self::configured(given.check()?)),
        }
    }

    /// What the environment chooses.
    pub fn configured(variables: Variables) -> Self {
        Self {
            variables,
            emulator: None,
            waiting: Waiting::default(),
        }
    }

    fn emulated(without: Option<Step>) -> Result<Self, Box<dyn Error>> {
        let emulator =
            Emulator::start().map_err(|why| format!("the emulator did not start: {why}"))?;
        let scenario = match without {
            Some(step) => emulator.create_scenario_without(step),
            None => emulator.create_scenario(),
        };
        let variables = Variables {
            settings: Settings {
                target_tenant_id: scenario.target_tenant_id.clone(),
                client_id: scenario.client_id.clone(),
                identity_client_id: scenario.identity_selector().map(str::to_owned),
                // What the machine has in its environment must not choose another one.
                host: Some(ManagedIdentityHost::Imds.into()),
                imds_endpoint: Some(emulator.imds_url().to_owned()),
                authority_host: Some("https://login.microsoftonline.com".to_owned()),
                ..Default::default()
            },
            subscription_id: Some(scenario.target_subscription_id.clone()),
            arm_endpoint: Url::parse("https://management.azure.com")?,
            storage_url: None,
            vault_url: None,
            ca_pem: None,
        };
        Ok(Self {
            variables,
            emulator: Some((emulator, scenario)),
            waiting: Waiting::default(),
        })
    }

    /// The emulator in this process and its scenario.
    pub fn emulator(&self) -> Option<(&Emulator, &Scenario)> {
        self.emulator
            .as_ref()
            .map(|(emulator, scenario)| (emulator, scenario))
    }

    pub fn is_emulated(&self) -> bool {
        self.emulator.is_some()
    }

    /// The target tenant's subscription. Empty for an example that needs none.
    pub fn target_subscription_id(&self) -> &str {
        self.variables
            .subscription_id
            .as_deref()
            .unwrap_or_default()
    }

    /// Waits for `work`, and says on a terminal what is waited for.
    pub async fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.waiting.during(work).await
    }

    /// Gets a token, and prints until when it is valid.
    ///
    /// # Errors
    ///
    /// When there is no token, or standard output takes no more.
    pub async fn show_token(
        &self,
        credential: &dyn TokenCredential,
        scope: &str,
        as_json: bool,
    ) -> Result<(), Box<dyn Error>> {
        let token = self.wait(credential.get_token(&[scope], None)).await?;
        let expires_on = to_rfc3339(&token.expires_on);
        match as_json {
            true => output::line(json!({ "scope": scope, "expiresOn": expires_on })),
            false => output::line(format_args!(
                "A token for {scope}, valid until {expires_on}"
            )),
        }
    }

    /// The one thing in which Azure and the emulator differ. `service` is the name of the service for
    /// a person.
    ///
    /// # Errors
    ///
    /// When the emulator's certificate cannot be used.
    pub fn client_options(&self, service: &'static str) -> azure_core::Result<ClientOptions> {
        let options = match (&self.emulator, &self.variables.ca_pem) {
            (Some((emulator, _)), _) => emulator.client_options(),
            (None, Some(pem)) => ClientOptions {
                transport: Some(trusting(pem)?),
                ..Default::default()
            },
            (None, None) => ClientOptions::default(),
        };
        Ok(self.waiting.watch(options, service))
    }

    /// # Errors
    ///
    /// When a setting makes no sense.
    pub fn credential(&self) -> azure_core::Result<Arc<CrossTenantManagedIdentityCredential>> {
        self.variables.settings.credential(Some(self.options()?))
    }

    /// A credential with an assertion that the example makes itself.
    ///
    /// # Errors
    ///
    /// When a setting makes no sense.
    pub fn credential_with(
        &self,
        assertion: Arc<dyn ClientAssertion>,
    ) -> azure_core::Result<Arc<CrossTenantManagedIdentityCredential>> {
        let options = CrossTenantManagedIdentityCredentialOptions {
            client_options: self.client_options(ENTRA)?,
            ..Default::default()
        };
        CrossTenantManagedIdentityCredential::with_assertion(
            &self.variables.settings.target_tenant_id,
            &self.variables.settings.client_id,
            assertion,
            Some(options),
        )
    }

    /// The settings of the credential.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.variables.settings
    }

    /// The client assertion of the host, to look at.
    ///
    /// # Errors
    ///
    /// When a setting makes no sense.
    pub fn assertion(&self) -> azure_core::Result<Arc<dyn ClientAssertion>> {
        let settings = &self.variables.settings;
        if let Some(path) = &settings.token_file {
            return Ok(Arc::new(TokenFileAssertion::new(path)?));
        }
        match settings.options(Some(self.options()?)) {
            Ok(options) => Ok(Arc::new(ManagedIdentityAssertion::new(Some(
                options.managed_identity,
            ))?)),
            // There are no options for workload identity.
            Err(why) => Ok(Arc::new(TokenFileAssertion::from_env().map_err(|_| why)?)),
        }
    }

    /// # Errors
    ///
    /// When the endpoint makes no sense.
    pub fn resource_manager(
        &self,
        credential: Arc<dyn TokenCredential>,
    ) -> azure_core::Result<ResourceManager> {
        let endpoint = self.variables.arm_endpoint.clone();
        let options = self.client_options("Azure Resource Manager")?;
        ResourceManager::at(endpoint, credential, options)
    }

    /// The URL of Litware's vault: the emulator's has the service's secret in it.
    ///
    /// # Errors
    ///
    /// When the emulator has it already.
    pub fn vault_url(&self) -> Result<Option<String>, SetUpError> {
        match &self.emulator {
            Some((emulator, scenario)) => vault::emulated(emulator, scenario, SECRET).map(Some),
            None => Ok(self.variables.vault_url.as_ref().map(Url::to_string)),
        }
    }

    /// # Errors
    ///
    /// When Azurite does not start.
    pub fn storage(&self) -> Result<Storage, Box<dyn Error>> {
        if let Some(url) = &self.variables.storage_url {
            let url = url.clone();
            return Ok(Storage {
                url,
                _azurite: None,
            });
        }
        let (emulator, _) = self
            .emulator
            .as_ref()
            .ok_or("there is no storage account")?;
        let azurite = Azurite::start(emulator)?;
        Ok(Storage {
            url: Url::parse(&azurite.url)?,
            _azurite: Some(azurite),
        })
    }

    fn options(&self) -> azure_core::Result<CrossTenantManagedIdentityCredentialOptions> {
        const IDENTITY_ENDPOINT: &str = "the identity endpoint of the host";
        let of_identity = match &self.emulator {
            Some(_) => self.client_options(IDENTITY_ENDPOINT)?,
            // A host's endpoint needs the default transport, which knows the host's certificate.
            None => self
                .waiting
                .watch(ClientOptions::default(), IDENTITY_ENDPOINT),
        };
        Ok(CrossTenantManagedIdentityCredentialOptions::default()
            .with_client_options(self.client_options(ENTRA)?, of_identity))
    }
}

const ENTRA: &str = "Microsoft Entra";

/// A transport that trusts nobody but this CA, so that it cannot reach Azure by mistake.
fn trusting(pem: &[u8]) -> azure_core::Result<Transport> {
    let client = reqwest::Certificate::from_pem_bundle(pem).and_then(|certificates| {
        reqwest::Client::builder()
            .tls_certs_only(certificates)
            .redirect(reqwest::redirect::Policy::none())
            .build()
    });
    let client = client.map_err(|why| {
        let kind = azure_core::error::ErrorKind::Other;
        azure_core::Error::with_error(kind, why, "the emulator's certificate cannot be used")
    })?;
    Ok(Transport::new(Arc::new(client)))
}
