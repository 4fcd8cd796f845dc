//! The owner of a cache: one task that alone decides, polls the fetches and keeps the times. Callers send
//! it what they want, and wait for the answer.
//!
//! Nothing here is shared, so nothing is locked. What is the application's own (a transport, a source
//! of assertions) is polled and dropped by this task and by nobody else.

use super::{
    CachedToken, Command, Failure, GaveUp, Key, Reply, Report, Request, Shared,
    eviction::{Order, Place},
    life::Fetched,
    pace::Need,
    queue::Queue,
    rules::{Answer, Decision, Event, State},
    schedule::Schedule,
};
use crate::{
    budget::Budget,
    random::fraction,
    time::{Moment, timeout},
};
use azure_core::credentials::AccessToken;
use futures::{
    future::{AbortHandle, Abortable, BoxFuture, FutureExt},
    stream::{FuturesUnordered, StreamExt},
};
use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tracing::debug;

/// How long a queued caller waits while nobody at all gets a token. Every fetch under way ends, so the
/// queue moves on; this is for one that moves too slowly to be worth waiting for.
const LONGEST_STANDSTILL: Duration = Duration::from_secs(5 * 60);

/// How often it is looked whether a caller has gone, while others wait for a place.
const LOOK_FOR_ROOM: Duration = Duration::from_secs(1);

pub(super) struct Owner<K, E> {
    shared: Arc<Shared<K, E>>,
    commands: UnboundedReceiver<Command<K, E>>,
    /// Boxed, as a table is half empty.
    entries: HashMap<K, Box<Entry<E>>>,
    fetches: HashMap<u64, Record<K, E>>,
    under_way: FuturesUnordered<BoxFuture<'static, (u64, Option<Outcome<E>>)>>,
    queue: Queue<E>,
    schedule: Schedule<Wake<K>>,
    /// Keys with a token.
    tokens: Order<K>,
    /// Keys without one, remembered for what was asked and answered.
    memories: Order<K>,
    /// Set for the first time of the schedule.
    timer: Option<(Duration, BoxFuture<'static, ()>)>,
    last_id: u64,
    /// When a fetch last brought a token.
    last_token: Duration,
}

type Outcome<E> = Result<Fetched, E>;

struct Entry<E> {
    state: State<E>,
    /// What readers find.
    published: Option<Arc<CachedToken>>,
    /// The time in the schedule at which the key is looked at.
    wake_at: Option<Duration>,
    outage: Option<Box<Outage>>,
    /// Where it stands in the order of eviction, and whether among those with a token.
    place: Option<(Place, bool)>,
}

/// Fetches of a key have failed since then.
struct Outage {
    since: Duration,
    reported: Option<Duration>,
}

/// How often an outage that lasts is reported.
const REPORTED_EVERY: Duration = Duration::from_secs(60);

/// A fetch that is queued or under way, and who waits for it.
struct Record<K, E> {
    key: K,
    need: Need,
    since: Duration,
    waiters: Vec<Waiter<E>>,
    /// Those who have gone meanwhile are looked for when there are so many.
    prune_at: usize,
    /// The earliest time at which a waiter's patience ends.
    patience_ends: Option<Duration>,
    /// Whether it has been waited for, whoever has gone meanwhile.
    was_waited_for: bool,
    /// It goes on whether somebody waits or not: a service has refused this token.
    rejected: Option<AccessToken>,
    under_way: Option<UnderWay>,
}

struct UnderWay {
    budget: Arc<Budget>,
    epoch: u64,
    /// Ends it.
    abort: AbortHandle,
}

struct Waiter<E> {
    reply: Reply<E>,
    /// Until when; there is a token at hand then.
    until: Option<Duration>,
}

enum Wake<K> {
    Key(K),
    /// The patience of those who wait for a fetch.
    Patience(u64),
}

impl<K, E> Record<K, E> {
    /// Whether somebody waits for it, or it is worth having anyway.
    fn is_wanted(&self) -> bool {
        let goes_on = self.rejected.is_some() || !self.need.is_urgent();
        goes_on || self.waiters.iter().any(|it| !it.reply.is_canceled())
    }

    fn is_abandoned(&self) -> bool {
        self.under_way.is_some() && !self.is_wanted()
    }
}

impl<K: Key, E: Failure> Owner<K, E> {
    pub(super) fn new(
        shared: Arc<Shared<K, E>>,
        commands: UnboundedReceiver<Command<K, E>>,
    ) -> Self {
        Self {
            queue: Queue::new(shared.limits.at_once),
            tokens: Order::new(shared.limits.tokens),
            memories: Order::new(shared.limits.tokens),
            last_token: shared.clock.now().monotonic,
            shared,
            commands,
            entries: HashMap::new(),
            fetches: HashMap::new(),
            under_way: FuturesUnordered::new(),
            schedule: Schedule::new(),
            timer: None,
            last_id: 0,
        }
    }

