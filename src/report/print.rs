//! A report for people: plain text that fits a terminal and a mail.

use super::{About, Report, ReportPart, ReportStep, StepOutcome, Warning, in_seconds};
use crate::diagnosis::Diagnosis;
use std::{fmt, time::Duration};

const TRUST_IS_PROVEN: &str =
    "The exchange in the home tenant went well, so the app trusts the identity.";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        writeln!(f, "Report of cross-tenant-identity {version}")?;
        self.about.print(f)?;
        writeln!(f)?;
        for step in &self.steps {
            step.print(f)?;
        }
        print_warnings(f, &self.warnings.iter().collect::<Vec<_>>())?;
        let total = shown(self.duration);
        match self.failed_step() {
            Some(step) => write!(f, "\nResult: the {} failed, after {total}", step.kind)?,
            None if self.warnings.is_empty() => write!(f, "\nResult: all is well, after {total}")?,
            None => write!(f, "\nResult: it works, with warnings, after {total}")?,
        }
        let told: Vec<_> = self.steps_to_explain().collect();
        if !told.is_empty() {
            writeln!(f)?;
        }
        if self.is_trust_proven() {
            writeln!(f, "{TRUST_IS_PROVEN}")?;
        }
        print_diagnoses(f, &told)
    }
}

impl fmt::Display for ReportPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "For {}", self.who())?;
        self.report.about.print(f)?;
        if self.is_empty() {
            return write!(f, "\nThere is nothing for you to do.");
        }
        if !self.steps().is_empty() {
            writeln!(f)?;
        }
        for step in self.steps() {
            step.print(f)?;
        }
        print_warnings(f, self.warnings())?;
        if !self.steps().is_empty() && self.report.is_trust_proven() {
            writeln!(f, "\n{TRUST_IS_PROVEN}")?;
        }
        print_diagnoses(f, self.steps())
    }
}

impl About {
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let home = self.home_tenant.as_deref().unwrap_or("not known");
        let scopes = self.scopes.join(" ");
        for (name, value) in [
            ("time", in_seconds(&self.started_at).as_str()),
            ("app (client id)", &self.client_id),
            ("home tenant", home),
            ("target tenant", &self.target_tenant),
            ("authority", &self.authority),
            ("scopes", &scopes),
        ] {
            writeln!(f, "  {name:<16} {value}")?;
        }
        Ok(())
    }
}

impl ReportStep {
    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = format!("[{}]", self.outcome);
        write!(f, "{outcome:<9} {}", self.kind)?;
        if let Some(duration) = self.duration.filter(|it| !it.is_zero()) {
            write!(f, ", {}", shown(duration))?;
        }
        writeln!(f, ": {}", self.summary)?;
        for (name, text) in self.claims() {
            writeln!(f, "            {name:<9} {text}")?;
        }
        Ok(())
    }
}

fn print_warnings(f: &mut fmt::Formatter<'_>, warnings: &[&Warning]) -> fmt::Result {
    if !warnings.is_empty() {
        writeln!(f, "\nWarnings:")?;
    }
    for warning in warnings {
        writeln!(f, "- {warning}")?;
    }
    Ok(())
}

/// Each diagnosis, under its step's name where there are several. One that only repeats another
/// tenant's is left out.
fn print_diagnoses(f: &mut fmt::Formatter<'_>, steps: &[&ReportStep]) -> fmt::Result {
    let mut printed: Vec<&Diagnosis> = Vec::new();
    for step in steps {
        let Some(diagnosis) = step.diagnosis() else {
            continue;
        };
        let repeats = |it: &&Diagnosis| {
            it.code().is_some() && it.code() == diagnosis.code() && it.who() == diagnosis.who()
        };
        if printed.iter().any(repeats) {
            continue;
        }
        let before = if printed.is_empty() { "\n" } else { "\n\n" };
        let about = match (steps.len(), step.outcome) {
            (1, StepOutcome::Failed) => String::new(),
            _ => format!("About the {}:\n", step.kind),
        };
        write!(f, "{before}{about}{diagnosis}")?;
        printed.push(diagnosis);
    }
    Ok(())
}

fn shown(duration: Duration) -> String {
    match duration.as_millis() {
        0 => "less than 1 ms".to_owned(),
        ms @ 1..1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}
