//! The part of a report that concerns one actor.

use super::{Report, ReportStep, Warning};
use crate::diagnosis::Actor;
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// The part of a [`Report`] that concerns one actor.
///
/// `Display` prints it so that it can be sent as it is: whom it is about, what happened, what to do,
/// and the commands. Serialized it is an object with the fields `who`, `authority`, `client_id`,
/// `target_tenant`, `home_tenant`, `scopes`, `steps` and `warnings`, as in the report.
#[derive(Clone, Debug)]
pub struct ReportPart<'a> {
    pub(super) report: &'a Report,
    who: Actor,
    steps: Vec<&'a ReportStep>,
    warnings: Vec<&'a Warning>,
}

impl<'a> ReportPart<'a> {
    pub(super) fn new(report: &'a Report, who: Actor) -> Self {
        let steps = report.steps_to_explain().filter(|step| {
            let actor = step.diagnosis.as_ref().map(|it| it.who());
            actor.is_some_and(|it| concerns(it, who))
        });
        let warnings = report.warnings.iter().filter(|it| concerns(it.who, who));
        Self {
            report,
            who,
            steps: steps.collect(),
            warnings: warnings.collect(),
        }
    }

    /// Whose part it is.
    pub fn who(&self) -> Actor {
        self.who
    }

    /// Whether there is nothing to do or to look at.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.warnings.is_empty()
    }

    /// The steps whose diagnosis concerns this actor: those that failed, or if none failed, those that
    /// warn.
    pub fn steps(&self) -> &[&'a ReportStep] {
        &self.steps
    }

    /// The warnings that concern this actor.
    pub fn warnings(&self) -> &[&'a Warning] {
        &self.warnings
    }
}

/// Whether what one has to do concerns the other: both administrators are either of them.
fn concerns(of: Actor, who: Actor) -> bool {
    let is_administrator = |it| {
        matches!(
            it,
            Actor::HomeAdministrator | Actor::TargetAdministrator | Actor::BothAdministrators
        )
    };
    of == who
        || (of == Actor::BothAdministrators && is_administrator(who))
        || (who == Actor::BothAdministrators && is_administrator(of))
}

impl Serialize for ReportPart<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let about = &self.report.about;
        let mut part = to.serialize_struct("ReportPart", 8)?;
        part.serialize_field("who", &self.who)?;
        part.serialize_field("authority", &about.authority)?;
        part.serialize_field("client_id", &about.client_id)?;
        part.serialize_field("target_tenant", &about.target_tenant)?;
        part.serialize_field("home_tenant", &about.home_tenant)?;
        part.serialize_field("scopes", &about.scopes)?;
        part.serialize_field("steps", &self.steps)?;
        part.serialize_field("warnings", &self.warnings)?;
        part.end()
    }
}
