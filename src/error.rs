//! Why there is no token: an error that a program can evaluate and a person can act on.

mod answer;

pub(crate) use answer::{RefusedAnswer, http_response};

use crate::{
    cache::{Failure, GaveUp},
    diagnosis::{self, ConnectionFailure, Diagnosis, Peer},
    redact,
};
use azure_core::{error::ErrorKind, http::StatusCode};
use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

/// Why there is no token.
///
/// [`get_token`](azure_core::credentials::TokenCredential::get_token) returns an
/// [`azure_core::Error`] of kind [`ErrorKind::Credential`] with this error as its source. An SDK
/// client wraps it once more. [`Error::find`] finds it at any depth, and
/// [`explain`](crate::explain) prints everything that is known about it.
///
/// What to do depends on the [stage](Error::stage):
///
/// - [`Stage::Configuration`]: change the code or the environment; no request was sent.
/// - [`Stage::Assertion`]: look at the host that the service runs on, and at its identity.
/// - [`Stage::TokenEndpoint`]: look at the [diagnosis](Error::diagnosis), which says whether the
///   home or the target tenant has to act.
///
/// `Display` is one line of about 400 characters at most; it is longer only for several wrong
/// [`Settings`](crate::Settings). It says which leg failed and for which tenant, what the response
/// was, who has to act, and the most important action. The rest is in the
/// [diagnosis](Error::diagnosis). `Display` and `Debug` never contain an assertion, a token or an
/// identity header.
///
/// The message of the outer [`azure_core::Error`] is this line already. A printed chain of sources
/// must not repeat it. So the error directly below prints only the ids for support, and the error
/// that [`Error::find`] returns prints the line.
#[derive(Clone)]
pub struct Error {
    inner: Arc<Inner>,
    /// Set if this error is the source of an `azure_core::Error` with the same message: the error
    /// that [`Error::find`] returns.
    whole: Option<Arc<Error>>,
}

/// The step at which an [`Error`] occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Before any request: a value from the code or from the environment is wrong.
    Configuration,
    /// During the request for the client assertion: the host's identity endpoint, in the home
    /// tenant.
    Assertion,
    /// At Microsoft Entra's token endpoint, in the target tenant.
    TokenEndpoint,
}

struct Inner {
    stage: Stage,
    /// Which leg failed, and for which tenant; or which value is wrong.
    headline: String,
    /// The response, or the reason why there was none.
    answer: String,
    /// For a caller who gets the error of an earlier call.
    recalled: String,
    diagnosis: Diagnosis,
    is_transient: bool,
    status: Option<StatusCode>,
    code: Option<u32>,
    retry_after: Option<Duration>,
    is_about_the_assertion: bool,
    silence: Option<Duration>,
    /// One or several settings are wrong.
    is_of_settings: bool,
    source: Option<Arc<azure_core::Error>>,
}

impl Error {
    /// The step at which the error occurred.
    pub fn stage(&self) -> Stage {
        self.inner.stage
    }

    /// Whether the same call can succeed later without anybody changing anything. This is true for
    /// failed connections, 408, 429, 5xx, and refusals that end when a new registration has
    /// propagated.
    ///
    /// A proxy that demands a login, a TLS certificate that this host does not trust and a port
    /// without TLS are not transient: somebody has to act.
    ///
    /// The credential repeats requests itself where that helps; a caller needs no loop.
    pub fn is_transient(&self) -> bool {
        self.inner.is_transient
    }

