//! Credential families: clients whose settings are the same share one assertion, one cache and its
//! limits. Clients with other settings have nothing in common.

use crate::{endpoint::Upstream, outcome::Failure};
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential as Credential,
    CrossTenantManagedIdentityCredentialOptions as Options, Settings,
};
use std::sync::Arc;

struct Family {
    /// The tenant in it is that of the first client. Each client has its own.
    settings: Settings,
    credential: Arc<Credential>,
}

impl Family {
    fn is_of(&self, settings: &Settings) -> bool {
        let settings = Settings {
            target_tenant_id: self.settings.target_tenant_id.clone(),
            ..settings.clone()
        };
        self.settings == settings
    }
}

#[derive(Default)]
pub(super) struct Families(Vec<Family>);

impl Families {
    /// The credential for these settings. It has the tokens of `before`, if it was there.
    pub(super) fn credential(
        &mut self,
        settings: &Settings,
        before: Option<&Families>,
        upstream: &Upstream,
    ) -> Result<Arc<Credential>, Failure> {
        if let Some(credential) = self.find(settings) {
            return Ok(credential);
        }
        let credential = match before.and_then(|before| before.find(settings)) {
            Some(credential) => credential,
            None => {
                let (of_entra, of_identity) = upstream.client_options();
                let options = Options::default().with_client_options(of_entra, of_identity);
                settings.credential(Some(options))?
            }
        };
        self.0.push(Family {
            settings: settings.clone(),
            credential: Arc::clone(&credential),
        });
        Ok(credential)
    }

    fn find(&self, settings: &Settings) -> Option<Arc<Credential>> {
        let family = self.0.iter().find(|it| it.is_of(settings))?;
        Some(Arc::clone(&family.credential))
    }

    pub(super) fn settings(&self) -> impl Iterator<Item = &Settings> {
        self.0.iter().map(|it| &it.settings)
    }

    pub(super) fn has(&self, settings: &Settings) -> bool {
        self.find(settings).is_some()
    }
}