    fn obey(&mut self, command: Command<K, E>) {
        match command {
            Command::Get { key, reply } => self.tell(&key, Event::Asked, Some(reply)),
            Command::Replace { key, token, reply } => {
                let event = Event::Rejected {
                    token: token.clone(),
                    is_waited_for: reply.is_some(),
                };
                self.tell(&key, event, reply);
                if let Some((_, record)) = self.fetch_of(&key) {
                    record.rejected = Some(token);
                }
            }
            Command::Sweep => {
                let keys: Vec<_> = self.entries.keys().cloned().collect();
                for key in keys {
                    self.tell(&key, Event::Woken, None);
                }
            }
            #[cfg(test)]
            Command::Look(look) => look(self),
        }
    }

    /// Lets something happen to a key, and does what the rules say.
    fn tell(&mut self, key: &K, event: Event<E>, reply: Option<Reply<E>>) {
        let now = self.shared.clock.now();
        let entry = match self.entries.get_mut(key) {
            Some(entry) => entry,
            // Only a caller makes a key.
            None if reply.is_none() => return,
            None => {
                let entry = Entry {
                    state: State::new(self.shared.epoch()),
                    published: None,
                    wake_at: None,
                    outage: None,
                    place: None,
                };
                self.entries.entry(key.clone()).or_insert(Box::new(entry))
            }
        };
        let context = self.shared.context(now, self.last_id + 1);
        let mut decision = entry.state.on(event, &context);
        let answer = decision.answer.take();
        self.follow(key, decision, now);
        if let (Some(answer), Some(reply)) = (answer, reply) {
            self.answer(key, answer, reply);
        }
    }

    /// Does what the rules have decided.
    fn follow(&mut self, key: &K, decision: Decision<E>, now: Moment) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let held = entry.state.held().cloned();
        publish(key, entry.published.as_ref(), held.as_ref());
        entry.published = held;
        if decision.begins {
            self.last_id += 1;
        }
        if let Some(fetch) = entry.state.fetch() {
            let record = self.fetches.entry(fetch.id).or_insert_with(|| Record {
                key: key.clone(),
                need: fetch.need,
                since: now.monotonic,
                waiters: Vec::new(),
                prune_at: 64,
                patience_ends: None,
                was_waited_for: false,
                rejected: None,
                under_way: None,
            });
            // The place in the queue follows the need, also of what is queued already.
            let is_raised = fetch.need.is_urgent() && !record.need.is_urgent();
            if decision.begins || (is_raised && record.under_way.is_none()) {
                self.queue.push(fetch.id, fetch.need);
            }
            record.need = fetch.need;
        }
        let is_at_rest = entry.state.fetch().is_none();
        let has_token = entry.published.is_some();
        if entry
            .place
            .is_some_and(|(_, of_token)| of_token != has_token)
            || decision.is_over
        {
            self.leave(key);
        }
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if decision.is_over {
            self.entries.remove(key);
            return;
        }
        if is_at_rest && entry.place.is_none() {
            let order = match has_token {
                true => &mut self.tokens,
                false => &mut self.memories,
            };
            entry.place = Some((order.add(key.clone()), has_token));
        }
        if let Some(at) = decision.wake_at
            && entry.wake_at.is_none_or(|set| at < set)
        {
            entry.wake_at = Some(at);
            self.schedule.set(at, Wake::Key(key.clone()));
        }
    }

    fn answer(&mut self, key: &K, answer: Answer<E>, reply: Reply<E>) {
        let until = match answer {
            Answer::Wait => None,
            Answer::WaitUntil(until) => Some(until),
            // Whoever has gone needs no answer.
            Answer::Token(token) => return drop(reply.send(Ok(token))),
            Answer::Error(error) => return drop(reply.send(Err(error))),
            Answer::GaveUp(why) => {
                let error = self.shared.fetch.gave_up(why);
                return drop(reply.send(Err(error)));
            }
        };
        let Some((id, record)) = self.fetch_of(key) else {
            return;
        };
        record.was_waited_for = true;
        if record.waiters.len() >= record.prune_at {
            record.waiters.retain(|waiter| !waiter.reply.is_canceled());
            record.prune_at = record.waiters.len() * 2 + 64;
        }
        record.waiters.push(Waiter { reply, until });
        if let Some(until) = until
            && record.patience_ends.is_none_or(|set| until < set)
        {
            record.patience_ends = Some(until);
            self.schedule.set(until, Wake::Patience(id));
        }
    }