    /// The HTTP status of the response, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.inner.status
    }

    /// The number of the Entra error, such as `700213` for AADSTS700213.
    ///
    /// Microsoft writes these numbers for people, and changes them. A program should use
    /// [`stage`](Self::stage) and [`is_transient`](Self::is_transient) instead.
    pub fn code(&self) -> Option<u32> {
        self.inner.code
    }

    /// What happened, who has to act, and what to do. Every error of this crate has one.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        Some(&self.inner.diagnosis)
    }

    /// How long the service asked clients to wait, by `Retry-After` or by one of Azure's own
    /// headers. The credential obeys it.
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }

    /// One word for the field `error.type` of OpenTelemetry's semantic conventions: the number of
    /// the Entra error, the HTTP status, or the stage.
    pub(crate) fn kind_for_log(&self) -> String {
        match (self.code(), self.status()) {
            (Some(code), _) => format!("AADSTS{code}"),
            (None, Some(status)) => u16::from(status).to_string(),
            (None, None) => format!("{:?}", self.stage()),
        }
    }

    /// Whether the same request can succeed with another assertion: the time or the signature of
    /// this one was refused.
    pub(crate) fn is_about_the_assertion(&self) -> bool {
        self.inner.is_about_the_assertion
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
        let found: &Error = chain(error).find_map(|error| error.downcast_ref())?;
        Some(found.whole.as_deref().unwrap_or(found))
    }

    /// `message` has the form "what is wrong: what to give instead".
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::diagnosed(Stage::Configuration, diagnosis::bad_value(&message.into()))
    }

    /// All errors of one source of settings. Each message has the form that
    /// [`configuration`](Self::configuration) takes.
    pub(crate) fn settings(messages: &[String]) -> Self {
        let diagnosis = match messages {
            [one] => diagnosis::bad_value(one),
            several => diagnosis::bad_values(several),
        };
        let headline = headline_of(&diagnosis);
        Self::build(Stage::Configuration, headline, diagnosis, |inner| {
            inner.is_of_settings = true;
        })
    }

    /// A scope that client credentials cannot request.
    pub(crate) fn bad_scope(scope: &str) -> Self {
        Self::diagnosed(Stage::Configuration, diagnosis::of_scope(scope))
    }

    /// Scopes of two resources in one call.
    pub(crate) fn several_resources(one: &str, other: &str) -> Self {
        Self::diagnosed(
            Stage::Configuration,
            diagnosis::of_several_resources(one, other),
        )
    }

    pub(crate) fn new(stage: Stage, message: String) -> Self {
        match stage {
            Stage::Configuration => Self::configuration(message),
            _ => Self::diagnosed(stage, diagnosis::bad_source(&message)),
        }
    }

    /// No usable response of a source that the application supplied.
    pub(crate) fn no_answer(stage: Stage, message: String, source: azure_core::Error) -> Self {
        let failure = ConnectionFailure::of(&source, Peer::OwnSource);
        Self::build(stage, message, failure.diagnosis, |inner| {
            inner.is_transient = failure.is_transient;
            inner.source = Some(Arc::new(source));
        })
    }

    /// No usable response on a leg of this crate.
    pub(crate) fn unanswered(
        stage: Stage,
        headline: String,
        failure: ConnectionFailure,
        source: azure_core::Error,
    ) -> Self {
        Self::build(stage, headline, failure.diagnosis, |inner| {
            inner.answer = failure.reason;
            inner.is_transient = failure.is_transient;
            inner.source = Some(Arc::new(source));
        })
    }

    /// A response that does not contain what was requested.
    pub(crate) fn answer(stage: Stage, status: StatusCode, refused: RefusedAnswer) -> Self {
        Self::build(stage, refused.headline, refused.diagnosis, |inner| {
            inner.answer = refused.answer;
            inner.is_transient = refused.is_transient;
            inner.status = Some(status);
            inner.code = refused.code;
            inner.retry_after = refused.retry_after;
            inner.is_about_the_assertion = refused.is_about_the_assertion;
            inner.silence = refused.silence;
            inner.source = refused.source.map(Arc::new);
        })
    }

    /// The error of a fetch of the cache that ended without a result.
    pub(crate) fn gave_up(stage: Stage, why: GaveUp) -> Self {
        let (diagnosis, next) = match why {
            GaveUp::Panicked => (diagnosis::panicked(), None),
            GaveUp::TookTooLong => (diagnosis::took_too_long(), None),
            GaveUp::TooManyRequests(next) => (diagnosis::too_many_requests(), Some(next)),
            GaveUp::NotRenewed(next) => (diagnosis::not_renewed(), Some(next)),
            GaveUp::QueueStoodStill { queued } => (diagnosis::queue_stood_still(queued), None),
            GaveUp::NoThread(kind) => (diagnosis::no_thread(kind), None),
            GaveUp::Ended => (diagnosis::ended(), None),
        };
        let mut headline = headline_of(&diagnosis);
        if let Some(next) = next {
            let seconds = next.as_secs_f64().ceil();
            headline.push_str(&format!("; the next request goes out in {seconds} s"));
        }
        Self::build(stage, headline, diagnosis, |inner| {
            inner.is_transient = true;
            inner.retry_after = next;
        })
    }

    /// The diagnosis says everything that is known.
    fn diagnosed(stage: Stage, diagnosis: Diagnosis) -> Self {
        Self::build(stage, headline_of(&diagnosis), diagnosis, |_| ())
    }

    fn build(
        stage: Stage,
        headline: String,
        diagnosis: Diagnosis,
        fill: impl FnOnce(&mut Inner),
    ) -> Self {
        let mut inner = Inner {
            stage,
            headline,
            answer: String::new(),
            recalled: String::new(),
            diagnosis,
            is_transient: false,
            status: None,
            code: None,
            retry_after: None,
            is_about_the_assertion: false,
            silence: None,
            is_of_settings: false,
            source: None,
        };
        fill(&mut inner);
        // The outer error in the chain has the same words already.
        let repeats = inner.source.as_deref().is_some_and(|it| inner.repeats(it));
        if repeats {
            inner.source = None;
        }
        Self {
            inner: Arc::new(inner),
            whole: None,
        }
    }

    /// Which leg failed, for which tenant, and the response, not shortened.
    pub(crate) fn what_failed(&self) -> String {
        let inner = &self.inner;
        let mut text = inner.headline.clone();
        if !inner.answer.is_empty() {
            text.push_str(": ");
            text.push_str(&inner.answer);
        }
        text.push_str(&inner.recalled);
        text
    }
}

