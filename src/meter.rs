//! How many requests may go out for one thing in a while.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Counts requests, by the monotonic clock.
///
/// What counts is a request that the service has begun to answer with a token or a refusal: a loop is
/// made of those. One that an outage has swallowed is given back, or a blip of seconds would use up the
/// share and keep callers waiting for minutes after it; the back-off paces those.
#[derive(Debug)]
pub(crate) struct Meter {
    most: usize,
    /// When the last ones went out. Held to look or to count; never across an await.
    taken: Mutex<VecDeque<Duration>>,
}

impl Meter {
    /// Entra answers AADSTS50196 to more than 15 equal requests in 5 minutes (Microsoft Learn,
    /// "Microsoft Entra authentication and authorization error codes").
    pub(crate) const WINDOW: Duration = Duration::from_secs(5 * 60);

    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            taken: Mutex::default(),
        }
    }

    /// Takes one, if there is one left.
    pub(crate) fn take(&self, now: Duration) -> bool {
        if self.most == usize::MAX {
            return true;
        }
        let mut taken = self.lock(now);
        let may = taken.len() < self.most;
        if may {
            taken.push_back(now);
        }
        may
    }

    /// Gives back the one that was taken at this time: the service was not there to answer it.
    pub(crate) fn give_back(&self, taken: Duration) {
        let mut all = self.lock(taken);
        if let Some(at) = all.iter().rposition(|one| *one == taken) {
            all.remove(at);
        }
    }

    /// How long until there is one for a renewal ahead of time, which leaves some to callers who have
    /// no token; `None` if there is one now.
    pub(crate) fn until_spare(&self, now: Duration) -> Option<Duration> {
        self.until_fewer_than(self.most - self.most / 3, now)
    }

    /// How long until there is one again; `None` if there is one now.
    pub(crate) fn until_next(&self, now: Duration) -> Option<Duration> {
        self.until_fewer_than(self.most, now)
    }

    fn until_fewer_than(&self, number: usize, now: Duration) -> Option<Duration> {
        if self.most == usize::MAX {
            return None;
        }
        let taken = self.lock(now);
        let last_to_go = taken.get(taken.len().checked_sub(number)?)?;
        Some((*last_to_go + Self::WINDOW).saturating_sub(now))
    }

    /// With those forgotten that lie further back than the window.
    fn lock(&self, now: Duration) -> MutexGuard<'_, VecDeque<Duration>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while taken
            .front()
            .is_some_and(|first| now >= *first + Self::WINDOW)
        {
            taken.pop_front();
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_its_share_and_no_more_until_the_window_has_moved_on() {
        let meter = Meter::new(2);
        let at = Duration::from_secs;
        assert!(meter.take(at(0)) && meter.take(at(100)) && !meter.take(at(200)));
        assert_eq!(meter.until_next(at(200)), Some(at(100)));
        assert_eq!(meter.until_next(at(300)), None);
        assert!(meter.take(at(300)) && !meter.take(at(301)));
        assert_eq!(meter.until_next(at(301)), Some(at(99)));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_no_other_is() {
        let meter = Meter::new(3);
        let at = Duration::from_secs;
        assert!(meter.take(at(0)) && meter.take(at(1)) && meter.take(at(2)));
        meter.give_back(at(1));
        meter.give_back(at(1));
        assert!(meter.take(at(3)) && !meter.take(at(4)));
        assert_eq!(meter.until_next(at(4)), Some(at(296)));
    }

    #[test]
    fn a_third_is_spared_for_callers_without_a_token() {
        let meter = Meter::new(10);
        let at = Duration::from_secs;
        for second in 0..6 {
            assert!(meter.take(at(second)));
        }
        assert_eq!(meter.until_spare(at(6)), None);
        assert!(meter.take(at(6)));
        assert_eq!(meter.until_spare(at(7)), Some(at(293)));
        assert_eq!(meter.until_next(at(7)), None);
        // One beyond: two have to go.
        assert!(meter.take(at(7)));
        assert_eq!(meter.until_spare(at(8)), Some(at(293)));
    }
}
