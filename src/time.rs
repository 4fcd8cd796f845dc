//! The one place that reads clocks and sets timers, so that rules about time are tested without
//! waiting for any.

use azure_core::time::OffsetDateTime;
use futures::{
    channel::oneshot,
    future::{BoxFuture, Either, FutureExt, select},
};
use std::{
    fmt,
    future::Future,
    sync::LazyLock,
    time::{Duration, Instant, SystemTime},
};

/// One look at both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The time of day, which jumps when somebody sets it.
    pub(crate) wall: SystemTime,
    /// Time since some fixed moment of this process; never goes back, and on most systems stands
    /// still while the machine sleeps.
    pub(crate) monotonic: Duration,
}

impl Moment {
    /// The time of day in nanoseconds since 1970; 0 before that and after 2554.
    pub(crate) fn wall_nanos(self) -> u64 {
        nanos(self.wall)
    }
}

fn nanos(wall: SystemTime) -> u64 {
    let since = wall.duration_since(SystemTime::UNIX_EPOCH);
    since
        .ok()
        .and_then(|since| u64::try_from(since.as_nanos()).ok())
        .unwrap_or_default()
}

/// Wall clock, monotonic clock and timer.
pub(crate) trait Clock: fmt::Debug + Send + Sync {
    fn now(&self) -> Moment;

    /// The wall clock alone, which costs half.
    fn wall_nanos(&self) -> u64 {
        self.now().wall_nanos()
    }

    fn wall(&self) -> OffsetDateTime {
        self.now().wall.into()
    }

    fn monotonic(&self) -> Duration {
        self.now().monotonic
    }

    /// Ends after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// The same, between two tries: nothing else is waited for then, so a test's clock that is held
    /// beside sockets can let it pass.
    fn pause(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.sleep(duration)
    }
}

/// The output of `future`, or `None` if `limit` passes first.
pub(crate) async fn timeout<F: Future>(
    clock: &dyn Clock,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    let future = std::pin::pin!(future);
    match select(future, clock.sleep(limit)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(((), _)) => None,
    }
}

/// The machine's clocks.
#[derive(Debug, Default)]
pub(crate) struct SystemClock;

#[allow(clippy::disallowed_methods, reason = "this is the seam")]
impl Clock for SystemClock {
    fn now(&self) -> Moment {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        // Before `Instant::now`: the first to come here makes it.
        let start = *START;
        Moment {
            wall: SystemTime::now(),
            monotonic: Instant::now().saturating_duration_since(start),
        }
    }

    fn wall_nanos(&self) -> u64 {
        nanos(SystemTime::now())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        #[cfg(feature = "tokio")]
        if tokio::runtime::Handle::try_current().is_ok() {
            return tokio::time::sleep(duration).boxed();
        }
        // Without a runtime of tokio's there is no timer to borrow. Waits are rare (a try's limit,
        // a pause between tries), so a thread for each is cheaper than a timer wheel of our own.
        let (done, wait) = oneshot::channel::<()>();
        let timer = std::thread::Builder::new()
            .name("cross-tenant-identity-timer".to_owned())
            .spawn(move || {
                std::thread::sleep(duration);
                // Nobody waits any more: that is the usual end of a limit that was not reached.
                let _ = done.send(());
            });
        match timer {
            Ok(_) => wait.map(|_| ()).boxed(),
            // No thread to be had: a limit that passes at once fails the try with an error that
            // says so, where one that never passes could hang the caller.
            Err(_) => std::future::ready(()).boxed(),
        }
    }
}

#[cfg(any(test, cross_tenant_identity_fuzzing))]
#[cfg_attr(
    cross_tenant_identity_fuzzing,
    allow(dead_code, reason = "tests use the rest")
)]
pub(crate) mod tests {
    use super::*;
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    /// Some day in 2027.
    fn start() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    /// A clock that stands still until told otherwise.
    ///
    /// Whoever waits moves it: a sleep that is polled is over at once and the time has passed, so
    /// a rule such as "give up after 70 s" runs in no time. A limit beside work that is ready is
    /// never polled and moves nothing.
    #[derive(Debug)]
    pub(crate) struct TestClock(Mutex<State>);

    #[derive(Debug)]
    struct State {
        now: Moment,
        slept: Vec<Duration>,
    }

    impl TestClock {
        pub(crate) fn new() -> Arc<Self> {
            Arc::new(Self(Mutex::new(State {
                now: Moment {
                    wall: start(),
                    monotonic: Duration::ZERO,
                },
                slept: Vec::new(),
            })))
        }

        pub(crate) fn advance(&self, by: Duration) {
            let mut state = self.0.lock().unwrap();
            state.now.wall += by;
            state.now.monotonic += by;
        }

