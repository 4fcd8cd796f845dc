//! What the program prints. Results go to standard output, everything else to standard error.

use crate::outcome::{Failure, Outcome};
use anstream::{stderr, stdout};
use clap::builder::styling::{AnsiColor, Style};
use cross_tenant_identity::{Diagnosis, explain};
use serde::Serialize;
use std::{error::Error, io::Write};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();

/// Prints the result. Colours are left out where the reader is no terminal, or does not want them.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    Ok(stdout.flush()?)
}

pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&serde_json::to_string_pretty(value)?)
}

/// A line beside the result. An error is ignored: there is no other place to report it.
pub(crate) fn note(text: &str) {
    let _ = stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Says why the command has ended.
pub(crate) fn failure(failure: &Failure, wants_json: bool) -> Outcome {
    let outcome = failure.outcome();
    if outcome == Outcome::Ok {
        return outcome;
    }
    if !wants_json {
        let text = match failure {
            Failure::Usage(message) => message.clone(),
            Failure::Error(error) => explain(error.as_ref()).to_string(),
            Failure::Io(error) => error.to_string(),
        };
        // "error:" says it already.
        let text = text.strip_prefix("What happened: ").unwrap_or(&text);
        note(&format!("{RED}error:{RED:#} {text}"));
        return outcome;
    }
    let error = failure.json();
    #[derive(Serialize)]
    struct Whole {
        error: FailureJson,
    }
    // Without a reader nobody is to be told.
    let _ = print_json(&Whole { error });
    outcome
}

/// An error for machines.
#[derive(Debug, Serialize)]
pub(crate) struct FailureJson {
    message: String,
    diagnosis: Option<Diagnosis>,
}

impl Failure {
    /// What has happened, in a line.
    pub(crate) fn one_line(&self) -> String {
        match self {
            Self::Usage(message) => message.clone(),
            Self::Io(error) => error.to_string(),
            Self::Error(error) => one_line(error.as_ref()),
        }
    }

    pub(crate) fn json(&self) -> FailureJson {
        let (message, diagnosis) = match self {
            Self::Usage(message) => (message.clone(), None),
            Self::Io(error) => (error.to_string(), None),
            Self::Error(error) => (one_line(error.as_ref()), Diagnosis::of(error.as_ref())),
        };
        FailureJson { message, diagnosis }
    }
}

/// What has happened, in a line.
pub(crate) fn one_line(error: &(dyn Error + 'static)) -> String {
    if let Some(ours) = cross_tenant_identity::Error::find(error) {
        return ours.to_string();
    }
    match Diagnosis::of(error) {
        Some(diagnosis) => diagnosis
            .answer()
            .unwrap_or(diagnosis.what_happened())
            .to_owned(),
        None => explain(error).to_string(),
    }
}
