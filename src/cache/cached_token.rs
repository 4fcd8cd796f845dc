//! A token in the cache. Calls read it without a lock.

use super::life::{Fetched, Life};
use crate::{
    snapshot::{Named, SnapshotMap},
    sync::AtomicBool,
    time::{Moment, Ticks},
};
use azure_core::credentials::AccessToken;
use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
};

/// A token, with marks that calls set without a lock.
pub(crate) struct CachedToken {
    name: Arc<str>,
    pub(super) token: AccessToken,
    pub(super) life: Life,
    /// The cache's epoch when the token was requested. In a later epoch it is not found.
    epoch: u64,
    /// A call has asked for it since it was received: it is worth renewing.
    is_asked_for: AtomicBool,
    /// A call has asked for it since the cache last looked for tokens to evict.
    is_used: AtomicBool,
    /// A service has rejected it. Calls get it only through the cache's owner.
    is_rejected: AtomicBool,
}

impl CachedToken {
    pub(super) fn new(
        name: Arc<str>,
        fetched: Fetched,
        received: Moment,
        jitter: f64,
        epoch: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            life: Life::new(&fetched, received, jitter),
            token: fetched.token,
            epoch,
            is_asked_for: AtomicBool::new(false),
            is_used: AtomicBool::new(false),
            is_rejected: AtomicBool::new(false),
        })
    }

    /// The token, if it is fresh and not rejected.
    #[inline]
    pub(super) fn if_fresh(&self, now: Ticks, epoch: u64) -> Option<AccessToken> {
        if self.is_rejected() || self.epoch != epoch || !self.life.is_fresh(now) {
            return None;
        }
        self.ask();
        Some(self.token.clone())
    }

    pub(crate) fn token(&self) -> &AccessToken {
        &self.token
    }

    pub(crate) fn is(&self, token: &AccessToken) -> bool {
        self.token.token == token.token
    }

    /// A call asks for it.
    pub(super) fn ask(&self) {
        // Written only once: callers on many threads would wait for the same cache line.
        if !self.is_used.load(Relaxed) || !self.is_asked_for() {
            self.is_asked_for.store(true, Relaxed);
            self.is_used.store(true, Relaxed);
        }
    }

    /// A caller has waited for it. That makes it worth renewing, but not worth keeping.
    pub(super) fn was_waited_for(&self) {
        self.is_asked_for.store(true, Relaxed);
    }

    pub(super) fn is_asked_for(&self) -> bool {
        self.is_asked_for.load(Relaxed)
    }

    /// Whether it was used since the last call of this function.
    pub(super) fn take_used(&self) -> bool {
        self.is_used.swap(false, Relaxed)
    }

    /// It takes over from the token before it whether that was used.
    pub(super) fn replaces(&self, before: &Self) {
        self.is_used.fetch_or(before.is_used.load(Relaxed), Relaxed);
    }

    pub(super) fn reject(&self) {
        self.is_rejected.store(true, Relaxed);
    }

    pub(super) fn accept(&self) {
        self.is_rejected.store(false, Relaxed);
    }

    pub(super) fn is_rejected(&self) -> bool {
        self.is_rejected.load(Relaxed)
    }
}

impl Named for CachedToken {
    fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for CachedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedToken")
            .field("name", &self.name)
            .field("expires_on", &self.token.expires_on)
            .finish_non_exhaustive()
    }
}

/// The tokens of one tenant, or of one source.
pub(crate) type CachedTokens = SnapshotMap<CachedToken>;
