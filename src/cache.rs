//! Tokens by key: fresh, usable, due or expired; one flight a key; renewal ahead of anyone asking;
//! a memory of failures; bounds.
//!
//! It knows neither HTTP nor Azure: what it fetches, and what an error is, are given. Its rules,
//! in the order in which a call meets them:
//!
//! | the token is | the caller gets | a flight |
//! |---|---|---|
//! | fresh | it, at once | – |
//! | usable | it, at once | begins, unless one is under way or backs off |
//! | due | its successor if that comes within [`PATIENCE`] of the flight's beginning, else itself | the same |
//! | expired or absent | what the flight brings, or while backing off the remembered error at once | the same, one for all callers of the key |
//!
//! A look-up waits for nobody: no lock is held across an await, and a flight of one key is
//! invisible to every other.

mod back_off;
mod flight;
mod gate;
mod life;
mod renewal;
mod room;

pub(crate) use life::Fetched;

use crate::{
    meter::Meter,
    random::fraction,
    time::{Clock, Moment, timeout},
};
use azure_core::credentials::AccessToken;
use back_off::BackOff;
use flight::{Driver, Flight, Pulse, Waited};
use futures::{
    channel::oneshot,
    future::{BoxFuture, FutureExt, Shared, select},
};
use gate::Gate;
use life::{Life, Stage};
use renewal::drive;
use room::make_room;
use std::{
    borrow::Borrow,
    collections::HashMap,
    fmt,
    hash::Hash,
    panic::AssertUnwindSafe,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// How long callers are kept for the successor of a token that is still good.
const PATIENCE: Duration = Duration::from_secs(5);

/// A refused token is renewed by force at most this often: whoever hands it out may hand out the
/// same one all day.
const FORCED_AT_MOST_EVERY: Duration = Duration::from_secs(60);

/// Where tokens come from.
pub(crate) trait Fetch<K, E>: Send + Sync {
    /// Each request that it makes is taken from the meter first.
    fn fetch(&self, key: K, meter: Arc<Meter>) -> BoxFuture<'static, Result<Fetched, E>>;
    /// The error of a flight that ended without an answer, for a reason of the cache's own.
    fn gave_up(&self, why: GaveUp) -> E;
}

/// What the cache has to know of an error.
pub(crate) trait Failure: Clone + Send + Sync + 'static {
    /// Whether it may pass without anybody mending anything.
    fn is_transient(&self) -> bool;
    /// How long the service asked to be left alone.
    fn retry_after(&self) -> Option<Duration>;
    /// How long the service has to be left alone, whatever it costs.
    fn silence(&self) -> Option<Duration>;
    /// The same for a caller who comes `age` later, `next` before the next try.
    fn recalled(&self, age: Duration, next: Duration) -> Self;
}

/// Why a flight ended without an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum GaveUp {
    /// The code that was to fetch panicked.
    Panicked,
    /// It took longer than all of its own deadlines together.
    TookTooLong,
    /// The key has had its share of requests; there will be one again after this long.
    TooManyRequests(Duration),
}

/// The bounds of a cache.
#[derive(Clone, Debug)]
pub(crate) struct Limits<E> {
    /// Keys kept. More may be there while they are in flight.
    pub(crate) keys: usize,
    /// Flights under way at once.
    pub(crate) flights: usize,
    /// Requests a key in [`Meter::WINDOW`].
    pub(crate) requests: usize,
    /// How long a flight may take; a safeguard beyond the deadlines of what it does.
    pub(crate) flight: Duration,
    /// Whether a failure is this cache's to remember.
    pub(crate) remembers: fn(&E) -> bool,
}

/// Tokens by key. Dropping it ends all that it has started.
pub(crate) struct Cache<K, E> {
    inner: Arc<Inner<K, E>>,
    /// Dropped with the cache, which every driver sees.
    _open: oneshot::Sender<()>,
}

/// What drivers and flights know of the cache. They hold it weakly: a cache that nobody uses any
/// more goes, and they with it.
struct Inner<K, E> {
    /// Held to look up, insert or remove a key; never across an await, and never taken by anyone
    /// who holds a slot's lock.
    slots: RwLock<HashMap<K, Arc<Slot<E>>>>,
    fetch: Arc<dyn Fetch<K, E>>,
    clock: Arc<dyn Clock>,
    limits: Limits<E>,
    gate: Arc<Gate>,
    closed: Shared<oneshot::Receiver<()>>,
    last_id: AtomicU64,
}

