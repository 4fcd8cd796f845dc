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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn names(tenant: u8, client: u8) -> Arc<Names> {
        let guid = |n: u8| format!("{n:08}-0000-4000-8000-000000000000");
        Names::new(
            TenantId::parse(&guid(tenant)).unwrap(),
            ClientId::parse(&guid(client)).unwrap(),
        )
    }

    fn key(names: Arc<Names>, scopes: &str) -> Key {
        let scopes = scopes.into();
        Key { names, scopes }
    }

    #[test]
    fn keys_differ_by_tenant_app_and_scopes_and_by_nothing_else() {
        let one = key(names(1, 2), "a");
        assert_eq!(one, one.clone());
        assert_eq!(one, key(names(1, 2), "a"));
        for other in [
            key(names(1, 2), "b"),
            key(names(1, 3), "a"),
            key(names(3, 2), "a"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn what_a_map_holds_is_found_by_the_borrowed_form_alone_that_equals_it() {
        let all = [(1, 2, "a"), (1, 2, "b"), (1, 3, "a"), (3, 2, "a")];
        let map: HashMap<Key, usize> = all
            .iter()
            .enumerate()
            .map(|(i, (tenant, client, scopes))| (key(names(*tenant, *client), scopes), i))
            .collect();
        assert_eq!(map.len(), all.len());
        for (i, (tenant, client, scopes)) in all.iter().enumerate() {
            let names = names(*tenant, *client);
            let view = (&*names, *scopes);
            assert_eq!(map.get(&view as &dyn KeyView), Some(&i));
        }
        let names = names(1, 2);
        assert_eq!(map.get(&(&*names, "c") as &dyn KeyView), None);
    }

    #[test]
    fn keys_do_not_all_hash_alike() {
        let hash = |key: &Key| RandomState::hash_one(&HASHING, key);
        let one = key(names(1, 2), "a");
        assert_eq!(hash(&one), hash(&key(names(1, 2), "a")));
        assert_ne!(hash(&one), hash(&key(names(1, 3), "a")));
        assert_ne!(hash(&one), hash(&key(names(1, 2), "b")));
    }
}
