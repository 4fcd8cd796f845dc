//! The only place that reads clocks and sets timers. So tests of rules about time do not have to wait.

use crate::worker;
use azure_core::time::OffsetDateTime;
use futures::future::{BoxFuture, Either, FutureExt, select};
use std::{fmt, future::Future, io, ops::Add, time::Duration};

/// One look at both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The time of day, since 1970. It jumps when somebody sets it; before 1970 it stands at 0.
    pub(crate) wall: Duration,
    /// Time since some fixed moment. It never goes back, and on most systems stands still while
    /// the machine sleeps.
    pub(crate) monotonic: Duration,
}

impl Moment {
    /// Before all others.
    pub(crate) const ZERO: Self = Self {
        wall: Duration::ZERO,
        monotonic: Duration::ZERO,
    };
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self {
            wall: self.wall.saturating_add(time),
            monotonic: self.monotonic.saturating_add(time),
        }
    }
}

/// The same in nanoseconds: a call that finds its token compares nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    pub(crate) wall: u64,
    pub(crate) monotonic: u64,
}

impl From<Moment> for Ticks {
    fn from(moment: Moment) -> Self {
        Self {
            wall: nanos(moment.wall),
            monotonic: nanos(moment.monotonic),
        }
    }
}

/// In nanoseconds, which are enough for 500 years.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Wall clock, monotonic clock and timers.
pub(crate) trait Clock: fmt::Debug + Send + Sync {
    fn now(&self) -> Moment;

    /// The same, faster, and up to 10 ms behind.
    fn roughly_now(&self) -> Ticks {
        self.now().into()
    }

    fn wall(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + self.now().wall
    }

    fn monotonic(&self) -> Duration {
        self.now().monotonic
    }

    /// Ends after `duration`. To be called from a task that [`spawn`](Self::spawn) has started.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// The same, between two tries: nothing else is waited for then, so a test's clock that is held
    /// beside sockets can let it pass.
    fn pause(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.sleep(duration)
    }

    /// Runs a task where this clock's timers work.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()>;
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
        system::now()
    }

    fn roughly_now(&self) -> Ticks {
        system::roughly_now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed()
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
        worker::spawn(task)
    }
}

/// Linux keeps the time of its last tick (1 ms to 10 ms ago) where it is read in a quarter of the time
/// that an exact look takes, which is what nearly every call spends on clocks.
#[cfg(target_os = "linux")]
mod system {
    use super::{Moment, Ticks};
    use rustix::time::{ClockId, clock_gettime};
    use std::time::Duration;

    pub(super) fn now() -> Moment {
        Moment {
            wall: Duration::from_nanos(nanos(ClockId::Realtime)),
            monotonic: Duration::from_nanos(nanos(ClockId::Monotonic)),
        }
    }

    pub(super) fn roughly_now() -> Ticks {
        Ticks {
            wall: nanos(ClockId::RealtimeCoarse),
            monotonic: nanos(ClockId::MonotonicCoarse),
        }
    }

    #[allow(
        clippy::useless_conversion,
        reason = "some 32-bit machines have c_long here"
    )]
    fn nanos(clock: ClockId) -> u64 {
        let time = clock_gettime(clock);
        let rest = i64::from(time.tv_nsec);
        // Linux itself counts its clocks in 63 bits of nanoseconds.
        let nanos = time.tv_sec.wrapping_mul(1_000_000_000).wrapping_add(rest);
        u64::try_from(nanos).unwrap_or_default()
    }
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods, reason = "this is the seam")]
mod system {
    use super::{Moment, Ticks};
    use std::{
        sync::LazyLock,
        time::{Instant, SystemTime},
    };

    pub(super) fn now() -> Moment {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        // Before the look at the clock: the first to come here makes it.
        let start = *START;
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Moment {
            wall: wall.unwrap_or_default(),
            monotonic: Instant::now().saturating_duration_since(start),
        }
    }

    pub(super) fn roughly_now() -> Ticks {
        now().into()
    }
}

#[cfg(any(test, cross_tenant_identity_fuzzing))]
#[cfg_attr(
    cross_tenant_identity_fuzzing,
    allow(dead_code, reason = "tests use the rest")
)]
pub(crate) mod tests {
    use super::*;
    use futures::channel::oneshot;
    use std::{
        sync::{
            Arc, Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        time::SystemTime,
    };

    /// A day in 2027.
    const START: Duration = Duration::from_secs(1_800_000_000);

    /// On the runtime of the test.
    fn spawn_here(task: BoxFuture<'static, ()>) -> io::Result<()> {
        tokio::spawn(task);
        Ok(())
    }

    #[test]
    fn the_rough_time_is_at_most_a_tick_behind() {
        let clock = SystemClock;
        let rough = clock.roughly_now();
        let exact = Ticks::from(clock.now());
        let after = clock.roughly_now();
        let tick = 20_000_000;
        assert!(rough.wall <= exact.wall && rough.monotonic <= exact.monotonic);
        assert!(after.wall + tick >= exact.wall && after.monotonic + tick >= exact.monotonic);
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
                    wall: START,
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
        fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
            spawn_here(task)
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
            let wall = START + self.true_time();
            let offset = *self.wall_offset.lock().unwrap();
            let by = Duration::from_secs(offset.unsigned_abs());
            Moment {
                wall: match offset < 0 {
                    true => wall.saturating_sub(by),
                    false => wall + by,
                },
                monotonic: self.start.elapsed(),
            }
        }
        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            self.timers.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(duration).boxed()
        }
        fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
            spawn_here(task)
        }
    }

    /// A clock beside real sockets: it stands still until the test moves it, and sleeps end when
    /// it has been moved past them. Only a pause between two tries passes at once, and its time with
    /// it.
    #[derive(Debug)]
    pub(crate) struct HeldClock {
        /// The machine's own, so that what the emulator says of times makes sense.
        start: Duration,
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
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            Arc::new(Self {
                start: now.unwrap() - by,
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
        fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
            spawn_here(task)
        }
    }
}
