//! One list of times for all keys of a cache: when to look at what.

use std::{collections::BTreeMap, time::Duration};

/// Times of the monotonic clock, and what each is for.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    /// Of equal times the one that was set first comes first.
    times: BTreeMap<(Duration, u64), T>,
    last: u64,
}

impl<T> Schedule<T> {
    pub(super) fn new() -> Self {
        Self {
            times: BTreeMap::new(),
            last: 0,
        }
    }

    pub(super) fn set(&mut self, time: Duration, what: T) {
        self.last += 1;
        self.times.insert((time, self.last), what);
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.times.first_key_value().map(|((time, _), _)| *time)
    }

    /// Takes out the first whose time has come.
    pub(super) fn take(&mut self, now: Duration) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.times.pop_first().map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_the_order_of_their_times_and_none_before_its_time() {
        let mut schedule = Schedule::new();
        let at = Duration::from_secs;
        for (time, what) in [(3, "c"), (1, "a"), (3, "d"), (2, "b")] {
            schedule.set(at(time), what);
        }
        assert_eq!(schedule.next(), Some(at(1)));
        assert_eq!(schedule.take(at(0)), None);
        let due = |schedule: &mut Schedule<_>, now| {
            std::iter::from_fn(|| schedule.take(at(now))).collect::<Vec<_>>()
        };
        assert_eq!(due(&mut schedule, 2), ["a", "b"]);
        assert_eq!(due(&mut schedule, 3), ["c", "d"]);
        assert_eq!(schedule.next(), None);
    }
}
