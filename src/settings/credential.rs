//! What the settings become: options, and the credential.

use super::{Settings, SettingsHost, host::Source, names::Names, replace};
use crate::{
    assertion::TokenFileAssertion,
    credential::{
        CrossTenantManagedIdentityCredential as Credential,
        CrossTenantManagedIdentityCredentialOptions as Options,
    },
    environment::Environment,
    error::Error,
    time::Clock,
};
use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    http::ClientOptions,
};
use std::sync::Arc;

impl Settings {
    pub(super) fn managed_identity_options(
        &self,
        options: Options,
        environment: &Environment,
    ) -> Result<Options, Error> {
        match self.checked_source(&options, environment)? {
            Source::ManagedIdentity => Ok(self.applied(options)),
            Source::TokenFile => Err(Error::configuration(
                "the settings are for workload identity, whose token file no option names: take Settings::credential, or give a TokenFileAssertion to CrossTenantManagedIdentityCredential::with_assertion",
            )),
        }
    }

    pub(super) fn build(
        &self,
        options: Options,
        environment: Environment,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Credential>, Error> {
        let source = self.checked_source(&options, &environment)?;
        let options = self.applied(options);
        let (tenant_id, client_id) = (&self.target_tenant_id, &self.client_id);
        match source {
            Source::ManagedIdentity => {
                Credential::build(tenant_id, client_id, options, environment, clock)
            }
            Source::TokenFile => {
                let file = match &self.token_file {
                    Some(path) => {
                        TokenFileAssertion::at(path.clone(), "token_file", Arc::clone(&clock))
                    }
                    None => TokenFileAssertion::from(&environment, Arc::clone(&clock)),
                };
                let file = Arc::new(file?);
                Credential::build_with(tenant_id, client_id, file, options, environment, clock)
            }
        }
    }

    /// Where the assertion comes from, if the settings make sense beside the options of the program.
    pub(super) fn checked_source(
        &self,
        options: &Options,
        environment: &Environment,
    ) -> Result<Source, Error> {
        let identity = &options.managed_identity;
        let mut settings = self.clone();
        let is_open = self.host.is_none() && self.token_file.is_none();
        if is_open {
            settings.host = identity.host.map(SettingsHost::from);
            replace(&mut settings.imds_endpoint, &identity.imds_endpoint);
            replace(&mut settings.imds_endpoint, &self.imds_endpoint);
        }
        settings.check(Names::Keys, environment)?;
        let source = settings.source(Names::Keys, environment);
        match source.map_err(Error::configuration)? {
            // The program names a managed identity, and no setting says otherwise.
            Source::TokenFile if is_open && identity.user_assigned_id.is_some() => {
                Ok(Source::ManagedIdentity)
            }
            source => Ok(source),
        }
    }

    /// The options, with each setting that is given in the place of the same option.
    fn applied(&self, mut options: Options) -> Options {
        let identity = &mut options.managed_identity;
        if let Some((_, id)) = self.identities().next() {
            identity.user_assigned_id = Some(id);
        }
        if let Some(SettingsHost::ManagedIdentity(host)) = self.host {
            identity.host = Some(host);
        }
        replace(&mut identity.audience, &self.audience);
        replace(&mut identity.imds_endpoint, &self.imds_endpoint);
        if let Some(host) = &self.authority_host {
            set_cloud(&mut identity.client_options, host);
            set_cloud(&mut options.client_options, host);
        }
        replace(&mut options.max_cached_tokens, &self.max_cached_tokens);
        replace(
            &mut options.max_concurrent_requests,
            &self.max_concurrent_requests,
        );
        if let Some(unchanged) = self.unchanged_due_token {
            options.unchanged_due_token = unchanged;
        }
        options
    }
}

fn set_cloud(options: &mut ClientOptions, authority_host: &str) {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = authority_host.to_owned();
    options.cloud = Some(Arc::new(CloudConfiguration::from(custom)));
}
