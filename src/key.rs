//! What a token is good for: one tenant, one app, one set of scopes.

use crate::authority::{ClientId, TenantId};
use std::{
    borrow::Borrow,
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::{Arc, LazyLock},
};

/// Target tenant and app. The authority is that of the whole family.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) tenant: TenantId,
    pub(crate) client_id: ClientId,
    /// Taken once: hashing both at each call would be half of what a call costs.
    hash: u64,
}

/// One for the process, so that equal names hash alike, and seeded, so that nobody who chooses
/// tenants can choose collisions.
static HASHING: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Names {
    pub(crate) fn new(tenant: TenantId, client_id: ClientId) -> Arc<Self> {
        Arc::new(Self {
            hash: HASHING.hash_one((&tenant, &client_id)),
            tenant,
            client_id,
        })
    }
}

/// The key of a token.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) names: Arc<Names>,
    /// Sorted, each once, separated by spaces.
    pub(crate) scopes: Arc<str>,
}

/// A key as it is looked up: with one scope, borrowed from the caller.
pub(crate) trait KeyView {
    fn names(&self) -> &Names;
    fn scopes(&self) -> &str;
}

impl KeyView for Key {
    fn names(&self) -> &Names {
        &self.names
    }
    fn scopes(&self) -> &str {
        &self.scopes
    }
}

impl KeyView for (&Names, &str) {
    fn names(&self) -> &Names {
        self.0
    }
    fn scopes(&self) -> &str {
        self.1
    }
}

impl PartialEq for dyn KeyView + '_ {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.names(), other.names());
        self.scopes() == other.scopes()
            && (std::ptr::eq(ours, theirs)
                || (ours.tenant == theirs.tenant && ours.client_id == theirs.client_id))
    }
}

impl Eq for dyn KeyView + '_ {}

impl Hash for dyn KeyView + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.names().hash);
        state.write(self.scopes().as_bytes());
    }
}

// A map finds by the borrowed form what it holds in the owned one, so both have to agree.

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self as &dyn KeyView == other as &dyn KeyView
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self as &dyn KeyView).hash(state);
    }
}

impl<'a> Borrow<dyn KeyView + 'a> for Key {
    fn borrow(&self) -> &(dyn KeyView + 'a) {
        self
    }
}
