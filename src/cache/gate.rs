//! How many requests may be under way at once: whoever waits for a token goes before whoever
//! renews one ahead of time.

use crate::time::Clock;
use futures::{
    channel::oneshot,
    future::{Either, select},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

pub(super) struct Gate {
    /// Held to come in, to go, or to queue; never across an await.
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    most: usize,
    /// Whoever is in for longer than this is taken for dead: its runtime stands still, and with
    /// it the code that would leave.
    longest_stay: Duration,
}

#[derive(Default)]
struct State {
    inside: Vec<(u64, Duration)>,
    urgent: VecDeque<oneshot::Sender<Permit>>,
    patient: VecDeque<oneshot::Sender<Permit>>,
    last_id: u64,
}

/// The right to be inside; leaving is dropping it.
pub(super) struct Permit {
    gate: Weak<Gate>,
    id: u64,
}

/// How often whoever waits looks for the dead.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

impl Gate {
    pub(super) fn new(most: usize, longest_stay: Duration, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            clock,
            most,
            longest_stay,
        })
    }

    pub(super) async fn enter(self: &Arc<Self>, is_urgent: bool) -> Permit {
        let (turn, mut wait) = oneshot::channel();
        {
            let mut state = self.lock();
            match is_urgent {
                true => state.urgent.push_back(turn),
                false => state.patient.push_back(turn),
            }
        }
        loop {
            self.admit();
            match select(&mut wait, self.clock.sleep(LOOK_AGAIN)).await {
                Either::Left((Ok(permit), _)) => return permit,
                // The gate drops no turn, so this is not met; queueing anew would be right then.
                Either::Left((Err(_), _)) => return Box::pin(self.enter(is_urgent)).await,
                Either::Right(_) => {}
            }
        }
    }

    /// Lets in as many as there is room for. They get the place itself and not word of it: nobody
    /// who comes by in between can take it.
    fn admit(self: &Arc<Self>) {
        let mut state = self.lock();
        let now = self.clock.now().monotonic;
        if state.inside.len() >= self.most {
            let longest = self.longest_stay;
            state
                .inside
                .retain(|(_, since)| now.saturating_sub(*since) < longest);
        }
        while state.inside.len() < self.most {
            let Some(next) = state
                .urgent
                .pop_front()
                .or_else(|| state.patient.pop_front())
            else {
                return;
            };
            state.last_id += 1;
            let id = state.last_id;
            let permit = Permit {
                gate: Arc::downgrade(self),
                id,
            };
            match next.send(permit) {
                Ok(()) => state.inside.push((id, now)),
                // Its waiter has gone. It was never inside, and must not leave under this lock.
                Err(mut permit) => permit.gate = Weak::new(),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.upgrade() {
            gate.lock().inside.retain(|(inside, _)| *inside != self.id);
            gate.admit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::tests::PausedClock;
    use futures::FutureExt;

    const LONGEST: Duration = Duration::from_secs(10);

    fn gate(most: usize) -> (Arc<Gate>, Arc<PausedClock>) {
        let clock = PausedClock::new();
        let gate = Gate::new(most, LONGEST, Arc::clone(&clock) as Arc<dyn Clock>);
        (gate, clock)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stays_too_long_is_taken_for_dead_and_not_before() {
        let (gate, clock) = gate(1);
        let _stuck = gate.enter(true).await;
        let start = clock.true_time();
        let _next = gate.enter(true).await;
        assert_eq!(clock.true_time() - start, LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_leaves_makes_room_for_one() {
        let (gate, _) = gate(2);
        let first = gate.enter(true).await;
        let _second = gate.enter(true).await;
        drop(first);
        let third = gate.enter(true).now_or_never();
        assert!(third.is_some());
        assert!(gate.enter(true).now_or_never().is_none());
    }
}
