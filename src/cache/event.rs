//! What happens to a key, and what the rules decide about it.

use super::{CachedToken, GaveUp, Limits, Report};
use crate::time::Moment;
use azure_core::credentials::AccessToken;
use std::{sync::Arc, time::Duration};

/// What has happened.
pub(super) enum Event<E> {
    /// A caller wants the token.
    Asked,
    /// A service has rejected this token.
    Rejected {
        token: AccessToken,
        /// Whether the caller waits for another.
        is_waited_for: bool,
    },
    /// The fetch may begin.
    Admitted,
    /// The fetch does not begin, or is ended, because nobody waits for it any more.
    Abandoned {
        /// How many requests were answered.
        answered: u32,
    },
    /// A fetch has ended.
    Ended {
        id: u64,
        result: Result<Arc<CachedToken>, E>,
        /// How many requests were answered.
        answered: u32,
        was_waited_for: bool,
        jitter: f64,
    },
    /// The time at which the key is looked at.
    Woken,
    /// There are too many keys, and this is the one that was not looked at for longest.
    Crowded,
}

/// The circumstances of an event.
pub(super) struct Context<'a, E> {
    pub(super) now: Moment,
    /// Counts the calls of `clear`.
    pub(super) epoch: u64,
    /// The id of a fetch that is begun now.
    pub(super) next_id: u64,
    pub(super) limits: &'a Limits<E>,
}

/// The answer for callers.
#[derive(Clone, Debug)]
pub(super) enum Answer<E> {
    Token(AccessToken),
    Error(E),
    GaveUp(GaveUp),
    /// Wait for the fetch.
    Wait,
    /// Wait for the fetch, but ask again when the key is looked at, because there is a token.
    WaitBriefly,
}

/// What the rules decide.
#[derive(Debug)]
pub(super) struct Decision<E> {
    pub(super) answer: Option<Answer<E>>,
    /// A fetch is to be queued.
    pub(super) begins: bool,
    /// The queued fetch begins now, and may have so many requests answered.
    pub(super) admits: Option<u32>,
    /// What the operator of the service should know.
    pub(super) report: Option<Report<E>>,
    /// When to look at the key again.
    pub(super) wake_at: Option<Duration>,
    /// Nothing about the key has to be kept.
    pub(super) is_over: bool,
}
