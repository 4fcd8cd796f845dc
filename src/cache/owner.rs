//! The owner of a cache: one task that decides, polls the fetches and keeps the times. Callers send it
//! commands and wait for the reply.
//!
//! Nothing here is shared, so nothing is locked. Code of the application (a transport, a source of
//! assertions) is polled and dropped by this task and by nobody else.

use super::{
    CachedToken, Command, Failure, GaveUp, Key, Reply, Report, Shared,
    eviction::{Order, Place},
    fetches::{Admission, Ended, Fetches},
    outage::Outage,
    rules::{self, Answer, Decision, Event, State},
    schedule::Schedule,
};
use crate::{random::fraction, time::Moment};
use azure_core::credentials::AccessToken;
use futures::future::{BoxFuture, FutureExt};
use std::{
    collections::HashMap,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tracing::debug;

pub(super) struct Owner<K, E> {
    shared: Arc<Shared<K, E>>,
    commands: UnboundedReceiver<Command<K, E>>,
    /// Boxed, because a hash table is up to half empty.
    entries: HashMap<K, Box<Entry<E>>>,
    fetches: Fetches<K, E>,
    last_fetch: u64,
    schedule: Schedule<Wake<K>>,
    /// Set for the earliest time at which there is something to do.
    timer: Option<(Duration, BoxFuture<'static, ()>)>,
    /// Keys with a token.
    tokens: Order<K>,
    /// Keys without a token, whose failures and requests are remembered.
    memories: Order<K>,
}

struct Entry<E> {
    state: State<E>,
    /// The token that calls find.
    published: Option<Arc<CachedToken>>,
    /// The time in the schedule at which the key is looked at.
    wake_at: Option<Duration>,
    outage: Option<Box<Outage>>,
    /// Its place in an order of eviction. True: in `tokens`; false: in `memories`.
    place: Option<(Place, bool)>,
}

enum Wake<K> {
    Key(K),
    /// Callers who have a token do not wait longer for this fetch.
    Patience(u64),
}

impl<K: Key, E: Failure> Owner<K, E> {
    pub(super) fn new(
        shared: Arc<Shared<K, E>>,
        commands: UnboundedReceiver<Command<K, E>>,
    ) -> Self {
        let now = shared.clock.now().monotonic;
        Self {
            fetches: Fetches::new(shared.limits.at_once, now),
            tokens: Order::new(shared.limits.tokens),
            memories: Order::new(shared.limits.tokens),
            shared,
            commands,
            entries: HashMap::new(),
            last_fetch: 0,
            schedule: Schedule::new(),
            timer: None,
        }
    }

    pub(super) async fn run(mut self) {
        std::future::poll_fn(|context| self.poll(context)).await;
    }

    /// Does everything that can be done now. Ready when the cache is dropped.
    fn poll(&mut self, context: &mut task::Context<'_>) -> Poll<()> {
        loop {
            if let Poll::Ready(command) = self.commands.poll_recv(context) {
                match command {
                    Some(command) => self.obey(command),
                    None => return Poll::Ready(()),
                }
            } else if let Poll::Ready(ended) = self.fetches.poll(context) {
                self.ended(ended);
            } else if self.poll_timer(context).is_ready() {
                self.look_after();
            } else {
                return Poll::Pending;
            }
            self.keep_within_bounds();
            self.admit();
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
                if let Some(id) = self.fetch_of(&key) {
                    self.fetches.replaces(id, token);
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

    /// Applies the rules to an event of a key.
    fn tell(&mut self, key: &K, event: Event<E>, reply: Option<Reply<E>>) {
        let now = self.shared.clock.now();
        let entry = match self.entries.get_mut(key) {
            Some(entry) => entry,
            // Only the call of somebody who waits creates a key.
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
        let context = self.shared.context(now, self.last_fetch + 1);
        let mut decision = entry.state.on(event, &context);
        let answer = decision.answer.take();
        self.follow(key, decision, now);
        if let (Some(answer), Some(reply)) = (answer, reply) {
            self.answer(key, answer, reply);
        }
    }

    /// Carries out what the rules have decided.
    fn follow(&mut self, key: &K, decision: Decision<E>, now: Moment) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let held = entry.state.held().cloned();
        publish(key, entry.published.as_ref(), held.as_ref());
        entry.published = held;
        if decision.begins {
            self.last_fetch += 1;
        }
        let fetch = entry.state.fetch();
        if let Some(fetch) = fetch {
            self.fetches.queue(key, fetch, now.monotonic);
        }
        let has_token = entry.published.is_some();
        let has_moved = |(_, had_token): &mut (Place, bool)| *had_token != has_token;
        if let Some((place, had_token)) =
            entry.place.take_if(|it| decision.is_over || has_moved(it))
        {
            match had_token {
                true => self.tokens.remove(place),
                false => self.memories.remove(place),
            }
        }
        if decision.is_over {
            self.entries.remove(key);
            return;
        }
        if fetch.is_none() && entry.place.is_none() {
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
            // A cancelled caller needs no reply.
            Answer::Token(token) => return drop(reply.send(Ok(token))),
            Answer::Error(error) => return drop(reply.send(Err(error))),
            Answer::GaveUp(why) => {
                let error = self.shared.fetch.gave_up(why);
                return drop(reply.send(Err(error)));
            }
        };
        if let Some(id) = self.fetch_of(key)
            && self.fetches.wait(id, reply, until.is_some())
            && let Some(until) = until
        {
            self.schedule.set(until, Wake::Patience(id));
        }
    }

    /// The id of a key's fetch.
    fn fetch_of(&self, key: &K) -> Option<u64> {
        Some(self.entries.get(key)?.state.fetch()?.id)
    }

    /// Begins the fetches that may begin.
    fn admit(&mut self) {
        let now = self.shared.clock.now();
        while let Some(admission) = self.fetches.admit(now.monotonic) {
            match admission {
                Admission::Begins { id, key } => self.begin(id, &key, now),
                Admission::Abandoned { id, key, answered } => {
                    if self.fetch_of(&key) == Some(id) {
                        self.tell(&key, Event::Abandoned { answered }, None);
                    }
                }
            }
        }
    }

    fn begin(&mut self, id: u64, key: &K, now: Moment) {
        // One look at the epoch: `clear` may be called at any time.
        let context = self.shared.context(now, self.last_fetch + 1);
        let Some(entry) = self.entries.get_mut(key) else {
            // Its callers get no reply, so they ask again.
            drop(self.fetches.abandon(id));
            return;
        };
        let decision = entry.state.on(Event::Admitted, &context);
        let requests = entry.state.budget(&context);
        self.fetches
            .begin(id, &self.shared, requests, context.epoch);
        self.follow(key, decision, now);
    }

    fn ended(&mut self, ended: Ended<K, E>) {
        let now = self.shared.clock.now();
        match &ended.outcome {
            Ok(_) => self.fetches.brought_token(now.monotonic),
            Err(error) if (self.shared.limits.remembers)(error) => {
                if let Some(retry_after) = error.retry_after() {
                    self.fetches.hold(retry_after, now.monotonic);
                }
            }
            Err(_) => {}
        }
        let key = ended.key;
        let context = self.shared.context(now, self.last_fetch + 1);
        let entry = self.entries.get_mut(&key);
        // A fetch from before `clear` is the result for its callers, but is not cached.
        let entry = entry.filter(|entry| {
            let is_its = |fetch: rules::Fetch| fetch.id == ended.id;
            ended.epoch == context.epoch && entry.state.fetch().is_some_and(is_its)
        });
        let Some(entry) = entry else {
            let result = ended.outcome.map(|fetched| fetched.token);
            return reply_to_all(ended.replies, &result);
        };
        let error = ended.outcome.as_ref().err().cloned();
        let event = Event::Ended {
            result: ended.outcome.map(|fetched| {
                let name = Arc::clone(key.name());
                CachedToken::new(name, fetched, now, fraction(), ended.epoch)
            }),
            answered: ended.answered,
            was_waited_for: ended.was_waited_for,
            jitter: fraction(),
        };
        let decision = entry.state.on(event, &context);
        let result = match &decision.answer {
            Some(Answer::Token(token)) => Ok(token.clone()),
            Some(Answer::Error(error)) => Err(error.clone()),
            Some(Answer::GaveUp(why)) => Err(self.shared.fetch.gave_up(*why)),
            // The rules always have an answer when a fetch has ended.
            Some(Answer::Wait | Answer::WaitUntil(_)) | None => {
                Err(self.shared.fetch.gave_up(GaveUp::Ended))
            }
        };
        self.follow(&key, decision, now);
        self.report(&key, error.as_ref(), now);
        reply_to_all(ended.replies, &result);
    }

    /// Reports how a fetch has ended, if that is news for the operator.
    fn report(&mut self, key: &K, error: Option<&E>, now: Moment) {
        let context = self.shared.context(now, 0);
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let Some(error) = error else {
            if let Some(outage) = entry.outage.take() {
                let after = outage.lasted(now.monotonic);
                self.shared.fetch.report(key, Report::Recovered { after });
            }
            return;
        };
        // The cache that remembers a failure reports it.
        if !(self.shared.limits.remembers)(error) {
            return;
        }
        let outage = entry
            .outage
            .get_or_insert_with(|| Box::new(Outage::new(now.monotonic)));
        if outage.failed(now.monotonic) {
            let report = Report::Fails {
                error,
                left: entry.state.time_left(now),
                next: entry.state.until_next_try(&context),
            };
            self.shared.fetch.report(key, report);
        }
    }

    /// Does what is scheduled until now.
    fn look_after(&mut self) {
        let now = self.shared.clock.now().monotonic;
        while let Some(wake) = self.schedule.take(now) {
            match wake {
                Wake::Key(key) => {
                    let entry = self.entries.get_mut(&key);
                    // The key may have been scheduled again for another time.
                    if let Some(entry) = entry.filter(|it| it.wake_at.is_some_and(|at| at <= now)) {
                        entry.wake_at = None;
                        self.tell(&key, Event::Woken, None);
                    }
                }
                Wake::Patience(id) => {
                    let Some((key, replies)) = self.fetches.end_patience(id) else {
                        continue;
                    };
                    for reply in replies {
                        self.tell(&key, Event::PatienceEnded, Some(reply));
                    }
                }
            }
        }
        while let Some((key, replies, queued)) = self.fetches.end_standstill(now) {
            self.tell(&key, Event::Abandoned { answered: 0 }, None);
            let why = GaveUp::QueueStoodStill { queued };
            reply_to_all(replies, &Err(self.shared.fetch.gave_up(why)));
        }
    }

    /// Ready when the next scheduled time has come. The timer is set again for an earlier time.
    fn poll_timer(&mut self, context: &mut task::Context<'_>) -> Poll<()> {
        let now = self.shared.clock.now().monotonic;
        let times = [self.schedule.next(), self.fetches.next_time(now)];
        let Some(next) = times.into_iter().flatten().min() else {
            self.timer = None;
            return Poll::Pending;
        };
        if self.timer.as_ref().is_none_or(|(set, _)| next < *set) {
            let sleep = self.shared.clock.sleep(next.saturating_sub(now));
            self.timer = Some((next, sleep));
        }
        let is_pending =
            |(_, sleep): &mut (_, BoxFuture<'static, ()>)| sleep.poll_unpin(context).is_pending();
        if self.timer.as_mut().is_none_or(is_pending) {
            return Poll::Pending;
        }
        self.timer = None;
        Poll::Ready(())
    }

    /// Evicts the tokens, and the keys without a token, that are more than allowed.
    ///
    /// A token that was used since the last look at it is passed over once (second chance). So a token in
    /// use stays, however many tokens are used only once.
    fn keep_within_bounds(&mut self) {
        let now = self.shared.clock.now();
        // Each key is looked at twice at most.
        for _ in 0..self.tokens.len() * 2 {
            let Some(key) = self.tokens.next_too_many() else {
                break;
            };
            let Some(entry) = self.entries.get_mut(&key) else {
                continue;
            };
            // It gets a new place below, or when its fetch has ended.
            entry.place = None;
            match entry.state.held().filter(|_| entry.state.fetch().is_none()) {
                Some(held) if held.take_used() => {
                    entry.place = Some((self.tokens.add(key), true));
                }
                Some(held) => {
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
        for _ in 0..self.memories.len() {
            let Some(key) = self.memories.next_too_many() else {
                break;
            };
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

    #[cfg(test)]
    pub(super) fn keys(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn waiters(&self) -> usize {
        self.fetches.waiters()
    }

    #[cfg(test)]
    pub(super) fn is_at_rest(&self) -> bool {
        self.fetches.is_empty()
    }
}

/// Makes the held token the one that calls find.
fn publish<K: Key>(key: &K, before: Option<&Arc<CachedToken>>, held: Option<&Arc<CachedToken>>) {
    match (before, held) {
        (Some(before), Some(held)) if Arc::ptr_eq(before, held) => {}
        (_, Some(held)) => key.tokens().update(key.name(), |_| Some(Arc::clone(held))),
        (Some(_), None) => key.tokens().remove_if(key.name(), |_| true),
        (None, None) => {}
    }
}

fn reply_to_all<E: Failure>(replies: Vec<Reply<E>>, result: &Result<AccessToken, E>) {
    for reply in replies {
        // A cancelled caller needs no reply.
        let _ = reply.send(result.clone());
    }
}
