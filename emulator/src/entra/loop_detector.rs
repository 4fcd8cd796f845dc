//! Detects a client that sends the same token request again and again.

use std::collections::{HashMap, VecDeque};

use crate::{
    entra::token_request::{ClientCredential, TokenRequest},
    world::log::fingerprint,
};

/// Counts equal token requests (AADSTS50196).
#[derive(Default)]
pub(crate) struct LoopDetector {
    granted: HashMap<String, VecDeque<i64>>,
}

impl LoopDetector {
    /// Microsoft Learn, "Microsoft Entra authentication and authorization error codes", 50196:
    /// more than 15 equal requests in five minutes.
    const MAX_EQUAL: usize = 15;
    const SECONDS: i64 = 5 * 60;

    /// The number of different requests from which old ones are removed.
    const CLEAN_UP_AT: usize = 10_000;

    /// Adds a request. Returns whether there are too many equal ones.
    pub(crate) fn is_loop(
        &mut self,
        request: &TokenRequest<'_>,
        tenant_id: &str,
        now: i64,
    ) -> bool {
        let ClientCredential::Assertion(assertion) = request.credential else {
            return false;
        };
        let key = [
            tenant_id,
            request.client_id,
            request.resource,
            &fingerprint(assertion),
        ]
        .join("\n");
        let recent = |before: &i64| (now - before).abs() < Self::SECONDS;
        if self.granted.len() >= Self::CLEAN_UP_AT {
            self.granted.retain(|_, times| times.iter().any(recent));
        }
        let times = self.granted.entry(key).or_default();
        times.retain(recent);
        times.push_back(now);
        times.len() > Self::MAX_EQUAL
    }
}