        pub(crate) fn slept(&self) -> Vec<Duration> {
            self.0.lock().unwrap().slept.clone()
        }
    }

    impl Clock for Arc<TestClock> {
        fn now(&self) -> Moment {
            self.0.lock().unwrap().now
        }
        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            let clock = Self::clone(self);
            async move {
                clock.advance(duration);
                clock.0.lock().unwrap().slept.push(duration);
            }
            .boxed()
        }
    }

    /// tokio's own clock, paused by the test, with a wall clock that can be set.
    ///
    /// Time passes when all tasks wait. It works only where nothing waits for a socket.
    #[derive(Debug)]
    pub(crate) struct PausedClock {
        start: tokio::time::Instant,
        /// By how many seconds the wall clock is off.
        wall_offset: Mutex<i64>,
        /// What the machine slept through, which the monotonic clock does not know of.
        suspended: Mutex<Duration>,
        timers: AtomicUsize,
    }

    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    impl PausedClock {
        pub(crate) fn new() -> Arc<Self> {
            Arc::new(Self {
                start: tokio::time::Instant::now(),
                wall_offset: Mutex::default(),
                suspended: Mutex::default(),
                timers: AtomicUsize::new(0),
            })
        }

        /// How many have been set so far.
        pub(crate) fn timers(&self) -> usize {
            self.timers.load(Ordering::Relaxed)
        }

        /// Sets the wall clock wrong by so many seconds, and says by how many it was before.
        pub(crate) fn set_wall(&self, offset: i64) -> i64 {
            std::mem::replace(&mut *self.wall_offset.lock().unwrap(), offset)
        }

        pub(crate) fn suspend(&self, duration: Duration) {
            *self.suspended.lock().unwrap() += duration;
        }

        /// Time that has really passed since the start, as the world outside counts it.
        pub(crate) fn true_time(&self) -> Duration {
            self.start.elapsed() + *self.suspended.lock().unwrap()
        }
    }

    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    impl Clock for PausedClock {
        fn now(&self) -> Moment {
            let wall = start() + self.true_time();
            let offset = *self.wall_offset.lock().unwrap();
            let by = Duration::from_secs(offset.unsigned_abs());
            Moment {
                wall: if offset < 0 { wall - by } else { wall + by },
                monotonic: self.start.elapsed(),
            }
        }
        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            self.timers.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(duration).boxed()
        }
    }

    /// A clock beside real sockets: it stands still until the test moves it, and sleeps end when
    /// it has been moved past them. Only a pause between two tries passes at once, and its time with
    /// it.
    #[derive(Debug)]
    pub(crate) struct HeldClock {
        /// The machine's own, so that what the emulator says of times makes sense.
        start: SystemTime,
        state: Mutex<Held>,
    }

    #[derive(Debug, Default)]
    struct Held {
        monotonic: Duration,
        suspended: Duration,
        sleepers: Vec<(Duration, oneshot::Sender<()>)>,
    }

    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    impl HeldClock {
        pub(crate) fn new() -> Arc<Self> {
            Self::behind(Duration::ZERO)
        }

        /// That far behind the machine's.
        pub(crate) fn behind(by: Duration) -> Arc<Self> {
            Arc::new(Self {
                start: SystemTime::now() - by,
                state: Mutex::default(),
            })
        }

        pub(crate) fn advance(&self, by: Duration) {
            let mut state = self.state.lock().unwrap();
            state.monotonic += by;
            let now = state.monotonic;
            let (over, waiting) = std::mem::take(&mut state.sleepers)
                .into_iter()
                .partition(|(until, _)| *until <= now);
            state.sleepers = waiting;
            drop(state);
            // Dropped unsent, as their end is all that is waited for.
            drop::<Vec<_>>(over);
        }

        /// Time passes for the wall clock alone, and no sleep ends: the machine slept, too.
        pub(crate) fn suspend(&self, duration: Duration) {
            self.state.lock().unwrap().suspended += duration;
        }
    }

    impl Clock for HeldClock {
        fn now(&self) -> Moment {
            let state = self.state.lock().unwrap();
            Moment {
                wall: self.start + state.suspended + state.monotonic,
                monotonic: state.monotonic,
            }
        }
        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            if duration.is_zero() {
                return std::future::ready(()).boxed();
            }
            let mut state = self.state.lock().unwrap();
            let (end, over) = oneshot::channel();
            let until = state.monotonic + duration;
            state.sleepers.push((until, end));
            over.map(drop).boxed()
        }
        fn pause(&self, duration: Duration) -> BoxFuture<'static, ()> {
            self.advance(duration);
            std::future::ready(()).boxed()
        }
    }
}
