//! Numbers in the text format of Prometheus (prometheus.io, "Exposition formats").

use super::{Client, answer::Refusal};
use crate::clock;
use azure_core::time::OffsetDateTime;
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A cached token takes less than the first, a new one up to the last.
const BUCKETS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0];

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
    durations: [u64; BUCKETS.len()],
    answered: u64,
    seconds: f64,
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
            let seconds = took.as_secs_f64();
            if let Some(at) = BUCKETS.iter().position(|bound| seconds <= *bound) {
                counts.durations[at] += 1;
            }
            counts.answered += 1;
            counts.seconds += seconds;
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
            let key = (
                client.name.clone(),
                resource.trim_end_matches('/').to_owned(),
            );
            self.count(|counts| {
                counts.expiries.insert(key, expires_on);
            });
        }
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn write(&self, text: &mut String) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.write(text);
    }
}

/// So that somebody is told before clients refuse it.
pub(super) fn write_certificate(text: &mut String, expires_on: OffsetDateTime) {
    let name = heading(
        text,
        "certificate_expiry_timestamp_seconds",
        "gauge",
        "When the certificate of this endpoint expires, in seconds since 1970.",
    );
    let _ = writeln!(text, "{name} {}", expires_on.unix_timestamp());
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
            let client = escaped(client);
            let _ = writeln!(
                text,
                "{name}{{client=\"{client}\",outcome=\"{outcome}\"}} {count}"
            );
        }
        let name = heading(
            text,
            "token_failures_total",
            "counter",
            "Requests without a token, by client and error.",
        );
        for ((client, error), count) in &self.failures {
            let (client, error) = (escaped(client), escaped(error));
            let _ = writeln!(
                text,
                "{name}{{client=\"{client}\",error=\"{error}\"}} {count}"
            );
        }
        let name = heading(
            text,
            "token_remaining_seconds",
            "gauge",
            "How long the token that was given last is valid.",
        );
        for ((client, resource), expires_on) in &self.expiries {
            let (client, resource) = (escaped(client), escaped(resource));
            let remaining = expires_on.unix_timestamp() - clock::now().unix_timestamp();
            let _ = writeln!(
                text,
                "{name}{{client=\"{client}\",resource=\"{resource}\"}} {remaining}"
            );
        }
        let name = heading(
            text,
            "request_duration_seconds",
            "histogram",
            "How long the requests of clients took.",
        );
        let mut below = 0;
        for (bound, count) in BUCKETS.iter().zip(self.durations) {
            below += count;
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {below}");
        }
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {}", self.answered);
        let _ = writeln!(
            text,
            "{name}_sum {}\n{name}_count {}",
            self.seconds, self.answered
        );
    }
}

fn heading(text: &mut String, name: &str, kind: &str, help: &str) -> String {
    let name = format!("cross_tenant_identity_{name}");
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    name
}

fn escaped(label: &str) -> String {
    let label = label.replace('\\', "\\\\").replace('"', "\\\"");
    label.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_of_a_histogram_hold_those_below_them() {
        let metrics = Metrics::default();
        for milliseconds in [1, 3, 3, 3_600_000] {
            metrics.answered("a\"b", "ok", Duration::from_millis(milliseconds));
        }
        let mut text = String::new();
        metrics.write(&mut text);
        for line in [
            r#"cross_tenant_identity_requests_total{client="a\"b",outcome="ok"} 4"#,
            r#"cross_tenant_identity_request_duration_seconds_bucket{le="0.001"} 1"#,
            r#"cross_tenant_identity_request_duration_seconds_bucket{le="60"} 3"#,
            r#"cross_tenant_identity_request_duration_seconds_bucket{le="+Inf"} 4"#,
            "cross_tenant_identity_request_duration_seconds_count 4",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }
}
