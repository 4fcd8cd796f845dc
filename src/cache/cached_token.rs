//! A token in the cache. Calls read it without a lock.

use super::life::{Fetched, Life};
use crate::{
    snapshot::{Named, SnapshotMap},
    time::Moment,
};
use azure_core::credentials::AccessToken;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

/// A token, with marks that calls set without a lock.
pub(crate) struct CachedToken {
    name: Arc<str>,
    pub(super) token: AccessToken,
    pub(super) life: Life,
    /// The cache's epoch when the token was requested. In a later epoch it is not found.
    epoch: u64,
    marks: AtomicU8,
}

/// A call has asked for the token since it was received: it is worth renewing.
const ASKED: u8 = 1;
/// A call has asked for it since the cache last looked for tokens to evict.
const USED: u8 = 2;
/// A service has rejected it.
const REJECTED: u8 = 4;

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
            marks: AtomicU8::new(0),
        })
    }

    /// The token, if it is fresh and not rejected.
    pub(super) fn if_fresh(&self, now: Moment, epoch: u64) -> Option<AccessToken> {
        let marks = self.marks.load(Ordering::Relaxed);
        if marks & REJECTED != 0 || self.epoch != epoch || !self.life.is_fresh(now) {
            return None;
        }
        // Written only once: callers on many threads would wait for the same cache line.
        if marks != ASKED | USED {
            self.marks.fetch_or(ASKED | USED, Ordering::Relaxed);
        }
        Some(self.token.clone())
    }

    pub(crate) fn token(&self) -> &AccessToken {
        &self.token
    }

    pub(crate) fn is(&self, token: &AccessToken) -> bool {
        self.token.token == token.token
    }

    pub(super) fn asked(&self) {
        self.marks.fetch_or(ASKED | USED, Ordering::Relaxed);
    }

    /// A caller has waited for it. That makes it worth renewing, but not worth keeping.
    pub(super) fn was_waited_for(&self) {
        self.marks.fetch_or(ASKED, Ordering::Relaxed);
    }

    pub(super) fn was_asked(&self) -> bool {
        self.marks.load(Ordering::Relaxed) & ASKED != 0
    }

    /// Whether it was used since the last call of this function.
    pub(super) fn take_used(&self) -> bool {
        self.marks.fetch_and(!USED, Ordering::Relaxed) & USED != 0
    }

    /// It takes over from the token before it whether that was used.
    pub(super) fn replaces(&self, before: &Self) {
        let used = before.marks.load(Ordering::Relaxed) & USED;
        self.marks.fetch_or(used, Ordering::Relaxed);
    }

    /// From now on calls get it only through the cache's owner.
    pub(super) fn reject(&self) {
        self.marks.fetch_or(REJECTED, Ordering::Relaxed);
    }

    pub(super) fn accept(&self) {
        self.marks.fetch_and(!REJECTED, Ordering::Relaxed);
    }

    pub(super) fn is_rejected(&self) -> bool {
        self.marks.load(Ordering::Relaxed) & REJECTED != 0
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
