//! What a walk has found so far, and the report that becomes of it.

use super::{clock::Difference, warnings};
use crate::{
    error::Error,
    report::{About, Report, ReportStep, ShownClaims, StepKind, StepOutcome, Warning, in_seconds},
};
use azure_core::{credentials::AccessToken, time::OffsetDateTime};
use std::time::Duration;
use url::form_urlencoded;

/// A larger difference of the clocks, in seconds, is a warning. Entra accepts an assertion from its
/// `nbf` on, which is 5 minutes in the past, and tokens have the same margin.
const TOLERATED: i64 = 60;

/// What was found so far.
#[derive(Default)]
pub(super) struct Found {
    pub(super) steps: Vec<ReportStep>,
    pub(super) warnings: Vec<Warning>,
    /// What the report must not show.
    secrets: Vec<String>,
    pub(super) difference: Option<Difference>,
}

impl Found {
    pub(super) fn skipped(&mut self, kind: StepKind, why: &str) {
        self.steps.push(ReportStep::skipped(kind, why));
    }

    /// A token came. The report must not show it, in whatever text it comes back.
    pub(super) fn came(
        &mut self,
        kind: StepKind,
        duration: Duration,
        token: &AccessToken,
        now: OffsetDateTime,
    ) {
        let secret = token.token.secret();
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        self.secrets.extend([secret.to_owned(), encoded]);
        let claims = ShownClaims::of(secret);
        let mut summary = match (kind, expiry(token.expires_on, now)) {
            // A source's assertion that states no expiry counts as expired when it comes.
            (StepKind::Assertion, _) if claims.is_empty() => "a token came".to_owned(),
            (_, expiry) => format!("a token came that {expiry}"),
        };
        if claims.is_empty() {
            summary.push_str("; its claims cannot be read");
        }
        self.steps.push(ReportStep {
            duration: Some(duration),
            expires_on: Some(token.expires_on),
            claims,
            ..ReportStep::new(kind, StepOutcome::Ok, summary)
        });
    }

    pub(super) fn failed(&mut self, kind: StepKind, duration: Option<Duration>, error: &Error) {
        self.ended(kind, StepOutcome::Failed, duration, error);
    }

    pub(super) fn ended(
        &mut self,
        kind: StepKind,
        outcome: StepOutcome,
        duration: Option<Duration>,
        error: &Error,
    ) {
        self.steps.push(ReportStep {
            outcome,
            duration,
            status: error.status().map(u16::from),
            diagnosis: error.diagnosis().cloned(),
            ..ReportStep::new(kind, outcome, error.what_failed())
        });
    }

    pub(super) fn into_report(mut self, about: About, duration: Duration) -> Report {
        for &kind in StepKind::ALL {
            if self.steps.iter().all(|step| step.kind != kind) {
                self.skipped(kind, "not reached");
            }
        }
        let secrets: Vec<_> = self.secrets.iter().map(String::as_str).collect();
        let report = Report {
            about,
            duration,
            steps: self.steps,
            warnings: self.warnings,
            clock_skew: self.difference.map(|it| it.seconds),
        };
        report.redacted(&secrets)
    }
}

fn expiry(expires_on: OffsetDateTime, now: OffsetDateTime) -> String {
    let at = in_seconds(&expires_on);
    let left = (expires_on - now).whole_minutes();
    match left {
        ..0 => format!("has expired at {at}"),
        0..120 => format!("expires at {at}, in {left} min"),
        _ => format!("expires at {at}, in {} h", left / 60),
    }
}

impl Found {
    /// The last step.
    pub(super) fn clock(&mut self) {
        let Some(difference) = &self.difference else {
            return self.skipped(StepKind::Clock, "no answer had a date");
        };
        let outcome = match difference.seconds.unsigned_abs() > TOLERATED.unsigned_abs() {
            true => {
                self.warnings.push(warnings::clock_skew(difference));
                StepOutcome::Warning
            }
            false => StepOutcome::Ok,
        };
        let summary = match difference.seconds {
            0 => format!("this machine's clock agrees with that of {}", difference.of),
            _ => format!("this machine's clock is {}", difference.in_words()),
        };
        self.steps
            .push(ReportStep::new(StepKind::Clock, outcome, summary));
    }
}