/// One key.
struct Slot<E> {
    /// Held to copy a token out, and to decide or record what happens with the key; never across
    /// an await. Callers with a fresh token share it.
    state: RwLock<State<E>>,
    /// Whether anybody has asked since the token came.
    was_asked: AtomicBool,
    meter: Arc<Meter>,
}

struct State<E> {
    held: Option<Held>,
    flight: Option<Flight<E>>,
    back_off: Option<BackOff<E>>,
    /// Ends the driver that waits for the time to renew; a new driver takes its place.
    renewal: Option<oneshot::Sender<()>>,
    forced: Option<Duration>,
}

struct Held {
    token: AccessToken,
    life: Life,
    /// The wall clock, in nanoseconds, when both clocks last said that it is fresh; 0 for never.
    fresh_at: AtomicU64,
}

/// A second look at both clocks within this time of one that found a token fresh is spared: a look
/// at the wall clock alone tells that no more has passed, also in sleep, and that it was not set
/// back. The margins of a life are far longer than what this could miss.
const GLANCE: u64 = 1_000_000_000;

impl Held {
    fn was_fresh_just_now(&self, wall_nanos: u64) -> bool {
        let since = wall_nanos.wrapping_sub(self.fresh_at.load(Ordering::Relaxed));
        since < GLANCE && self.life.is_long()
    }

    fn found_fresh(&self, now: Moment) {
        self.fresh_at.store(now.wall_nanos(), Ordering::Relaxed);
    }
}

/// What to do for a caller.
enum Step<E> {
    Serve(AccessToken),
    Fail(E),
    /// Wait for the flight; where there is a token that is still good, only for a while.
    Wait(Flight<E>, Option<(AccessToken, Duration)>),
}

/// Who wants a flight.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// A caller has no token.
    Now,
    /// The token at hand is still good.
    Ahead,
    /// The token at hand was refused.
    InPlace,
}

impl<K, E> Cache<K, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    E: Failure,
{
    pub(crate) fn new(
        fetch: Arc<dyn Fetch<K, E>>,
        limits: Limits<E>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (open, closed) = oneshot::channel();
        Self {
            inner: Arc::new(Inner {
                slots: RwLock::default(),
                gate: Gate::new(limits.flights, limits.flight, Arc::clone(&clock)),
                fetch,
                clock,
                limits,
                closed: closed.shared(),
                last_id: AtomicU64::new(0),
            }),
            _open: open,
        }
    }