    fn fetch_of(&mut self, key: &K) -> Option<(u64, &mut Record<K, E>)> {
        let id = self.fetch_id(key)?;
        Some((id, self.fetches.get_mut(&id)?))
    }

    fn fetch_id(&self, key: &K) -> Option<u64> {
        Some(self.entries.get(key)?.state.fetch()?.id)
    }

    /// Begins what may begin.
    fn admit(&mut self) {
        let now = self.shared.clock.now();
        loop {
            while let Some(id) = self.queue.next(now.monotonic) {
                let Some(record) = self.fetches.get(&id).filter(|it| it.under_way.is_none()) else {
                    continue;
                };
                let key = record.key.clone();
                if record.is_wanted() {
                    self.tell(&key, Event::Admitted, None);
                    self.begin(id, &key, now);
                } else {
                    self.fetches.remove(&id);
                    self.tell(&key, Event::Abandoned { answered: 0 }, None);
                }
            }
            // One that nobody waits for any more makes room for one that somebody waits for.
            if self.first_queued_since().is_none() || !self.end_one_abandoned() {
                return;
            }
        }
    }

    fn end_one_abandoned(&mut self) -> bool {
        let mut fetches = self.fetches.iter();
        let Some(id) = fetches.find_map(|(id, it)| it.is_abandoned().then_some(*id)) else {
            return false;
        };
        let Some(record) = self.fetches.remove(&id) else {
            return false;
        };
        let answered = record.under_way.map_or(0, |it| {
            it.abort.abort();
            it.budget.answered()
        });
        self.queue.ended();
        if self.fetch_id(&record.key) == Some(id) {
            self.tell(&record.key, Event::Abandoned { answered }, None);
        }
        true
    }

    fn begin(&mut self, id: u64, key: &K, now: Moment) {
        let context = self.shared.context(now, 0);
        let (Some(record), Some(entry)) = (self.fetches.get_mut(&id), self.entries.get(key)) else {
            return;
        };
        let budget = Arc::new(Budget::new(entry.state.budget(&context)));
        let (abort, registration) = AbortHandle::new_pair();
        record.under_way = Some(UnderWay {
            budget: Arc::clone(&budget),
            epoch: context.epoch,
            abort,
        });
        let request = Request {
            budget,
            rejected: record.rejected.clone(),
        };
        let (shared, key) = (Arc::clone(&self.shared), key.clone());
        self.queue.begun();
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
        self.under_way
            .push(Box::pin(work.map(move |outcome| (id, outcome.ok()))));
    }

    fn ended(&mut self, id: u64, outcome: Option<Outcome<E>>) {
        // One that was given up has left before.
        let (Some(outcome), Some(record)) = (outcome, self.fetches.remove(&id)) else {
            return;
        };
        self.queue.ended();
        let now = self.shared.clock.now();
        let Some(under_way) = record.under_way else {
            return;
        };
        match &outcome {
            Ok(_) => self.last_token = now.monotonic,
            Err(error) if (self.shared.limits.remembers)(error) => {
                self.queue.heed(error, now.monotonic);
            }
            Err(_) => {}
        }
        let key = record.key;
        let entry = self.entries.get_mut(&key);
        // Not after `clear`: then it serves those who have waited for it, and nobody else.
        let entry = entry.filter(|entry| {
            under_way.epoch == self.shared.epoch()
                && entry.state.fetch().is_some_and(|fetch| fetch.id == id)
        });
        let Some(entry) = entry else {
            let result = outcome.map(|fetched| fetched.token);
            return reply_to_all(record.waiters, &result);
        };
        let error = outcome.as_ref().err().cloned();
        let event = Event::Ended {
            result: outcome.map(|fetched| {
                let name = Arc::clone(key.name());
                CachedToken::new(name, fetched, now, fraction(), under_way.epoch)
            }),
            answered: under_way.budget.answered(),
            was_waited_for: record.was_waited_for,
            jitter: fraction(),
        };
        let context = self.shared.context(now, self.last_id + 1);
        let decision = entry.state.on(event, &context);
        let result = match &decision.answer {
            Some(Answer::Token(token)) => Ok(token.clone()),
            Some(Answer::Error(error)) => Err(error.clone()),
            Some(Answer::GaveUp(why)) => Err(self.shared.fetch.gave_up(*why)),
            // The end of a fetch is an answer.
            Some(Answer::Wait | Answer::WaitUntil(_)) | None => {
                Err(self.shared.fetch.gave_up(GaveUp::Ended))
            }
        };
        self.follow(&key, decision, now);
        self.report(&key, error.as_ref(), now);
        reply_to_all(record.waiters, &result);
    }

