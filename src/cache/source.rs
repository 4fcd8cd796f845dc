//! What a cache is made for: its source of tokens, its keys, and its errors.

use super::{CachedTokens, Fetched};
use crate::budget::Budget;
use azure_core::credentials::AccessToken;
use futures::future::BoxFuture;
use std::{hash::Hash, io, sync::Arc, time::Duration};

/// The source of tokens.
pub(crate) trait Fetch<K, E>: Send + Sync {
    fn fetch(&self, key: K, request: Request) -> BoxFuture<'static, Result<Fetched, E>>;
    /// The error of a call that gets no response for a reason that lies in the cache.
    fn gave_up(&self, why: GaveUp) -> E;
    /// Reports an event to the operator of the service: once, and not for each call.
    fn report(&self, key: &K, report: Report<E>);
}

/// An event that the operator of the service should know.
#[derive(Debug)]
pub(crate) enum Report<E> {
    /// Fetches fail. This comes once, and then once a minute for as long as it lasts.
    Fails {
        error: E,
        /// How long the current token can still be used.
        left: Option<Duration>,
        /// Until the next try.
        next: Duration,
    },
    /// A fetch has succeeded again.
    Recovered { after: Duration },
    /// A token that could still be used was dropped: more are in use than the limit.
    Evicted { left: Duration },
}

/// What a fetch has to know besides its key.
pub(crate) struct Request {
    /// How many requests it may make.
    pub(crate) budget: Arc<Budget>,
    /// The token that a service has rejected, and that the new token replaces.
    pub(crate) rejected: Option<AccessToken>,
}

/// What the cache has to know about an error.
pub(crate) trait Failure: Clone + Send + Sync + 'static {
    /// Whether a later request can succeed although nobody changes anything.
    fn is_transient(&self) -> bool;
    /// Whether the service has responded with a refusal.
    fn is_refusal(&self) -> bool;
    /// The pause that the service asked for (`Retry-After`).
    fn retry_after(&self) -> Option<Duration>;
    /// A pause in which no request may be sent at all, even if callers have no token.
    fn silence(&self) -> Option<Duration>;
    /// The same error for a caller who gets it after the time `age`, with the time until the next try.
    fn recalled(&self, age: Duration, next: Duration) -> Self;
}

/// The key of a token, and the place where calls find the token.
pub(crate) trait Key: Clone + Eq + Hash + Send + Sync + 'static {
    fn name(&self) -> &Arc<str>;
    /// The tokens among which this one is found by its name.
    fn tokens(&self) -> &CachedTokens;
}

/// Why a call gets no response.
#[derive(Clone, Copy, Debug)]
pub(crate) enum GaveUp {
    /// The code of the fetch panicked.
    Panicked,
    /// It took longer than all of its own deadlines together.
    TookTooLong,
    /// There were too many requests for this key. The next one is possible after this time.
    TooManyRequests(Duration),
    /// The current token is due, and the caller does not want one that is not renewed. The next try is
    /// after this time.
    NotRenewed(Duration),
    /// The queue of fetches has not moved for minutes. `queued` fetches were behind this one.
    QueueStoodStill { queued: usize },
    /// The operating system gave no thread for the fetch.
    NoThread(io::ErrorKind),
    /// The task that fetches has ended, twice.
    Ended,
}

/// The limits and options of a cache.
#[derive(Clone, Debug)]
pub(crate) struct Limits<E> {
    /// Cached tokens. There may be more while they are fetched.
    pub(crate) tokens: usize,
    /// Fetches under way at once.
    pub(crate) at_once: usize,
    /// Requests for a key that are answered within [`WINDOW`](super::WINDOW).
    pub(crate) requests: usize,
    /// How long a fetch may take from its begin. Its own deadlines are shorter; this is a safeguard.
    pub(crate) fetch: Duration,
    /// Whether this cache remembers a failure.
    pub(crate) remembers: fn(&E) -> bool,
    /// Whether callers get an error instead of a due token that could not be renewed.
    pub(crate) fails_unchanged: bool,
}
