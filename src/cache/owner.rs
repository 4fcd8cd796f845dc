//! The owner of a cache: one task that decides, polls the fetches and keeps the times. Callers send it
//! commands and wait for the reply.
//!
//! Nothing here is shared, so nothing is locked. Code of the application (a transport, a source of
//! assertions) is polled and dropped by this task and by nobody else.

use super::{
    CachedToken, Command, Failure, Key, Reply, Shared,
    event::{Answer, Decision, Event},
    fetches::{Admission, Ended, Fetches, GivenUp},
    rules::State,
    schedule::{Place, Schedule},
};
use crate::{random::fraction, time::nanos};
use futures::future::{BoxFuture, FutureExt};
use std::{
    collections::HashMap,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};
use tokio::sync::mpsc::UnboundedReceiver;

pub(super) struct Owner<K, E> {
    shared: Arc<Shared<K, E>>,
    commands: UnboundedReceiver<Command<K, E>>,
    /// Boxed, because a hash table is up to half empty.
    entries: HashMap<K, Box<Entry<E>>>,
    fetches: Fetches<K, E>,
    last_fetch: u64,
    /// When each key is looked at.
    schedule: Schedule<K>,
    /// Set for the earliest time at which there is something to do.
    timer: Option<(Duration, BoxFuture<'static, ()>)>,
    /// Keys without a fetch, in the order in which they are dropped if there are too many. First those of
    /// which only failures and requests are remembered, then those that have a token.
    idle: [Schedule<K>; 2],
}

struct Entry<E> {
    state: State<E>,
    /// The token that calls find.
    published: Option<Arc<CachedToken>>,
    /// When the key is looked at.
    wake: Option<Place>,
    /// Its place among the idle keys.
    idle: Option<Place>,
}

impl<K: Key, E: Failure> Owner<K, E> {
    pub(super) fn new(
        shared: Arc<Shared<K, E>>,
        commands: UnboundedReceiver<Command<K, E>>,
    ) -> Self {
        let now = shared.clock.now().monotonic;
        Self {
            fetches: Fetches::new(shared.limits.at_once, now),
            idle: [Schedule::new(), Schedule::new()],
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
            // Commands come last. There can always be another, and tokio lets a task do only so much
            // before its timers and sockets are no longer ready.
            if let Poll::Ready(ended) = self.fetches.poll(context) {
                self.ended(ended);
            } else if self.poll_timer(context).is_ready() {
                self.look_after();
            } else if let Poll::Ready(command) = self.commands.poll_recv(context) {
                match command {
                    Some(command) => self.obey(command),
                    None => return Poll::Ready(()),
                }
            } else {
                return Poll::Pending;
            }
            self.keep_within_bounds();
            self.admit();
        }
    }

    fn obey(&mut self, command: Command<K, E>) {
        match command {
            Command::Get { key, reply } => self.tell(&key, Event::Asked, [reply]),
            Command::Replace { key, token, reply } => {
                let is_waited_for = reply.is_some();
                let event = Event::Rejected {
                    token,
                    is_waited_for,
                };
                self.tell(&key, event, reply);
            }
            Command::Sweep => {
                let keys: Vec<_> = self.entries.keys().cloned().collect();
                for key in keys {
                    self.look_at(&key);
                }
            }
            #[cfg(test)]
            Command::Look(look) => look(self),
        }
    }

    /// Applies the rules to an event of a key, and answers those who wait for it.
    fn tell(&mut self, key: &K, event: Event<E>, replies: impl IntoIterator<Item = Reply<E>>) {
        // One look at the epoch: `clear` may be called at any time.
        let context = self.shared.context(self.last_fetch + 1);
        let (now, epoch) = (context.now.monotonic, context.epoch);
        let entry = self.entries.entry(key.clone()).or_insert_with(|| {
            Box::new(Entry {
                state: State::new(epoch),
                published: None,
                wake: None,
                idle: None,
            })
        });
        let before = entry.state.fetch();
        let mut decision = entry.state.on(event, &context);
        let answer = decision.answer.take();
        self.follow(key, decision, now, epoch);
        if let Some(answer) = answer {
            self.answer(key, answer, replies);
        }
        // If `clear` was called, the fetch goes on for its callers, but those who had a token ask again.
        // After any other end its record is gone, and nobody waits in it.
        if let Some(before) = before.filter(|it| self.fetch_of(key) != Some(it.id)) {
            self.fetches.mark_earlier(before.id);
            let brief = self.fetches.take_brief(before.id);
            self.ask_again(key, brief);
        }
    }

    /// Looks at a key. Those who wait briefly for its fetch ask again.
    fn look_at(&mut self, key: &K) {
        self.tell(key, Event::Woken, []);
        if let Some(id) = self.fetch_of(key) {
            let brief = self.fetches.take_brief(id);
            self.ask_again(key, brief);
        }
    }

    fn ask_again(&mut self, key: &K, brief: Vec<Reply<E>>) {
        if !brief.is_empty() {
            self.tell(key, Event::Asked, brief);
        }
    }

