//! What callers find, without a lock, for as long as it is fresh.

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

/// A token, and what its readers leave word of.
pub(crate) struct CachedToken {
    name: Arc<str>,
    pub(super) token: AccessToken,
    pub(super) life: Life,
    /// That of the cache when the token was asked for. Another one makes it invisible.
    epoch: u64,
    marks: AtomicU8,
}

/// Somebody has asked since the token came: it is worth renewing.
const ASKED: u8 = 1;
/// Somebody has asked since the cache last looked for what to evict.
const USED: u8 = 2;
/// A service has refused it.
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

    /// The token, if there is nothing to be done but to hand it out.
    pub(super) fn if_fresh(&self, now: Moment, epoch: u64) -> Option<AccessToken> {
        let marks = self.marks.load(Ordering::Relaxed);
        if marks & REJECTED != 0 || self.epoch != epoch || !self.life.is_fresh(now) {
            return None;
        }
        // Not written again: callers on many threads would contend for the line.
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

    /// Somebody has waited for it, which alone does not make it worth keeping.
    pub(super) fn was_waited_for(&self) {
        self.marks.fetch_or(ASKED, Ordering::Relaxed);
    }

    pub(super) fn was_asked(&self) -> bool {
        self.marks.load(Ordering::Relaxed) & ASKED != 0
    }

    /// Whether it was used since this was asked last.
    pub(super) fn take_used(&self) -> bool {
        self.marks.fetch_and(!USED, Ordering::Relaxed) & USED != 0
    }

    /// It is used for as much as the one before it was.
    pub(super) fn replaces(&self, before: &Self) {
        let used = before.marks.load(Ordering::Relaxed) & USED;
        self.marks.fetch_or(used, Ordering::Relaxed);
    }

    /// It is still there for those who find it good, but no longer without a word to the cache.
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

/// Where the tokens of one tenant, or of one source, are found.
pub(crate) type CachedTokens = SnapshotMap<CachedToken>;