    /// The token that can be served at once without anything to be done, if there is one. The way
    /// that nearly every call takes: one look-up, one look at a clock, one copy.
    pub(crate) fn at_hand<Q>(&self, key: &Q) -> Option<AccessToken>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let slots = read(&self.inner.slots);
        let slot = slots.get(key)?;
        let state = read(&slot.state);
        let held = state.held.as_ref()?;
        if !held.was_fresh_just_now(self.inner.clock.wall_nanos()) {
            let now = self.inner.clock.now();
            if held.life.stage(now) != Stage::Fresh {
                return None;
            }
            held.found_fresh(now);
        }
        // Read before it is written: callers on many threads would else fight for the line.
        if !slot.was_asked.load(Ordering::Relaxed) {
            slot.was_asked.store(true, Ordering::Relaxed);
        }
        Some(held.token.clone())
    }

    /// The key's token, as the table above says.
    pub(crate) async fn get(&self, key: K) -> Result<AccessToken, E> {
        let slot = self.inner.slot(&key);
        slot.was_asked.store(true, Ordering::Relaxed);
        loop {
            let now = self.inner.clock.now();
            let step = {
                let mut state = write(&slot.state);
                self.inner.decide(&key, &slot, &mut state, now)
            };
            let (flight, token, patience) = match step {
                Step::Serve(token) => return Ok(token),
                Step::Fail(error) => return Err(error),
                Step::Wait(flight, None) => (flight, None, None),
                Step::Wait(flight, Some((token, patience))) => {
                    (flight, Some(token), Some(patience))
                }
            };
            match (
                flight.wait(self.inner.clock.as_ref(), patience).await,
                token,
            ) {
                (Waited::Outcome(Ok(token)), _) => return Ok(token),
                (Waited::Outcome(Err(error)), None) => return Err(error),
                // The flight failed or lingers, and the token at hand is still good for a while.
                (Waited::Outcome(Err(_)) | Waited::Long, Some(token)) => return Ok(token),
                (Waited::Dead, _) => slot.bury(&flight),
                (Waited::Long, None) => {}
            }
        }
    }

    /// A token in place of one that was refused; the same one, if no other is to be had now.
    ///
    /// The refused one stays meanwhile: others may find it good.
    pub(crate) async fn replace(&self, key: K, refused: &AccessToken) -> Result<AccessToken, E> {
        let slot = self.inner.slot(&key);
        let now = self.inner.clock.now();
        let flight = {
            let mut state = write(&slot.state);
            match &state.held {
                Some(held) if held.token.token != refused.token => return Ok(held.token.clone()),
                _ => {}
            }
            let was_forced = state
                .forced
                .is_some_and(|forced| now.monotonic.saturating_sub(forced) < FORCED_AT_MOST_EVERY);
            match state.live_flight(now) {
                Some(flight) => flight,
                None if was_forced => return Ok(refused.clone()),
                None => {
                    state.forced = Some(now.monotonic);
                    self.inner
                        .begin(&key, &slot, &mut state, Wanted::InPlace, now)
                }
            }
        };
        match flight.wait(self.inner.clock.as_ref(), None).await {
            Waited::Outcome(outcome) => outcome,
            Waited::Dead | Waited::Long => {
                slot.bury(&flight);
                Ok(refused.clone())
            }
        }
    }

    /// Whether nothing is under way.
    #[cfg(test)]
    pub(crate) fn is_at_rest(&self) -> bool {
        let slots = read(&self.inner.slots);
        slots
            .values()
            .all(|slot| read(&slot.state).flight.is_none())
    }

    /// Drops the key's token if it is this one.
    pub(crate) fn remove<Q>(&self, key: &Q, rejected: &AccessToken)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let slot = read(&self.inner.slots).get(key).cloned();
        if let Some(slot) = slot {
            let mut state = write(&slot.state);
            if state
                .held
                .as_ref()
                .is_some_and(|held| held.token.token == rejected.token)
            {
                state.held = None;
            }
        }
    }

    /// Drops all tokens and failures. What is on its way meanwhile serves those who wait for it,
    /// and is not kept. What was asked of a service still counts, and a silence that it demanded
    /// still holds.
    pub(crate) fn clear(&self) {
        for slot in read(&self.inner.slots).values() {
            let mut state = write(&slot.state);
            state.held = None;
            state.flight = None;
            state.renewal = None;
            state.back_off = state.back_off.take().filter(BackOff::is_firm);
        }
    }
}

impl<K, E> Inner<K, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    E: Failure,
{
    fn decide(
        self: &Arc<Self>,
        key: &K,
        slot: &Arc<Slot<E>>,
        state: &mut State<E>,
        now: Moment,
    ) -> Step<E> {
        let held = state.held.as_ref();
        let served = held.and_then(|held| match held.life.stage(now) {
            Stage::Expired => None,
            stage => Some((stage, held.token.clone(), held.life.until_expired(now))),
        });
        if let Some((Stage::Fresh, token, _)) = served {
            return Step::Serve(token);
        }
        let is_usable = served.is_some();
        let flight = state.live_flight(now);
        let back_off = state.back_off.as_ref();
        let backs_off = back_off.is_some_and(|it| it.is_on(is_usable, now));
        match served {
            Some((stage, token, until_expired)) => {
                let flight = flight.or_else(|| {
                    // With nobody to drive it, only a caller who waits can bring it home.
                    let may_begin = !backs_off
                        && slot.meter.until_spare(now.monotonic).is_none()
                        && (runtime().is_some() || stage == Stage::Due);
                    may_begin.then(|| self.begin(key, slot, state, Wanted::Ahead, now))
                });
                match (stage, flight) {
                    // Counted from its beginning: of many calls one after the other, only the first
                    // ones wait.
                    (Stage::Due, Some(flight)) => {
                        let left =
                            PATIENCE.saturating_sub(now.monotonic.saturating_sub(flight.begun));
                        Step::Wait(flight, Some((token, left.min(until_expired))))
                    }
                    _ => Step::Serve(token),
                }
            }
            None => {
                if let Some(flight) = flight {
                    return Step::Wait(flight, None);
                }
                let share_used = slot.meter.until_next(now.monotonic);
                if backs_off || share_used.is_some() {
                    // What the last request met says more than that there were many.
                    let remembered =
                        back_off.and_then(|it| it.recall(now, share_used.unwrap_or_default()));
                    if let Some(error) = remembered {
                        return Step::Fail(error);
                    }
                }
                if let Some(wait) = share_used {
                    return Step::Fail(self.fetch.gave_up(GaveUp::TooManyRequests(wait)));
                }
                Step::Wait(self.begin(key, slot, state, Wanted::Now, now), None)
            }
        }
    }

