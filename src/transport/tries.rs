//! The tries of one request: how long each try can take, how much of a response is read, and
//! whether and when there is another try.

use super::LARGEST_ANSWER;
use crate::{
    budget::Budget,
    diagnosis::ConnectionFailure,
    headers::header,
    random::fraction,
    time::{Clock, timeout},
};
use async_trait::async_trait;
use azure_core::{
    Bytes,
    error::ErrorKind,
    http::{
        AsyncRawResponse, Context, RawResponse, Request, StatusCode,
        headers::{self, Headers},
        policies::{Policy, PolicyResult},
    },
    time::OffsetDateTime,
};
use futures::TryStreamExt;
use std::{fmt, sync::Arc, time::Duration};
use tracing::debug;

/// A response that takes longer than this is given up, and another try is made.
const ONE_TRY: Duration = Duration::from_secs(10);

/// A try with less time than this is not made: its timeout would replace a more useful error.
const SHORTEST_TRY: Duration = Duration::from_secs(1);

/// If a service asks for a longer pause than this, there is no further try. The call fails at once,
/// and the error has the time that the service asked for.
const LONGEST_PAUSE_ON_REQUEST: Duration = Duration::from_secs(5);

/// How a try ended.
#[derive(Clone, Copy)]
pub(crate) enum Outcome<'a> {
    /// A complete response arrived.
    Answer(&'a RawResponse),
    /// No complete response arrived: the connection was refused, reset or closed early, or the time
    /// was over.
    NoAnswer {
        /// Whether a server accepted the connection, as far as this is known.
        was_connected: bool,
    },
}

