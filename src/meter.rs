//! How many requests may go out for one thing in a while.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Counts requests, by the monotonic clock.
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

    /// How long until there is one again; `None` if there is one now.
    pub(crate) fn until_next(&self, now: Duration) -> Option<Duration> {
        if self.most == usize::MAX {
            return None;
        }
        let taken = self.lock(now);
        let first = taken.front().filter(|_| taken.len() >= self.most)?;
        Some((*first + Self::WINDOW).saturating_sub(now))
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
}
