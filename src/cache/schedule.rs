//! Things in the order of their times.

use crate::time::nanos;
use std::{collections::BTreeMap, time::Duration};

/// Times of the monotonic clock, and what each is for.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    times: BTreeMap<Place, T>,
    last: u64,
}

/// Where something stands in a schedule: its time in nanoseconds, and a number. Of equal times the one
/// that was set first comes first.
pub(super) type Place = (u64, u64);

impl<T> Schedule<T> {
    pub(super) fn new() -> Self {
        Self {
            times: BTreeMap::new(),
            last: 0,
        }
    }

    pub(super) fn set(&mut self, time: Duration, what: T) -> Place {
        self.last += 1;
        let place = (nanos(time), self.last);
        self.times.insert(place, what);
        place
    }

    pub(super) fn remove(&mut self, place: Place) {
        self.times.remove(&place);
    }

    pub(super) fn next(&self) -> Option<Duration> {
        let ((time, _), _) = self.times.first_key_value()?;
        Some(Duration::from_nanos(*time))
    }

    /// Takes out the first whose time has come.
    pub(super) fn take(&mut self, now: Duration) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.times.pop_first().map(|(_, what)| what)
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_the_order_of_their_times_and_none_before_its_time() {
        let mut schedule = Schedule::new();
        let at = Duration::from_secs;
        let places = [(3, "c"), (1, "a"), (3, "d"), (2, "b"), (2, "removed")]
            .map(|(time, what)| schedule.set(at(time), what));
        schedule.remove(places[4]);
        assert_eq!(schedule.len(), 4);
        assert_eq!(schedule.next(), Some(at(1)));
        assert_eq!(schedule.take(at(0)), None);
        let due = |schedule: &mut Schedule<_>, now| {
            std::iter::from_fn(|| schedule.take(at(now))).collect::<Vec<_>>()
        };
        assert_eq!(due(&mut schedule, 2), ["a", "b"]);
        assert_eq!(due(&mut schedule, 3), ["c", "d"]);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn a_time_beyond_500_years_never_comes() {
        let mut schedule = Schedule::new();
        schedule.set(Duration::MAX, ());
        assert_eq!(schedule.take(Duration::from_secs(1 << 33)), None);
    }
}
