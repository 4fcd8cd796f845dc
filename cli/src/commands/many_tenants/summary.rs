//! What all tenants have shown, and which of them failed and why.

use super::{Answer, list::Tenant};
use crate::{
    outcome::Failure,
    output::{BOLD, FailureJson, RED, one_line},
    resource_manager::ResourceGroup,
    table::{self, printable},
};
use cross_tenant_identity::Diagnosis;
use serde::{Serialize, Serializer, ser::SerializeStruct};
use std::{fmt, time::Duration};

/// Of more failures than this, only a line each is printed.
const MOST_EXPLAINED: usize = 20;

pub(super) struct Summary {
    answers: Vec<Answer>,
    duration: Duration,
}

impl Summary {
    pub(super) fn new(answers: Vec<Answer>, duration: Duration) -> Self {
        Self { answers, duration }
    }

    pub(super) fn is_ok(&self) -> bool {
        self.failed().next().is_none()
    }

    fn failed(&self) -> impl Iterator<Item = (&Tenant, &Failure)> {
        let failed = |answer: &'_ Answer| answer.groups.is_err();
        self.answers
            .iter()
            .filter(move |answer| failed(answer))
            .filter_map(|answer| Some((&answer.tenant, answer.groups.as_ref().err()?)))
    }

    fn groups(&self) -> impl Iterator<Item = (&Tenant, &ResourceGroup)> {
        self.answers.iter().flat_map(|answer| {
            let groups = answer.groups.as_deref().unwrap_or_default();
            groups.iter().map(|group| (&answer.tenant, group))
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.groups().map(|(tenant, group)| {
            [
                tenant.name.as_ref().unwrap_or(&tenant.id).clone(),
                group.subscription_id.clone(),
                group.name.clone(),
                group.location.clone(),
            ]
        });
        let headings = ["TENANT", "SUBSCRIPTION", "RESOURCE GROUP", "LOCATION"];
        writeln!(f, "{}\n", table::of(headings, rows))?;
        let (all, failed) = (self.answers.len(), self.failed().count());
        let groups = self.groups().count();
        writeln!(
            f,
            "{BOLD}{} of {all} tenants answered{BOLD:#}, with {groups} resource group{}, in {:.1} s.",
            all - failed,
            if groups == 1 { "" } else { "s" },
            self.duration.as_secs_f64()
        )?;
        if failed == 0 {
            return Ok(());
        }
        writeln!(f, "{RED}{failed} failed:{RED:#}")?;
        for (at, (tenant, failure)) in self.failed().enumerate() {
            write!(f, "\n{BOLD}{}{BOLD:#}", shown(tenant))?;
            explain(f, failure, at < MOST_EXPLAINED)?;
        }
        Ok(())
    }
}

fn shown(tenant: &Tenant) -> String {
    match &tenant.name {
        Some(name) => format!("{} ({})", printable(name), tenant.id),
        None => tenant.id.clone(),
    }
}

fn explain(f: &mut fmt::Formatter<'_>, failure: &Failure, in_full: bool) -> fmt::Result {
    let error = match failure {
        Failure::Error(error) => error.as_ref(),
        Failure::Io(error) => error,
        Failure::Usage(message) => return writeln!(f, ": {message}"),
    };
    match in_full && Diagnosis::of(error).is_some() {
        true => {
            let text = cross_tenant_identity::explain(error).to_string();
            let lines = text.lines().map(|line| match line.is_empty() {
                true => "\n".to_owned(),
                false => format!("  {line}\n"),
            });
            write!(f, "\n{}", lines.collect::<String>())
        }
        false => writeln!(f, ": {}", one_line(error)),
    }
}

impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let failed = self.failed().count();
        let mut summary = to.serialize_struct("Summary", 4)?;
        summary.serialize_field("succeeded", &(self.answers.len() - failed))?;
        summary.serialize_field("failed", &failed)?;
        let duration = u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX);
        summary.serialize_field("duration_ms", &duration)?;
        let tenants: Vec<_> = self.answers.iter().map(TenantJson::of).collect();
        summary.serialize_field("tenants", &tenants)?;
        summary.end()
    }
}

#[derive(Serialize)]
struct TenantJson<'a> {
    tenant: &'a str,
    name: Option<&'a str>,
    is_ok: bool,
    resource_groups: &'a [ResourceGroup],
    error: Option<FailureJson>,
}

impl<'a> TenantJson<'a> {
    fn of(answer: &'a Answer) -> Self {
        Self {
            tenant: &answer.tenant.id,
            name: answer.tenant.name.as_deref(),
            is_ok: answer.groups.is_ok(),
            resource_groups: answer.groups.as_deref().unwrap_or_default(),
            error: answer.groups.as_ref().err().map(Failure::json),
        }
    }
}
