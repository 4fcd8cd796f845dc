//! Set-up of apps and their federated identity credentials.

use std::time::Duration;

use crate::{
    clock,
    emulator::Emulator,
    guid::guid,
    set_up::{error::SetUpError, tenants::known_tenant},
    world::{
        directory::{AppRegistration, KeyMetadata, StoredCredential},
        principals::{Application, FederatedCredential, MAX_FEDERATED_CREDENTIALS, SignInAudience},
        tokens::seconds,
    },
};

impl Emulator {
    /// Registers an app in its home tenant. This does not create a service principal.
    ///
    /// # Errors
    ///
    /// If the tenant does not exist, or an app has this client id.
    pub fn add_application(&self, application: Application) -> Result<(), SetUpError> {
        let directory = &mut self.services.state().world.directory;
        known_tenant(
            directory.tenant(&application.tenant_id),
            &application.tenant_id,
        )?;
        if directory.registration(&application.client_id).is_some() {
            return Err(SetUpError::Exists(format!("app {}", application.client_id)));
        }
        directory
            .applications
            .push(AppRegistration::new(application));
        Ok(())
    }

    /// Makes an app single-tenant or multi-tenant.
    ///
    /// # Errors
    ///
    /// If the app does not exist.
    pub fn set_sign_in_audience(
        &self,
        client_id: &str,
        sign_in_audience: SignInAudience,
    ) -> Result<(), SetUpError> {
        self.with_app(client_id, |app| {
            app.application.sign_in_audience = sign_in_audience;
            Ok(())
        })
    }

    /// Adds a federated identity credential to an app. Like Azure, it accepts every issuer,
    /// subject and audience. A wrong value causes a refusal only at the token endpoint.
    ///
    /// # Errors
    ///
    /// If the app does not exist, has 20 credentials, or has one with this name.
    pub fn add_federated_credential(
        &self,
        client_id: &str,
        credential: FederatedCredential,
    ) -> Result<(), SetUpError> {
        self.with_app(client_id, |app| {
            if app.federated_credentials.len() >= MAX_FEDERATED_CREDENTIALS {
                return Err(SetUpError::TooManyFederatedCredentials);
            }
            if app
                .federated_credentials
                .iter()
                .any(|stored| stored.credential.name == credential.name)
            {
                return Err(SetUpError::Exists(format!(
                    "federated identity credential {}",
                    credential.name
                )));
            }
            app.federated_credentials
                .push(StoredCredential::new(credential));
            Ok(())
        })
    }

    /// The next `refusals` token requests that use the credential fail with AADSTS70021, as when
    /// Entra has not yet replicated a new credential.
    ///
    /// # Errors
    ///
    /// If the app or the credential does not exist.
    pub fn delay_federated_credential(
        &self,
        client_id: &str,
        name: &str,
        refusals: u32,
    ) -> Result<(), SetUpError> {
        self.with_app(client_id, |app| {
            let stored = app
                .federated_credentials
                .iter_mut()
                .find(|stored| stored.credential.name == name);
            match stored {
                Some(stored) => {
                    stored.refusals_left = refusals;
                    Ok(())
                }
                None => Err(SetUpError::NotFound(format!(
                    "federated identity credential {name}"
                ))),
            }
        })
    }

    /// Removes a federated identity credential from an app.
    ///
    /// # Errors
    ///
    /// If the app does not exist.
    pub fn remove_federated_credential(
        &self,
        client_id: &str,
        name: &str,
    ) -> Result<(), SetUpError> {
        self.with_app(client_id, |app| {
            app.federated_credentials
                .retain(|stored| stored.credential.name != name);
            Ok(())
        })
    }

    /// Adds a client secret to an app, which Microsoft Graph then shows. It has no value: the
    /// emulator's token endpoint accepts no secret.
    ///
    /// # Errors
    ///
    /// If the app does not exist.
    pub fn add_client_secret(
        &self,
        client_id: &str,
        name: &str,
        lifetime: Duration,
    ) -> Result<(), SetUpError> {
        self.with_app(client_id, |app| {
            app.secrets.push(key(name, lifetime));
            Ok(())
        })
    }

    /// Adds a certificate to an app, which Microsoft Graph then shows. It has no value: the
    /// emulator's token endpoint accepts no certificate.
    ///
    /// # Errors
    ///
    /// If the app does not exist.
    pub fn add_certificate(
        &self,
        client_id: &str,
        name: &str,
        lifetime: Duration,
    ) -> Result<(), SetUpError> {
        self.with_app(client_id, |app| {
            app.certificates.push(key(name, lifetime));
            Ok(())
        })
    }

    fn with_app(
        &self,
        client_id: &str,
        change: impl FnOnce(&mut AppRegistration) -> Result<(), SetUpError>,
    ) -> Result<(), SetUpError> {
        match self
            .services
            .state()
            .world
            .directory
            .registration_mut(client_id)
        {
            Some(app) => change(app),
            None => Err(SetUpError::NotFound(format!("app {client_id}"))),
        }
    }
}

fn key(name: &str, lifetime: Duration) -> KeyMetadata {
    let now = clock::now();
    KeyMetadata {
        id: guid(),
        name: name.to_owned(),
        created: now,
        expires_on: now + seconds(lifetime),
    }
}
