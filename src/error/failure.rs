//! What the cache has to know of an error: when to try again, and what to say of an earlier failure.

use super::{Error, Inner, Stage};
use crate::cache::Failure;
use std::{sync::Arc, time::Duration};

impl Failure for Error {
    fn is_transient(&self) -> bool {
        self.inner.is_transient
    }

    fn is_refusal(&self) -> bool {
        let Some(status) = self.inner.status.map(u16::from) else {
            return false;
        };
        // These statuses mean an overloaded or failing service. An identity endpoint also returns
        // 404 and 410 for a short time.
        let is_outage = matches!(status, 408 | 429 | 500..)
            || (self.inner.stage == Stage::Assertion && self.inner.is_transient);
        !is_outage
    }

    fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }

    fn silence(&self) -> Option<Duration> {
        self.inner.silence
    }

    fn recalled(&self, age: Duration, next: Duration) -> Self {
        let inner = &self.inner;
        let recalled = format!(
            " [this was {} s ago; the next try is in {} s]",
            age.as_secs(),
            next.as_secs_f64().ceil()
        );
        Self {
            inner: Arc::new(Inner {
                headline: inner.headline.clone(),
                answer: inner.answer.clone(),
                recalled,
                retry_after: Some(next),
                diagnosis: inner.diagnosis.clone(),
                source: inner.source.clone(),
                ..**inner
            }),
            whole: None,
        }
    }
}
