//! The target tenant: the app's service principal.

use super::{
    directory::{Directory, Unread},
    finding::{Level, Side},
};
use crate::{azure::Azure, outcome::Failure};
use cross_tenant_identity::{
    CrossTenantManagedIdentityCredential as Credential, Report, StepKind, StepOutcome,
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
            let diagnosis = exchange.diagnosis();
            let to_do = diagnosis.map_or("", |it| it.what_to_do());
            let command = diagnosis.and_then(|it| it.commands().first());
            side.add_with(
                Level::Wrong,
                "token",
                format!(
                    "the tenant gives the app none: {}. {to_do}",
                    exchange.summary()
                ),
                command.map(ToString::to_string),
            );
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
