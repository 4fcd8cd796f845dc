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
    /// A fetch is given up: nobody waits for it any more, or the queue has stood still for too long.
    GivenUp {
        id: u64,
        /// How many requests were answered.
        answered: u32,
        /// How many others are queued.
        queued: usize,
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
    /// There are too many keys, and this one has been among the idle ones for longest.
    Crowded,
}

/// The circumstances of an event.
pub(super) struct Context<'a, E> {
    pub(super) now: Moment,
    /// Counts the calls of `clear`.
    pub(super) epoch: u64,
    /// The id of a fetch that is requested now. No other fetch of the cache has it.
    pub(super) next_id: u64,
    pub(super) limits: &'a Limits<E>,
}

/// The answer for callers.
#[derive(Debug)]
pub(super) enum Answer<E> {
    Token(AccessToken),
    Error(E),
    GaveUp(GaveUp),
    /// Wait for the fetch.
    Wait,
    /// Wait for the fetch. If it has not ended when the key is looked at, ask again: there is a token.
    WaitBriefly,
}

/// A fetch that begins.
#[derive(Debug)]
pub(super) struct Admitted {
    /// How many requests it may have answered.
    pub(super) requests: u32,
    /// The token that it replaces.
    pub(super) rejected: Option<AccessToken>,
}

/// What the rules decide.
#[derive(Debug)]
pub(super) struct Decision<E> {
    pub(super) answer: Option<Answer<E>>,
    /// The queued fetch begins now.
    pub(super) admits: Option<Admitted>,
    /// What the operator of the service should know.
    pub(super) report: Option<Report<E>>,
    /// When to look at the key again.
    pub(super) wake_at: Option<Duration>,
    /// Nothing about the key has to be kept.
    pub(super) is_over: bool,
}
