//! Counts the requests to the host's identity endpoint and to Entra.

use super::exposition::{Histogram, heading, sample};
use crate::clock;
use async_trait::async_trait;
use azure_core::http::{
    ClientOptions, Context, Request,
    policies::{Policy, PolicyResult},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The requests of both legs.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    identity: Arc<Leg>,
    token: Arc<Leg>,
}

#[derive(Debug, Default)]
struct Leg {
    in_flight: AtomicUsize,
    /// Held for a count only, and for the text.
    ended: Mutex<Ended>,
}

#[derive(Debug, Default)]
struct Ended {
    by_status: BTreeMap<String, u64>,
    durations: Histogram,
}

impl Upstream {
    /// Options for requests to Entra, and for those to the identity endpoint.
    pub(crate) fn client_options(&self) -> (ClientOptions, ClientOptions) {
        let counted = |leg: &Arc<Leg>| ClientOptions {
            per_try_policies: vec![Arc::new(Counted(Arc::clone(leg)))],
            ..Default::default()
        };
        (counted(&self.token), counted(&self.identity))
    }

    pub(super) fn write(&self, text: &mut String) {
        let legs = [("identity", &self.identity), ("token", &self.token)];
        let name = heading(
            text,
            "upstream_requests_in_flight",
            "gauge",
            "Requests to the identity endpoint of the host, and to the token endpoint of Entra.",
        );
        for (leg, counts) in legs {
            let count = counts.in_flight.load(Ordering::Relaxed);
            sample(text, &name, &[("leg", leg)], count);
        }
        let name = heading(
            text,
            "upstream_requests_total",
            "counter",
            "The same, by the status of their response.",
        );
        for (leg, counts) in legs {
            for (status, count) in &counts.ended().by_status {
                sample(text, &name, &[("leg", leg), ("status", status)], count);
            }
        }
        let name = heading(
            text,
            "upstream_request_duration_seconds",
            "histogram",
            "How long they took, until the head of the response.",
        );
        for (leg, counts) in legs {
            counts.ended().durations.write(text, &name, &[("leg", leg)]);
        }
    }
}

impl Leg {
    fn ended(&self) -> MutexGuard<'_, Ended> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Counted(Arc<Leg>);

/// Ends also with a request that is dropped.
struct InFlight<'a>(&'a Leg);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Policy for Counted {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let Some((first, rest)) = next.split_first() else {
            return Err(crate::rest::other("there is no transport".to_owned()));
        };
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        let in_flight = InFlight(&self.0);
        let started = clock::start();
        let response = first.send(context, request, rest).await;
        drop(in_flight);
        let status = match &response {
            Ok(response) => u16::from(response.status()).to_string(),
            Err(_) => "none".to_owned(),
        };
        let mut ended = self.0.ended();
        *ended.by_status.entry(status).or_default() += 1;
        ended.durations.add(started.elapsed());
        drop(ended);
        response
    }
}
