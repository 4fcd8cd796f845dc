//! What a walk along the way of a token has found out: step by step, with warnings, for people and
//! for machines.

mod claims;
mod part;
mod print;
mod step;
mod warning;

pub(crate) use claims::ShownClaims;
pub use part::ReportPart;
pub use step::{ReportStep, StepKind, StepOutcome};
pub use warning::{Warning, WarningKind};

use crate::diagnosis::{Actor, Diagnosis};
use azure_core::time::{OffsetDateTime, to_rfc3339};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::time::Duration;

/// What [`diagnose`](crate::CrossTenantManagedIdentityCredential::diagnose) has found out.
///
/// `Display` prints it for a terminal or a mail: whom it is about, the steps with their times and
/// claims, the warnings, and at the end who has to act and what to run. It ends without a line
/// break. [`part_for`](Self::part_for) prints what concerns one side alone.
///
/// No token, assertion or identity header is in it, in whatever form. It does hold ids of tenants, apps and
/// identities, which both organisations know.
///
/// # For machines
///
/// It serializes to an object with these fields, which later versions only add to:
///
/// | field | what |
/// |---|---|
/// | `format` | 1 |
/// | `is_ok` | see [`is_ok`](Self::is_ok) |
/// | `started_at` | RFC 3339 in UTC, by this machine's clock |
/// | `duration_ms` | of the whole |
/// | `authority`, `client_id`, `target_tenant` | as the credential has them |
/// | `home_tenant` | the tenant of the assertion, or `null` |
/// | `scopes` | a list |
/// | `steps` | a list, always of all [kinds](StepKind) in their order; see below |
/// | `clock_skew_s` | by how many seconds this machine's clock is ahead (negative: behind), or `null` |
/// | `warnings` | a list of objects with `kind` (see [`WarningKind`]), `who`, `message`, `what_to_do` |
/// | `who` | who has to act first, or `null`; see [`Actor`] |
/// | `diagnosis` | the [`Diagnosis`] that decides, or `null` |
///
/// Each step has `step` (see [`StepKind`]), `outcome` (`ok`, `warning`, `failed`, `skipped`), `duration_ms`
/// (`null` if skipped), `summary`, `status` (the HTTP status that was refused, or the resource's, or
/// `null`), `expires_at` (RFC 3339 or `null`), `claims` (an object, empty where no token came) and
/// `diagnosis` (or `null`).
#[derive(Clone, Debug)]
pub struct Report {
    pub(crate) about: About,
    pub(crate) duration: Duration,
    pub(crate) steps: Vec<ReportStep>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) clock_skew: Option<i64>,
}

/// Whom and what a report is about.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) started_at: OffsetDateTime,
    pub(crate) authority: String,
    pub(crate) client_id: String,
    pub(crate) target_tenant: String,
    pub(crate) home_tenant: Option<String>,
    pub(crate) scopes: Vec<String>,
}

impl Report {
    /// Whether no step has failed. There may be [`warnings`](Self::warnings) all the same.
    pub fn is_ok(&self) -> bool {
        self.steps
            .iter()
            .all(|step| step.outcome != StepOutcome::Failed)
    }

    /// All steps in their order, also those that were skipped.
    pub fn steps(&self) -> &[ReportStep] {
        &self.steps
    }

    /// The step of this kind.
    pub fn step(&self, kind: StepKind) -> Option<&ReportStep> {
        self.steps.iter().find(|step| step.kind == kind)
    }

    /// What may go wrong soon, or looks wrong although it works.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The step that has failed and keeps the token or the resource away. The exchange in the home tenant,
    /// which is a test alone, comes last.
    pub fn failed_step(&self) -> Option<&ReportStep> {
        self.failed_steps().next()
    }