/// The first sentence of the diagnosis, without its full stop.
fn headline_of(diagnosis: &Diagnosis) -> String {
    let first = diagnosis::first_sentence(diagnosis.what_happened());
    first.trim_end_matches('.').to_owned()
}

impl Inner {
    /// One line: what failed, who has to act, the most important action.
    fn line(&self) -> String {
        // Errors of settings are read once, at start-up, and often only in this form.
        let (longest, longest_step): (usize, usize) = match self.is_of_settings {
            true => (3000, 1500),
            false => (400, 180),
        };
        let step = redact::printable(self.diagnosis.first_step(), longest_step);
        let rest = format!(" Who has to act: {}. {step}", self.diagnosis.who());
        let left = longest.saturating_sub(self.recalled.len() + rest.len() + 1);
        let mut line = redact::printable(&self.headline, left.max(120));
        if !self.answer.is_empty() {
            let left = left.saturating_sub(line.len() + 2).max(60);
            line.push_str(": ");
            line.push_str(&redact::printable(&self.answer, left));
        }
        line.push_str(&self.recalled);
        let end = match line.ends_with(['.', '…', '!', '?']) {
            true => "",
            false => ".",
        };
        format!("{line}{end}{rest}")
    }

    fn repeats(&self, source: &(dyn StdError + 'static)) -> bool {
        let said = [&self.headline, &self.answer];
        chain(source)
            .map(|error| error.to_string())
            .any(|text| !text.is_empty() && said.iter().any(|it| it.contains(&text)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.whole.is_none() {
            return f.write_str(&self.inner.line());
        }
        let mut ids = self.inner.diagnosis.support_ids();
        match ids.next() {
            Some((name, id)) => write!(f, "{name} {id}")?,
            None => f.write_str("cross_tenant_identity::explain prints the rest")?,
        }
        ids.try_for_each(|(name, id)| write!(f, ", {name} {id}"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.inner;
        f.debug_struct("Error")
            .field("stage", &inner.stage)
            .field("status", &inner.status.map(u16::from))
            .field("code", &inner.code)
            .field("is_transient", &inner.is_transient)
            .field("message", &self.what_failed())
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.inner.source.as_deref()?;
        // An azure_core::Error that only wraps another error has the text of that error.
        match source.source() {
            Some(below) if below.to_string() == source.to_string() => Some(below),
            _ => Some(source),
        }
    }
}

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

impl From<Error> for azure_core::Error {
    /// Of kind `Credential`: azure_core's retry policy would repeat an error of kind `Io`, although
    /// this crate has already repeated the request.
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let below = Error {
            inner: Arc::clone(&error.inner),
            whole: Some(Arc::new(error)),
        };
        Self::with_error(ErrorKind::Credential, below, message)
    }
}

/// The error and its sources, the outer error first.
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
/// errors above it only say that sending failed.
pub(crate) fn root_cause(error: &azure_core::Error) -> String {
    let innermost = chain(error).last().map(ToString::to_string);
    redact::printable(&innermost.unwrap_or_default(), 300)
}

/// The error of code outside this crate, such as a user's transport, which can quote the request.
/// It is returned unchanged if neither the error nor a source contains a secret or anything with
/// the shape of a token. Otherwise the result is an error of the same kind with redacted text.
pub(crate) fn without_secrets(error: azure_core::Error, secrets: &[&str]) -> azure_core::Error {
    let is_clean = |error: &(dyn StdError + 'static)| {
        // A reader can print either form.
        let shown = format!("{error} {error:?}");
        matches!(redact::redact(&shown, secrets), Cow::Borrowed(_))
    };
    if chain(&error).all(is_clean) {
        return error;
    }
    let mut words: Vec<_> = chain(&error)
        .map(|error| redact::excerpt(error.to_string().as_bytes(), secrets))
        .collect();
    words.dedup();
    let kind = match error.kind() {
        // It contains the whole response.
        ErrorKind::HttpResponse { .. } => ErrorKind::Other,
        kind => kind.clone(),
    };
    azure_core::Error::with_message(kind, words.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_found_at_any_depth_and_keeps_the_kind_credential() {
        let ours: azure_core::Error = Error::configuration("no scope: give one").into();
        assert_eq!(*ours.kind(), ErrorKind::Credential);
        assert_eq!(ours.to_string(), Error::find(&ours).unwrap().to_string());
        let wrapped = ours.with_context("one").with_context("two");
        let found = Error::find(&wrapped).unwrap();
        assert_eq!(
            (found.stage(), found.to_string().as_str()),
            (
                Stage::Configuration,
                "No scope. Who has to act: the service's developer. Give one."
            )
        );
        assert!(Error::find(&std::io::Error::other("x")).is_none());
    }

    #[test]
    fn a_printed_chain_of_sources_repeats_no_text() {
        let reset = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "it broke off");
        let failed = azure_core::Error::with_error(ErrorKind::Io, reset, "sending failed");
        let error = Error::unanswered(
            Stage::TokenEndpoint,
            "the token endpoint gave no answer".to_owned(),
            ConnectionFailure::of(&failed, Peer::TokenEndpoint("https://x.example")),
            failed,
        );
        let outer = azure_core::Error::from(error);
        let said: Vec<String> = chain(&outer).map(ToString::to_string).collect();
        assert!(said[0].contains("it broke off"), "{said:?}");
        assert_eq!(said.concat().matches("it broke off").count(), 1, "{said:?}");
        assert_eq!(
            said.concat().matches("gave no answer").count(),
            1,
            "{said:?}"
        );
    }

    #[test]
    fn the_line_of_an_error_is_short_for_any_values() {
        let long = "word ".repeat(200);
        for error in [
            Error::configuration(format!("{long}: {long}")),
            Error::bad_scope(&long),
            Error::several_resources(&long, &long),
            Error::new(Stage::Assertion, long.clone()),
            Error::no_answer(
                Stage::Assertion,
                long.clone(),
                azure_core::Error::with_message(ErrorKind::Io, long.clone()),
            ),
        ] {
            let line = error.to_string();
            assert!(
                line.len() <= 460 && !line.contains('\n'),
                "{}: {line}",
                line.len()
            );
            assert!(error.diagnosis().is_some());
        }
    }
}
