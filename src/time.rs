//! The one place that reads clocks and sets timers, so that rules about time are tested without
//! waiting for any.

use azure_core::time::OffsetDateTime;
use futures::{
    channel::oneshot,
    future::{BoxFuture, Either, FutureExt, select},
};
use std::{fmt, future::Future, sync::LazyLock, time::Duration, time::Instant};

/// Wall clock, monotonic clock and timer.
pub(crate) trait Clock: fmt::Debug + Send + Sync {
    /// The time of day, which may jump when somebody sets it.
    fn wall(&self) -> OffsetDateTime;
    /// Time since some fixed moment of this process; never goes back.
    fn monotonic(&self) -> Duration;
    /// Ends after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
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
    fn wall(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A clock that stands still until told otherwise.
    ///
    /// Whoever waits moves it: a sleep that is polled is over at once and the time has passed, so
    /// a rule such as "give up after 70 s" runs in no time. A limit beside work that is ready is
    /// never polled and moves nothing.
    #[derive(Debug)]
    pub(crate) struct TestClock(Mutex<State>);

    #[derive(Debug)]
    struct State {
        wall: OffsetDateTime,
        monotonic: Duration,
        slept: Vec<Duration>,
    }

    impl TestClock {
        pub(crate) fn new() -> Arc<Self> {
            Arc::new(Self(Mutex::new(State {
                wall: OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
                monotonic: Duration::ZERO,
                slept: Vec::new(),
            })))
        }

        pub(crate) fn advance(&self, by: Duration) {
            let mut state = self.0.lock().unwrap();
            state.wall += by;
            state.monotonic += by;
        }

        pub(crate) fn slept(&self) -> Vec<Duration> {
            self.0.lock().unwrap().slept.clone()
        }
    }

    impl Clock for Arc<TestClock> {
        fn wall(&self) -> OffsetDateTime {
            self.0.lock().unwrap().wall
        }
        fn monotonic(&self) -> Duration {
            self.0.lock().unwrap().monotonic
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
}
