//! `audit`: what Microsoft Graph shows of the app in both tenants, compared with the live assertion.

mod directory;
mod finding;
mod home;
mod identity;
mod permission;
mod target;
mod trust;

use crate::{
    azure::{Azure, Connection},
    cloud,
    outcome::{Failure, Outcome},
    output,
};
use clap::Args;
use cross_tenant_identity::{Report, StepKind};
use finding::{AssertionSummary, Audit, Side};
use trust::Presented;

const MORE: &str = "\
It reads and changes nothing. In the home tenant it reads with the managed identity, else with the app;
in the target tenant with the app. Each needs the application permission Application.Read.All of
Microsoft Graph. What cannot be read is told, and the exit status is then 1.";

#[derive(Args, Debug)]
#[command(after_help = MORE)]
pub(crate) struct AuditArguments {
    /// Print an object for programs.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    connection: Connection,
}

impl AuditArguments {
    pub(crate) async fn run(self) -> Result<Outcome, Failure> {
        let azure = self.connection.azure(None)?;
        let audit = audit(&azure).await?;
        match self.json {
            true => output::print_json(&audit)?,
            false => output::print(&audit.to_string())?,
        }
        Ok(Outcome::of(audit.is_ok))
    }
}

async fn audit(azure: &Azure) -> Result<Audit, Failure> {
    let credential = azure.credential()?;
    let scope = azure.graph_service()?.scope;
    let report = credential.diagnose(&[scope.as_str()], None).await;
    let presented = presented(azure, &report);
    let client_id = azure.settings.client_id.to_lowercase();
    let mut home = Side {
        tenant: report.home_tenant().map(str::to_owned),
        read_with: None,
        findings: Vec::new(),
    };
    let mut target = Side {
        tenant: Some(azure.settings.target_tenant_id.clone()),
        read_with: None,
        findings: Vec::new(),
    };
    let app = home::read(azure, &credential, &report, presented.as_ref(), &mut home).await?;
    target::read(azure, &credential, &report, &home, &mut target).await?;
    Ok(Audit {
        is_ok: home.is_ok() && target.is_ok(),
        client_id,
        app_name: app.and_then(|app| app.display_name),
        assertion: presented.map(|it| AssertionSummary {
            issuer: it.issuer,
            subject: it.subject,
            audience: it.audience,
        }),
        home,
        target,
    })
}

/// `None` if there is no assertion, or one that cannot be read.
fn presented(azure: &Azure, report: &Report) -> Option<Presented> {
    let step = report.step(StepKind::Assertion)?;
    let claim = |wanted: &str| {
        let found = step.claims().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value)
    };
    let audience = azure.settings.audience.clone();
    Some(Presented {
        issuer: claim("iss")?,
        subject: claim("sub")?,
        audience: audience.or_else(|| cloud::token_exchange(&azure.settings))?,
        identity_client_id: claim("appid").or_else(|| claim("azp")),
    })
}
