//! What was found out, by side.

use crate::{
    output::{BOLD, GREEN, RED, YELLOW},
    table::printable,
};
use cross_tenant_identity::{Actor, Diagnosis, Shell};
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
    pub(super) who: Option<Actor>,
    pub(super) what_to_do: Option<String>,
    /// Commands of Azure CLI that mend it.
    pub(super) commands: Vec<String>,
}

impl Finding {
    pub(super) fn new(level: Level, about: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            level,
            // Names and messages of other parties, too.
            about: printable(&about.into()),
            message: printable(&message.into()),
            who: None,
            what_to_do: None,
            commands: Vec::new(),
        }
    }

    pub(super) fn who(mut self, who: Actor) -> Self {
        self.who = Some(who);
        self
    }

    pub(super) fn what_to_do(mut self, to_do: &str) -> Self {
        self.what_to_do = Some(printable(to_do));
        self
    }

    pub(super) fn commands(mut self, commands: Vec<String>) -> Self {
        self.commands = commands;
        self
    }

    /// What the diagnosis says of it.
    pub(super) fn diagnosed(self, diagnosis: &Diagnosis) -> Self {
        let all = diagnosis.commands().iter();
        let of_cli = all.filter(|command| command.shell() == Shell::AzureCli);
        self.who(diagnosis.who())
            .what_to_do(diagnosis.what_to_do())
            .commands(of_cli.map(ToString::to_string).collect())
    }
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
        self.push(Finding::new(level, about, message).commands(commands));
    }

    pub(super) fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub(super) fn has_wrong(&self) -> bool {
        self.findings.iter().any(|it| it.level == Level::Wrong)
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

/// Below the text of a finding.
const INDENT: &str = "             ";

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
        if let Some(who) = finding.who {
            let _ = writeln!(text, "{INDENT}Who has to act: {who}");
        }
        if let Some(to_do) = &finding.what_to_do {
            let _ = writeln!(text, "{INDENT}What to do: {to_do}");
        }
        for command in &finding.commands {
            let _ = writeln!(text, "{INDENT}    {command}");
        }
    }
    text
}