    /// Begins a flight, and where there is a runtime a driver on it.
    fn begin(
        self: &Arc<Self>,
        key: &K,
        slot: &Arc<Slot<E>>,
        state: &mut State<E>,
        wanted: Wanted,
        now: Moment,
    ) -> Flight<E> {
        let runtime = runtime();
        let (flight, driver) = self.make(key, slot, wanted, now, runtime.is_some());
        state.flight = Some(flight.clone());
        if let (Some(runtime), Some(driver)) = (runtime, driver) {
            let (renewal, replaced) = oneshot::channel();
            // The driver before this one, if any, ends.
            state.renewal = Some(renewal);
            let weak = Arc::downgrade(self);
            let closed = self.closed.clone();
            let clock = Arc::clone(&self.clock);
            let (key, slot, flight) = (key.clone(), Arc::downgrade(slot), flight.clone());
            let drive = drive(weak, key, slot, flight, driver, clock, replaced);
            runtime.spawn(async move { drop(select(closed, Box::pin(drive)).await) });
        }
        flight
    }

    fn make(
        self: &Arc<Self>,
        key: &K,
        slot: &Arc<Slot<E>>,
        wanted: Wanted,
        now: Moment,
        is_driven: bool,
    ) -> (Flight<E>, Option<Driver>) {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed);
        let is_wanted = Arc::new(AtomicBool::new(wanted != Wanted::Ahead));
        let pulse = is_driven.then(Arc::<Pulse>::default);
        let work = {
            let (fetch, gate, clock) = (
                Arc::clone(&self.fetch),
                Arc::clone(&self.gate),
                Arc::clone(&self.clock),
            );
            let (inner, weak_slot) = (Arc::downgrade(self), Arc::downgrade(slot));
            let (key, meter) = (key.clone(), Arc::clone(&slot.meter));
            let (limit, is_wanted) = (self.limits.flight, Arc::clone(&is_wanted));
            let pulse = pulse.clone();
            async move {
                let work = async {
                    // Without a runtime there are as many flights as threads, and nobody who would
                    // leave the gate when all callers are cancelled.
                    let _permit = match is_driven {
                        true => Some(gate.enter(wanted != Wanted::Ahead).await),
                        false => None,
                    };
                    let fetched = async { fetch.fetch(key, meter).await };
                    timeout(clock.as_ref(), limit, fetched).await
                };
                let outcome = match AssertUnwindSafe(work).catch_unwind().await {
                    Ok(Some(outcome)) => outcome,
                    Ok(None) => Err(fetch.gave_up(GaveUp::TookTooLong)),
                    // A timer that is polled after the end of its runtime: not the source's fault,
                    // and no reason to fail anyone.
                    Err(_panic) if pulse.is_some_and(|pulse| pulse.is_gone()) => return None,
                    Err(_panic) => Err(fetch.gave_up(GaveUp::Panicked)),
                };
                Some(match (inner.upgrade(), weak_slot.upgrade()) {
                    (Some(inner), Some(slot)) => {
                        let was_waited_for = is_wanted.load(Ordering::Relaxed);
                        inner.land(&slot, id, wanted, was_waited_for, outcome)
                    }
                    _ => outcome.map(|fetched| fetched.token),
                })
            }
            .boxed()
        };
        // Twice: once for the way, once for the wait at the gate.
        let deadline = now.monotonic + self.limits.flight * 2;
        Flight::new(id, [now.monotonic, deadline], work, pulse, is_wanted)
    }

    /// Records what a flight has brought, and says what its waiters get.
    fn land(
        &self,
        slot: &Slot<E>,
        id: u64,
        wanted: Wanted,
        was_waited_for: bool,
        outcome: Result<Fetched, E>,
    ) -> Result<AccessToken, E> {
        let now = self.clock.now();
        let mut state = write(&slot.state);
        if state.flight.as_ref().is_none_or(|flight| flight.id != id) {
            // It was taken for dead, and another is under way or has landed.
            return outcome.map(|fetched| fetched.token);
        }
        state.flight = None;
        let kept = state
            .held
            .as_ref()
            .filter(|held| held.life.stage(now) != Stage::Expired);
        match outcome {
            Ok(fetched) => {
                if let Some(held) = kept {
                    let is_later = fetched.token.expires_on > held.token.expires_on;
                    let is_other = fetched.token.token != held.token.token;
                    let is_better = is_later || (wanted == Wanted::InPlace && is_other);
                    if !is_better {
                        let same = BackOff::after_the_same_token(held.life.remaining(now), now);
                        let token = held.token.clone();
                        state.back_off = Some(same);
                        return Ok(token);
                    }
                }
                state.back_off = None;
                state.held = Some(Held {
                    life: Life::new(&fetched, now, fraction()),
                    token: fetched.token.clone(),
                    fresh_at: AtomicU64::new(0),
                });
                slot.was_asked.store(was_waited_for, Ordering::Relaxed);
                Ok(fetched.token)
            }
            Err(error) => {
                let is_usable = kept.is_some();
                let is_ours = (self.limits.remembers)(&error);
                state.back_off = (is_usable || is_ours).then(|| {
                    let previous = state.back_off.as_ref();
                    BackOff::after(previous, error.clone(), is_usable, now, fraction())
                });
                Err(error)
            }
        }
    }

    fn slot(&self, key: &K) -> Arc<Slot<E>> {
        if let Some(slot) = read(&self.slots).get(key) {
            return Arc::clone(slot);
        }
        let mut slots = write(&self.slots);
        if slots.len() >= self.limits.keys {
            make_room(&mut slots, self.limits.keys, self.clock.now());
        }
        let slot = slots.entry(key.clone()).or_insert_with(|| {
            Arc::new(Slot {
                state: RwLock::new(State {
                    held: None,
                    flight: None,
                    back_off: None,
                    renewal: None,
                    forced: None,
                }),
                was_asked: AtomicBool::new(false),
                meter: Arc::new(Meter::new(self.limits.requests)),
            })
        });
        Arc::clone(slot)
    }

    /// Lets a key go, unless it has come back to life.
    fn let_go(&self, key: &K, slot: &Arc<Slot<E>>) {
        let mut slots = write(&self.slots);
        if slots
            .get(key)
            .is_some_and(|current| Arc::ptr_eq(current, slot))
        {
            let state = read(&slot.state);
            let now = self.clock.now();
            let is_over = |held: &Held| held.life.stage(now) == Stage::Expired;
            if state.flight.is_none() && state.held.as_ref().is_none_or(is_over) {
                drop(state);
                slots.remove(key);
            }
        }
    }
}

