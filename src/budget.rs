//! How many requests one fetch may send.

use std::sync::atomic::{AtomicU32, Ordering};

/// How many requests of one fetch may be answered, and how many were.
///
/// A request counts if the service has begun to respond with a token or a refusal: Entra reports a loop
/// when there are too many (AADSTS50196). A request that fails in an outage does not count.
#[derive(Debug)]
pub(crate) struct Budget {
    most: u32,
    answered: AtomicU32,
}

impl Budget {
    pub(crate) fn new(most: u32) -> Self {
        Self {
            most,
            answered: AtomicU32::new(0),
        }
    }

    /// Whether another request may go out.
    pub(crate) fn has_left(&self) -> bool {
        self.answered() < self.most
    }

    pub(crate) fn count(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn answered(&self) -> u32 {
        self.answered.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_has_as_many_requests_as_it_was_given() {
        let budget = Budget::new(2);
        for answered in 0..2 {
            assert!(budget.has_left());
            assert_eq!(budget.answered(), answered);
            budget.count();
        }
        assert!(!budget.has_left());
    }
}
