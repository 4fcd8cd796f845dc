//! Tokens by key: served while they are good, fetched once for all who wait.

use crate::time::Clock;
use azure_core::{credentials::AccessToken, time::OffsetDateTime};
use std::{
    collections::HashMap,
    fmt,
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A token is renewed this long before it expires: the margin at which SDK clients ask again
/// (azure_core's bearer token policy).
const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);

/// Tokens by key.
pub(crate) struct Cache<K> {
    /// Held for a look-up, an insert or a removal; never across an await.
    slots: Mutex<HashMap<K, Arc<Slot>>>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Slot {
    /// Held to copy a token in or out; never across an await.
    entry: Mutex<Option<Entry>>,
    /// Held while fetching: whoever else wants this key waits here, and finds the token when it
    /// is let through. One that is cancelled lets the next one fetch.
    fetching: futures::lock::Mutex<()>,
}

struct Entry {
    token: AccessToken,
    renew_on: OffsetDateTime,
}

impl<K: Clone + Eq + Hash> Cache<K> {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            slots: Mutex::default(),
            clock,
        }
    }

    /// The key's token, fetched if there is none that is good for a while.
    ///
    /// # Errors
    ///
    /// Those of `fetch`, unless the token at hand has not expired yet: then that is served.
    pub(crate) async fn get<E, F>(
        &self,
        key: &K,
        fetch: impl FnOnce() -> F,
    ) -> Result<AccessToken, E>
    where
        F: Future<Output = Result<Fetched, E>>,
    {
        let slot = self.slot(key);
        if let Some(token) = slot.fresh(self.clock.wall()) {
            return Ok(token);
        }
        let _fetching = slot.fetching.lock().await;
        if let Some(token) = slot.fresh(self.clock.wall()) {
            return Ok(token);
        }
        match fetch().await {
            Ok(fetched) => {
                let token = fetched.token.clone();
                slot.put(fetched, self.clock.wall());
                Ok(token)
            }
            Err(error) => slot.unexpired(self.clock.wall()).ok_or(error),
        }
    }

    /// Drops the key's token if it is this one.
    pub(crate) fn remove(&self, key: &K, token: &AccessToken) {
        let slot = lock(&self.slots).get(key).cloned();
        if let Some(slot) = slot {
            let mut entry = lock(&slot.entry);
            if entry
                .as_ref()
                .is_some_and(|entry| entry.token.token == token.token)
            {
                *entry = None;
            }
        }
    }

    /// Drops all tokens. What is being fetched meanwhile is not kept either.
    pub(crate) fn clear(&self) {
        lock(&self.slots).clear();
    }

    fn slot(&self, key: &K) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        match slots.get(key) {
            Some(slot) => Arc::clone(slot),
            None => Arc::clone(slots.entry(key.clone()).or_default()),
        }
    }
}

/// A token that has just come.
pub(crate) struct Fetched {
    pub(crate) token: AccessToken,
    /// When the service would like it renewed, if it says so.
    pub(crate) refresh_on: Option<OffsetDateTime>,
}

impl Slot {
    fn fresh(&self, now: OffsetDateTime) -> Option<AccessToken> {
        lock(&self.entry)
            .as_ref()
            .filter(|entry| now < entry.renew_on)
            .map(|entry| entry.token.clone())
    }

    fn unexpired(&self, now: OffsetDateTime) -> Option<AccessToken> {
        lock(&self.entry)
            .as_ref()
            .filter(|entry| now < entry.token.expires_on)
            .map(|entry| entry.token.clone())
    }

    fn put(&self, fetched: Fetched, now: OffsetDateTime) {
        let life = Duration::try_from(fetched.token.expires_on - now).unwrap_or_default();
        let margin = RENEW_BEFORE.min(life / 4);
        let renew_on = fetched.token.expires_on - margin;
        *lock(&self.entry) = Some(Entry {
            renew_on: fetched.refresh_on.map_or(renew_on, |on| on.min(renew_on)),
            token: fetched.token,
        });
    }
}

impl<K> fmt::Debug for Cache<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("keys", &lock(&self.slots).len())
            .finish()
    }
}

/// Nothing is left half done while these locks are held, so a panic elsewhere poisons nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
