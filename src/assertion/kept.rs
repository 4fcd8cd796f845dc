//! The cache of one source: the current assertion.

use crate::{
    budget::Budget,
    cache::{Cache, CachedToken, CachedTokens, Fetch, Key, Limits, Report, Request},
    error::Error,
    time::Clock,
};
use azure_core::credentials::AccessToken;
use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};
use tracing::{info, warn};

/// Keeps an assertion while it is valid, and renews it ahead of time.
pub(crate) struct KeptAssertion {
    from: Arc<dyn Fetch<TheAssertion, Error>>,
    cache: Cache<TheAssertion, Error>,
    key: TheAssertion,
}

/// The only key in the cache of a source.
#[derive(Clone, Debug)]
pub(super) struct TheAssertion {
    name: Arc<str>,
    tokens: Arc<CachedTokens>,
}

impl Key for TheAssertion {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn tokens(&self) -> &CachedTokens {
        &self.tokens
    }
}

impl PartialEq for TheAssertion {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for TheAssertion {}

impl Hash for TheAssertion {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl KeptAssertion {
    pub(super) fn new(from: Arc<dyn Fetch<TheAssertion, Error>>, clock: Arc<dyn Clock>) -> Self {
        let limits = Limits {
            tokens: 1,
            at_once: 1,
            // The host's endpoint has its own limits, and the back-off respects them.
            requests: usize::MAX,
            // The deadline of the identity leg is 75 s.
            fetch: Duration::from_secs(80),
            remembers: |_| true,
            fails_unchanged: false,
        };
        Self {
            cache: Cache::new(Arc::clone(&from), limits, clock),
            from,
            key: TheAssertion {
                name: "assertion".into(),
                tokens: Arc::default(),
            },
        }
    }

    pub(super) async fn get(&self) -> Result<AccessToken, Error> {
        match self.cache.at_hand(&self.key.tokens, &self.key.name) {
            Some(token) => Ok(token),
            None => self.cache.get(self.key.clone()).await,
        }
    }

    /// Requests one from the source. The cache is neither read nor written.
    pub(super) async fn fresh(&self) -> Result<AccessToken, Error> {
        let request = Request {
            budget: Arc::new(Budget::new(u32::MAX)),
            rejected: None,
        };
        let fetched = self.from.fetch(self.key.clone(), request).await?;
        Ok(fetched.token)
    }

    pub(super) async fn replace(&self, refused: &AccessToken) -> Result<AccessToken, Error> {
        self.cache.replace(self.key.clone(), refused).await
    }

    /// Whether this is the current assertion.
    pub(super) fn is(&self, assertion: &AccessToken) -> bool {
        let is_it = |token: &CachedToken| token.is(assertion);
        self.key.tokens.with(&self.key.name, is_it) == Some(true)
    }

    /// The current assertion, also if it is old.
    pub(super) fn current(&self) -> Option<AccessToken> {
        let token = |token: &CachedToken| token.token().clone();
        self.key.tokens.with(&self.key.name, token)
    }

    /// Forgets the current assertion.
    pub(super) fn clear(&self) {
        self.cache.clear();
    }
}

impl fmt::Debug for KeptAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptAssertion").finish_non_exhaustive()
    }
}

pub(super) fn log(report: &Report<Error>) {
    match report {
        Report::Fails { error, left, next } => warn!(
            error.type = error.kind_for_log(),
            assertion_left_s = left.map(|left| left.as_secs()),
            next_try_s = next.as_secs(),
            "{}: {error}",
            match left {
                Some(_) => "the client assertion cannot be renewed",
                None => "there is no client assertion",
            },
        ),
        Report::Recovered { after } => info!(
            outage_s = after.as_secs(),
            "there is a new client assertion again"
        ),
        // There is one alone.
        Report::Evicted { .. } => {}
    }
}
