//! When to look at what: one list of times for all keys of a cache.

use std::{cmp::Ordering, collections::BinaryHeap, time::Duration};

/// Times, by the monotonic clock, and what each is for.
#[derive(Debug)]
pub(super) struct Schedule<T> {
    times: BinaryHeap<At<T>>,
    last: u64,
}

#[derive(Debug)]
struct At<T> {
    time: Duration,
    /// Of equal times the one that was set first comes first.
    number: u64,
    what: T,
}

impl<T> Schedule<T> {
    pub(super) fn new() -> Self {
        Self {
            times: BinaryHeap::new(),
            last: 0,
        }
    }

    pub(super) fn set(&mut self, time: Duration, what: T) {
        self.last += 1;
        self.times.push(At {
            time,
            number: self.last,
            what,
        });
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.times.peek().map(|first| first.time)
    }

    /// The first that is due.
    pub(super) fn take(&mut self, now: Duration) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.times.pop().map(|first| first.what)
    }
}

// A heap has its greatest on top; the earliest is wanted there.
impl<T> Ord for At<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.number).cmp(&(self.time, self.number))
    }
}

impl<T> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for At<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_the_order_of_its_time_and_nothing_before_it() {
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
