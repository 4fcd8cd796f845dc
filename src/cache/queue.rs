//! Who may ask next: at most so many at once, those who wait for a token before renewals.

use super::{Failure, pace::Need};
use std::{collections::VecDeque, marker::PhantomData, time::Duration};

/// The fetches that wait to be admitted, by their ids.
///
/// An id may stand in both lines, or belong to a fetch that is no longer there: whoever takes it out
/// knows.
#[derive(Debug)]
pub(super) struct Queue<E> {
    at_once: usize,
    under_way: usize,
    urgent: VecDeque<u64>,
    patient: VecDeque<u64>,
    /// Until then the service wants to be left alone.
    held_until: Duration,
    _errors: PhantomData<fn(E)>,
}

/// The most of a `Retry-After` that renewals of a whole family wait for.
const LONGEST_HOLD: Duration = Duration::from_secs(300);

impl<E: Failure> Queue<E> {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            at_once,
            under_way: 0,
            urgent: VecDeque::new(),
            patient: VecDeque::new(),
            held_until: Duration::ZERO,
            _errors: PhantomData,
        }
    }

    pub(super) fn push(&mut self, id: u64, need: Need) {
        match need.is_urgent() {
            true => self.urgent.push_back(id),
            false => self.patient.push_back(id),
        }
    }

    /// The next that may begin. It is under way once [`begun`](Self::begun) says so.
    pub(super) fn next(&mut self, now: Duration) -> Option<u64> {
        let is_held = now < self.held_until;
        // While the service wants to be left alone it is asked for callers without a token alone, one
        // at a time: it may mean one tenant, and the others need not wait.
        let at_once = if is_held { 1 } else { self.at_once };
        if self.under_way >= at_once {
            return None;
        }
        match self.urgent.pop_front() {
            None if !is_held => self.patient.pop_front(),
            urgent => urgent,
        }
    }

    pub(super) fn begun(&mut self) {
        self.under_way += 1;
    }

    pub(super) fn ended(&mut self) {
        self.under_way -= 1;
    }

    /// The service has asked to be left alone.
    pub(super) fn heed(&mut self, error: &E, now: Duration) {
        if let Some(asked) = error.retry_after() {
            self.held_until = self.held_until.max(now + asked.min(LONGEST_HOLD));
        }
    }

    /// When a renewal that waits for nothing but the service's wish may begin.
    pub(super) fn held_until(&self, now: Duration) -> Option<Duration> {
        let waits = !self.patient.is_empty() || !self.urgent.is_empty();
        (waits && now < self.held_until).then_some(self.held_until)
    }

    /// The one that has waited longest with callers behind it.
    pub(super) fn first_urgent(&self) -> Option<u64> {
        self.urgent.front().copied()
    }

    pub(super) fn drop_first_urgent(&mut self) {
        self.urgent.pop_front();
    }

    pub(super) fn len(&self) -> usize {
        self.urgent.len() + self.patient.len()
    }
}
