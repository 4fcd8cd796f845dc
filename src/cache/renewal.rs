//! The driver of a key: it brings a flight home, and renews the token ahead of anyone asking for as
//! long as somebody asks.

use super::{
    Failure, Inner, Slot, Stage, State, Wanted,
    flight::{Driver, Flight},
    read, write,
};
use crate::time::{Clock, Moment};
use futures::{
    channel::oneshot,
    future::{Either, select},
};
use std::{
    hash::Hash,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

/// Drives a flight, and then the key's renewals for as long as somebody asks for it.
pub(super) async fn drive<K, E>(
    inner: Weak<Inner<K, E>>,
    key: K,
    slot: Weak<Slot<E>>,
    flight: Flight<E>,
    driver: Driver,
    clock: Arc<dyn Clock>,
    mut replaced: oneshot::Receiver<()>,
) where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    E: Failure,
{
    let mut next = Some((flight, driver));
    loop {
        if let Some((flight, driver)) = next.take() {
            // Its outcome is recorded where it lands.
            drop(driver.drive(flight.outcome).await);
        }
        let wait = match slot.upgrade() {
            Some(slot) => read(&slot.state).until_next_renewal(&slot, clock.now()),
            None => return,
        };
        match wait {
            Renewal::In(wait) => match select(&mut replaced, clock.sleep(wait)).await {
                Either::Left(_) => return,
                Either::Right(_) => {}
            },
            Renewal::Never => return,
        }
        let (Some(inner), Some(slot)) = (inner.upgrade(), slot.upgrade()) else {
            return;
        };
        let now = clock.now();
        let mut state = write(&slot.state);
        match state.renew_now(&slot, now) {
            Turn::Begin => {
                let (flight, driver) = inner.make(&key, &slot, Wanted::Ahead, now, true);
                state.flight = Some(flight.clone());
                next = driver.map(|driver| (flight, driver));
            }
            Turn::Wait => {}
            Turn::LetGo => {
                drop(state);
                inner.let_go(&key, &slot);
                return;
            }
        }
    }
}

/// When the driver looks again.
enum Renewal {
    In(Duration),
    Never,
}

/// What it does then.
enum Turn {
    Begin,
    Wait,
    LetGo,
}

/// A driver that has nothing to do at the moment looks again after this long at the earliest.
const SHORTEST_NAP: Duration = Duration::from_millis(100);

impl<E: Failure> State<E> {
    fn until_next_renewal(&self, slot: &Slot<E>, now: Moment) -> Renewal {
        let Some(held) = &self.held else {
            // Nothing to renew: whoever asks next begins anew.
            return Renewal::Never;
        };
        if held.life.stage(now) == Stage::Expired {
            return match slot.was_asked.load(Ordering::Relaxed) {
                true => Renewal::Never,
                false => Renewal::In(SHORTEST_NAP),
            };
        }
        let back_off = self
            .back_off
            .as_ref()
            .map(|back_off| back_off.until_next(now));
        let share = slot.meter.until_spare(now.monotonic);
        let wait = held
            .life
            .until_renewal(now)
            .max(back_off.unwrap_or_default())
            .max(share.unwrap_or_default());
        let is_idle = wait.is_zero() && !slot.was_asked.load(Ordering::Relaxed);
        let until_expired = held.life.until_expired(now);
        Renewal::In(
            if is_idle {
                until_expired
            } else {
                wait.min(until_expired)
            }
            .max(SHORTEST_NAP),
        )
    }

    fn renew_now(&mut self, slot: &Slot<E>, now: Moment) -> Turn {
        let stage = self.held.as_ref().map(|held| held.life.stage(now));
        let was_asked = slot.was_asked.load(Ordering::Relaxed);
        let backs_off = self.back_off.as_ref().is_some_and(|it| it.is_on(true, now));
        match stage {
            Some(Stage::Expired) if !was_asked && self.flight.is_none() => Turn::LetGo,
            Some(Stage::Usable | Stage::Due)
                if was_asked
                    && !backs_off
                    && slot.meter.until_spare(now.monotonic).is_none()
                    && self.live_flight(now).is_none() =>
            {
                Turn::Begin
            }
            _ => Turn::Wait,
        }
    }
}
