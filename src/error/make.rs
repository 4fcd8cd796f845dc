//! How each kind of error is made.

use super::{Error, Inner, RefusedAnswer, Stage};
use crate::{
    cache::GaveUp,
    diagnosis::{self, ConnectionFailure, Diagnosis, Peer},
};
use azure_core::http::StatusCode;
use std::sync::Arc;

impl Error {
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
}

/// The first sentence of the diagnosis, without its full stop.
fn headline_of(diagnosis: &Diagnosis) -> String {
    let first = diagnosis::first_sentence(diagnosis.what_happened());
    first.trim_end_matches('.').to_owned()
}