    /// Lets the operator hear how a fetch has ended, where that is news.
    fn report(&mut self, key: &K, error: Option<&E>, now: Moment) {
        let context = self.shared.context(now, 0);
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let Some(error) = error else {
            if let Some(outage) = entry.outage.take() {
                let after = now.monotonic.saturating_sub(outage.since);
                self.shared.fetch.report(key, Report::Recovered { after });
            }
            return;
        };
        // What another cache remembers it also reports.
        if !(self.shared.limits.remembers)(error) {
            return;
        }
        let outage = entry.outage.get_or_insert(Box::new(Outage {
            since: now.monotonic,
            reported: None,
        }));
        let is_news = |at: Duration| now.monotonic.saturating_sub(at) >= REPORTED_EVERY;
        if outage.reported.is_none_or(is_news) {
            outage.reported = Some(now.monotonic);
            let report = Report::Fails {
                error,
                left: entry.state.time_left(now),
                next: entry.state.until_next_try(&context),
            };
            self.shared.fetch.report(key, report);
        }
    }

    /// Looks after all whose time has come.
    fn look_after(&mut self) {
        let now = self.shared.clock.now().monotonic;
        while let Some(wake) = self.schedule.take(now) {
            match wake {
                Wake::Key(key) => {
                    let entry = self.entries.get_mut(&key);
                    // One that was set for an earlier time has been looked at then.
                    if let Some(entry) = entry.filter(|it| it.wake_at.is_some_and(|at| at <= now)) {
                        entry.wake_at = None;
                        self.tell(&key, Event::Woken, None);
                    }
                }
                Wake::Patience(id) => self.end_patience(id, now),
            }
        }
        self.end_standstill(now);
    }

    fn end_patience(&mut self, id: u64, now: Duration) {
        let Some(record) = self.fetches.get_mut(&id) else {
            return;
        };
        record.patience_ends = None;
        let is_over = |waiter: &Waiter<E>| waiter.until.is_some_and(|until| until <= now);
        let (over, waiting) = std::mem::take(&mut record.waiters)
            .into_iter()
            .partition(is_over);
        record.waiters = waiting;
        let key = record.key.clone();
        let next = record
            .waiters
            .iter()
            .filter_map(|waiter| waiter.until)
            .min();
        if let Some(next) = next {
            record.patience_ends = Some(next);
            self.schedule.set(next, Wake::Patience(id));
        }
        let over: Vec<_> = over;
        for waiter in over {
            self.tell(&key, Event::PatienceEnded, Some(waiter.reply));
        }
    }

    /// Gives up those at the head of the queue who have waited too long while nobody got a token.
    fn end_standstill(&mut self, now: Duration) {
        while self.standstill_ends().is_some_and(|at| at <= now) {
            let Some(id) = self.queue.first_urgent() else {
                return;
            };
            self.queue.drop_first_urgent();
            let queued = self.queue.len();
            let Some(record) = self.fetches.remove(&id) else {
                continue;
            };
            self.tell(&record.key, Event::Abandoned { answered: 0 }, None);
            let error = self
                .shared
                .fetch
                .gave_up(GaveUp::QueueStoodStill { queued });
            reply_to_all(record.waiters, &Err(error));
        }
    }

    fn standstill_ends(&mut self) -> Option<Duration> {
        let since = self.first_queued_since()?;
        Some(since.max(self.last_token) + LONGEST_STANDSTILL)
    }

    /// Since when the first is queued that callers wait for.
    fn first_queued_since(&mut self) -> Option<Duration> {
        loop {
            let id = self.queue.first_urgent()?;
            match self.fetches.get(&id).filter(|it| it.under_way.is_none()) {
                Some(record) => return Some(record.since),
                None => self.queue.drop_first_urgent(),
            }
        }
    }

