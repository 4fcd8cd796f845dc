//! One request for all who want the same key: who waits for it, who drives it, and how to tell
//! that nobody does any more.

use crate::time::{Clock, Moment};
use azure_core::credentials::AccessToken;
use futures::{
    channel::oneshot,
    future::{BoxFuture, Either, FutureExt, Shared, select},
    task::AtomicWaker,
};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

/// A request under way, or about to be. Clones are handles of one and the same.
///
/// Everyone who waits polls it, so it goes on whoever is cancelled; and where there is a runtime a
/// driver of its own polls it too, so it goes on when nobody waits.
pub(super) struct Flight<E> {
    pub(super) id: u64,
    /// When it began, on the monotonic clock.
    pub(super) begun: Duration,
    /// When it is taken for dead.
    pub(super) deadline: Duration,
    /// `None` of a flight that came down with its runtime.
    pub(super) outcome: Shared<BoxFuture<'static, Option<Result<AccessToken, E>>>>,
    pulse: Option<Arc<Pulse>>,
    /// Ends when the driver is gone, which before the outcome means that its runtime has ended.
    driver_gone: Option<Shared<oneshot::Receiver<()>>>,
    /// Whether a caller has asked for it, or only the clock.
    pub(super) is_wanted: Arc<AtomicBool>,
}

impl<E> Clone for Flight<E> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            begun: self.begun,
            deadline: self.deadline,
            outcome: self.outcome.clone(),
            pulse: self.pulse.clone(),
            driver_gone: self.driver_gone.clone(),
            is_wanted: Arc::clone(&self.is_wanted),
        }
    }
}

/// The sign of life of a driver.
#[derive(Default)]
pub(super) struct Pulse {
    beats: AtomicU64,
    driver: AtomicWaker,
    is_gone: AtomicBool,
}

/// How a wait ended.
pub(super) enum Waited<E> {
    Outcome(Result<AccessToken, E>),
    /// The caller has waited as long as it wanted to.
    Long,
    /// It will never end: it has to be replaced.
    Dead,
}

/// How often a waiter feels the pulse.
const PULSE: Duration = Duration::from_secs(2);

/// What drives a flight on a runtime.
pub(super) struct Driver {
    pulse: Arc<Pulse>,
    /// Dropped with the driver, however it ends.
    _here: oneshot::Sender<()>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.pulse.is_gone.store(true, Ordering::Release);
    }
}

impl<E: Clone + Send + Sync + 'static> Flight<E> {
    /// With a pulse there is a driver to be run; without one, whoever waits drives.
    pub(super) fn new(
        id: u64,
        [begun, deadline]: [Duration; 2],
        work: BoxFuture<'static, Option<Result<AccessToken, E>>>,
        pulse: Option<Arc<Pulse>>,
        is_wanted: Arc<AtomicBool>,
    ) -> (Self, Option<Driver>) {
        let (here, gone) = oneshot::channel();
        let driver = pulse.clone().map(|pulse| Driver { pulse, _here: here });
        let flight = Self {
            id,
            begun,
            deadline,
            outcome: work.shared(),
            driver_gone: pulse.is_some().then(|| gone.shared()),
            pulse,
            is_wanted,
        };
        (flight, driver)
    }

    /// Whether it has passed its deadline, or its driver has gone without an outcome: one that has
    /// come takes the flight out of its slot.
    pub(super) fn is_dead(&self, now: Moment) -> bool {
        now.monotonic >= self.deadline || self.pulse.as_ref().is_some_and(|pulse| pulse.is_gone())
    }

    /// Waits for the outcome, at most `patience`.
    pub(super) async fn wait(&self, clock: &dyn Clock, patience: Option<Duration>) -> Waited<E> {
        self.is_wanted.store(true, Ordering::Relaxed);
        let start = clock.now().monotonic;
        let mut felt = None;
        loop {
            let now = clock.now().monotonic;
            let left = patience.map(|patience| patience.saturating_sub(now - start));
            if left == Some(Duration::ZERO) {
                return Waited::Long;
            }
            if now >= self.deadline {
                return Waited::Dead;
            }
            let nap = left.unwrap_or(PULSE).min(PULSE);
            let gone = async {
                match &self.driver_gone {
                    // The driver's end and the outcome come at the same moment when all is well.
                    Some(gone) => drop(gone.clone().await),
                    None => std::future::pending().await,
                }
            };
            // The driver's end is looked at first: timers of a runtime that has ended panic when
            // they are polled.
            let landed = select(self.outcome.clone(), clock.sleep(nap));
            match select(Box::pin(gone), landed).await {
                Either::Right((Either::Left((Some(outcome), _)), _)) => {
                    return Waited::Outcome(outcome);
                }
                Either::Right((Either::Left((None, _)), _)) => return Waited::Dead,
                Either::Left(_) => {
                    return match self.outcome.peek() {
                        Some(Some(outcome)) => Waited::Outcome(outcome.clone()),
                        _ => Waited::Dead,
                    };
                }
                Either::Right((Either::Right(_), _)) => {
                    if let Some(pulse) = &self.pulse {
                        let beats = pulse.beats.load(Ordering::Acquire);
                        // Woken one nap ago, and not polled since: its runtime stands still.
                        if felt == Some(beats) {
                            return Waited::Dead;
                        }
                        felt = Some(beats);
                        pulse.driver.wake();
                    }
                }
            }
        }
    }
}

impl Pulse {
    /// Whether the driver has gone.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }
}

impl Driver {
    /// `work`, giving a sign of life whenever it is polled.
    pub(super) async fn drive<F: Future>(&self, work: F) -> F::Output {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| {
            self.pulse.driver.register(context.waker());
            self.pulse.beats.fetch_add(1, Ordering::Release);
            match work.as_mut().poll(context) {
                Poll::Ready(output) => Poll::Ready(output),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}
