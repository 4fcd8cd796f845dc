//! The target tenants of a family of credentials, and the key of a cached token.

use crate::{
    authority::{ClientId, TenantId},
    cache::{CachedToken, Key},
    snapshot::{Named, SnapshotMap},
};
use std::{
    hash::{Hash, Hasher},
    sync::{Arc, Weak},
};

/// One target tenant of a family. There is one of these for all credentials of that tenant, so they
/// find the same tokens.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) client_id: ClientId,
    /// By their scope.
    pub(crate) tokens: SnapshotMap<CachedToken>,
    listed_in: Weak<Tenants>,
}

/// A family's tenants, for as long as a credential or a token is there for them.
#[derive(Debug)]
pub(crate) struct Tenants {
    client_id: ClientId,
    tenants: SnapshotMap<Listed>,
}

#[derive(Debug)]
struct Listed {
    id: TenantId,
    tenant: Weak<Tenant>,
}

impl Named for Listed {
    fn name(&self) -> &str {
        self.id.as_str()
    }
}

impl Tenants {
    pub(crate) fn new(client_id: ClientId) -> Arc<Self> {
        Arc::new(Self {
            client_id,
            tenants: SnapshotMap::default(),
        })
    }

    pub(crate) fn tenant(self: &Arc<Self>, id: TenantId) -> Arc<Tenant> {
        let listed = self.tenants.with(id.as_str(), |it| it.tenant.upgrade());
        if let Some(tenant) = listed.flatten() {
            return tenant;
        }
        let new = Arc::new(Tenant {
            id: id.clone(),
            client_id: self.client_id.clone(),
            tokens: SnapshotMap::default(),
            listed_in: Arc::downgrade(self),
        });
        let mut other = None;
        self.tenants.update(id.as_str(), |listed| {
            // Another call may have been first.
            other = listed.and_then(|it| it.tenant.upgrade());
            let tenant = Arc::downgrade(&new);
            let id = id.clone();
            other.is_none().then(|| Arc::new(Listed { id, tenant }))
        });
        other.unwrap_or(new)
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.tenants.all().len()
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        if let Some(tenants) = self.listed_in.upgrade() {
            // A later `Tenant` of the same id stays.
            let is_gone = |listed: &Listed| listed.tenant.strong_count() == 0;
            tenants.tenants.remove_if(self.id.as_str(), is_gone);
        }
    }
}

/// The key of a cached token. Authority and app are the same for the whole family.
#[derive(Clone, Debug)]
pub(crate) struct TokenKey {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) scope: Arc<str>,
}

impl Key for TokenKey {
    fn name(&self) -> &Arc<str> {
        &self.scope
    }

    fn tokens(&self) -> &SnapshotMap<CachedToken> {
        &self.tenant.tokens
    }
}

// While one of a tenant's keys lives there is no other `Tenant` of that id.

impl PartialEq for TokenKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tenant, &other.tenant) && self.scope == other.scope
    }
}

impl Eq for TokenKey {}

impl Hash for TokenKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.tenant).hash(state);
        self.scope.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::HashSet, thread};

    fn tenants() -> Arc<Tenants> {
        Tenants::new(ClientId::parse("33333333-3333-4333-8333-333333333333").unwrap())
    }

    fn id(number: usize) -> TenantId {
        TenantId::parse(&format!("tenant-{number}.example")).unwrap()
    }

    #[test]
    fn keys_differ_by_tenant_and_scope_and_by_nothing_else() {
        let tenants = tenants();
        let [one, again, other] = [1, 1, 2].map(|number| tenants.tenant(id(number)));
        let key = |tenant: &Arc<Tenant>, scope: &str| TokenKey {
            tenant: Arc::clone(tenant),
            scope: scope.into(),
        };
        assert_eq!(key(&one, "a"), key(&again, "a"));
        assert_ne!(key(&one, "a"), key(&one, "b"));
        assert_ne!(key(&one, "a"), key(&other, "a"));
        let all = [key(&one, "a"), key(&again, "a"), key(&other, "a")];
        assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), 2);
    }

    #[test]
    fn a_tenant_is_listed_for_as_long_as_somebody_has_it() {
        let tenants = tenants();
        let first = tenants.tenant(id(1));
        let second = tenants.tenant(id(1));
        assert!(Arc::ptr_eq(&first, &second));
        drop(first);
        assert_eq!(tenants.count(), 1);
        drop(second);
        assert_eq!(tenants.count(), 0);
    }

    #[test]
    fn tenants_that_come_and_go_on_many_threads_are_one_at_a_time() {
        let tenants = tenants();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..2000 {
                        let first = tenants.tenant(id(round % 3));
                        let second = tenants.tenant(id(round % 3));
                        assert!(Arc::ptr_eq(&first, &second));
                    }
                });
            }
        });
        assert_eq!(tenants.count(), 0);
    }
}
