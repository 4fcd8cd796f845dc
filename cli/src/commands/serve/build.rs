//! From the file to clients with credentials.

use super::{
    config::{ClientConfig, Config},
    families::Families,
};
use crate::{
    endpoint::{Access, Client, Clients, Networks, Resources, Secret, Tls, Upstream},
    outcome::Failure,
    output::one_line,
    own_endpoint,
    settings::GivenSettings,
};
use cross_tenant_identity::{CrossTenantManagedIdentityCredential as Credential, Settings};
use std::{net::SocketAddr, sync::Arc};

pub(super) struct Built {
    listen: SocketAddr,
    families: Families,
    clients: Vec<Client>,
    networks: Networks,
    tls: Option<Tls>,
    /// Of the file.
    warnings: Vec<String>,
    /// Names of the clients whose settings were not there before.
    without_tokens: Vec<String>,
}

impl Built {
    /// With the tokens of `before`, where the settings are the same.
    pub(super) fn new(
        config: Config,
        before: Option<&Built>,
        upstream: &Upstream,
    ) -> Result<Self, Failure> {
        let before = before.map(|it| &it.families);
        let mut families = Families::default();
        let mut clients = Vec::new();
        let mut without_tokens = Vec::new();
        let mut wrong = Vec::new();
        for client in &config.clients {
            let settings = settings(client, &config.settings)?;
            own_endpoint::refuse_nested(&settings).map_err(|failure| client.failure(failure))?;
            let family = families
                .credential(&settings, before, upstream)
                .map_err(|failure| client.failure(failure))?;
            if before.is_none_or(|it| !it.has(&settings)) {
                without_tokens.push(client.name.clone());
            }
            match client_of(client, &settings, &family) {
                Ok(client) => clients.push(client),
                Err(why) => wrong.extend(why),
            }
        }
        wrong.extend(same_secrets(&clients));
        match wrong.is_empty() {
            true => Ok(Self {
                listen: config.listen,
                families,
                clients,
                networks: config.networks()?,
                tls: config.tls()?,
                warnings: config.warnings,
                without_tokens,
            }),
            false => Err(Failure::usage(wrong.join("\n"))),
        }
    }

    /// # Errors
    ///
    /// If a managed identity would be asked of this endpoint itself.
    pub(super) async fn refuse_itself(&self, listens: SocketAddr) -> Result<(), Failure> {
        for settings in self.families.settings() {
            own_endpoint::refuse_itself(settings, listens).await?;
        }
        Ok(())
    }

    pub(super) fn listen(&self) -> SocketAddr {
        self.listen
    }

    pub(super) fn count(&self) -> usize {
        self.clients.len()
    }

    pub(super) fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(super) fn clients(&self) -> Clients {
        Clients::new(self.clients.iter().cloned())
    }

    pub(super) fn access(&self) -> Access {
        Access {
            clients: self.clients(),
            networks: self.networks.clone(),
            tls: self.tls.clone(),
        }
    }

    /// What is taken, but should not be so.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        warnings.extend(self.tls.iter().flat_map(Tls::warnings));
        let public = self.networks.public();
        if !public.is_empty() {
            warnings.push(format!(
                "networks has addresses of the internet: {}",
                public.join(", ")
            ));
        }
        warnings
    }

    /// Networks, and names of the certificate, for the log.
    pub(super) fn reach(&self) -> (String, String) {
        let names = self.tls.as_ref().map(Tls::names).unwrap_or_default();
        (self.networks.to_string(), names.join(", "))
    }

    pub(super) fn without_tokens(&self) -> &[String] {
        &self.without_tokens
    }
}

/// The client's own settings over variables over those of all clients.
fn settings(client: &ClientConfig, of_all: &GivenSettings) -> Result<Settings, Failure> {
    let tenant = Some(client.target_tenant_id.as_str());
    let settings = client.settings.complete_over_file(of_all.clone(), tenant);
    settings.map_err(|failure| client.failure(failure))
}

fn client_of(
    client: &ClientConfig,
    settings: &Settings,
    family: &Arc<Credential>,
) -> Result<Client, Vec<String>> {
    let name = &client.name;
    let credential = family.for_tenant(&client.target_tenant_id);
    let credential = credential.map_err(|error| one_line(&error));
    match (client.secret(), credential) {
        (Ok(secret), Ok(credential)) => Ok(Client {
            name: name.clone(),
            secret: Secret::of(&secret),
            target_tenant_id: client.target_tenant_id.clone(),
            app_id: settings.client_id.clone(),
            identity: identity(settings),
            resources: Resources::Only(client.resources()),
            credential,
        }),
        (secret, credential) => {
            let all = [secret.err(), credential.err()].into_iter().flatten();
            Err(all
                .map(|why| format!("the client {name:?}: {why}"))
                .collect())
        }
    }
}

fn same_secrets(clients: &[Client]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (at, client) in clients.iter().enumerate() {
        let before = &clients[..at];
        if let Some(same) = before.iter().find(|it| it.secret.is_same(&client.secret)) {
            let (one, other) = (&same.name, &client.name);
            wrong.push(format!(
                "the clients {one:?} and {other:?} have the same secret: give each its own"
            ));
        }
    }
    wrong
}

fn identity(settings: &Settings) -> Option<String> {
    let ids = [
        &settings.identity_client_id,
        &settings.identity_object_id,
        &settings.identity_resource_id,
    ];
    ids.into_iter().flatten().next().cloned()
}
