//! The fetches of a cache: who waits for each, which begins next, and which are under way.

use super::{
    Failure, GaveUp, Key, Reply, Request, Shared, event::Admitted, life::Fetched, pace::Need, rules,
};
use crate::{budget::Budget, time::timeout};
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
    queued: BTreeSet<Turn>,
    under_way: BTreeSet<u64>,
    work: FuturesUnordered<BoxFuture<'static, (u64, Option<Outcome<E>>)>>,
    last_turn: u64,
    /// The service has asked for a pause until then.
    held_until: Duration,
    /// The last fetch that began in a pause.
    began_held: Option<u64>,
    /// When a fetch last brought a token.
    last_token: Duration,
}

pub(super) type Outcome<E> = Result<Fetched, E>;

/// The turn of a fetch in the queue: whether it is a renewal, in which order it came there, and its id.
type Turn = (bool, u64, u64);

/// A fetch that is queued or under way, and who waits for it.
struct Record<K, E> {
    key: K,
    fetch: rules::Fetch,
    turn: Turn,
    /// When it got this turn.
    since: Duration,
    /// Those who wait for as long as it takes.
    waiters: Vec<Reply<E>>,
    /// Those who have a token, and get it if the fetch takes too long.
    brief: Vec<Reply<E>>,
    was_waited_for: bool,
    /// It is from before `clear`: what it brings is for its callers alone.
    is_earlier: bool,
    start: Option<Start>,
}

/// The start of a fetch that is under way.
struct Start {
    budget: Arc<Budget>,
    /// Of the cache, at that time.
    epoch: u64,
    abort: AbortHandle,
}

/// What happens next to a fetch.
pub(super) enum Admission<K, E> {
    /// The queued fetch of this key may begin.
    Begins(K),
    /// It is given up.
    GivenUp(GivenUp<K, E>),
}

/// A fetch that is given up, and those who still wait for it.
pub(super) struct GivenUp<K, E> {
    pub(super) id: u64,
    pub(super) key: K,
    /// How many of its requests were answered.
    pub(super) answered: u32,
    /// How many others are queued.
    pub(super) queued: usize,
    pub(super) waiters: Vec<Reply<E>>,
    pub(super) brief: Vec<Reply<E>>,
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
    pub(super) waiters: Vec<Reply<E>>,
    pub(super) brief: Vec<Reply<E>>,
}

impl<K, E> Record<K, E> {
    fn is_wanted(&self) -> bool {
        let goes_on = self.fetch.need != Need::Token && !self.is_earlier;
        goes_on || self.is_waited_for()
    }

    fn is_waited_for(&self) -> bool {
        let mut replies = self.waiters.iter().chain(&self.brief);
        replies.any(|reply| !reply.is_canceled())
    }
}

/// Adds one who waits. Those who have been cancelled do not add up.
fn add<E>(replies: &mut Vec<Reply<E>>, reply: Reply<E>) {
    if replies.len() == replies.capacity() {
        replies.retain(|reply| !reply.is_canceled());
        replies.reserve(replies.len() + 1);
    }
    replies.push(reply);
}

impl<K: Key, E: Failure> Fetches<K, E> {
    pub(super) fn new(at_once: usize, now: Duration) -> Self {
        Self {
            at_once,
            records: HashMap::new(),
            queued: BTreeSet::new(),
            under_way: BTreeSet::new(),
            work: FuturesUnordered::new(),
            last_turn: 0,
            held_until: Duration::ZERO,
            began_held: None,
            last_token: now,
        }
    }

    /// Queues a fetch. One that is queued already moves to where its need now belongs, and one that is
    /// under way stays so.
    pub(super) fn queue(&mut self, key: &K, fetch: rules::Fetch, now: Duration) {
        let is_renewal = fetch.need == Need::Renewal;
        let turn = (is_renewal, self.last_turn + 1, fetch.id);
        let record = self.records.entry(fetch.id).or_insert_with(|| Record {
            key: key.clone(),
            fetch,
            turn,
            since: now,
            waiters: Vec::new(),
            brief: Vec::new(),
            was_waited_for: false,
            is_earlier: false,
            start: None,
        });
        record.fetch = fetch;
        if record.start.is_some() {
            return;
        }
        if record.turn.0 != is_renewal {
            self.queued.remove(&record.turn);
            record.turn = turn;
            record.since = now;
        }
        if self.queued.insert(record.turn) {
            self.last_turn += 1;
        }
    }

