//! From the file to clients with credentials of one family.

use super::config::Config;
use crate::{
    endpoint::{Access, Client, Clients, Networks, Resources, Secret, Tls, Upstream},
    outcome::Failure,
    own_endpoint,
    settings::GivenSettings,
};
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential as Credential,
    CrossTenantManagedIdentityCredentialOptions as Options, Settings,
};
use std::{net::SocketAddr, sync::Arc};

pub(super) struct Built {
    listen: SocketAddr,
    /// What the family is made of. The tenant in it is not: each client has its own.
    settings: Settings,
    family: Arc<Credential>,
    clients: Vec<Client>,
    networks: Networks,
    tls: Option<Tls>,
}

impl Built {
    /// With the tokens of `before`, if the settings are the same.
    pub(super) fn new(
        config: Config,
        before: Option<&Built>,
        upstream: &Upstream,
    ) -> Result<Self, Failure> {
        let tenant = config
            .clients
            .first()
            .map(|it| it.target_tenant_id.as_str());
        let flags = GivenSettings::default();
        let settings = flags.complete_over_file(config.settings.clone(), tenant)?;
        own_endpoint::refuse_nested(&settings)?;
        let kept = before.filter(|before| is_same_family(&before.settings, &settings));
        let family = match kept {
            Some(before) => Arc::clone(&before.family),
            None => {
                let (of_entra, of_identity) = upstream.client_options();
                let options = Options::default().with_client_options(of_entra, of_identity);
                settings.credential(Some(options))?
            }
        };
        let clients = clients(&config, &settings, &family)?;
        Ok(Self {
            listen: config.listen,
            settings,
            family,
            clients,
            networks: config.networks()?,
            tls: config.tls()?,
        })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
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
        let mut warnings = self.tls.as_ref().map(Tls::warnings).unwrap_or_default();
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

    pub(super) fn is_of_family(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.family, &other.family)
    }
}

fn is_same_family(one: &Settings, other: &Settings) -> bool {
    let other = Settings {
        target_tenant_id: one.target_tenant_id.clone(),
        ..other.clone()
    };
    *one == other
}

fn clients(
    config: &Config,
    settings: &Settings,
    family: &Arc<Credential>,
) -> Result<Vec<Client>, Failure> {
    let mut clients: Vec<Client> = Vec::new();
    let mut wrong = Vec::new();
    for client in &config.clients {
        let name = &client.name;
        let credential = family.for_tenant(&client.target_tenant_id);
        let credential = credential.map_err(|error| crate::output::one_line(&error));
        match (client.secret(), credential) {
            (Ok(secret), Ok(credential)) => clients.push(Client {
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
                wrong.extend(all.map(|why| format!("the client {name:?}: {why}")));
            }
        }
    }
    for (at, client) in clients.iter().enumerate() {
        let before = &clients[..at];
        if let Some(same) = before.iter().find(|it| it.secret.is_same(&client.secret)) {
            let (one, other) = (&same.name, &client.name);
            wrong.push(format!(
                "the clients {one:?} and {other:?} have the same secret: give each its own"
            ));
        }
    }
    match wrong.is_empty() {
        true => Ok(clients),
        false => Err(Failure::usage(wrong.join("\n"))),
    }
}

fn identity(settings: &Settings) -> Option<String> {
    let ids = [
        &settings.identity_client_id,
        &settings.identity_object_id,
        &settings.identity_resource_id,
    ];
    ids.into_iter().flatten().next().cloned()
}
