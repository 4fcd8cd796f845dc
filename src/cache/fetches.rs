//! The fetches of a cache: who waits for each, which begins next, and which are under way.

use super::{Failure, GaveUp, Key, Reply, Request, Shared, life::Fetched, rules};
use crate::{budget::Budget, time::timeout};
use azure_core::credentials::AccessToken;
use futures::{
    future::{AbortHandle, Abortable, BoxFuture, FutureExt},
    stream::{FuturesUnordered, StreamExt},
};
use std::{
    collections::{BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

/// How long a queued caller waits while nobody at all gets a token. Every fetch under way ends, so the
/// queue moves on; this is for a queue that moves too slowly to be worth waiting for.
const LONGEST_STANDSTILL: Duration = Duration::from_secs(5 * 60);

/// How often to check whether a caller has been cancelled, while others are queued: a caller leaves
/// without notice.
const CHECK_FOR_ROOM: Duration = Duration::from_secs(1);

/// The most of a `Retry-After` that the renewals of a whole family wait for.
const LONGEST_HOLD: Duration = Duration::from_secs(300);

/// At most so many fetches are under way at once. The others are queued: those that a caller waits for
/// come before renewals.
pub(super) struct Fetches<K, E> {
    at_once: usize,
    records: HashMap<u64, Record<K, E>>,
    queued: BTreeSet<Place>,
    under_way: BTreeSet<u64>,
    work: FuturesUnordered<BoxFuture<'static, (u64, Option<Outcome<E>>)>>,
    last_place: u64,
    /// The service has asked for a pause until then.
    held_until: Duration,
    /// When a fetch last brought a token.
    last_token: Duration,
}

pub(super) type Outcome<E> = Result<Fetched, E>;

/// The place of a fetch in the queue: whether it is a renewal, in which order it came there, and its id.
type Place = (bool, u64, u64);

/// A fetch that is queued or under way, and who waits for it.
struct Record<K, E> {
    key: K,
    fetch: rules::Fetch,
    place: Place,
    /// When it came to its place.
    since: Duration,
    waiters: Waiters<E>,
    /// Those who have a token, and get it if the fetch takes too long.
    brief: Waiters<E>,
    was_waited_for: bool,
    /// A service has refused this token: the fetch goes on even if nobody waits for it.
    rejected: Option<AccessToken>,
    start: Option<Start>,
}

/// The start of a fetch that is under way.
struct Start {
    budget: Arc<Budget>,
    /// Of the cache, at that time.
    epoch: u64,
    abort: AbortHandle,
}

struct Waiters<E> {
    replies: Vec<Reply<E>>,
    /// With so many, those who have been cancelled are removed.
    prune_at: usize,
}

/// What happens next to a fetch that is queued or under way.
pub(super) enum Admission<K> {
    /// The fetch of this key may begin.
    Begins { key: K },
    /// Nobody waits for it any more. `answered` is how many of its requests were answered.
    Abandoned { id: u64, key: K, answered: u32 },
}

/// A fetch that has ended.
pub(super) struct Ended<K, E> {
    pub(super) id: u64,
    pub(super) key: K,
    pub(super) outcome: Outcome<E>,
    /// How many of its requests were answered.
    pub(super) answered: u32,
    /// Of the cache, when it began.
    pub(super) epoch: u64,
    pub(super) was_waited_for: bool,
    pub(super) replies: Vec<Reply<E>>,
}

impl<K, E> Record<K, E> {
    fn is_wanted(&self) -> bool {
        let goes_on = self.rejected.is_some() || !self.fetch.need.is_urgent();
        goes_on || self.waiters.is_anyone_left() || self.brief.is_anyone_left()
    }

    fn replies(self) -> Vec<Reply<E>> {
        let mut replies = self.waiters.replies;
        replies.extend(self.brief.replies);
        replies
    }
}

impl<E> Waiters<E> {
    fn none() -> Self {
        Self {
            replies: Vec::new(),
            prune_at: 64,
        }
    }

    fn add(&mut self, reply: Reply<E>) {
        if self.replies.len() >= self.prune_at {
            self.replies.retain(|reply| !reply.is_canceled());
            self.prune_at = self.replies.len() * 2 + 64;
        }
        self.replies.push(reply);
    }

    fn is_anyone_left(&self) -> bool {
        self.replies.iter().any(|reply| !reply.is_canceled())
    }
}

impl<K: Key, E: Failure> Fetches<K, E> {
    pub(super) fn new(at_once: usize, now: Duration) -> Self {
        Self {
            at_once,
            records: HashMap::new(),
            queued: BTreeSet::new(),
            under_way: BTreeSet::new(),
            work: FuturesUnordered::new(),
            last_place: 0,
            held_until: Duration::ZERO,
            last_token: now,
        }
    }

    /// Queues a fetch. One that is queued already moves to where its need now belongs, and one that is
    /// under way stays so.
    pub(super) fn queue(&mut self, key: &K, fetch: rules::Fetch, now: Duration) {
        let is_renewal = !fetch.need.is_urgent();
        let place = (is_renewal, self.last_place + 1, fetch.id);
        let record = self.records.entry(fetch.id).or_insert_with(|| Record {
            key: key.clone(),
            fetch,
            place,
            since: now,
            waiters: Waiters::none(),
            brief: Waiters::none(),
            was_waited_for: false,
            rejected: None,
            start: None,
        });
        record.fetch = fetch;
        if record.start.is_some() {
            return;
        }
        if record.place.0 != is_renewal {
            self.queued.remove(&record.place);
            record.place = place;
            record.since = now;
        }
        if self.queued.insert(record.place) {
            self.last_place += 1;
        }
    }

    /// Has a caller wait for a fetch.
    pub(super) fn wait(&mut self, id: u64, reply: Reply<E>, is_brief: bool) {
        if let Some(record) = self.records.get_mut(&id) {
            record.was_waited_for = true;
            match is_brief {
                true => record.brief.add(reply),
                false => record.waiters.add(reply),
            }
        }
    }

    /// Takes out those who wait briefly for a fetch.
    pub(super) fn take_brief(&mut self, id: u64) -> Vec<Reply<E>> {
        let record = self.records.get_mut(&id);
        record.map_or_else(Vec::new, |record| std::mem::take(&mut record.brief.replies))
    }

    /// A fetch is to replace this token, which a service has refused.
    pub(super) fn replaces(&mut self, id: u64, token: AccessToken) {
        if let Some(record) = self.records.get_mut(&id) {
            record.rejected = Some(token);
        }
    }

    /// Takes the next fetch out of the queue. A fetch that nobody waits for any more makes room for one
    /// that somebody waits for.
    pub(super) fn admit(&mut self, now: Duration) -> Option<Admission<K>> {
        let is_held = now < self.held_until;
        let place @ (is_renewal, _, id) = *self.queued.first()?;
        if is_held && is_renewal {
            return None;
        }
        // While the service wants a pause, requests go out one at a time, and only for callers without
        // a token: the service may mean one tenant, and the others need not wait.
        let at_once = if is_held { 1 } else { self.at_once };
        if self.under_way.len() >= at_once {
            let records = &self.records;
            let is_abandoned = |id: &&u64| records.get(id).is_some_and(|it| !it.is_wanted());
            let id = *self.under_way.iter().find(is_abandoned)?;
            return if is_renewal { None } else { self.abandon(id) };
        }
        let record = self.records.get(&id)?;
        if !record.is_wanted() {
            return self.abandon(id);
        }
        let key = record.key.clone();
        self.queued.remove(&place);
        Some(Admission::Begins { key })
    }

    /// Ends a fetch. Its callers are not answered.
    pub(super) fn abandon(&mut self, id: u64) -> Option<Admission<K>> {
        let record = self.remove(id)?;
        let answered = record.start.map_or(0, |start| {
            start.abort.abort();
            start.budget.answered()
        });
        let key = record.key;
        Some(Admission::Abandoned { id, key, answered })
    }

    fn remove(&mut self, id: u64) -> Option<Record<K, E>> {
        let record = self.records.remove(&id)?;
        self.queued.remove(&record.place);
        self.under_way.remove(&id);
        Some(record)
    }

    pub(super) fn begin(&mut self, id: u64, shared: &Arc<Shared<K, E>>, requests: u32, epoch: u64) {
        let Some(record) = self.records.get_mut(&id) else {
            return;
        };
        let budget = Arc::new(Budget::new(requests));
        let (abort, registration) = AbortHandle::new_pair();
        record.start = Some(Start {
            budget: Arc::clone(&budget),
            epoch,
            abort,
        });
        let request = Request {
            budget,
            rejected: record.rejected.clone(),
        };
        let (shared, key) = (Arc::clone(shared), record.key.clone());
        let work = async move {
            let limit = shared.limits.fetch;
            // Also what the application's code does before it first waits.
            let fetched = async { shared.fetch.fetch(key, request).await };
            let fetched = timeout(shared.clock.as_ref(), limit, fetched);
            match AssertUnwindSafe(fetched).catch_unwind().await {
                Ok(Some(outcome)) => outcome,
                Ok(None) => Err(shared.fetch.gave_up(GaveUp::TookTooLong)),
                Err(_panic) => Err(shared.fetch.gave_up(GaveUp::Panicked)),
            }
        };
        let work = Abortable::new(work, registration);
        self.work
            .push(Box::pin(work.map(move |outcome| (id, outcome.ok()))));
        self.under_way.insert(id);
    }

    /// Polls those under way. Ready when one has ended; pending also when there is none.
    pub(super) fn poll(&mut self, context: &mut task::Context<'_>) -> Poll<Ended<K, E>> {
        while let Poll::Ready(Some((id, outcome))) = self.work.poll_next_unpin(context) {
            // One that was abandoned has been removed before.
            let (Some(outcome), Some(mut record)) = (outcome, self.remove(id)) else {
                continue;
            };
            let Some(start) = record.start.take() else {
                continue;
            };
            return Poll::Ready(Ended {
                id,
                key: record.key.clone(),
                outcome,
                answered: start.budget.answered(),
                epoch: start.epoch,
                was_waited_for: record.was_waited_for,
                replies: record.replies(),
            });
        }
        Poll::Pending
    }

    pub(super) fn brought_token(&mut self, now: Duration) {
        self.last_token = now;
    }

    /// The service has asked for a pause.
    pub(super) fn hold(&mut self, retry_after: Duration, now: Duration) {
        self.held_until = self.held_until.max(now + retry_after.min(LONGEST_HOLD));
    }

    /// Takes out the first that callers wait for, if it has waited too long while nobody got a token.
    /// With it: who waits, and how many are queued behind it.
    pub(super) fn end_standstill(&mut self, now: Duration) -> Option<(K, Vec<Reply<E>>, usize)> {
        let id = self.first_urgent().map(|(id, _)| id)?;
        if self.standstill_ends()? > now {
            return None;
        }
        let record = self.remove(id)?;
        Some((record.key.clone(), record.replies(), self.queued.len()))
    }

    fn standstill_ends(&self) -> Option<Duration> {
        let (_, since) = self.first_urgent()?;
        Some(since.max(self.last_token) + LONGEST_STANDSTILL)
    }

    /// The first in the queue that callers wait for, and since when.
    fn first_urgent(&self) -> Option<(u64, Duration)> {
        let (is_renewal, _, id) = *self.queued.first()?;
        let record = self.records.get(&id).filter(|_| !is_renewal)?;
        Some((id, record.since))
    }

    /// The next time at which [`admit`](Self::admit) or [`end_standstill`](Self::end_standstill) may
    /// have something to do.
    pub(super) fn next_time(&self, now: Duration) -> Option<Duration> {
        let room = self.first_urgent().map(|_| now + CHECK_FOR_ROOM);
        let is_held = !self.queued.is_empty() && now < self.held_until;
        let held = is_held.then_some(self.held_until);
        let times = [self.standstill_ends(), held, room];
        times.into_iter().flatten().min()
    }

    #[cfg(test)]
    pub(super) fn waiters(&self) -> usize {
        self.records
            .values()
            .map(|record| record.waiters.replies.len() + record.brief.replies.len())
            .sum()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}