/// When to try again.
pub(crate) trait Tries: fmt::Debug + Send + Sync {
    /// The pause before the next try, or `None` if this was the last.
    ///
    /// `made` counts the tries so far, from 1; `elapsed` is the time since the start of the first
    /// try.
    fn next(&self, made: u32, elapsed: Duration, outcome: Outcome<'_>) -> Option<Duration>;

    /// The statuses that the retry options of a user try again.
    fn status_codes(&self) -> &'static [StatusCode];
}

/// `base`, doubled for each try made, plus up to a quarter. The random part prevents that many
/// processes which failed at the same time try again at the same time.
pub(crate) fn pause(base: Duration, made: u32) -> Duration {
    let doubled = base.saturating_mul(1 << made.saturating_sub(1).min(16));
    doubled + doubled.mul_f64(0.25 * fraction())
}

/// The pause that `Retry-After` and Azure's variants in milliseconds ask for (RFC 9110 §10.2.3). A
/// date in the past and a negative number ask for no pause.
pub(crate) fn retry_after(headers: &Headers, now: OffsetDateTime) -> Option<Duration> {
    for name in [headers::X_MS_RETRY_AFTER_MS, headers::RETRY_AFTER_MS] {
        if let Some(ms) = header(headers, &name).and_then(|v| v.trim().parse().ok()) {
            return Some(Duration::from_millis(ms));
        }
    }
    let value = header(headers, &headers::RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = azure_core::time::parse_rfc7231(value).ok()?;
    Duration::try_from(date - now).ok()
}

/// The start of the first try on a leg, in the context of the request: with a user's retry policy,
/// [`TriesPolicy`] runs once for each try, and all tries together have one time limit.
pub(super) struct Begun(pub(super) Duration);

/// In the context of a request if the status alone shows whether it succeeded.
pub(super) struct StatusIsEnough;

/// The policy that makes the tries and limits the time of each.
pub(super) struct TriesPolicy {
    pub(super) tries: Arc<dyn Tries>,
    /// A user's retry policy in an outer layer makes the tries; this policy makes one try per call.
    pub(super) has_users_retry: bool,
    /// Whether the transport is this crate's own.
    pub(super) has_own_transport: bool,
    /// The time limit for all tries together.
    pub(super) deadline: Duration,
    pub(super) clock: Arc<dyn Clock>,
}

/// The result of one try.
struct Tried {
    result: azure_core::Result<RawResponse>,
    /// The try was stopped because it took too long.
    is_timeout: bool,
}

impl TriesPolicy {
    /// The remaining time of all tries together.
    fn left(&self, elapsed: Duration) -> Duration {
        self.deadline.saturating_sub(elapsed)
    }

    async fn one_try(
        &self,
        limit: Duration,
        context: &Context<'_>,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> Tried {
        let exchange = async {
            let (head, rest) = next.split_first().ok_or_else(|| {
                azure_core::Error::with_message(ErrorKind::Other, "the pipeline has no transport")
            })?;
            let answer = head.send(context, request, rest).await?;
            // The service has accepted or refused the request, although its response can be
            // incomplete.
            if !super::is_transient(answer.status())
                && let Some(budget) = context.value::<Arc<Budget>>()
            {
                budget.count();
            }
            if answer.status().is_success() && context.value::<StatusIsEnough>().is_some() {
                let (status, headers, _body) = answer.deconstruct();
                return Ok(RawResponse::from_bytes(status, headers, Bytes::new()));
            }
            read_bounded(answer).await
        };
        match timeout(self.clock.as_ref(), limit, exchange).await {
            Some(result) => Tried {
                // Before the response is logged, or reaches a policy in an outer layer.
                result: result.map_err(|error| super::redacted(error, request)),
                is_timeout: false,
            },
            None => Tried {
                result: Err(azure_core::Error::with_message(
                    ErrorKind::Io,
                    format!("no whole answer within {:.1} s", limit.as_secs_f64()),
                )),
                is_timeout: true,
            },
        }
    }
}

#[async_trait]
impl Policy for TriesPolicy {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let start = match context.value::<Begun>() {
            Some(begun) => begun.0,
            None => self.clock.monotonic(),
        };
        let mut made = 0;
        loop {
            request.body_mut().reset().await?;
            let may_ask = || {
                let budget = context.value::<Arc<Budget>>();
                budget.is_none_or(|budget| budget.has_left())
            };
            if !may_ask() {
                return Err(azure_core::Error::with_message(
                    ErrorKind::Other,
                    "the requests allowed for this token are used up",
                ));
            }
            let elapsed = self.clock.monotonic().saturating_sub(start);
            let limit = ONE_TRY.min(self.left(elapsed));
            let tried = self.one_try(limit, context, request, next).await;
            made += 1;

            let elapsed = self.clock.monotonic().saturating_sub(start);
            let pause = self
                .pause_before_next(made, elapsed, &tried)
                .filter(|pause| *pause + SHORTEST_TRY <= self.left(elapsed))
                .filter(|_| may_ask());
            let Some(pause) = pause else {
                return tried.result.map(|answer| {
                    let (status, headers, body) = answer.deconstruct();
                    AsyncRawResponse::from_bytes(status, headers, Bytes::from(body))
                });
            };
            debug!(tries = made, pause_ms = pause.as_millis() as u64, outcome = %describe(&tried.result), "trying again");
            self.clock.pause(pause).await;
        }
    }
}

impl TriesPolicy {
    fn pause_before_next(&self, made: u32, elapsed: Duration, tried: &Tried) -> Option<Duration> {
        let tries = &self.tries;
        let pause = match &tried.result {
            Ok(answer) => {
                let pause = tries.next(made, elapsed, Outcome::Answer(answer))?;
                let asked = retry_after(answer.headers(), self.clock.wall()).unwrap_or_default();
                (asked <= LONGEST_PAUSE_ON_REQUEST).then(|| pause.max(asked))
            }
            Err(error) if matches!(error.kind(), ErrorKind::Io | ErrorKind::Connection) => {
                let was_connected = match tried.is_timeout {
                    // This crate's transport gives up within seconds if no server accepts the
                    // connection. A user's own transport need not do that, so its silence shows
                    // nothing.
                    true => self.has_own_transport,
                    false => ConnectionFailure::was_connected(error),
                };
                let pause = tries.next(made, elapsed, Outcome::NoAnswer { was_connected });
                // A proxy that demands a password and an unknown certificate authority do not
                // change by themselves.
                pause.filter(|_| ConnectionFailure::may_pass(error))
            }
            // A request that could not be built, or that a user's policy refused.
            Err(_) => None,
        };
        pause.filter(|_| !self.has_users_retry)
    }
}

impl fmt::Debug for TriesPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TriesPolicy")
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

fn describe(result: &azure_core::Result<RawResponse>) -> String {
    match result {
        Ok(answer) => format!("HTTP {}", u16::from(answer.status())),
        Err(error) => crate::error::root_cause(error),
    }
}

async fn read_bounded(answer: AsyncRawResponse) -> azure_core::Result<RawResponse> {
    let (status, headers, mut stream) = answer.deconstruct();
    let mut body = Vec::new();
    while let Some(chunk) = stream.try_next().await? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            // Not of kind Io: the next try would get as many bytes.
            return Err(azure_core::Error::with_message(
                ErrorKind::DataConversion,
                format!(
                    "what came, HTTP {}, is larger than {} KiB and was not read",
                    u16::from(status),
                    LARGEST_ANSWER / 1024
                ),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(RawResponse::from_bytes(status, headers, Bytes::from(body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> Headers {
        let mut headers = Headers::new();
        headers.insert(name, value.to_owned());
        headers
    }

    #[test]
    fn retry_after_is_read_in_each_of_its_forms() {
        let now = azure_core::time::parse_rfc7231("Fri, 01 Jan 2027 00:00:00 GMT").unwrap();
        for (name, value, expected) in [
            ("retry-after", "7", Some(Duration::from_secs(7))),
            ("retry-after", " 7 ", Some(Duration::from_secs(7))),
            (
                "retry-after",
                "Fri, 01 Jan 2027 00:00:09 GMT",
                Some(Duration::from_secs(9)),
            ),
            ("retry-after", "Thu, 31 Dec 2026 23:59:00 GMT", None),
            ("retry-after", "-5", None),
            ("retry-after", "soon", None),
            ("retry-after", "99999999999999999999999", None),
            ("retry-after-ms", "1500", Some(Duration::from_millis(1500))),
            ("x-ms-retry-after-ms", "20", Some(Duration::from_millis(20))),
            ("x-ms-retry-after-ms", "-20", None),
        ] {
            assert_eq!(
                retry_after(&headers(name, value), now),
                expected,
                "{name}: {value}"
            );
        }
        assert_eq!(retry_after(&Headers::new(), now), None);
    }

    #[test]
    fn pauses_double_and_differ_by_up_to_a_quarter() {
        for made in 1..40 {
            let least = Duration::from_secs(1 << (made - 1).min(16));
            let pause = pause(Duration::from_secs(1), made);
            assert!(
                pause >= least && pause < least.mul_f64(1.25),
                "{made}: {pause:?}"
            );
        }
    }
}
