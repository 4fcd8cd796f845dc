//! Connections that end before a request.

use super::exposition::{heading, sample};
use crate::clock;
use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tracing::warn;

/// Whoever opens connections, or has no secret, must not fill the log.
const BETWEEN_LINES: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Network,
    TooMany,
    Handshake,
    SlowHandshake,
}

const ALL: [Why; 4] = [
    Why::Network,
    Why::TooMany,
    Why::Handshake,
    Why::SlowHandshake,
];

/// How many there were.
#[derive(Debug, Default)]
pub(super) struct Refused {
    counts: Mutex<[u64; ALL.len()]>,
    lines: Lines,
}

/// When a line was last written down, by what it says.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<BTreeMap<&'static str, Instant>>);

impl Lines {
    /// Whether another one may be written now.
    pub(super) fn is_due(&self, line: &'static str) -> bool {
        let now = clock::start();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let written = all.get(line);
        if written.is_some_and(|it| now.duration_since(*it) < BETWEEN_LINES) {
            return false;
        }
        all.insert(line, now);
        true
    }
}

impl Why {
    /// In a word, for metrics and logs.
    fn reason(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::TooMany => "too_many",
            Self::Handshake => "handshake",
            Self::SlowHandshake => "slow_handshake",
        }
    }

    fn explained(self) -> &'static str {
        match self {
            Self::Network => "its address is in none of networks",
            Self::TooMany => "its address has too many connections",
            Self::Handshake => "the TLS handshake failed",
            Self::SlowHandshake => "the TLS handshake took too long",
        }
    }
}

impl Refused {
    /// `detail` is what the TLS library says.
    pub(super) fn add(&self, why: Why, peer: IpAddr, detail: Option<String>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts[why as usize] += 1;
        let count = counts[why as usize];
        drop(counts);
        if !self.lines.is_due(why.reason()) {
            return;
        }
        let (reason, explained) = (why.reason(), why.explained());
        warn!(
            %peer,
            reason,
            why = explained,
            detail,
            count,
            "a connection was refused; this line comes at most once a minute"
        );
    }

    pub(super) fn write(&self, text: &mut String) {
        let name = heading(
            text,
            "connections_refused_total",
            "counter",
            "Connections that ended before a request, by reason.",
        );
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (why, count) in ALL.iter().zip(counts.iter()) {
            sample(text, &name, &[("reason", why.reason())], count);
        }
    }
}
