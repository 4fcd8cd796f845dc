//! Why there is no token: an error that a program can evaluate and a person can act on.

mod answer;
mod chain;
mod failure;
mod make;

pub(crate) use answer::{RefusedAnswer, http_response};
pub(crate) use chain::{chain, root_cause, without_secrets};

use crate::{diagnosis::Diagnosis, redact};
use azure_core::{error::ErrorKind, http::StatusCode};
use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

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

#[cfg(test)]
mod tests;