impl<E: Failure> State<E> {
    /// The flight that is under way, unless it can be seen that it never ends.
    fn live_flight(&mut self, now: Moment) -> Option<Flight<E>> {
        if self
            .flight
            .as_ref()
            .is_some_and(|flight| flight.is_dead(now))
        {
            self.flight = None;
        }
        self.flight.clone()
    }
}

impl<E: Failure> Slot<E> {
    /// Takes a flight that will never end out of the way.
    fn bury(&self, flight: &Flight<E>) {
        let mut state = write(&self.state);
        if state
            .flight
            .as_ref()
            .is_some_and(|current| current.id == flight.id)
        {
            state.flight = None;
        }
    }
}

#[cfg(feature = "tokio")]
fn runtime() -> Option<tokio::runtime::Handle> {
    tokio::runtime::Handle::try_current().ok()
}

/// Without the feature nothing is ever spawned: whoever waits drives.
#[cfg(not(feature = "tokio"))]
fn runtime() -> Option<NoRuntime> {
    None
}

#[cfg(not(feature = "tokio"))]
enum NoRuntime {}

#[cfg(not(feature = "tokio"))]
impl NoRuntime {
    fn spawn<F>(self, _: F) {
        match self {}
    }
}

impl<K, E> fmt::Debug for Cache<K, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("keys", &read(&self.inner.slots).len())
            .finish_non_exhaustive()
    }
}

/// Nothing is left half done while these locks are held, so a panic elsewhere poisons nothing.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
