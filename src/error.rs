//! What went wrong, in a form that a program can decide on and a person can act on.

use crate::{
    cache::{Failure, GaveUp},
    diagnosis::{Actor, Diagnosis},
    redact,
};
use azure_core::{
    error::ErrorKind,
    http::{RawResponse, StatusCode, headers::Headers},
};
use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

/// Why there is no token.
///
/// [`get_token`](azure_core::credentials::TokenCredential::get_token) returns an
/// [`azure_core::Error`] of kind [`ErrorKind::Credential`] with this error as its source; through
/// an SDK client it lies deeper still. [`Error::find`] finds it at any depth.
///
/// What to do depends on the [stage](Error::stage):
///
/// - [`Stage::Configuration`]: mend the code or the environment; nothing was sent.
/// - [`Stage::Assertion`]: look at the host that the service runs on, and at its identity.
/// - [`Stage::TokenEndpoint`]: look at the [diagnosis](Error::diagnosis), which says whether the
///   home or the target tenant has to act.
///
/// The message holds all of it in one line. It never holds an assertion, a token or an identity
/// header, and neither does the `Debug` output.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

/// Where on the way to a token an [`Error`] came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Before any request: a value given in code or by the environment makes no sense.
    Configuration,
    /// On the way to the client assertion: the host's identity endpoint, in the home tenant.
    Assertion,
    /// At Microsoft Entra's token endpoint, in the target tenant.
    TokenEndpoint,
}

struct Inner {
    stage: Stage,
    message: String,
    is_transient: bool,
    status: Option<StatusCode>,
    code: Option<u32>,
    retry_after: Option<Duration>,
    diagnosis: Option<Diagnosis>,
    is_about_the_assertion: bool,
    silence: Option<Duration>,
    source: Option<Arc<azure_core::Error>>,
}

impl Error {
    /// Where on the way it came up.
    pub fn stage(&self) -> Stage {
        self.0.stage
    }

    /// Whether the same call may succeed later without anybody changing anything: connections that
    /// fail, 408, 429, 5xx, and refusals that clear when a new registration has propagated.
    ///
    /// The credential itself tries again as often as that makes sense; a caller need not loop.
    pub fn is_transient(&self) -> bool {
        self.0.is_transient
    }

    /// The HTTP status of the refusing answer, where there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The number of Entra's error, such as `700213` for AADSTS700213.
    ///
    /// Microsoft means these numbers for people and changes them; decide on
    /// [`stage`](Self::stage) and [`is_transient`](Self::is_transient) instead.
    pub fn code(&self) -> Option<u32> {
        self.0.code
    }

