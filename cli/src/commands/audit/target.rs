//! The target tenant: the app's service principal.

use super::{
    directory::{Directory, Unread},
    finding::{Level, Side},
};
use crate::{azure::Azure, outcome::Failure};
use cross_tenant_identity::{
    Actor, CrossTenantManagedIdentityCredential as Credential, Report, ReportStep, Shell, StepKind,
    StepOutcome,
};
use std::sync::Arc;

pub(super) async fn read(
    azure: &Azure,
    credential: &Arc<Credential>,
    report: &Report,
    side: &mut Side,
) -> Result<(), Failure> {
    let Some(exchange) = report.step(StepKind::TargetExchange) else {
        return Ok(());
    };
    match exchange.outcome() {
        StepOutcome::Ok | StepOutcome::Warning => {
            side.add(
                Level::Ok,
                "token",
                "the tenant gives the app a token for Microsoft Graph",
            );
        }
        StepOutcome::Skipped => {
            side.add(
                Level::NotRead,
                "token",
                "it was not asked for, as there is no identity token",
            );
            return Ok(());
        }
        _ => {
            of_refusal(exchange, side);
            return Ok(());
        }
    }
    side.read_with = Some("the app");
    let graph = azure.graph(Arc::clone(credential) as _)?;
    let directory = Directory {
        graph: &graph,
        client_id: &azure.settings.client_id,
    };
    match directory.service_principal().await {
        Ok(principal) => {
            let id = &principal.id;
            match principal.account_enabled {
                Some(false) => side.add(Level::Wrong, "service principal", format!("{id} is disabled")),
                _ => side.add(Level::Ok, "service principal", format!("{id} is enabled; roles are assigned to it")),
            }
            let owner = principal.app_owner_organization_id;
            if let (Some(owner), Some(home)) = (owner, report.home_tenant())
                && !owner.eq_ignore_ascii_case(home)
            {
                side.add(
                    Level::Wrong,
                    "owner of the app",
                    format!("the app is registered in {owner}, and the identity is of {home}: an app trusts only identities of its own tenant"),
                );
            }
        }
        Err(Unread::Missing) => side.add(Level::NotRead, "service principal", "Microsoft Graph does not show it yet: wait some minutes"),
        Err(Unread::Refused(why)) => side.add(
            Level::NotRead,
            "service principal",
            format!("the app may not read it, which needs Application.Read.All in this tenant; nothing else here depends on it. {why}"),
        ),
    }
    Ok(())
}

/// What this tenant has to do about it. What the home tenant has to do is among its own findings.
fn of_refusal(exchange: &ReportStep, side: &mut Side) {
    let mut message = format!("the tenant gives the app none: {}", exchange.summary());
    let mut commands = Vec::new();
    if let Some(diagnosis) = exchange.diagnosis() {
        message.push_str(&format!(". Who has to act: {}", diagnosis.who()));
        if diagnosis.who() != Actor::HomeAdministrator {
            message.push_str(&format!(". {}", diagnosis.what_to_do()));
            let all = diagnosis.commands().iter();
            let of_cli = all.filter(|command| command.shell() == Shell::AzureCli);
            commands.extend(of_cli.map(ToString::to_string));
        }
    }
    side.add_with(Level::Wrong, "token", message, commands);
}