    /// Has a caller wait for a fetch.
    pub(super) fn wait(&mut self, id: u64, reply: Reply<E>, is_brief: bool) {
        if let Some(record) = self.records.get_mut(&id) {
            record.was_waited_for = true;
            match is_brief {
                true => add(&mut record.brief, reply),
                false => add(&mut record.waiters, reply),
            }
        }
    }

    /// Takes out those who wait briefly for a fetch.
    pub(super) fn take_brief(&mut self, id: u64) -> Vec<Reply<E>> {
        let record = self.records.get_mut(&id);
        record.map_or_else(Vec::new, |record| std::mem::take(&mut record.brief))
    }

    /// `clear` was called after the fetch began.
    pub(super) fn mark_earlier(&mut self, id: u64) {
        if let Some(record) = self.records.get_mut(&id) {
            record.is_earlier = true;
        }
    }

    /// Takes the next fetch out of the queue, or gives one up that nobody waits for any more.
    pub(super) fn admit(&mut self, now: Duration) -> Option<Admission<K, E>> {
        let is_held = now < self.held_until;
        let turn @ (is_renewal, _, id) = *self.queued.first()?;
        let is = |id: &u64, what: fn(&Record<K, E>) -> bool| self.records.get(id).is_some_and(what);
        let unwanted = |id: &u64| is(id, |record| !record.is_wanted());
        if unwanted(&id) {
            return self.give_up(id).map(Admission::GivenUp);
        }
        // While the service wants a pause, requests go out one at a time, and none for renewals: the
        // service may mean one tenant, and the callers of others need not wait.
        let before = self
            .began_held
            .filter(|id| is_held && self.under_way.contains(id));
        let is_full = self.under_way.len() >= self.at_once;
        if is_renewal && (is_held || is_full) {
            return None;
        }
        if is_full || before.is_some() {
            let in_the_way = match before {
                // Also a replacement that nobody waits for, but only for a caller.
                Some(before) => Some(before).filter(|before| {
                    let is_waited_for = |id| is(id, Record::is_waited_for);
                    is_waited_for(&id) && !is_waited_for(before)
                }),
                None => self.under_way.iter().copied().find(unwanted),
            };
            return self.give_up(in_the_way?).map(Admission::GivenUp);
        }
        if is_held {
            self.began_held = Some(id);
        }
        let key = self.records.get(&id)?.key.clone();
        self.queued.remove(&turn);
        Some(Admission::Begins(key))
    }

    fn give_up(&mut self, id: u64) -> Option<GivenUp<K, E>> {
        let record = self.remove(id)?;
        let answered = record.start.map_or(0, |start| {
            start.abort.abort();
            start.budget.answered()
        });
        Some(GivenUp {
            id,
            key: record.key,
            answered,
            queued: self.queued.len(),
            waiters: record.waiters,
            brief: record.brief,
        })
    }

    fn remove(&mut self, id: u64) -> Option<Record<K, E>> {
        let record = self.records.remove(&id)?;
        self.queued.remove(&record.turn);
        self.under_way.remove(&id);
        Some(record)
    }

    pub(super) fn begin(
        &mut self,
        id: u64,
        shared: &Arc<Shared<K, E>>,
        admitted: Admitted,
        epoch: u64,
    ) {
        let Some(record) = self.records.get_mut(&id) else {
            return;
        };
        let budget = Arc::new(Budget::new(admitted.requests));
        let (abort, registration) = AbortHandle::new_pair();
        record.start = Some(Start {
            budget: Arc::clone(&budget),
            epoch,
            abort,
        });
        let request = Request {
            budget,
            rejected: admitted.rejected,
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
                key: record.key,
                outcome,
                answered: start.budget.answered(),
                epoch: start.epoch,
                was_waited_for: record.was_waited_for,
                waiters: record.waiters,
                brief: record.brief,
            });
        }
        Poll::Pending
    }

    pub(super) fn brought_token(&mut self, now: Duration) {
        self.last_token = now;
    }

    /// The service has asked for a pause.
    pub(super) fn hold(&mut self, retry_after: Duration, now: Duration) {
        if self.held_until <= now {
            self.began_held = None;
        }
        self.held_until = self.held_until.max(now + retry_after.min(LONGEST_HOLD));
    }

    /// Gives up the first that callers wait for, if it has waited too long while nobody got a token.
    pub(super) fn end_standstill(&mut self, now: Duration) -> Option<GivenUp<K, E>> {
        let (id, _) = self.first_urgent()?;
        match self.standstill_ends()? <= now {
            true => self.give_up(id),
            false => None,
        }
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
            .map(|record| record.waiters.len() + record.brief.len())
            .sum()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}