    /// What happened, who has to act, and what to do, where the answer tells that much.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.0.diagnosis.as_ref()
    }

    /// How long the service asked to be left alone, by `Retry-After` or one of Azure's own headers
    /// for that. The credential heeds it by itself.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same request with another assertion may succeed: this one's time or signature
    /// was refused.
    pub(crate) fn is_about_the_assertion(&self) -> bool {
        self.0.is_about_the_assertion
    }

    /// The first error of this type in a chain of sources, at any depth: also inside the error of
    /// an SDK client that uses the credential.
    ///
    /// ```
    /// # fn demo(error: azure_core::Error) {
    /// if let Some(why) = cross_tenant_identity::Error::find(&error) {
    ///     eprintln!("no token at {:?}: {why}", why.stage());
    /// }
    /// # }
    /// ```
    pub fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
        chain(error).find_map(|error| error.downcast_ref())
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(Stage::Configuration, message.into())
    }

    pub(crate) fn new(stage: Stage, message: String) -> Self {
        Self::build(stage, message, |_| ())
    }

    /// Nothing that could be called an answer came.
    pub(crate) fn no_answer(stage: Stage, message: String, source: azure_core::Error) -> Self {
        Self::build(stage, message, |inner| {
            // What was too large once is so again.
            inner.is_transient = !matches!(source.kind(), ErrorKind::DataConversion);
            inner.source = Some(Arc::new(source));
        })
    }

    /// An answer that is not what was asked for.
    pub(crate) fn answer(stage: Stage, status: StatusCode, refusal: RefusedAnswer) -> Self {
        Self::build(stage, refusal.message, |inner| {
            inner.is_transient = refusal.is_transient;
            inner.status = Some(status);
            inner.code = refusal.code;
            inner.retry_after = refusal.retry_after;
            inner.diagnosis = refusal.diagnosis;
            inner.is_about_the_assertion = refusal.is_about_the_assertion;
            inner.silence = refusal.silence;
            inner.source = refusal.source.map(Arc::new);
        })
    }

    /// A flight of the cache ended without an answer.
    pub(crate) fn gave_up(stage: Stage, why: GaveUp) -> Self {
        let (message, retry_after) = match why {
            GaveUp::Panicked => ("the request for a token panicked, in a transport, policy or assertion source of the application's: see the panic's own message".to_owned(), None),
            GaveUp::TookTooLong => ("the request for a token did not end within its deadlines".to_owned(), None),
            GaveUp::TooManyRequests(next) => (
                format!(
                    "this token was asked for too often: Microsoft Entra blocks an app that asks for the same token again and again (AADSTS50196), so the next request goes out in {} s",
                    next.as_secs_f64().ceil()
                ),
                Some(next),
            ),
            GaveUp::NotRenewed(next) => (
                format!(
                    "the token at hand expires within minutes and could not be renewed yet; the next request goes out in {} s at the latest when somebody asks. It is not handed out because unchanged_due_token is Fail",
                    next.as_secs_f64().ceil()
                ),
                None,
            ),
            GaveUp::QueueStoodStill { queued } => (
                format!(
                    "no request for any token has succeeded for 5 minutes, and {queued} more are queued behind this one: raise max_concurrent_requests, or ask for fewer tokens at a time"
                ),
                None,
            ),
            GaveUp::NoThread(kind) => (
                format!(
                    "the operating system gave no thread to request tokens on ({kind}): look at the limits on threads and memory of this process"
                ),
                None,
            ),
            GaveUp::Ended => (
                "the task that requests tokens ended before there was an answer: the process or its runtime is shutting down".to_owned(),
                None,
            ),
        };
        Self::build(stage, message, |inner| {
            inner.is_transient = true;
            inner.retry_after = retry_after;
        })
    }

    fn build(stage: Stage, message: String, fill: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Inner {
            stage,
            message,
            is_transient: false,
            status: None,
            code: None,
            retry_after: None,
            diagnosis: None,
            is_about_the_assertion: false,
            silence: None,
            source: None,
        };
        fill(&mut inner);
        Self(Arc::new(inner))
    }
}

/// What is known of an answer that was no success.
#[derive(Default)]
pub(crate) struct RefusedAnswer {
    pub(crate) message: String,
    pub(crate) is_transient: bool,
    pub(crate) is_about_the_assertion: bool,
    pub(crate) silence: Option<Duration>,
    pub(crate) code: Option<u32>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) diagnosis: Option<Diagnosis>,
    pub(crate) source: Option<azure_core::Error>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("stage", &self.0.stage)
            .field("status", &self.0.status.map(u16::from))
            .field("code", &self.0.code)
            .field("is_transient", &self.0.is_transient)
            .field("message", &self.0.message)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

impl Failure for Error {
    fn is_transient(&self) -> bool {
        self.0.is_transient
    }

    fn is_refusal(&self) -> bool {
        let Some(status) = self.0.status.map(u16::from) else {
            return false;
        };
        // Of a service that is unwell; and an identity endpoint says 404 and 410 for a moment.
        let is_outage = matches!(status, 408 | 429 | 500..)
            || (self.0.stage == Stage::Assertion && self.0.is_transient);
        !is_outage
    }

    fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    fn silence(&self) -> Option<Duration> {
        self.0.silence
    }

    fn recalled(&self, age: Duration, next: Duration) -> Self {
        let inner = &self.0;
        Self(Arc::new(Inner {
            message: format!(
                "{} [this was {} s ago; the next try is in {} s]",
                inner.message,
                age.as_secs(),
                next.as_secs_f64().ceil()
            ),
            retry_after: Some(next),
            diagnosis: inner.diagnosis.clone(),
            source: inner.source.clone(),
            ..**inner
        }))
    }
}

