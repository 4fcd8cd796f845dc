//! What was found out, by side.

use crate::{
    output::{BOLD, GREEN, RED, YELLOW},
    table::printable,
};
use serde::Serialize;
use std::fmt::{self, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Ok,
    /// It keeps no token away now.
    Warning,
    Wrong,
    /// It could not be read.
    NotRead,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What it is about, such as a credential's name.
    pub(super) about: String,
    pub(super) message: String,
    /// Commands of Azure CLI that mend it.
    pub(super) commands: Vec<String>,
}

/// What one tenant's directory shows.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Side {
    pub(super) tenant: Option<String>,
    /// Whose token it was read with.
    pub(super) read_with: Option<&'static str>,
    pub(super) findings: Vec<Finding>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct AssertionSummary {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audience: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Audit {
    pub(super) is_ok: bool,
    pub(super) client_id: String,
    pub(super) app_name: Option<String>,
    pub(super) assertion: Option<AssertionSummary>,
    pub(super) home: Side,
    pub(super) target: Side,
}

impl Side {
    pub(super) fn add(
        &mut self,
        level: Level,
        about: impl Into<String>,
        message: impl Into<String>,
    ) {
        self.add_with(level, about, message, Vec::new());
    }

    pub(super) fn add_with(
        &mut self,
        level: Level,
        about: impl Into<String>,
        message: impl Into<String>,
        commands: Vec<String>,
    ) {
        self.findings.push(Finding {
            level,
            // Names and messages of other parties, too.
            about: printable(&about.into()),
            message: printable(&message.into()),
            commands,
        });
    }

    pub(super) fn is_ok(&self) -> bool {
        self.findings
            .iter()
            .all(|it| matches!(it.level, Level::Ok | Level::Warning))
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.app_name.as_deref().map(printable);
        let name = name.map_or(String::new(), |name| format!(" ({name})"));
        writeln!(f, "{BOLD}Audit of the app {}{name}{BOLD:#}", self.client_id)?;
        if let Some(assertion) = &self.assertion {
            writeln!(
                f,
                "\n{BOLD}The live assertion, which a credential has to match{BOLD:#}"
            )?;
            for (name, value) in [
                ("issuer", &assertion.issuer),
                ("subject", &assertion.subject),
                ("audience", &assertion.audience),
            ] {
                writeln!(f, "  {name:<9} {value}")?;
            }
        }
        for (name, side) in [("home", &self.home), ("target", &self.target)] {
            let tenant = side.tenant.as_deref().unwrap_or("not known");
            write!(f, "\n{BOLD}The {name} tenant, {tenant}{BOLD:#}")?;
            if let Some(who) = side.read_with {
                write!(f, ", read with {who}")?;
            }
            writeln!(f)?;
            f.write_str(&lines(&side.findings))?;
        }
        let wrong = self.count(Level::Wrong);
        let unread = self.count(Level::NotRead);
        let warnings = self.count(Level::Warning);
        write!(
            f,
            "\n{BOLD}Result:{BOLD:#} {wrong} wrong, {warnings} to look at, {unread} not read"
        )
    }
}

impl Audit {
    fn count(&self, level: Level) -> usize {
        let all = self.home.findings.iter().chain(&self.target.findings);
        all.filter(|finding| finding.level == level).count()
    }
}

fn lines(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let (style, tag) = match finding.level {
            Level::Ok => (GREEN, "[ok]"),
            Level::Warning => (YELLOW, "[warning]"),
            Level::Wrong => (RED, "[wrong]"),
            Level::NotRead => (YELLOW, "[not read]"),
        };
        let _ = writeln!(
            text,
            "  {style}{tag:<10}{style:#} {}: {}",
            finding.about, finding.message
        );
        for command in &finding.commands {
            let _ = writeln!(text, "             {command}");
        }
    }
    text
}
