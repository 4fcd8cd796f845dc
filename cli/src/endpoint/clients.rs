//! Who may ask, and for what.

use super::Secret;
use cross_tenant_identity::CrossTenantManagedIdentityCredential as Credential;
use std::sync::Arc;

/// One client: the command of `exec`, or one of the file of `serve`.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) secret: Secret,
    pub(crate) target_tenant_id: String,
    /// The client id of the app.
    pub(crate) app_id: String,
    /// The id of the managed identity, however the settings name it.
    pub(crate) identity: Option<String>,
    pub(crate) resources: Resources,
    pub(crate) credential: Arc<Credential>,
}

/// What a client may ask tokens for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resources {
    Any,
    Only(Vec<String>),
}

impl Resources {
    /// SDKs write the same resource with and without a slash at its end.
    pub(crate) fn allow(&self, resource: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(allowed) => allowed.iter().any(|it| bare(it) == bare(resource)),
        }
    }

    pub(crate) fn first(&self) -> Option<&str> {
        match self {
            Self::Any => None,
            Self::Only(allowed) => allowed.first().map(String::as_str),
        }
    }
}

fn bare(resource: &str) -> &str {
    resource.strip_suffix('/').unwrap_or(resource)
}

impl Client {
    /// Whether an id that a program selects an identity by is the one that it gets anyway.
    pub(crate) fn is_selected_by(&self, id: &str) -> bool {
        let mut ids = std::iter::once(&self.app_id).chain(&self.identity);
        ids.any(|own| own.eq_ignore_ascii_case(id))
    }
}

/// All clients.
#[derive(Debug, Default)]
pub(crate) struct Clients(Vec<Arc<Client>>);

impl Clients {
    pub(crate) fn new(clients: impl IntoIterator<Item = Client>) -> Self {
        Self(clients.into_iter().map(Arc::new).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.0.iter()
    }

    /// Compares with each of them, so that the time does not tell which one has it.
    pub(super) fn with_secret(&self, given: &[u8]) -> Option<Arc<Client>> {
        let mut found = None;
        for client in &self.0 {
            if client.secret.is(given) {
                found = Some(client);
            }
        }
        found.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_allowed_with_and_without_a_slash_and_no_other_is() {
        let only = Resources::Only(vec!["https://management.azure.com".to_owned()]);
        assert!(only.allow("https://management.azure.com"));
        assert!(only.allow("https://management.azure.com/"));
        for other in [
            "",
            "https://management.azure.com//",
            "https://management.azure.com.example.com",
            "https://management.azure.com/.default https://vault.azure.net",
            "https://storage.azure.com",
        ] {
            assert!(!only.allow(other), "{other}");
        }
        assert!(!Resources::Only(Vec::new()).allow("https://management.azure.com"));
    }
}
