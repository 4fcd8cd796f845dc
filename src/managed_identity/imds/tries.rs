//! When a request to IMDS is tried again.

use crate::transport::{self, Outcome, Tries};
use azure_core::http::{RawResponse, StatusCode};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// The identity leg's deadline: 410 clears within 70 s, and one more answer fits behind that.
pub(super) const DEADLINE: Duration = Duration::from_secs(75);

/// "IMDS is being updated … wait up to 70 seconds" (Microsoft Learn, as above, "Error handling").
const GONE_FOR_AT_MOST: Duration = Duration::from_secs(70);

/// Outside Azure nothing accepts a connection on that address. On a machine that is starting, IMDS may
/// need some seconds. If it was never reached, no further try begins after this time.
pub(super) const LONGEST_UNREACHED: Duration = Duration::from_secs(6);

/// Tries of statuses other than 410, as the retry guidance has it: the first and five more.
const MOST_TRIES: u32 = 6;

/// The statuses of the retry guidance, and those for which any HTTP request is tried again.
const TRIED_AGAIN: [StatusCode; 15] = {
    let mut all = [StatusCode::NotFound; 15];
    all[1] = StatusCode::Gone;
    let mut i = 0;
    while i < transport::TRANSIENT.len() {
        all[i + 2] = transport::TRANSIENT[i];
        i += 1;
    }
    all
};

/// When to try again. It depends on whether IMDS has been reached before.
#[derive(Debug, Default)]
pub(super) struct ImdsTries {
    is_reached: AtomicBool,
}

impl ImdsTries {
    pub(super) fn is_reached(&self) -> bool {
        self.is_reached.load(Ordering::Relaxed)
    }

    pub(super) fn set_reached(&self) {
        self.is_reached.store(true, Ordering::Relaxed);
    }
}

impl Tries for ImdsTries {
    fn next(&self, made: u32, elapsed: Duration, outcome: Outcome<'_>) -> Option<Duration> {
        let pause = transport::pause(Duration::from_secs(1), made.min(4));
        match outcome {
            Outcome::Answer(answer) => {
                if is_imds(answer) {
                    self.set_reached();
                }
                match answer.status() {
                    StatusCode::Gone => (elapsed < GONE_FOR_AT_MOST).then_some(pause),
                    status if TRIED_AGAIN.contains(&status) || transport::is_transient(status) => {
                        (made < MOST_TRIES).then_some(pause)
                    }
                    _ => None,
                }
            }
            Outcome::NoAnswer { was_connected } => {
                if was_connected {
                    self.set_reached();
                }
                let is_worth_it = self.is_reached() || elapsed + pause < LONGEST_UNREACHED;
                (made < MOST_TRIES && is_worth_it).then_some(pause)
            }
        }
    }

    fn status_codes(&self) -> &'static [StatusCode] {
        &TRIED_AGAIN
    }
}

/// Whether IMDS answered. The metadata services of AWS and Google have the same address. They do not
/// know the path, and their answer is not JSON. IMDS answers in JSON, or with statuses that the others
/// do not use.
pub(super) fn is_imds(answer: &RawResponse) -> bool {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(answer.body().as_ref()).is_ok();
    is_json || answer.status() == StatusCode::Gone || transport::is_transient(answer.status())
}