impl From<Error> for azure_core::Error {
    /// Of kind `Credential`: azure_core's retry policy would repeat an error of kind `Io` once more
    /// on top of the tries that were already made.
    fn from(error: Error) -> Self {
        Self::new(ErrorKind::Credential, error)
    }
}

/// What a diagnosis adds to a message: one line, so that a log keeps it together. Its commands are
/// for [`Diagnosis`]'s own `Display`.
pub(crate) fn explanation(diagnosis: &Diagnosis) -> String {
    let turn = match diagnosis.who() {
        Actor::Nobody => String::new(),
        who => format!(" Who has to act: {who}."),
    };
    format!(
        ". {}{turn} {}",
        diagnosis.what_happened(),
        diagnosis.what_to_do()
    )
}

/// The error and its sources, outermost first.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    fn source<'a>(error: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
        let error: &'a (dyn StdError + 'static) = *error;
        error.source()
    }
    std::iter::successors(Some(error), source)
}

/// The innermost reason of a failed request, such as "Connection refused (os error 111)": the
/// layers above it only say that sending failed.
pub(crate) fn root_cause(error: &azure_core::Error) -> String {
    let innermost = chain(error).last().map(ToString::to_string);
    redact::printable(&innermost.unwrap_or_default(), 300)
}

/// The error of an answer outside 2xx as azure_core's own, with the response in it, so that code
/// which looks for [`ErrorKind::HttpResponse`] finds it. A proxy may echo what it was sent, so
/// whatever has the shape of a token, and the given secrets, are redacted from the copy.
pub(crate) fn http_response(
    response: &RawResponse,
    error_code: Option<String>,
    secrets: &[&str],
) -> azure_core::Error {
    let mut headers = Headers::new();
    for (name, value) in response.headers().iter() {
        let value = redact::redact(value.as_str(), secrets).into_owned();
        headers.insert(name.clone(), value);
    }
    let body = String::from_utf8_lossy(response.body().as_ref());
    let body = redact::redact(&body, secrets).into_owned();
    let error_code = error_code.map(|code| redact::excerpt(code.as_bytes(), secrets));
    let status = response.status();
    azure_core::Error::new(
        ErrorKind::HttpResponse {
            status,
            error_code,
            raw_response: Some(Box::new(RawResponse::from_bytes(status, headers, body))),
        },
        format!("the answer was HTTP {}", u16::from(status)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_at_any_depth_and_stays_of_kind_credential() {
        let ours: azure_core::Error = Error::configuration("no scope").into();
        assert_eq!(*ours.kind(), ErrorKind::Credential);
        let wrapped = ours.with_context("one").with_context("two");
        let found = Error::find(&wrapped).unwrap();
        assert_eq!(
            (found.stage(), found.to_string().as_str()),
            (Stage::Configuration, "no scope")
        );
        assert!(Error::find(&std::io::Error::other("x")).is_none());
    }

    #[test]
    fn the_raw_response_below_it_holds_no_token_that_was_echoed() {
        let mut headers = Headers::new();
        headers.insert("x-echo", "Bearer eyJhbGciOiJub25lIn0.e30.");
        let echo = RawResponse::from_bytes(
            StatusCode::BadGateway,
            headers,
            "POST client_assertion=opaque-secret&x=eyJhbGciOiJub25lIn0.e30.",
        );
        let error = http_response(&echo, None, &["opaque-secret"]);
        let ErrorKind::HttpResponse {
            raw_response: Some(raw),
            ..
        } = error.kind()
        else {
            panic!("{error:?}");
        };
        let body = String::from_utf8_lossy(raw.body().as_ref()).into_owned();
        assert_eq!(body, "POST client_assertion=[redacted]&x=[redacted]");
        assert!(
            raw.headers()
                .iter()
                .all(|(_, value)| !value.as_str().contains("eyJ"))
        );
    }
}
