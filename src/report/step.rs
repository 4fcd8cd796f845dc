//! One step of the way, and how it ended.

use super::{ShownClaims, in_seconds, milliseconds};
use crate::{diagnosis::Diagnosis, redact};
use azure_core::time::OffsetDateTime;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::{fmt, time::Duration};

/// A step of the way from the host to the resource. Serialized in snake case, such as
/// `target_exchange`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepKind {
    /// Which host's identity endpoint is asked, and why. Sends nothing.
    Host,
    /// The identity token, which is the client assertion; or the assertion of the source that was
    /// given to [`with_assertion`](crate::CrossTenantManagedIdentityCredential::with_assertion).
    Assertion,
    /// The exchange in the home tenant, which tests the trust by itself. Only if asked for.
    HomeExchange,
    /// The exchange in the target tenant.
    TargetExchange,
    /// A call on a resource. Only if asked for.
    Resource,
    /// This machine's clock, against the dates of the answers.
    Clock,
}

impl StepKind {
    /// All of them in their order.
    pub const ALL: &[StepKind] = &[
        StepKind::Host,
        StepKind::Assertion,
        StepKind::HomeExchange,
        StepKind::TargetExchange,
        StepKind::Resource,
        StepKind::Clock,
    ];

    /// Its name in plain words.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Assertion => "identity token",
            Self::HomeExchange => "exchange in the home tenant",
            Self::TargetExchange => "exchange in the target tenant",
            Self::Resource => "call on the resource",
            Self::Clock => "clock",
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

/// How a step ended. Serialized in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepOutcome {
    /// It went well.
    Ok,
    /// It keeps no token away, but somebody should look at it.
    Warning,
    /// It failed; the step has a diagnosis.
    Failed,
    /// It was not asked for, or a step before it failed.
    Skipped,
}

impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        })
    }
}

/// One step of a [`Report`](crate::Report).
#[derive(Clone, Debug)]
pub struct ReportStep {
    pub(crate) kind: StepKind,
    pub(crate) outcome: StepOutcome,
    pub(crate) duration: Option<Duration>,
    pub(crate) summary: String,
    pub(crate) status: Option<u16>,
    pub(crate) expires_on: Option<OffsetDateTime>,
    pub(crate) claims: ShownClaims,
    pub(crate) diagnosis: Option<Diagnosis>,
}

impl ReportStep {
    /// Which step it is.
    pub fn kind(&self) -> StepKind {
        self.kind
    }

    /// How it ended.
    pub fn outcome(&self) -> StepOutcome {
        self.outcome
    }

    /// How long it took, with all tries; `None` if it was skipped.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// What was found, in a sentence or two without a full stop; for one that was skipped, why.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The HTTP status of an answer that refused something, or of the resource's answer.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// When the token that it brought expires.
    pub fn expires_on(&self) -> Option<OffsetDateTime> {
        self.expires_on
    }

    /// The claims of the token that it brought, by name, as texts: those that tell whom it is
    /// for and from. They are not verified. Empty if there is no token, or one that cannot be read.
    pub fn claims(&self) -> impl Iterator<Item = (&str, String)> {
        self.claims.texts()
    }

    /// What a failure, or a warning, means. Every step that failed has one.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.diagnosis.as_ref()
    }

    pub(crate) fn new(kind: StepKind, outcome: StepOutcome, summary: impl Into<String>) -> Self {
        Self {
            kind,
            outcome,
            duration: None,
            summary: summary.into(),
            status: None,
            expires_on: None,
            claims: ShownClaims::default(),
            diagnosis: None,
        }
    }

    pub(crate) fn skipped(kind: StepKind, why: impl Into<String>) -> Self {
        Self::new(kind, StepOutcome::Skipped, why)
    }

    pub(crate) fn failed(kind: StepKind, summary: String, diagnosis: Diagnosis) -> Self {
        Self {
            diagnosis: Some(diagnosis),
            ..Self::new(kind, StepOutcome::Failed, summary)
        }
    }

    pub(super) fn redacted(mut self, secrets: &[&str]) -> Self {
        self.summary = redact::redact(&self.summary, secrets).into_owned();
        self.claims.redact(secrets);
        self.diagnosis = self.diagnosis.map(|it| it.redacted(secrets));
        self
    }
}

impl Serialize for ReportStep {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut step = to.serialize_struct("ReportStep", 8)?;
        step.serialize_field("step", &self.kind)?;
        step.serialize_field("outcome", &self.outcome)?;
        step.serialize_field("duration_ms", &self.duration.map(milliseconds))?;
        step.serialize_field("summary", &self.summary)?;
        step.serialize_field("status", &self.status)?;
        step.serialize_field("expires_at", &self.expires_on.as_ref().map(in_seconds))?;
        step.serialize_field("claims", &self.claims)?;
        step.serialize_field("diagnosis", &self.diagnosis)?;
        step.end()
    }
}