    /// The next time at which there is something to be looked after.
    fn next_time(&mut self) -> Option<Duration> {
        let now = self.shared.clock.now().monotonic;
        // Callers go without a word: look whether one has made room.
        let room = self.first_queued_since().map(|_| now + LOOK_FOR_ROOM);
        [
            self.schedule.next(),
            self.standstill_ends(),
            self.queue.held_until(now),
            room,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether the timer has rung. It is set anew when there is an earlier time to wait for.
    fn poll_timer(&mut self, context: &mut task::Context<'_>) -> Poll<()> {
        let Some(next) = self.next_time() else {
            self.timer = None;
            return Poll::Pending;
        };
        if self.timer.as_ref().is_none_or(|(set, _)| next < *set) {
            let now = self.shared.clock.now().monotonic;
            let sleep = self.shared.clock.sleep(next.saturating_sub(now));
            self.timer = Some((next, sleep));
        }
        match &mut self.timer {
            Some((_, sleep)) => match sleep.poll_unpin(context) {
                Poll::Ready(()) => {
                    self.timer = None;
                    Poll::Ready(())
                }
                Poll::Pending => Poll::Pending,
            },
            None => Poll::Pending,
        }
    }

    /// Takes a key out of the order of eviction.
    fn leave(&mut self, key: &K) {
        let entry = self.entries.get_mut(key);
        let Some((_, of_token)) = entry.and_then(|entry| entry.place.take()) else {
            return;
        };
        let stands = stands_in(&self.entries, of_token);
        match of_token {
            true => self.tokens.leave(stands),
            false => self.memories.leave(stands),
        }
    }

    /// Evicts until there are no more tokens, and no more memories without one, than allowed.
    ///
    /// A token that was used since it was looked at last is passed over once (second chance): one in
    /// use outlives any flood of tokens that are used once.
    fn keep_within_bounds(&mut self) {
        let mut looks = self.tokens.most_looks();
        while self.tokens.is_too_long() && looks > 0 {
            looks -= 1;
            let Some(key) = self.tokens.next(stands_in(&self.entries, true)) else {
                return;
            };
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            // It is put last, or taken up again when its fetch has ended.
            entry.place = None;
            let held = entry.state.held().filter(|_| entry.state.fetch().is_none());
            match held {
                Some(held) if held.take_used() => {
                    entry.place = Some((self.tokens.add(key), true));
                }
                Some(held) => {
                    let now = self.shared.clock.now();
                    let seconds_left = held.life.until_expired(now).as_secs();
                    debug!(
                        tenant = key.tenant(),
                        scopes = &**key.name(),
                        seconds_left,
                        "a token was evicted: more are in use than max_cached_tokens"
                    );
                    self.tell(&key, Event::Evicted, None);
                }
                None => {}
            }
        }
        let mut looks = self.memories.most_looks();
        while self.memories.is_too_long() && looks > 0 {
            looks -= 1;
            let Some(key) = self.memories.next(stands_in(&self.entries, false)) else {
                return;
            };
            let now = self.shared.clock.now();
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            entry.place = None;
            if entry.state.fetch().is_some() {
                continue;
            }
            match entry.state.is_silent(now) {
                true => entry.place = Some((self.memories.add(key), false)),
                false => drop(self.entries.remove(&key)),
            }
        }
    }

    /// One step of the owner's life. It ends with the cache.
    fn poll(&mut self, context: &mut task::Context<'_>) -> Poll<()> {
        loop {
            if let Poll::Ready(command) = self.commands.poll_recv(context) {
                match command {
                    Some(command) => self.obey(command),
                    None => return Poll::Ready(()),
                }
            } else if let Poll::Ready(Some((id, outcome))) = self.under_way.poll_next_unpin(context)
            {
                self.ended(id, outcome);
            } else if self.poll_timer(context).is_ready() {
                self.look_after();
            } else {
                return Poll::Pending;
            }
            self.keep_within_bounds();
            self.admit();
        }
    }

    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn is_at_rest(&self) -> bool {
        self.fetches.is_empty()
    }

    pub(super) async fn run(mut self) {
        std::future::poll_fn(|context| self.poll(context)).await;
    }
}

/// Whether a key stands in a place of the order of those with a token, or without one.
fn stands_in<K: Key, E>(
    entries: &HashMap<K, Box<Entry<E>>>,
    of_token: bool,
) -> impl Fn(&K, Place) -> bool + '_ {
    move |key, place| {
        let entry = entries.get(key);
        entry.is_some_and(|entry| entry.place == Some((place, of_token)))
    }
}

/// Lets readers find what is held, in place of what they found before.
fn publish<K: Key>(key: &K, before: Option<&Arc<CachedToken>>, held: Option<&Arc<CachedToken>>) {
    match (before, held) {
        (Some(before), Some(held)) if Arc::ptr_eq(before, held) => {}
        (_, Some(held)) => key.tokens().update(key.name(), |_| Some(Arc::clone(held))),
        (Some(_), None) => key.tokens().remove_if(key.name(), |_| true),
        (None, None) => {}
    }
}

fn reply_to_all<E: Failure>(waiters: Vec<Waiter<E>>, result: &Result<AccessToken, E>) {
    for waiter in waiters {
        // Whoever has gone needs no answer.
        let _ = waiter.reply.send(result.clone());
    }
}