    /// Carries out what the rules have decided.
    fn follow(&mut self, key: &K, decision: Decision<E>, now: Duration, epoch: u64) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let held = entry.state.held().cloned();
        let had_token = entry.published.is_some();
        publish(key, entry.published.as_ref(), held.as_ref());
        entry.published = held;
        let fetch = entry.state.fetch();
        if let Some(fetch) = fetch {
            self.last_fetch = self.last_fetch.max(fetch.id);
            if let Some(admitted) = decision.admits {
                self.fetches.begin(fetch.id, &self.shared, admitted, epoch);
            }
            self.fetches.queue(key, fetch, now);
        }
        let has_token = entry.published.is_some();
        let is_idle = fetch.is_none() && !decision.is_over;
        if let Some(place) = entry.idle.take_if(|_| !is_idle || has_token != had_token) {
            self.idle[usize::from(had_token)].remove(place);
        }
        if is_idle && entry.idle.is_none() {
            let from = entry.state.stays_until().max(now);
            let place = self.idle[usize::from(has_token)].set(from, key.clone());
            entry.idle = Some(place);
        }
        let has_moved = |(at, _): &mut Place| decision.wake_at.map(nanos) != Some(*at);
        if let Some(place) = entry.wake.take_if(has_moved) {
            self.schedule.remove(place);
        }
        if let Some(at) = decision.wake_at
            && entry.wake.is_none()
        {
            entry.wake = Some(self.schedule.set(at, key.clone()));
        }
        if decision.is_over {
            self.entries.remove(key);
        }
        if let Some(report) = decision.report {
            self.shared.fetch.report(key, report);
        }
    }

    fn answer(&mut self, key: &K, answer: Answer<E>, replies: impl IntoIterator<Item = Reply<E>>) {
        let result = match answer {
            Answer::Wait | Answer::WaitBriefly => {
                let is_brief = matches!(answer, Answer::WaitBriefly);
                if let Some(id) = self.fetch_of(key) {
                    let wait = |reply| self.fetches.wait(id, reply, is_brief);
                    replies.into_iter().for_each(wait);
                }
                return;
            }
            Answer::Token(token) => Ok(token),
            Answer::Error(error) => Err(error),
            Answer::GaveUp(why) => Err(self.shared.fetch.gave_up(why)),
        };
        for reply in replies {
            // A cancelled caller needs no reply.
            drop(reply.send(result.clone()));
        }
    }

    /// The id of a key's fetch.
    fn fetch_of(&self, key: &K) -> Option<u64> {
        Some(self.entries.get(key)?.state.fetch()?.id)
    }

    /// Begins the fetches that may begin.
    fn admit(&mut self) {
        let now = self.shared.clock.now().monotonic;
        while let Some(admission) = self.fetches.admit(now) {
            match admission {
                Admission::Begins(key) => self.tell(&key, Event::Admitted, []),
                Admission::GivenUp(given_up) => self.given_up(given_up),
            }
        }
    }

    fn given_up(&mut self, given_up: GivenUp<K, E>) {
        let event = Event::GivenUp {
            id: given_up.id,
            answered: given_up.answered,
            queued: given_up.queued,
        };
        self.tell(&given_up.key, event, given_up.waiters);
        self.ask_again(&given_up.key, given_up.brief);
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
        let event = Event::Ended {
            id: ended.id,
            result: ended.outcome.map(|fetched| {
                let name = Arc::clone(ended.key.name());
                CachedToken::new(name, fetched, now, fraction(), ended.epoch)
            }),
            answered: ended.answered,
            was_waited_for: ended.was_waited_for,
            jitter: fraction(),
        };
        self.tell(&ended.key, event, ended.waiters);
        self.ask_again(&ended.key, ended.brief);
    }

    /// Does what is scheduled until now.
    fn look_after(&mut self) {
        let now = self.shared.clock.now().monotonic;
        while let Some(key) = self.schedule.take(now) {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.wake = None;
            }
            self.look_at(&key);
        }
        while let Some(given_up) = self.fetches.end_standstill(now) {
            self.given_up(given_up);
        }
    }

    /// Ready when the time for which the timer is set has come. The timer is set again for an earlier time,
    /// and never for a later one: a timer too many costs one look.
    fn poll_timer(&mut self, context: &mut task::Context<'_>) -> Poll<()> {
        loop {
            if let Some((_, sleep)) = &mut self.timer
                && sleep.poll_unpin(context).is_ready()
            {
                self.timer = None;
                return Poll::Ready(());
            }
            let now = self.shared.clock.now().monotonic;
            let times = [self.schedule.next(), self.fetches.next_time(now)];
            let set = self.timer.as_ref().map(|(set, _)| *set);
            match times.into_iter().flatten().min() {
                Some(next) if set.is_none_or(|set| next < set) => {
                    let sleep = self.shared.clock.sleep(next.saturating_sub(now));
                    self.timer = Some((next, sleep));
                }
                _ => return Poll::Pending,
            }
        }
    }

    /// Drops the keys that are more than allowed, unless the rules keep them.
    fn keep_within_bounds(&mut self) {
        for order in [1, 0] {
            // Each key is looked at twice at most.
            for _ in 0..2 * self.idle[order].len() {
                if self.idle[order].len() <= self.shared.limits.tokens {
                    break;
                }
                let now = self.shared.clock.now();
                let Some(key) = self.idle[order].take(now.monotonic) else {
                    break;
                };
                if let Some(entry) = self.entries.get_mut(&key) {
                    entry.idle = None;
                }
                self.tell(&key, Event::Crowded, []);
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
