//! What `/metrics` tells of requests and of the endpoint itself.

use super::{
    Access, Client,
    answer::Refusal,
    exposition::{Histogram, heading, sample},
    tls::Tls,
};
use crate::clock;
use azure_core::time::OffsetDateTime;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

#[derive(Debug, Default)]
pub(super) struct Metrics {
    /// Held for a count only, and for the text.
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// By client and outcome.
    requests: BTreeMap<(String, &'static str), u64>,
    /// By client and error.
    failures: BTreeMap<(String, String), u64>,
    /// By client and resource: only those that a client may ask for.
    expiries: BTreeMap<(String, String), OffsetDateTime>,
    durations: Histogram,
    /// When the file was read again, and whether it was taken.
    reloaded: Option<(OffsetDateTime, bool)>,
}

impl Metrics {
    pub(super) fn refused_before_a_client_is_known(&self, refusal: &Refusal) {
        self.count(|counts| {
            let key = (String::new(), refusal.outcome);
            *counts.requests.entry(key).or_default() += 1;
        });
    }

    pub(super) fn answered(&self, client: &str, outcome: &'static str, took: Duration) {
        self.count(|counts| {
            let key = (client.to_owned(), outcome);
            *counts.requests.entry(key).or_default() += 1;
            counts.durations.add(took);
        });
    }

    pub(super) fn no_token(&self, client: &str, error: &str) {
        self.count(|counts| {
            let key = (client.to_owned(), error.to_owned());
            *counts.failures.entry(key).or_default() += 1;
        });
    }

    pub(super) fn token(&self, client: &Client, resource: &str, expires_on: OffsetDateTime) {
        // Where a client may ask for anything, it could fill the memory.
        if client.resources.first().is_some() {
            let key = (client.name.clone(), bare(resource).to_owned());
            self.count(|counts| {
                counts.expiries.insert(key, expires_on);
            });
        }
    }

    pub(super) fn reloaded(&self, is_taken: bool) {
        self.count(|counts| counts.reloaded = Some((clock::now(), is_taken)));
    }

    /// Forgets the tokens of clients and resources that are no more.
    pub(super) fn keep_tokens_of(&self, access: &Access) {
        self.count(|counts| {
            counts.expiries.retain(|(name, resource), _| {
                let mut clients = access.clients.iter();
                clients.any(|it| it.name == *name && it.resources.allow(resource))
            });
        });
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn write(&self, text: &mut String, access: &Access) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.write(text);
        drop(counts);
        write_endpoint(text, access);
    }
}

fn bare(resource: &str) -> &str {
    resource.trim_end_matches('/')
}

impl Counts {
    fn write(&self, text: &mut String) {
        let name = heading(
            text,
            "requests_total",
            "counter",
            "Requests for tokens, by client and outcome. Without a client: those that had no secret of one.",
        );
        for ((client, outcome), count) in &self.requests {
            let labels = [("client", client.as_str()), ("outcome", outcome)];
            sample(text, &name, &labels, count);
        }
        let name = heading(
            text,
            "token_failures_total",
            "counter",
            "Requests without a token, by client and error.",
        );
        for ((client, error), count) in &self.failures {
            let labels = [("client", client.as_str()), ("error", error)];
            sample(text, &name, &labels, count);
        }
        let name = heading(
            text,
            "token_remaining_seconds",
            "gauge",
            "How long the token that was given last, to a client or to a probe, is valid. Negative: it has expired.",
        );
        for ((client, resource), expires_on) in &self.expiries {
            let remaining = expires_on.unix_timestamp() - clock::now().unix_timestamp();
            let labels = [("client", client.as_str()), ("resource", resource)];
            sample(text, &name, &labels, remaining);
        }
        let name = heading(
            text,
            "request_duration_seconds",
            "histogram",
            "How long the requests of clients took.",
        );
        self.durations.write(text, &name, &[]);
        let Some((at, is_taken)) = self.reloaded else {
            return;
        };
        let name = heading(
            text,
            "config_last_reload_successful",
            "gauge",
            "Whether the file was taken when it was read again: 1 or 0.",
        );
        sample(text, &name, &[], u8::from(is_taken));
        let name = heading(
            text,
            "config_last_reload_timestamp_seconds",
            "gauge",
            "When that was, in seconds since 1970.",
        );
        sample(text, &name, &[], at.unix_timestamp());
    }
}

fn write_endpoint(text: &mut String, access: &Access) {
    let name = heading(text, "build_info", "gauge", "The version of the program.");
    let version = env!("CARGO_PKG_VERSION");
    sample(text, &name, &[("version", version)], 1);
    // So that somebody is told before clients refuse it.
    if let Some(expires_on) = access.tls.as_ref().and_then(Tls::expires_on) {
        let name = heading(
            text,
            "certificate_expiry_timestamp_seconds",
            "gauge",
            "When the certificate of this endpoint expires, in seconds since 1970.",
        );
        sample(text, &name, &[], expires_on.unix_timestamp());
    }
}