    /// The diagnosis of the [failed step](Self::failed_step); `None` if all is well.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.failed_step()?.diagnosis()
    }

    /// Who has to act first; `None` if all is well.
    pub fn who(&self) -> Option<Actor> {
        Some(self.diagnosis()?.who())
    }

    /// The part that concerns one actor, ready to be sent: whom it is about, what that actor has to
    /// do, the commands, and their warnings. What
    /// [both administrators](Actor::BothAdministrators) have to do is in the part of either.
    pub fn part_for(&self, who: Actor) -> ReportPart<'_> {
        ReportPart::new(self, who)
    }

    /// Everybody who has something to do or to look at, each once. Those who keep the token away
    /// come first.
    pub fn actors(&self) -> Vec<Actor> {
        let mut actors = Vec::new();
        let of_steps = self
            .steps_to_explain()
            .filter_map(|step| step.diagnosis().map(Diagnosis::who));
        for who in of_steps.chain(self.warnings.iter().map(Warning::who)) {
            if !actors.contains(&who) {
                actors.push(who);
            }
        }
        actors
    }

    /// By how many seconds this machine's clock is at least ahead of Microsoft Entra's, or of the
    /// resource's where Entra gave no answer; negative if it is behind. `None` if no answer had a
    /// date.
    pub fn clock_skew_seconds(&self) -> Option<i64> {
        self.clock_skew
    }

    /// The tenant that the assertion is from, where it tells it.
    pub fn home_tenant(&self) -> Option<&str> {
        self.about.home_tenant.as_deref()
    }

    fn failed_steps(&self) -> impl Iterator<Item = &ReportStep> {
        let failed = |step: &&ReportStep| step.outcome == StepOutcome::Failed;
        let is_home = |step: &&ReportStep| step.kind == StepKind::HomeExchange;
        let way = self.steps.iter().filter(move |step| !is_home(step));
        way.chain(self.steps.iter().filter(is_home)).filter(failed)
    }

    /// The steps that failed, the one that decides first. If none failed, those that warn: what they tell to
    /// do could otherwise distract from what has to be done.
    fn steps_to_explain(&self) -> impl Iterator<Item = &ReportStep> {
        let is_ok = self.is_ok();
        let warns = move |step: &&ReportStep| is_ok && step.outcome == StepOutcome::Warning;
        self.failed_steps()
            .chain(self.steps.iter().filter(warns))
            .filter(|step| step.diagnosis.is_some())
    }

    /// What a failure in the target tenant cannot be due to.
    fn is_trust_proven(&self) -> bool {
        let outcome = |kind| self.step(kind).map(ReportStep::outcome);
        outcome(StepKind::HomeExchange) == Some(StepOutcome::Ok)
            && outcome(StepKind::TargetExchange) == Some(StepOutcome::Failed)
    }

    /// Without the given secrets in any of its texts, and without anything that has the shape of a
    /// token.
    pub(crate) fn redacted(mut self, secrets: &[&str]) -> Self {
        self.steps = self
            .steps
            .into_iter()
            .map(|step| step.redacted(secrets))
            .collect();
        for warning in &mut self.warnings {
            warning.redact(secrets);
        }
        self
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let about = &self.about;
        let mut report = to.serialize_struct("Report", 14)?;
        report.serialize_field("format", &1)?;
        report.serialize_field("is_ok", &self.is_ok())?;
        report.serialize_field("started_at", &in_seconds(&about.started_at))?;
        report.serialize_field("duration_ms", &milliseconds(self.duration))?;
        report.serialize_field("authority", &about.authority)?;
        report.serialize_field("client_id", &about.client_id)?;
        report.serialize_field("target_tenant", &about.target_tenant)?;
        report.serialize_field("home_tenant", &about.home_tenant)?;
        report.serialize_field("scopes", &about.scopes)?;
        report.serialize_field("steps", &self.steps)?;
        report.serialize_field("clock_skew_s", &self.clock_skew)?;
        report.serialize_field("warnings", &self.warnings)?;
        report.serialize_field("who", &self.who())?;
        report.serialize_field("diagnosis", &self.diagnosis())?;
        report.end()
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// RFC 3339, to the second: fractions tell a reader nothing.
pub(crate) fn in_seconds(at: &OffsetDateTime) -> String {
    let seconds = OffsetDateTime::from_unix_timestamp(at.unix_timestamp());
    to_rfc3339(seconds.as_ref().unwrap_or(at))
}
