//! How many requests one fetch may make.

use std::sync::atomic::{AtomicU32, Ordering};

/// The requests that one fetch may have answered, and how many were.
///
/// What counts is a request that the service has begun to answer with a token or a refusal: Entra
/// sees a loop in those (AADSTS50196). One that an outage has swallowed costs nothing.
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
